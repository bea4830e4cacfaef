use super::*;
use crate::config::{EventKind, WebhookFormat};
use serde_json::{Value, json};

fn event() -> Event {
    let digest = model::Digest::sha256([7; 32]);
    let mut event = Event::new(EventKind::Released, "team/app".parse().unwrap(), digest, "policy");
    (event.id, event.time) = ("1".to_owned(), 1_700_000_000_000);
    event.tags = vec!["1.0".parse().unwrap()];
    event
}

fn read(format: WebhookFormat, event: &Event) -> Value {
    serde_json::from_str(&shape::body(format, event, "https://gate.example")).unwrap()
}

/// CloudEvents 1.0: the required attributes, their types, and a time in RFC 3339.
#[test]
fn a_cloud_event_is_one() {
    let sent = read(WebhookFormat::Cloudevents, &event());
    for attribute in ["specversion", "id", "source", "type"] {
        assert!(sent[attribute].as_str().is_some_and(|text| !text.is_empty()), "{attribute}");
    }
    assert_eq!(sent["specversion"], "1.0");
    assert_eq!(sent["type"], "dev.roadstead.image.released");
    assert_eq!(sent["time"], "2023-11-14T22:13:20Z");
    assert_eq!(sent["subject"], format!("team/app@{}", event().digest));
    assert_eq!(sent["data"]["tags"], json!(["1.0"]));
    assert_eq!(read(WebhookFormat::Cloudevents, &Event::test())["type"], "dev.roadstead.image.test");
    assert_ne!(Event::test().id, Event::test().id);
}

/// What Harbor's documentation shows of its default payload.
#[test]
fn harbor_s_shape_is_harbor_s() {
    let sent = read(WebhookFormat::Harbor, &event());
    assert_eq!(sent["type"], "PUSH_ARTIFACT");
    assert_eq!(sent["occur_at"], 1_700_000_000);
    assert_eq!(sent["operator"], "policy");
    let data = &sent["event_data"];
    assert_eq!(data["resources"][0]["tag"], "1.0");
    assert_eq!(data["resources"][0]["resource_url"], "gate.example/team/app:1.0");
    assert_eq!(data["repository"]["repo_full_name"], "team/app");
    assert_eq!(data["repository"]["namespace"], "team");
    assert_eq!(data["repository"]["name"], "app");
}

/// Consumers hear of a push when there is something to pull, and not before.
#[test]
fn only_a_release_is_a_push() {
    for kind in [EventKind::Quarantined, EventKind::Denied, EventKind::Revoked] {
        let sent = read(WebhookFormat::Harbor, &Event { kind, ..event() });
        assert_ne!(sent["type"], "PUSH_ARTIFACT", "{kind:?}");
    }
}
