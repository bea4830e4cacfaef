use crate::error::{Error, database};
use sqlx::sqlite::SqlitePool;

/// One text for each step; a step that has been released is never changed.
const STEPS: [&str; 3] =
    [include_str!("schema/0001.sql"), include_str!("schema/0002.sql"), include_str!("schema/0003.sql")];

/// Brings the database to the schema that this program knows, each step whole or not at all.
pub(crate) async fn migrate(writer: &SqlitePool) -> Result<(), Error> {
    let doing = "bring its schema up to date";
    let known = i64::try_from(STEPS.len()).unwrap_or(i64::MAX);
    sqlx::query("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL PRIMARY KEY)")
        .execute(writer)
        .await
        .map_err(database(doing))?;
    let (found,): (i64,) = sqlx::query_as("SELECT COALESCE(MAX(version), 0) FROM schema_version")
        .fetch_one(writer)
        .await
        .map_err(database(doing))?;
    if found > known {
        return Err(Error::Schema { found, known });
    }
    for (version, step) in (1i64..).zip(STEPS).filter(|(version, _)| *version > found) {
        let mut transaction = writer.begin().await.map_err(database(doing))?;
        sqlx::raw_sql(step).execute(&mut *transaction).await.map_err(database(doing))?;
        sqlx::query("INSERT INTO schema_version (version) VALUES ($1)")
            .bind(version)
            .execute(&mut *transaction)
            .await
            .map_err(database(doing))?;
        transaction.commit().await.map_err(database(doing))?;
    }
    Ok(())
}
