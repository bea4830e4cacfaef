use crate::json::JsonError;
use model::{Digest, DigestError, Platform};
use std::io;

/// Why an image could not be opened. Texts that come from the image or from a server are escaped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text names no image.
    #[error("{text} names no image: {why}")]
    Locator {
        /// The text.
        text: String,
        /// What is wrong with it and what would be right.
        why: String,
    },
    /// A file or directory could not be read.
    #[error("cannot read {path}; check that it exists and that you may read it")]
    Io {
        /// Which one.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A document that is longer than its budget.
    #[error("{what} is longer than the limit of {limit} bytes; nothing of it is believed")]
    TooLarge {
        /// Which one.
        what: String,
        /// The budget in bytes.
        limit: u64,
    },
    /// A document that is no JSON, or not of the expected shape.
    #[error("{what} is not readable JSON; the image is damaged or hostile")]
    Json {
        /// Which one.
        what: String,
        /// Where it breaks.
        #[source]
        source: JsonError,
    },
    /// A document that declares something impossible.
    #[error("{what} is refused: {why}")]
    Refused {
        /// Which one.
        what: String,
        /// Why, and what to do about it.
        why: String,
    },
    /// Bytes that do not hash to the digest they were asked for by.
    #[error("{what} hashes to {computed} and not to {expected}; it was altered on its way or at its source")]
    DigestMismatch {
        /// Which document.
        what: String,
        /// What was asked for.
        expected: Box<Digest>,
        /// What came.
        computed: Box<Digest>,
    },
    /// A digest in a document or a file name that is none.
    #[error("{what} names a malformed digest; the image is damaged or hostile")]
    Digest {
        /// Where it stands.
        what: String,
        /// What is wrong with it.
        #[source]
        source: DigestError,
    },
    /// Content that is not where the image says it is.
    #[error("{what} is not there; {advice}")]
    Missing {
        /// Which content.
        what: String,
        /// What to do about it.
        advice: String,
    },
    /// The reference names none of several images, or more than one.
    #[error("{what}; it holds {candidates}")]
    Choice {
        /// What was looked for.
        what: String,
        /// What could have been named.
        candidates: String,
    },
    /// No image for the platform that was asked for.
    #[error("there is no image for {wanted}; there are {available}")]
    NoPlatform {
        /// The platform that was asked for.
        wanted: Platform,
        /// What there is.
        available: String,
    },
    /// Something that is recognised and holds no image.
    #[error("{what} is no container image: {why}")]
    NotAnImage {
        /// Which reference.
        what: String,
        /// What it is instead.
        why: String,
    },
    /// A connection that failed after every retry.
    #[error("cannot reach {host}; check the network, the name and the port")]
    Network {
        /// Which host.
        host: String,
        /// What the connection said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An answer of a server that ends the attempt.
    #[error("{host} answered {status} to the request for {what}: {advice}")]
    Status {
        /// Which host.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
        /// The server's own words, where it has some; else what to do about it.
        advice: String,
    },
    /// A server that asks for something unsafe.
    #[error("{host} is not obeyed: {why}")]
    Unsafe {
        /// Which host.
        host: String,
        /// What it asked for, and which option allows it where one does.
        why: String,
    },
    /// Credentials that could not be had.
    #[error("cannot get the credentials for {host}: {why}")]
    Credentials {
        /// For which host.
        host: String,
        /// What is wrong.
        why: String,
    },
    /// Whoever asked for the image no longer wants it.
    #[error("opening the image was cancelled")]
    Cancelled,
}

impl Error {
    pub(crate) fn io(path: impl AsRef<std::path::Path>, source: io::Error) -> Self {
        Self::Io { path: crate::content::show(path.as_ref()), source }
    }

    pub(crate) fn refused(what: impl AsRef<str>, why: impl AsRef<str>) -> Self {
        Self::Refused { what: crate::content::clip(what.as_ref()), why: crate::content::clip(why.as_ref()) }
    }

    pub(crate) fn missing(what: impl AsRef<str>, advice: impl Into<String>) -> Self {
        Self::Missing { what: crate::content::clip(what.as_ref()), advice: advice.into() }
    }

    /// The message with everything that caused it, in one line. Escaped.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&crate::content::clip(&error.to_string()));
            cause = error.source();
        }
        text
    }
}
