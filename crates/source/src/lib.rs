//! Opens images, wherever they lie.
//!
//! Comes in: a reference to an image, in the spelling of skopeo, or a path. Goes out: its manifests, its
//! configurations and the byte streams of its layers, together with everything that is odd about how they
//! were declared ([`Anomaly`]), recognised without being an image ([`Artifact`]) or could not be read (gaps).
//! Never: trusts a length or a digest that it did not compute over a document, follows an address that the
//! image names, extracts an archive, or sends a credential to a host that it was not given for. Layer bytes
//! are handed on unverified, within their declared length: who reads them to the end recomputes the digest.
#![forbid(unsafe_code)]

mod anomaly;
mod archive;
mod bolt;
mod containerd;
mod containers_storage;
mod content;
mod docker_daemon;
mod error;
#[doc(hidden)]
pub mod fuzzing;
mod gaps;
mod json;
mod layout;
mod locator;
mod manifest;
mod open;
mod options;
mod registry;
mod resolve;
mod rootfs;
mod stored;
mod tar_index;
mod tar_split;

pub use anomaly::{Anomaly, AnomalyKind};
pub use content::Stamp;
pub use error::Error;
pub use locator::Locator;
pub use open::{Artifact, Image, Layer, Opened, open};
pub use options::{Limits, Login, Mirror, Options, StorageRoots, Vouched};
pub use registry::{NewManifest, Pulled, Referrer, Remote, Repository, is_signed, repository, repository_at};
pub use rootfs::header;
