use crate::accounts::note;
use crate::error::{Error, database};
use crate::store::Store;
use serde_json::json;
use std::fmt;

/// A login of a person whom an identity provider vouches for. A person has one: what their groups give is that of the last.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The user.
    pub user: String,
    /// What `access` made of the secret that clients of registries show.
    pub secret: String,
    /// When it began.
    pub created: i64,
    /// When it ends.
    pub expires: i64,
}

// What could be attacked offline stays out of logs.
impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Login")
            .field("user", &self.user)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

type Row = (String, String, i64, i64);

fn read((user, secret, created, expires): Row) -> Login {
    Login { user, secret, created, expires }
}

impl Store {
    /// Notes a login, in place of the one before, whose secret opens nothing from then on.
    pub async fn put_login(&self, login: &Login) -> Result<(), Error> {
        let login = login.clone();
        self.write("note a login", move |db| {
            Box::pin(async move {
                let done = sqlx::query(
                    "INSERT INTO logins (name, secret, created, expires) VALUES ($1, $2, $3, $4)
                     ON CONFLICT (name) DO UPDATE SET secret = excluded.secret, created = excluded.created,
                         expires = excluded.expires",
                )
                .bind(&login.user)
                .bind(&login.secret)
                .bind(login.created)
                .bind(login.expires)
                .execute(&mut *db)
                .await
                .map_err(database("note a login"))?;
                let body = json!({"user": login.user, "expires": login.expires});
                note(db, done.rows_affected(), "login-begun", body).await.map(drop)
            })
        })
        .await
    }

    /// The login of a user, whether it has ended or not.
    pub async fn login(&self, user: &str) -> Result<Option<Login>, Error> {
        let row: Option<Row> =
            sqlx::query_as("SELECT name, secret, created, expires FROM logins WHERE name = $1")
                .bind(user)
                .fetch_optional(self.read())
                .await
                .map_err(database("find a login"))?;
        Ok(row.map(read))
    }

    /// All logins, by user.
    pub async fn logins(&self) -> Result<Vec<Login>, Error> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT name, secret, created, expires FROM logins ORDER BY name")
                .fetch_all(self.read())
                .await
                .map_err(database("list logins"))?;
        Ok(rows.into_iter().map(read).collect())
    }

    /// Ends a login. Whether there was one.
    pub async fn delete_login(&self, user: &str, by: &str) -> Result<bool, Error> {
        let (user, by) = (user.to_owned(), by.to_owned());
        self.write("end a login", move |db| {
            Box::pin(async move {
                let done = sqlx::query("DELETE FROM logins WHERE name = $1")
                    .bind(&user)
                    .execute(&mut *db)
                    .await
                    .map_err(database("end a login"))?;
                note(db, done.rows_affected(), "login-ended", json!({"user": user, "by": by})).await
            })
        })
        .await
    }
}
