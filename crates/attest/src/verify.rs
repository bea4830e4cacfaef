use crate::bundle::{self, Read};
use crate::dsse::decode;
use crate::error::Refusal;
use crate::keyless::Keyless;
use crate::keys::PublicKey;
use crate::oci::MOST_SIGNATURES;
use crate::predicate::predicate_type;
use crate::simple::Payload;
use crate::statement::{self, Checked};
use jiff::Timestamp;
use model::Digest;

/// Something that claims to be a signature.
#[derive(Debug, Clone, Copy)]
pub enum Document<'a> {
    /// A payload of simple signing and what stands beside it.
    Simple {
        /// The payload, whose digest the caller has compared with that of its layer.
        payload: &'a [u8],
        /// The signature, in Base64.
        signature: &'a str,
        /// Whether a certificate stands beside it.
        is_certified: bool,
    },
    /// A Sigstore bundle.
    Bundle(&'a [u8]),
}

/// What is trusted, and what is asked for. Nothing that is left out is ever made up for by what the document says.
#[derive(Debug, Clone, Copy)]
pub struct Trust<'a> {
    /// Keys of which one must have signed.
    pub keys: &'a [TrustedKey],
    /// Certificates, and whose they must be.
    pub keyless: Option<&'a Keyless>,
    /// The predicate type that a statement must have; where none is asked for, that it is signed and nothing more.
    pub predicate_type: Option<&'a str>,
    /// The repository that a payload of simple signing must name.
    pub identity: Option<&'a str>,
    /// The time at which keys must be valid.
    pub now: Timestamp,
}

/// A public key, and when it may be used. A signature by a key tells nothing about when it was made, so a key whose time
/// is over takes all its signatures with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedKey {
    /// What people call it.
    pub name: String,
    /// The key.
    pub key: PublicKey,
    /// From when on.
    pub from: Option<Timestamp>,
    /// Until when.
    pub until: Option<Timestamp>,
}

impl TrustedKey {
    /// A key without a period.
    pub fn new(name: &str, key: PublicKey) -> Self {
        Self { name: name.to_owned(), key, from: None, until: None }
    }

    fn check_period(&self, now: Timestamp) -> Result<(), Refusal> {
        match (self.from.filter(|from| now < *from), self.until.filter(|until| now > *until)) {
            (Some(from), _) => Err(Refusal::KeyPeriod(format!("{} is valid from {from} on", self.name))),
            (_, Some(until)) => Err(Refusal::KeyPeriod(format!("{} was valid until {until}", self.name))),
            _ => Ok(()),
        }
    }
}

/// In which form something is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Simple signing: the `.sig` tag.
    Simple,
    /// A bundle.
    Bundle,
}

/// A signature that holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Its place among the documents.
    pub index: usize,
    /// Its form.
    pub kind: Kind,
    /// Whose: the name of the key, or the identity in the certificate and who vouched for it.
    pub signer: String,
    /// The key's fingerprint, where it was one.
    pub key: Option<String>,
    /// The statement, where it was one.
    pub statement: Option<Checked>,
    /// The repository that it names, where it names one. The signer's word.
    pub docker_reference: Option<String>,
}

/// A document that does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its place among the documents.
    pub index: usize,
    /// Its form.
    pub kind: Kind,
    /// Why.
    pub why: Refusal,
}

/// Which of the documents hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Verification {
    /// Those that hold.
    pub held: Vec<Held>,
    /// Those that do not.
    pub refused: Vec<Refused>,
    /// How many were not looked at, being too many.
    pub ignored: usize,
}

impl Verification {
    /// Whether at least one holds.
    pub fn passed(&self) -> bool {
        !self.held.is_empty()
    }
}

/// Says which documents are signatures of this image by whom is trusted, of what was asked for. One that holds is
/// enough, as anybody may put others beside it; each other is told with its reason.
///
/// The digest is the one that the caller resolved, once, and will go on with (CVE-2023-33959).
pub fn verify(image: &Digest, documents: &[Document<'_>], trust: &Trust<'_>) -> Verification {
    let mut found =
        Verification { ignored: documents.len().saturating_sub(MOST_SIGNATURES), ..Verification::default() };
    for (index, document) in documents.iter().take(MOST_SIGNATURES).enumerate() {
        let (kind, checked) = match document {
            Document::Simple { payload, signature, is_certified } => {
                (Kind::Simple, simple(image, payload, signature, *is_certified, trust))
            }
            Document::Bundle(bytes) => (Kind::Bundle, bundled(image, bytes, trust)),
        };
        match checked {
            Ok(held) => found.held.push(Held { index, ..held }),
            Err(why) => found.refused.push(Refused { index, kind, why }),
        }
    }
    found
}

fn simple(
    image: &Digest,
    payload: &[u8],
    signature: &str,
    is_certified: bool,
    trust: &Trust<'_>,
) -> Result<Held, Refusal> {
    let wanted = wanted(trust);
    if Some(wanted) != predicate_type("signature") {
        let found = "that the image is signed".to_owned();
        return Err(Refusal::PredicateType { found, wanted: wanted.to_owned() });
    }
    let signature =
        decode(signature).ok_or_else(|| Refusal::Unreadable("its signature is no Base64".to_owned()))?;
    let made = trust.keys.iter().find(|trusted| trusted.key.made(&signature, payload));
    let trusted = made.ok_or(match (is_certified, trust.keys.is_empty()) {
        (true, _) => Refusal::Certificate,
        (false, true) => Refusal::NoKeys,
        (false, false) => Refusal::Key,
    })?;
    trusted.check_period(trust.now)?;
    let payload = Payload::check(payload, image, trust.identity)?;
    Ok(Held {
        docker_reference: Some(crate::error::shown(payload.docker_reference())),
        ..held(Kind::Simple, trusted)
    })
}

fn bundled(image: &Digest, bytes: &[u8], trust: &Trust<'_>) -> Result<Held, Refusal> {
    let read = bundle::read(bytes).map_err(|error| Refusal::Unreadable(error.to_string()))?;
    match (read, trust.keyless) {
        (Read::Keyed(_), _) if trust.keys.is_empty() => Err(Refusal::NoKeys),
        (Read::Keyed(envelope), _) => {
            let (payload, trusted) = envelope.opened(trust.keys, |trusted| &trusted.key)?;
            trusted.check_period(trust.now)?;
            let statement = statement::check(&payload, image, wanted(trust))?;
            Ok(Held { statement: Some(statement), ..held(Kind::Bundle, trusted) })
        }
        (Read::Certified, None) => Err(Refusal::Certificate),
        (Read::Certified, Some(keyless)) => {
            let (signer, statement) = keyless.verify(image, bytes, wanted(trust))?;
            Ok(Held {
                index: 0,
                kind: Kind::Bundle,
                signer,
                key: None,
                statement: Some(statement),
                docker_reference: None,
            })
        }
    }
}

fn held(kind: Kind, trusted: &TrustedKey) -> Held {
    Held {
        index: 0,
        kind,
        signer: trusted.name.clone(),
        key: Some(trusted.key.fingerprint()),
        statement: None,
        docker_reference: None,
    }
}

fn wanted<'a>(trust: &Trust<'a>) -> &'a str {
    trust.predicate_type.or_else(|| predicate_type("signature")).unwrap_or_default()
}

#[cfg(test)]
mod tests;
