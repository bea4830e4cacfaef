use crate::error::{Error, database};
use crate::journal;
use crate::repositories::parsed_json;
use crate::store::{Connection, Store};
use serde_json::{Value, json};
use std::fmt;

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

// What could be attacked offline stays out of logs.
impl fmt::Debug for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("User")
            .field("name", &self.name)
            .field("admin", &self.admin)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Robot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Robot")
            .field("name", &self.name)
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Makes a user. [`Error::Exists`] where there is one.
    pub async fn create_user(&self, user: &User, by: &str) -> Result<(), Error> {
        let sql = "INSERT INTO users (name, password, issuer, subject, admin, disabled, created)
                   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
        if self.put_user(sql, "user-created", user, by).await? {
            return Ok(());
        }
        Err(Error::Exists(format!("a user {} or one of the same identity", user.name)))
    }

    /// Changes a user. Whether there was one.
    pub async fn update_user(&self, user: &User, by: &str) -> Result<bool, Error> {
        let sql = "UPDATE users SET password = $2, issuer = $3, subject = $4, admin = $5, disabled = $6
                   WHERE name = $1 AND $7 = $7";
        self.put_user(sql, "user-changed", user, by).await
    }

    async fn put_user(
        &self,
        sql: &'static str,
        kind: &'static str,
        user: &User,
        by: &str,
    ) -> Result<bool, Error> {
        let (user, by) = (user.clone(), by.to_owned());
        self.write("write a user", move |db| {
            Box::pin(async move {
                let (issuer, subject) = user.identity.unzip();
                let done = sqlx::query(sql)
                    .bind(&user.name)
                    .bind(&user.password)
                    .bind(issuer)
                    .bind(subject)
                    .bind(i64::from(user.admin))
                    .bind(i64::from(user.disabled))
                    .bind(user.created)
                    .execute(&mut *db)
                    .await
                    .map_err(database("write a user"))?;
                let body =
                    json!({"name": user.name, "admin": user.admin, "disabled": user.disabled, "by": by});
                note(db, done.rows_affected(), kind, body).await
            })
        })
        .await
    }

    /// A user.
    pub async fn user(&self, name: &str) -> Result<Option<User>, Error> {
        let row: Option<UserRow> = sqlx::query_as(
            "SELECT name, password, issuer, subject, admin, disabled, created FROM users WHERE name = $1",
        )
        .bind(name)
        .fetch_optional(self.read())
        .await
        .map_err(database("find a user"))?;
        Ok(row.map(UserRow::read))
    }

    /// The user of an identity.
    pub async fn user_of_identity(&self, issuer: &str, subject: &str) -> Result<Option<User>, Error> {
        let row: Option<UserRow> = sqlx::query_as(
            "SELECT name, password, issuer, subject, admin, disabled, created FROM users
             WHERE issuer = $1 AND subject = $2",
        )
        .bind(issuer)
        .bind(subject)
        .fetch_optional(self.read())
        .await
        .map_err(database("find a user"))?;
        Ok(row.map(UserRow::read))
    }

    /// All users, by name.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let rows: Vec<UserRow> = sqlx::query_as(
            "SELECT name, password, issuer, subject, admin, disabled, created FROM users ORDER BY name",
        )
        .fetch_all(self.read())
        .await
        .map_err(database("list users"))?;
        Ok(rows.into_iter().map(UserRow::read).collect())
    }

    /// Removes a user with its grants. Whether there was one.
    pub async fn delete_user(&self, name: &str, by: &str) -> Result<bool, Error> {
        self.delete_account("DELETE FROM users WHERE name = $1", "user-deleted", name, by).await
    }

    /// Makes a robot. [`Error::Exists`] where there is one.
    pub async fn create_robot(&self, robot: &Robot) -> Result<(), Error> {
        let sql = "INSERT INTO robots (name, secret, scopes, expires, disabled, created_by, created)
                   VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
        if self.put_robot(sql, "robot-created", robot, &robot.created_by).await? {
            return Ok(());
        }
        Err(Error::Exists(format!("a robot {}", robot.name)))
    }

    /// Changes a robot. Whether there was one.
    pub async fn update_robot(&self, robot: &Robot, by: &str) -> Result<bool, Error> {
        let sql = "UPDATE robots SET secret = $2, scopes = $3, expires = $4, disabled = $5
                   WHERE name = $1 AND $6 = $6 AND $7 = $7";
        self.put_robot(sql, "robot-changed", robot, by).await
    }

    async fn put_robot(
        &self,
        sql: &'static str,
        kind: &'static str,
        robot: &Robot,
        by: &str,
    ) -> Result<bool, Error> {
        let (robot, by) = (robot.clone(), by.to_owned());
        self.write("write a robot", move |db| {
            Box::pin(async move {
                let done = sqlx::query(sql)
                    .bind(&robot.name)
                    .bind(&robot.secret)
                    .bind(robot.scopes.to_string())
                    .bind(robot.expires)
                    .bind(i64::from(robot.disabled))
                    .bind(&robot.created_by)
                    .bind(robot.created)
                    .execute(&mut *db)
                    .await
                    .map_err(database("write a robot"))?;
                let body = json!({
                    "name": robot.name, "scopes": robot.scopes, "expires": robot.expires, "disabled": robot.disabled,
                    "by": by,
                });
                note(db, done.rows_affected(), kind, body).await
            })
        })
        .await
    }

    /// A robot.
    pub async fn robot(&self, name: &str) -> Result<Option<Robot>, Error> {
        let row: Option<RobotRow> = sqlx::query_as(
            "SELECT name, secret, scopes, expires, disabled, created_by, created FROM robots WHERE name = $1",
        )
        .bind(name)
        .fetch_optional(self.read())
        .await
        .map_err(database("find a robot"))?;
        row.map(RobotRow::read).transpose()
    }

    /// All robots, by name.
    pub async fn robots(&self) -> Result<Vec<Robot>, Error> {
        let rows: Vec<RobotRow> = sqlx::query_as(
            "SELECT name, secret, scopes, expires, disabled, created_by, created FROM robots ORDER BY name",
        )
        .fetch_all(self.read())
        .await
        .map_err(database("list robots"))?;
        rows.into_iter().map(RobotRow::read).collect()
    }

    /// Removes a robot with its grants. Whether there was one.
    pub async fn delete_robot(&self, name: &str, by: &str) -> Result<bool, Error> {
        self.delete_account("DELETE FROM robots WHERE name = $1", "robot-deleted", name, by).await
    }

    async fn delete_account(
        &self,
        sql: &'static str,
        kind: &'static str,
        name: &str,
        by: &str,
    ) -> Result<bool, Error> {
        let (name, by) = (name.to_owned(), by.to_owned());
        self.write("delete an account", move |db| {
            Box::pin(async move {
                let done = sqlx::query(sql).bind(&name).execute(&mut *db).await;
                let changed = done.map_err(database("delete an account"))?.rows_affected();
                if changed > 0 {
                    sqlx::query("DELETE FROM grants WHERE principal = $1")
                        .bind(&name)
                        .execute(&mut *db)
                        .await
                        .map_err(database("delete grants"))?;
                }
                note(db, changed, kind, json!({"name": name, "by": by})).await
            })
        })
        .await
    }

    /// Grants, in place of what the same principal had in the same scope.
    pub async fn put_grant(&self, grant: &Grant) -> Result<(), Error> {
        let grant = grant.clone();
        self.write("write a grant", move |db| {
            Box::pin(async move {
                let done = sqlx::query(
                    "INSERT INTO grants (principal, scope, actions, created_by, created) VALUES ($1, $2, $3, $4, $5)
                     ON CONFLICT (principal, scope) DO UPDATE SET actions = excluded.actions,
                         created_by = excluded.created_by, created = excluded.created",
                )
                .bind(&grant.principal)
                .bind(&grant.scope)
                .bind(json!(grant.actions).to_string())
                .bind(&grant.created_by)
                .bind(grant.created)
                .execute(&mut *db)
                .await
                .map_err(database("write a grant"))?;
                let body = json!({
                    "principal": grant.principal, "scope": grant.scope, "actions": grant.actions, "by": grant.created_by,
                });
                note(db, done.rows_affected(), "grant", body).await.map(drop)
            })
        })
        .await
    }

    /// Takes a grant back. Whether there was one.
    pub async fn delete_grant(&self, principal: &str, scope: &str, by: &str) -> Result<bool, Error> {
        let (principal, scope, by) = (principal.to_owned(), scope.to_owned(), by.to_owned());
        self.write("delete a grant", move |db| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM grants WHERE principal = $1 AND scope = $2")
                    .bind(&principal)
                    .bind(&scope)
                    .execute(&mut *db)
                    .await
                    .map_err(database("delete a grant"))?;
                let body = json!({"principal": principal, "scope": scope, "by": by});
                note(db, done.rows_affected(), "grant-deleted", body).await
            })
        })
        .await
    }

    /// The grants of a principal, or of all.
    pub async fn grants(&self, principal: Option<&str>) -> Result<Vec<Grant>, Error> {
        let rows: Vec<(String, String, String, String, i64)> = sqlx::query_as(
            "SELECT principal, scope, actions, created_by, created FROM grants
             WHERE $1 IS NULL OR principal = $1 ORDER BY principal, scope",
        )
        .bind(principal)
        .fetch_all(self.read())
        .await
        .map_err(database("list grants"))?;
        rows.into_iter()
            .map(|(principal, scope, actions, created_by, created)| {
                Ok(Grant { principal, scope, actions: parsed_json("grants", &actions)?, created_by, created })
            })
            .collect()
    }
}

