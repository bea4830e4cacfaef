use crate::error::{Error, database};
use crate::store::{Store, now};
use std::time::Duration;

/// A message to a webhook that is to be delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: i64,
    /// The hook's name in the configuration.
    pub hook: String,
    /// What kind of event.
    pub event: String,
    /// What is sent.
    pub body: String,
    /// How many times it was tried.
    pub attempts: u32,
}

impl Store {
    /// Notes a message for a webhook.
    pub async fn create_delivery(&self, hook: &str, event: &str, body: &str) -> Result<i64, Error> {
        let (hook, event, body) = (hook.to_owned(), event.to_owned(), body.to_owned());
        self.write("note a delivery", move |db| {
            Box::pin(async move {
                let (id,): (i64,) = sqlx::query_as(
                    "INSERT INTO webhook_deliveries (hook, event, body, due, created) VALUES ($1, $2, $3, $4, $4)
                     RETURNING id",
                )
                .bind(hook)
                .bind(event)
                .bind(body)
                .bind(now())
                .fetch_one(db)
                .await
                .map_err(database("note a delivery"))?;
                Ok(id)
            })
        })
        .await
    }

    /// Messages that are due, the oldest first. Each is put off by `hold`, so that no two senders take it at once.
    pub async fn due_deliveries(&self, n: usize, hold: Duration) -> Result<Vec<Delivery>, Error> {
        let (n, now) = (crate::repositories::page(n), now());
        let until = now.saturating_add(millis(hold));
        self.write("take deliveries", move |db| {
            Box::pin(async move {
                let rows: Vec<(i64, String, String, String, i64)> = sqlx::query_as(
                    "UPDATE webhook_deliveries SET due = $1, attempts = attempts + 1 WHERE id IN (
                         SELECT id FROM webhook_deliveries WHERE due <= $2 ORDER BY id LIMIT $3)
                     RETURNING id, hook, event, body, attempts",
                )
                .bind(until)
                .bind(now)
                .bind(n)
                .fetch_all(db)
                .await
                .map_err(database("take deliveries"))?;
                let mut deliveries: Vec<Delivery> = rows
                    .into_iter()
                    .map(|(id, hook, event, body, attempts)| {
                        let attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
                        Delivery { id, hook, event, body, attempts }
                    })
                    .collect();
                deliveries.sort_by_key(|delivery| delivery.id);
                Ok(deliveries)
            })
        })
        .await
    }

    /// The message was delivered.
    pub async fn delivered(&self, id: i64) -> Result<(), Error> {
        self.settle(id, Some(now()), None, None).await
    }

    /// The message was not delivered: it is tried again after `retry`, or never.
    pub async fn not_delivered(&self, id: i64, error: &str, retry: Option<Duration>) -> Result<(), Error> {
        let due = retry.map(|after| now().saturating_add(millis(after)));
        self.settle(id, None, Some(error.to_owned()), due).await
    }

    async fn settle(
        &self,
        id: i64,
        at: Option<i64>,
        error: Option<String>,
        due: Option<i64>,
    ) -> Result<(), Error> {
        self.write("note a delivery", move |db| {
            Box::pin(async move {
                sqlx::query(
                    "UPDATE webhook_deliveries SET delivered = $1, error = $2, due = $3 WHERE id = $4",
                )
                .bind(at)
                .bind(error)
                .bind(due)
                .bind(id)
                .execute(db)
                .await
                .map_err(database("note a delivery"))
                .map(drop)
            })
        })
        .await
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
