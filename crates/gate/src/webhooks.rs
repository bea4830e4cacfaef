//! Telling others what became of content. To consumers of a registry a release is what they call a push: before it
//! there is nothing that they could pull.

mod shape;
mod signature;

pub(crate) use shape::{Event, rfc3339};

use crate::Error;
use crate::config::Webhook;
use crate::outbound::Outbound;
use reqwest::Method;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use store::{Delivery, Store};
use tokio::sync::{Notify, watch};

/// Tries of one message; with the store's back-off the last one is about a day after the first.
const MOST_ATTEMPTS: u32 = 150;
/// Messages that are taken at once, and for how long others leave them alone.
const BATCH: usize = 16;
const HOLD: Duration = Duration::from_secs(60);
/// How often is looked for messages that are to be tried again.
const LOOK: Duration = Duration::from_secs(5);

/// The hooks of the configuration.
pub(crate) struct Webhooks {
    hooks: BTreeMap<String, Hook>,
    store: Store,
    base_url: String,
    news: Notify,
}

struct Hook {
    settings: Webhook,
    outbound: Outbound,
}

impl Webhooks {
    pub(crate) fn new(settings: &[Webhook], store: Store, base_url: &str) -> Result<Self, Error> {
        let mut hooks = BTreeMap::new();
        for settings in settings {
            let outbound = Outbound::new(settings.allow_private).map_err(|error| Error::Setting {
                key: "webhooks[].url",
                whence: "the configuration".to_owned(),
                why: error.to_string(),
            })?;
            hooks.insert(settings.name.clone(), Hook { settings: settings.clone(), outbound });
        }
        Ok(Self { hooks, store, base_url: base_url.to_owned(), news: Notify::new() })
    }

    /// Notes an event for all who want it. What is noted is sent, also after a restart.
    pub(crate) async fn tell(&self, event: &Event) {
        for hook in self.hooks.values() {
            let wanted = &hook.settings.events;
            if !wanted.is_empty() && !wanted.contains(&event.kind) {
                continue;
            }
            let body = shape::body(hook.settings.format, event, &self.base_url);
            let kind = shape::name(event.kind);
            if let Err(error) = self.store.create_delivery(&hook.settings.name, kind, &body).await {
                tracing::error!(
                    hook = hook.settings.name,
                    error = model::error_chain(&error),
                    "an event was not noted"
                );
            }
        }
        self.news.notify_one();
    }

    /// Notes an event that nothing happened of, so that a person sees whether it comes through. Whether there is such a
    /// hook.
    pub(crate) async fn test(&self, name: &str) -> Result<bool, store::Error> {
        let Some(hook) = self.hooks.get(name) else { return Ok(false) };
        let body = shape::body(hook.settings.format, &Event::test(), &self.base_url);
        self.store.create_delivery(name, "test", &body).await?;
        self.news.notify_one();
        Ok(true)
    }

    /// Names, addresses without what could be secret in them, shapes.
    pub(crate) fn list(&self) -> Vec<serde_json::Value> {
        let shown = |hook: &Hook| {
            let url = hook.settings.url.parse::<reqwest::Url>().ok();
            let host = url.as_ref().and_then(|url| url.host_str()).unwrap_or_default().to_owned();
            let Webhook { name, format, events, .. } = &hook.settings;
            serde_json::json!({ "name": name, "host": host, "format": format, "events": events })
        };
        self.hooks.values().map(shown).collect()
    }

    /// Sends what is due until the server stops.
    pub(crate) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if self.hooks.is_empty() {
            return;
        }
        loop {
            match self.store.due_deliveries(BATCH, HOLD).await {
                Ok(due) if !due.is_empty() => {
                    // Side by side, so that one that does not answer holds up no other.
                    let sending = due.into_iter().map(|delivery| self.deliver(delivery));
                    futures_util::future::join_all(sending).await;
                    if !*stop.borrow() {
                        continue;
                    }
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::error!(error = model::error_chain(&error), "webhook deliveries cannot be read");
                }
            }
            tokio::select! {
                () = self.news.notified() => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.wait_for(|stop| *stop) => return,
            }
        }
    }

    async fn deliver(&self, delivery: Delivery) {
        let (id, name) = (delivery.id, delivery.hook.clone());
        let sent = match self.hooks.get(&name) {
            Some(hook) => hook.send(&delivery).await,
            None => Err(Refused {
                why: "the configuration has no such webhook any more".to_owned(),
                again: false,
            }),
        };
        let noted = match sent {
            Ok(()) => {
                tracing::info!(hook = name, event = delivery.event, "delivered");
                self.store.delivered(id).await
            }
            Err(Refused { why, again }) => {
                let again = again && delivery.attempts < MOST_ATTEMPTS;
                tracing::warn!(
                    hook = name,
                    event = delivery.event,
                    attempts = delivery.attempts,
                    again,
                    why,
                    "not delivered"
                );
                let retry = again.then(|| store::back_off(delivery.attempts));
                self.store.not_delivered(id, &why, retry).await
            }
        };
        if let Err(error) = noted {
            tracing::error!(error = model::error_chain(&error), "a delivery cannot be noted");
        }
    }
}

/// Why a message did not arrive, and whether it may be tried again.
struct Refused {
    why: String,
    again: bool,
}

impl Hook {
    async fn send(&self, delivery: &Delivery) -> Result<(), Refused> {
        let body = delivery.body.as_bytes();
        let mut headers = vec![
            ("content-type", shape::content_type(self.settings.format).to_owned()),
            ("x-roadstead-delivery", delivery.id.to_string()),
            ("x-roadstead-event", delivery.event.clone()),
        ];
        if let Some(secret) = &self.settings.secret {
            let time = crate::accounts::now();
            headers.push(("x-roadstead-signature", signature::header(secret, time, body)));
        }
        let sent = self.outbound.send(Method::POST, &self.settings.url, &headers, body.to_vec()).await;
        let status = sent.map_err(|error| Refused { why: error.to_string(), again: true })?.status();
        if status.is_success() {
            return Ok(());
        }
        let why = if status.is_redirection() {
            format!(
                "it answered {status}, and redirects are not followed; write the address that it leads to"
            )
        } else {
            format!("it answered {status}")
        };
        // 410 is how a receiver says that it is gone for good.
        Err(Refused { why, again: status != reqwest::StatusCode::GONE })
    }
}

#[cfg(test)]
mod tests;