/// Writes the entry of a change, where there was one. Whether there was.
pub(crate) async fn note(db: &mut Connection, changed: u64, kind: &str, body: Value) -> Result<bool, Error> {
    if changed == 0 {
        return Ok(false);
    }
    journal::append(db, kind, &body).await?;
    Ok(true)
}

struct UserRow {
    name: String,
    password: Option<String>,
    issuer: Option<String>,
    subject: Option<String>,
    admin: i64,
    disabled: i64,
    created: i64,
}

crate::store::from_row!(UserRow { name, password, issuer, subject, admin, disabled, created });

impl UserRow {
    fn read(self) -> User {
        User {
            name: self.name,
            password: self.password,
            identity: self.issuer.zip(self.subject),
            admin: self.admin != 0,
            disabled: self.disabled != 0,
            created: self.created,
        }
    }
}

struct RobotRow {
    name: String,
    secret: String,
    scopes: String,
    expires: Option<i64>,
    disabled: i64,
    created_by: String,
    created: i64,
}

crate::store::from_row!(RobotRow { name, secret, scopes, expires, disabled, created_by, created });

impl RobotRow {
    fn read(self) -> Result<Robot, Error> {
        Ok(Robot {
            name: self.name,
            secret: self.secret,
            scopes: parsed_json("robots", &self.scopes)?,
            expires: self.expires,
            disabled: self.disabled != 0,
            created_by: self.created_by,
            created: self.created,
        })
    }
}
