//! What lies beside an image and may be a signature, within bounds: whoever may push may put anything there.

use attest::{Document, SignatureLayer};
use model::{Digest, error_chain};
use source::Repository;

/// All payloads and bundles of one image together.
const MOST_BYTES: u64 = 128 << 20;
/// Referrers that are fetched. More hide a signature, which then does not hold: never the other way.
const MOST_REFERRERS: usize = 256;

/// Documents with the digests of their manifests.
#[derive(Debug, Default)]
pub struct Fetched {
    found: Vec<(Digest, Found)>,
    /// What could not be fetched, and why.
    pub problems: Vec<String>,
    left: u64,
}

#[derive(Debug)]
enum Found {
    Simple { payload: Vec<u8>, layer: SignatureLayer },
    Bundle(Vec<u8>),
}

impl Found {
    fn document(&self) -> Document<'_> {
        match self {
            Self::Simple { payload, layer } => {
                Document::Simple { payload, signature: &layer.signature, is_certified: layer.is_certified }
            }
            Self::Bundle(bytes) => Document::Bundle(bytes),
        }
    }
}

impl Fetched {
    /// Fetches everything. What fails is noted, and the rest is fetched all the same: one that holds is enough.
    pub fn all(repository: &dyn Repository, image: &Digest) -> Self {
        let mut fetched = Self::bundles_of(repository, image);
        fetched.simple(repository, image);
        fetched
    }

    /// Fetches what refers to the image.
    pub fn bundles_of(repository: &dyn Repository, image: &Digest) -> Self {
        let mut fetched = Self { left: MOST_BYTES, ..Self::default() };
        fetched.bundles(repository, image);
        fetched
    }

    /// What was found, as [`attest::verify`] takes it.
    pub fn documents(&self) -> Vec<Document<'_>> {
        self.found.iter().map(|(_, found)| found.document()).collect()
    }

    /// The manifest in which a document was found.
    pub fn place(&self, index: usize) -> String {
        self.found.get(index).map(|(manifest, _)| manifest.to_string()).unwrap_or_default()
    }

    fn bundles(&mut self, repository: &dyn Repository, image: &Digest) {
        let Some(referrers) = self.noted("the list of referrers", repository.referrers(image)) else {
            return;
        };
        if referrers.len() > MOST_REFERRERS {
            self.problems.push(format!("{} more referrers", referrers.len() - MOST_REFERRERS));
        }
        for referrer in referrers.iter().take(MOST_REFERRERS) {
            if referrer.media_type != attest::IMAGE_MANIFEST {
                continue;
            }
            let what = referrer.digest.to_string();
            let Some(manifest) = self.noted(&what, repository.manifest(&referrer.digest)) else { continue };
            let layer = attest::bundle_layer(&manifest.bytes, image);
            let Some(Some(layer)) = self.noted(&what, layer) else { continue };
            if let Some(bytes) = self.blob(repository, &layer.digest, layer.size) {
                self.found.push((referrer.digest, Found::Bundle(bytes)));
            }
        }
    }

    fn simple(&mut self, repository: &dyn Repository, image: &Digest) {
        let manifests = self.noted("the manifest of signatures", repository.signatures(image));
        for manifest in manifests.unwrap_or_default() {
            let layers = attest::signature_layers(&manifest.bytes);
            for layer in self.noted(&manifest.digest.to_string(), layers).unwrap_or_default() {
                let (digest, size) = (layer.payload.digest, layer.payload.size);
                if let Some(payload) = self.blob(repository, &digest, size) {
                    self.found.push((manifest.digest, Found::Simple { payload, layer }));
                }
            }
        }
    }

    fn blob(&mut self, repository: &dyn Repository, digest: &Digest, size: u64) -> Option<Vec<u8>> {
        if size > self.left {
            self.problems.push(format!("{digest}: all signatures together pass {} MiB", MOST_BYTES >> 20));
            return None;
        }
        self.left -= size;
        self.noted(&digest.to_string(), repository.blob(digest, size))
    }

    fn noted<T, E: std::error::Error>(&mut self, what: &str, result: Result<T, E>) -> Option<T> {
        match result {
            Ok(found) => Some(found),
            Err(error) => {
                self.problems.push(format!("{what}: {}", error_chain(&error)));
                None
            }
        }
    }
}
