//! Signatures that others read, and whether theirs hold.
//!
//! Comes in: keys, what was decided about an image, documents that claim to be signatures. Goes out: keys in cosign's
//! form, signatures in both of cosign's formats as the manifests and blobs of a registry, signed statements
//! (in-toto in DSSE in Sigstore bundles), and, for documents that came from somewhere, which of them hold by which
//! key and why each other does not. Never: IO, network, a clock; a statement about anything but a release under the
//! release key; a success that is not a signature, a payload type, a predicate type and a digest that were all checked.
#![forbid(unsafe_code)]

mod bundle;
mod dsse;
mod error;
mod json;
mod keyless;
mod keys;
mod oci;
mod predicate;
mod simple;
mod statement;
mod verify;

pub use bundle::{BUNDLE_TYPE, LARGEST_BUNDLE};
pub use dsse::{Envelope, PAYLOAD_TYPE, pae};
pub use error::{Error, Refusal};
pub use keyless::Keyless;
pub use keys::{Evidence, EvidenceKey, Key, PublicKey, Purpose, Release, ReleaseKey};
pub use oci::{
    Artifact, Blob, Descriptor, IMAGE_MANIFEST, MOST_SIGNATURES, SIGNATURE_TYPE, SignatureLayer,
    bundle_artifact, bundle_layer, signature_artifact, signature_layers, signature_tag,
};
pub use predicate::{
    Monitored, Outcome, Resource, Run, Scanner, Svr, TestResult, Vsa, Vulnerabilities, Vulnerability,
    predicate_type, runtime_trace, sbom, signature, svr, test_result, vsa, vulnerabilities,
};
pub use simple::{Payload, docker_reference, payload};
pub use statement::{Checked, Statement, Subject};
pub use verify::{Document, Held, Kind, Refused, Trust, TrustedKey, Verification, verify};
