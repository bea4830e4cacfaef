use crate::{Error, Store};
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
        let _ = (hook, event, body);
        todo!()
    }

    /// Messages that are due, the oldest first. Each is put off by `hold`, so that no two senders take it at once.
    pub async fn due_deliveries(&self, n: usize, hold: Duration) -> Result<Vec<Delivery>, Error> {
        let _ = (n, hold);
        todo!()
    }

    /// The message was delivered.
    pub async fn delivered(&self, id: i64) -> Result<(), Error> {
        let _ = id;
        todo!()
    }

    /// The message was not delivered: it is tried again after `retry`, or never.
    pub async fn not_delivered(&self, id: i64, error: &str, retry: Option<Duration>) -> Result<(), Error> {
        let _ = (id, error, retry);
        todo!()
    }
}
