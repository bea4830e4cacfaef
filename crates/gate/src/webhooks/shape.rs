//! What a message looks like: CloudEvents 1.0 in JSON, or what Harbor's webhooks send by default.

use crate::config::{EventKind, WebhookFormat};
use aws_lc_rs::rand;
use jiff::Timestamp;
use model::{Digest, RepositoryName, Tag};
use serde_json::{Value, json};

/// Something that became of content.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// Its own name, by which receivers know one that comes twice.
    pub(crate) id: String,
    /// When, in milliseconds since 1970.
    pub(crate) time: i64,
    /// What.
    pub(crate) kind: EventKind,
    /// Whether nothing happened, and somebody only tries the hook.
    pub(crate) is_test: bool,
    /// Where.
    pub(crate) repository: RepositoryName,
    /// The root manifest.
    pub(crate) digest: Digest,
    /// Tags that point to it.
    pub(crate) tags: Vec<Tag>,
    /// Who decided, or brought it.
    pub(crate) by: String,
    /// Why.
    pub(crate) reason: Option<String>,
}

impl Event {
    /// That something became of content, now.
    pub(crate) fn new(kind: EventKind, repository: RepositoryName, digest: Digest, by: &str) -> Self {
        Self {
            id: random_id(),
            time: store::now(),
            kind,
            is_test: false,
            repository,
            digest,
            tags: Vec::new(),
            by: by.to_owned(),
            reason: None,
        }
    }

    /// What the heart of the gate told.
    pub(crate) fn of(told: crate::Event) -> Self {
        let event = Self::new(told.kind, told.repository, told.digest, "gate");
        Self { time: told.time, tags: told.tags, reason: Some(told.why), ..event }
    }

    #[expect(clippy::expect_used, reason = "a name that is written here")]
    pub(super) fn test() -> Self {
        let repository = "roadstead/test".parse().expect("a name that is written here");
        let event = Self::new(EventKind::Released, repository, Digest::sha256([0; 32]), "gate");
        Self { is_test: true, ..event }
    }
}

fn random_id() -> String {
    let mut bytes = [0; 16];
    // Without randomness there are no tokens either; an id that is not new is the smaller trouble.
    let _ = rand::fill(&mut bytes);
    model::Digest::sha256([&bytes[..], &[0; 16]].concat().try_into().unwrap_or([0; 32])).hex()[..32]
        .to_owned()
}

/// The name of a kind, as the configuration writes it.
pub(crate) fn name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Quarantined => "quarantined",
        EventKind::Released => "released",
        EventKind::Denied => "denied",
        EventKind::Revoked => "revoked",
    }
}

pub(super) fn content_type(format: WebhookFormat) -> &'static str {
    match format {
        WebhookFormat::Cloudevents => "application/cloudevents+json; charset=utf-8",
        WebhookFormat::Harbor => "application/json",
    }
}

pub(super) fn body(format: WebhookFormat, event: &Event, base_url: &str) -> String {
    match format {
        WebhookFormat::Cloudevents => cloud_event(event, base_url),
        WebhookFormat::Harbor => harbor(event, base_url),
    }
    .to_string()
}

fn cloud_event(event: &Event, base_url: &str) -> Value {
    let kind = if event.is_test { "test" } else { name(event.kind) };
    json!({
        "specversion": "1.0",
        "id": event.id,
        "source": base_url,
        "type": format!("dev.roadstead.image.{kind}"),
        "subject": format!("{}@{}", event.repository, event.digest),
        "time": rfc3339(event.time),
        "datacontenttype": "application/json",
        "data": {
            "repository": event.repository,
            "digest": event.digest,
            "tags": event.tags,
            "by": event.by,
            "reason": event.reason,
        },
    })
}

/// Harbor's kinds. What is held does not exist for consumers and is a scan that ended to those who look after a registry.
fn harbor(event: &Event, base_url: &str) -> Value {
    let kind = match event.kind {
        EventKind::Released => "PUSH_ARTIFACT",
        EventKind::Quarantined => "SCANNING_STOPPED",
        EventKind::Denied => "SCANNING_FAILED",
        EventKind::Revoked => "DELETE_ARTIFACT",
    };
    let full = event.repository.as_str();
    let (namespace, short) = full.split_once('/').unwrap_or(("library", full));
    let host = base_url.split_once("://").map_or(base_url, |(_, host)| host);
    let resource = |tag: Option<&Tag>| match tag {
        Some(tag) => {
            json!({ "digest": event.digest, "tag": tag, "resource_url": format!("{host}/{full}:{tag}") })
        }
        None => json!({ "digest": event.digest, "resource_url": format!("{host}/{full}@{}", event.digest) }),
    };
    let resources: Vec<Value> = match event.tags.as_slice() {
        [] => vec![resource(None)],
        tags => tags.iter().map(|tag| resource(Some(tag))).collect(),
    };
    json!({
        "type": kind,
        "occur_at": event.time / 1000,
        "operator": event.by,
        "event_data": {
            "resources": resources,
            "repository": {
                "name": short,
                "namespace": namespace,
                "repo_full_name": full,
                "repo_type": "private",
            },
            "custom_attributes": { "reason": event.reason, "test": event.is_test },
        },
    })
}

/// A time as RFC 3339 writes it.
pub(crate) fn rfc3339(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map(|time| time.to_string()).unwrap_or_default()
}
