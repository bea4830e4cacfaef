//! MISP events in JSON: `{"Event": …}`, a list of such, or the `response` of a MISP server.

use crate::feed::Draft;
use crate::import::{Error, Rows};
use crate::reject::Refused;
use crate::table::ANY_SIZE;
use serde::{Deserialize, Deserializer};

#[derive(Deserialize)]
struct Document {
    #[serde(rename = "Event")]
    event: Option<Event>,
    response: Option<Vec<Document>>,
}

#[derive(Deserialize)]
struct Event {
    #[serde(default)]
    uuid: String,
    #[serde(default)]
    info: String,
    #[serde(default, rename = "Attribute")]
    attributes: Vec<Attribute>,
    #[serde(default, rename = "Object")]
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default, deserialize_with = "flag")]
    deleted: bool,
    #[serde(default, rename = "Attribute")]
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
struct Attribute {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    value: String,
    /// Where it is missing, nobody said that it is meant for detection.
    #[serde(default, deserialize_with = "flag")]
    to_ids: bool,
    #[serde(default, deserialize_with = "flag")]
    deleted: bool,
}

/// `true`, `1` and `"1"`: servers and exporters differ.
fn flag<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Flag {
        Bool(bool),
        Number(i64),
        Text(String),
        Null(()),
    }
    Ok(match Flag::deserialize(deserializer)? {
        Flag::Bool(set) => set,
        Flag::Number(number) => number != 0,
        Flag::Text(text) => matches!(text.as_str(), "1" | "true" | "True"),
        Flag::Null(()) => false,
    })
}

/// Reads a document. Rows are numbered by attribute.
pub(crate) fn read(document: &[u8], rows: &mut Rows) -> Result<(), Error> {
    let documents = if document.trim_ascii_start().first() == Some(&b'[') {
        serde_json::from_slice::<Vec<Document>>(document)
    } else {
        serde_json::from_slice::<Document>(document).map(|one| vec![one])
    };
    let documents = documents.map_err(|error| Error::Json(error.to_string()))?;
    let nested = documents.into_iter().flat_map(|mut one| {
        let nested = one.response.take().unwrap_or_default();
        std::iter::once(one).chain(nested)
    });
    let events: Vec<Event> = nested.filter_map(|one| one.event).collect();
    if events.is_empty() {
        return Err(Error::Document("MISP event"));
    }
    let mut number = 0;
    for event in &events {
        let of_objects = event
            .objects
            .iter()
            .flat_map(|object| object.attributes.iter().map(|attribute| (attribute, object.deleted)));
        for (attribute, deleted) in event.attributes.iter().map(|one| (one, false)).chain(of_objects) {
            number += 1;
            let outcome = take(event, attribute, deleted, &mut rows.draft);
            rows.count(number, outcome);
        }
    }
    Ok(())
}

fn take(event: &Event, attribute: &Attribute, deleted: bool, draft: &mut Draft) -> Result<(), Refused> {
    let value = attribute.value.trim();
    if deleted || attribute.deleted {
        return Err(Refused::new("is deleted", value));
    }
    if !attribute.to_ids {
        return Err(Refused::new("is not meant for detection (to_ids)", value));
    }
    let label = draft.label(&event.info, &event.uuid);
    let (first, second) = value.split_once('|').unwrap_or((value, ""));
    let hash = |draft: &mut Draft, text: &str, digits: usize| {
        if text.len() != digits {
            return Err(Refused::new("is a hash of another length than its column or type says", text));
        }
        draft.file(text.as_bytes(), ANY_SIZE, label)
    };
    match attribute.kind.as_str() {
        "md5" => hash(draft, value, 32),
        "sha1" => hash(draft, value, 40),
        "sha256" => hash(draft, value, 64),
        "filename|md5" | "malware-sample" => hash(draft, second, 32),
        "filename|sha1" => hash(draft, second, 40),
        "filename|sha256" => hash(draft, second, 64),
        "domain" | "hostname" | "ip-dst" | "url" => draft.network(value.as_bytes(), label),
        "ip-dst|port" if first.contains(':') => {
            draft.network(format!("[{first}]:{second}").as_bytes(), label)
        }
        "ip-dst|port" | "hostname|port" => draft.network(format!("{first}:{second}").as_bytes(), label),
        // The address is where the name pointed on that day; the name is what is listed.
        "domain|ip" => draft.network(first.as_bytes(), label),
        "btc" | "xmr" => draft.wallet(value.as_bytes(), label),
        _ => Err(Refused::new("is of a type that is not looked for", &attribute.kind)),
    }
}
