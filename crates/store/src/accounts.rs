use crate::{Error, Store};
use serde_json::Value;

/// A person.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name to sign in with.
    pub name: String,
    /// What `access` made of the password; none for who signs in elsewhere.
    pub password: Option<String>,
    /// Issuer and subject at the identity provider.
    pub identity: Option<(String, String)>,
    /// Whether the user may do everything.
    pub admin: bool,
    /// Whether the user may do nothing.
    pub disabled: bool,
    /// When the user was made.
    pub created: i64,
}

/// A program's account.
#[derive(Clone, PartialEq)]
pub struct Robot {
    /// Its name.
    pub name: String,
    /// What `access` made of the secret.
    pub secret: String,
    /// What it may do, as `access` writes it.
    pub scopes: Value,
    /// When it ends.
    pub expires: Option<i64>,
    /// Whether it may do nothing.
    pub disabled: bool,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created: i64,
}

/// What a principal may do where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Who.
    pub principal: String,
    /// Where, as `access` writes it: a pattern of repositories, or an upstream.
    pub scope: String,
    /// What.
    pub actions: Vec<String>,
    /// Who granted it.
    pub created_by: String,
    /// When.
    pub created: i64,
}

impl Store {
    /// Makes a user. [`Error::Exists`] where there is one.
    pub async fn create_user(&self, user: &User, by: &str) -> Result<(), Error> {
        let _ = (user, by);
        todo!()
    }

    /// Changes a user. Whether there was one.
    pub async fn update_user(&self, user: &User, by: &str) -> Result<bool, Error> {
        let _ = (user, by);
        todo!()
    }

    /// A user.
    pub async fn user(&self, name: &str) -> Result<Option<User>, Error> {
        let _ = name;
        todo!()
    }

    /// The user of an identity.
    pub async fn user_of_identity(&self, issuer: &str, subject: &str) -> Result<Option<User>, Error> {
        let _ = (issuer, subject);
        todo!()
    }

    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        todo!()
    }

    /// Removes a user with its grants. Whether there was one.
    pub async fn delete_user(&self, name: &str, by: &str) -> Result<bool, Error> {
        let _ = (name, by);
        todo!()
    }

    /// Makes a robot. [`Error::Exists`] where there is one.
    pub async fn create_robot(&self, robot: &Robot) -> Result<(), Error> {
        let _ = robot;
        todo!()
    }

    /// Changes a robot. Whether there was one.
    pub async fn update_robot(&self, robot: &Robot, by: &str) -> Result<bool, Error> {
        let _ = (robot, by);
        todo!()
    }

    /// A robot.
    pub async fn robot(&self, name: &str) -> Result<Option<Robot>, Error> {
        let _ = name;
        todo!()
    }

    /// All robots, by name.
    pub async fn robots(&self) -> Result<Vec<Robot>, Error> {
        todo!()
    }

    /// Removes a robot with its grants. Whether there was one.
    pub async fn delete_robot(&self, name: &str, by: &str) -> Result<bool, Error> {
        let _ = (name, by);
        todo!()
    }

    /// Grants, in place of what the same principal had in the same scope.
    pub async fn put_grant(&self, grant: &Grant) -> Result<(), Error> {
        let _ = grant;
        todo!()
    }

    /// Takes a grant back. Whether there was one.
    pub async fn delete_grant(&self, principal: &str, scope: &str, by: &str) -> Result<bool, Error> {
        let _ = (principal, scope, by);
        todo!()
    }

    /// The grants of a principal, or of all.
    pub async fn grants(&self, principal: Option<&str>) -> Result<Vec<Grant>, Error> {
        let _ = principal;
        todo!()
    }
}
