use crate::error::{Refusal, shown};
use crate::json;
use crate::keys::Purpose;
use model::Digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::marker::PhantomData;

const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// cosign still writes it; the fields that matter are the same.
const STATEMENT_0_1: &str = "https://in-toto.io/Statement/v0.1";
/// Of others; ours have one.
const MOST_SUBJECTS: usize = 1000;

/// What a statement is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The repository, without tag or digest, where that is to be said.
    pub name: Option<String>,
    /// The digest of the manifest or index.
    pub digest: Digest,
}

impl Subject {
    /// An image by its digest alone: by it subjects are matched, and a name would only be a claim.
    pub fn of(digest: Digest) -> Self {
        Self { name: None, digest }
    }
}

/// A statement that is not yet signed (in-toto Statement v1). `P` says which key may sign it; only the functions that
/// make statements choose it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement<P: Purpose> {
    json: Vec<u8>,
    predicate_type: String,
    purpose: PhantomData<P>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a, T: Serialize> {
    #[serde(rename = "_type")]
    kind: &'a str,
    subject: [WrittenSubject<'a>; 1],
    predicate_type: &'a str,
    predicate: T,
}

#[derive(Serialize)]
struct WrittenSubject<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    digest: BTreeMap<&'a str, String>,
}

impl<P: Purpose> Statement<P> {
    pub(crate) fn new(subject: &Subject, predicate_type: &str, predicate: impl Serialize) -> Self {
        let written = Written {
            kind: STATEMENT,
            subject: [WrittenSubject {
                name: subject.name.as_deref(),
                digest: BTreeMap::from([(subject.digest.algorithm().name(), subject.digest.hex())]),
            }],
            predicate_type,
            predicate,
        };
        Self { json: json::write(&written), predicate_type: predicate_type.to_owned(), purpose: PhantomData }
    }

    /// The statement in JSON: the payload of its envelope.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// What kind of statement it is.
    pub fn predicate_type(&self) -> &str {
        &self.predicate_type
    }
}

/// A statement whose signature, type, predicate type and subject were checked: what policy may look at.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What kind of statement it is.
    pub predicate_type: String,
    /// What it says. Signed, and still the signer's word.
    pub predicate: Value,
}

/// Statements of others: unknown fields are read over, as the specification asks.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Read {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<ReadSubject>,
    predicate_type: String,
    #[serde(default)]
    predicate: Value,
}

#[derive(Deserialize)]
struct ReadSubject {
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

/// Checks a payload whose signature holds: that it is a statement, of the wanted type, and about this digest. A
/// subject is matched by the algorithm and the hash together: equal hexadecimal under another name is another image.
pub(crate) fn check(payload: &[u8], image: &Digest, wanted: &str) -> Result<Checked, Refusal> {
    let limit = payload.len();
    let read: Read = json::read(payload, limit, "an in-toto statement")
        .map_err(|error| Refusal::Unreadable(error.to_string()))?;
    if ![STATEMENT, STATEMENT_0_1].contains(&read.kind.as_str()) {
        return Err(Refusal::PayloadType(shown(&read.kind)));
    }
    if read.predicate_type != wanted {
        return Err(Refusal::PredicateType { found: shown(&read.predicate_type), wanted: wanted.to_owned() });
    }
    if read.subject.len() > MOST_SUBJECTS {
        return Err(Refusal::Unreadable(format!("it is about more than {MOST_SUBJECTS} things")));
    }
    let (algorithm, hex) = (image.algorithm().name(), image.hex());
    let is_meant = |subject: &ReadSubject| subject.digest.get(algorithm).is_some_and(|found| *found == hex);
    if !read.subject.iter().any(is_meant) {
        let found = read.subject.iter().flat_map(|subject| &subject.digest).next();
        let named = found.map_or_else(
            || "nothing that has a digest".to_owned(),
            |(algorithm, hex)| shown(&format!("{algorithm}:{hex}")),
        );
        return Err(Refusal::Subject(named));
    }
    Ok(Checked { predicate_type: read.predicate_type, predicate: read.predicate })
}
