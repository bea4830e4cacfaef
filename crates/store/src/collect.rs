use crate::{Error, Store};
use std::time::Duration;

/// What a collection removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Blobs that left a repository, as no manifest of it names them.
    pub unlinked: u64,
    /// Blobs that no repository holds: their files are gone.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files without a row.
    pub strays: u64,
}

impl Store {
    /// Removes what no manifest of any repository names and nobody touched for `grace`, while pushes and pulls go on: a
    /// push, an upload or a mount of what is being removed wins.
    pub async fn collect(&self, grace: Duration) -> Result<Collected, Error> {
        let _ = grace;
        todo!()
    }
}
