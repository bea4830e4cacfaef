//! STIX bundles, 2.0 and 2.1: the indicators whose patterns are equalities.

use super::stix_pattern::{Observed, parse};
use crate::feed::Draft;
use crate::import::{Error, Rows};
use crate::reject::Refused;
use crate::table::ANY_SIZE;
use serde::Deserialize;

#[derive(Deserialize)]
struct Bundle {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    objects: Vec<Object>,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    pattern: Option<serde_json::Value>,
    /// Of 2.1 only; in 2.0 every pattern is one of STIX.
    #[serde(default)]
    pattern_type: Option<String>,
    #[serde(default)]
    revoked: bool,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    indicator_types: Vec<String>,
}

/// Reads a bundle. Rows are numbered by object.
pub(crate) fn read(document: &[u8], rows: &mut Rows) -> Result<(), Error> {
    let bundle: Bundle = serde_json::from_slice(document).map_err(|error| Error::Json(error.to_string()))?;
    if bundle.kind != "bundle" {
        return Err(Error::Document("STIX bundle"));
    }
    for (object, number) in bundle.objects.iter().zip(1..).filter(|(object, _)| object.kind == "indicator") {
        match patterns_of(object) {
            Err(refused) => rows.count(number, Err(refused)),
            Ok(all) => {
                let label = rows.draft.label(object.name.as_deref().unwrap_or_default(), &object.id);
                for one in all {
                    let outcome = one.and_then(|observed| take(observed, label, &mut rows.draft));
                    rows.count(number, outcome);
                }
            }
        }
    }
    Ok(())
}

fn patterns_of(object: &Object) -> Result<Vec<Result<Observed, Refused>>, Refused> {
    if object.revoked {
        return Err(Refused::new("is revoked", &object.id));
    }
    if object.labels.iter().chain(&object.indicator_types).any(|label| label == "benign") {
        return Err(Refused::new("is called benign", &object.id));
    }
    if object.pattern_type.as_deref().is_some_and(|kind| kind != "stix") {
        return Err(Refused::new("has a pattern of another language than STIX", &object.id));
    }
    match &object.pattern {
        Some(serde_json::Value::String(pattern)) => parse(pattern),
        _ => Err(Refused::new("has no pattern", &object.id)),
    }
}

fn take(observed: Observed, label: u32, draft: &mut Draft) -> Result<(), Refused> {
    match observed {
        Observed::File(hash) => draft.file(hash.as_bytes(), ANY_SIZE, label),
        Observed::Network(text) => draft.network(text.as_bytes(), label),
    }
}
