/// Why a key, a statement or a manifest could not be made or read. Texts that came from outside are escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text holds no key that is known.
    #[error("it is no {what}: {why}")]
    NotAKey {
        /// What was expected.
        what: &'static str,
        /// What is wrong with it and what would be right.
        why: String,
    },
    /// The private key did not open.
    #[error("the password does not open the private key, or the key is damaged")]
    Password,
    /// The system has no randomness to give, or a cipher failed.
    #[error("the system's cryptography failed while {0}; nothing was written")]
    Cryptography(&'static str),
    /// A manifest of signatures that cannot be added to.
    #[error("the signatures that are there cannot be added to: {why}")]
    Manifest {
        /// What is wrong with them.
        why: String,
    },
    /// A document that is no signature, or one that claims too much.
    #[error("it cannot be read as {what}: {why}")]
    Document {
        /// As what it was read.
        what: &'static str,
        /// Where it breaks.
        why: String,
    },
    /// A statement that would say nothing, or the opposite of what signing it means.
    #[error("the statement is not made: {0}")]
    Statement(&'static str),
}

impl Error {
    pub(crate) fn document(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Document { what, why: shown(&why.to_string()) }
    }

    pub(crate) fn not_a_key(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::NotAKey { what, why: shown(&why.to_string()) }
    }
}

/// A text from outside, cut and escaped.
pub(crate) fn shown(text: &str) -> String {
    let cut: String = text.chars().take(200).collect();
    model::escape_text(&cut)
}

/// Why a document does not count as a signature. Each is a way in which signatures of others were once taken for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It cannot be read, or only in part (CVE-2026-39395).
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// No trusted key made it.
    #[error("no trusted key made it")]
    Key,
    /// The key that made it is not valid now.
    #[error("the key that made it is not valid now: {0}")]
    KeyPeriod(String),
    /// The envelope holds something else than a statement (CVE-2022-35929).
    #[error("its envelope holds {0}, which is no in-toto statement")]
    PayloadType(String),
    /// The payload is of another kind than an image signature.
    #[error("its payload says that it is a {0}, which is no signature of an image")]
    SignatureType(String),
    /// It states something else than what was asked for.
    #[error("it states {found}, and {wanted} was asked for")]
    PredicateType {
        /// What it states.
        found: String,
        /// What was asked for.
        wanted: String,
    },
    /// It is about another image.
    #[error("it is about {0}, another image")]
    Subject(String),
    /// It names another repository.
    #[error("it was made for {found}, and {wanted} was asked for")]
    Identity {
        /// The repository that it names.
        found: String,
        /// The repository that was asked for.
        wanted: String,
    },
    /// It carries a certificate, and nothing says which certificates to trust.
    #[error("it was made with a certificate; name a trust root, an identity and an issuer to verify it")]
    Certificate,
    /// It was made with a key, and only certificates were asked for.
    #[error("it was made with a key; name the key to verify it")]
    NoKeys,
    /// Its certificate or its place in the log does not hold.
    #[error("its certificate or log entry does not hold: {0}")]
    Keyless(String),
}
