use crate::{Error, Store};
use model::Digest;

/// What a scrub found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scrubbed {
    /// Blobs that were read.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Blobs that are not what their digest says, or are gone: moved to `lost/`, their releases ended, a journal entry each.
    pub lost: Vec<Digest>,
}

impl Store {
    /// Reads at most `blobs` blobs, those that were checked longest ago, at most `rate` bytes in a second, and compares each
    /// with its digest.
    pub async fn scrub(&self, blobs: usize, rate: u64) -> Result<Scrubbed, Error> {
        let _ = (blobs, rate);
        todo!()
    }
}
