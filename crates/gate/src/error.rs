use std::io;
use std::net::SocketAddr;

/// Why the server could not start, or had to end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A configuration file that cannot be read.
    #[error("cannot read the configuration {path}")]
    ConfigFile {
        /// Where; escaped.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A configuration that cannot be understood.
    #[error("cannot use the configuration: {why}")]
    Config {
        /// What is wrong with it, and where; escaped.
        why: String,
    },
    /// A setting that cannot be meant.
    #[error("cannot use {key} of {whence}: {why}")]
    Setting {
        /// The key.
        key: &'static str,
        /// Where it was set.
        whence: String,
        /// What is wrong, and what to do.
        why: String,
    },
    /// Something in the data directory.
    #[error("cannot {what} {path}")]
    File {
        /// What was to be done with it.
        what: &'static str,
        /// Which; escaped.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store.
    #[error("cannot use the data directory")]
    Store(#[source] Box<store::Error>),
    /// A key of the gate.
    #[error("cannot {what}: {why}")]
    Keys {
        /// What was to be done.
        what: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A certificate or key that cannot be used.
    #[error("cannot use the certificate {path}: {why}")]
    Certificate {
        /// Which file; escaped.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// The runtime.
    #[error("cannot {what}")]
    Runtime {
        /// What was to be done.
        what: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Error {
    /// A step with a file that failed.
    pub(crate) fn file(what: &'static str, path: &std::path::Path, source: io::Error) -> Self {
        Self::File { what, path: model::escape_text(&path.to_string_lossy()), source }
    }
}
