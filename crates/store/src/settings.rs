use crate::error::{Error, database};
use crate::store::{Connection, Store};

impl Store {
    /// The value of a setting.
    pub async fn setting(&self, name: &str) -> Result<Option<String>, Error> {
        let mut connection = self.read().acquire().await.map_err(database("read a setting"))?;
        get(&mut connection, name).await
    }

    /// Sets a setting.
    pub async fn set_setting(&self, name: &str, value: &str) -> Result<(), Error> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write("write a setting", move |db| {
            Box::pin(async move {
                let done = sqlx::query(
                    "INSERT INTO settings (name, value) VALUES ($1, $2)
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                )
                .bind(name)
                .bind(value)
                .execute(db)
                .await;
                done.map_err(database("write a setting")).map(drop)
            })
        })
        .await
    }

    /// Sets a setting where there is none yet; gives what holds then. For what is made once, as at the first start.
    pub async fn set_setting_once(&self, name: &str, value: &str) -> Result<String, Error> {
        let (name, value) = (name.to_owned(), value.to_owned());
        self.write("write a setting", move |db| {
            Box::pin(async move {
                sqlx::query("INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING")
                    .bind(&name)
                    .bind(&value)
                    .execute(&mut *db)
                    .await
                    .map_err(database("write a setting"))?;
                Ok(get(db, &name).await?.unwrap_or(value))
            })
        })
        .await
    }
}

async fn get(db: &mut Connection, name: &str) -> Result<Option<String>, Error> {
    let row: Option<(String,)> = sqlx::query_as("SELECT value FROM settings WHERE name = $1")
        .bind(name)
        .fetch_optional(db)
        .await
        .map_err(database("read a setting"))?;
    Ok(row.map(|(value,)| value))
}
