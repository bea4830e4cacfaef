//! Files whose content is on a list of known bad hashes.

/// Lists of known bad hashes.
#[derive(Debug, Default)]
pub struct KnownHashes {}
