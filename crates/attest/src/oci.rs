//! Signatures as manifests and blobs of a registry. Whoever calls pushes them: blobs first, then the manifest.
use crate::bundle::{self, BUNDLE_TYPE, LARGEST_BUNDLE};
use crate::error::Error;
use crate::json;
use crate::keys::{Key, Purpose, ReleaseKey};
use crate::predicate::moment;
use crate::statement::Statement;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use model::Digest;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The media type of a manifest.
pub const IMAGE_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of a payload of simple signing.
pub const SIGNATURE_TYPE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// The most signatures of one image that are looked at or kept together; cosign's own limit (CVE-2024-29903).
pub const MOST_SIGNATURES: usize = 1000;

const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const EMPTY: &str = "application/vnd.oci.empty.v1+json";
const EMPTY_CONTENT: &[u8] = b"{}";
const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
const CONTENT: &str = "dev.sigstore.bundle.content";
const PREDICATE_TYPE: &str = "dev.sigstore.bundle.predicateType";
const CREATED: &str = "org.opencontainers.image.created";
/// The longest manifest that is read.
const LARGEST_MANIFEST: usize = 4 << 20;
/// The longest payload of simple signing that is fetched.
const LARGEST_PAYLOAD: u64 = 1 << 20;

/// A manifest with what it names, ready to be pushed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// The manifest; its media type is [`IMAGE_MANIFEST`].
    pub manifest: Vec<u8>,
    /// Its digest.
    pub digest: Digest,
    /// The tag under which it is looked for; none for what is found as a referrer.
    pub tag: Option<String>,
    /// For the list of referrers: what it is, about which image, with which annotations.
    pub artifact_type: Option<&'static str>,
    /// Annotations of the manifest, which the list of referrers repeats.
    pub annotations: BTreeMap<String, String>,
    /// What has to be there first.
    pub blobs: Vec<Blob>,
}

/// The bytes of a configuration or layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blob {
    /// Their digest.
    pub digest: Digest,
    /// Themselves.
    pub bytes: Vec<u8>,
}

impl Blob {
    fn new(bytes: Vec<u8>) -> Self {
        Self { digest: sha256(&bytes), bytes }
    }
}

/// Content by digest, as manifests name it. The fields stand in the order in which cosign writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Media type.
    pub media_type: String,
    /// Length in bytes.
    pub size: u64,
    /// Digest.
    pub digest: Digest,
}

/// The tag under which cosign and its kin look for signatures of an image.
pub fn signature_tag(image: &Digest) -> String {
    format!("{}-{}.sig", image.algorithm().name(), image.hex())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest<'a, L: Serialize> {
    schema_version: u8,
    media_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'static str>,
    config: Descriptor,
    layers: L,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a Descriptor>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a BTreeMap<String, String>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenLayer<'a> {
    #[serde(flatten)]
    descriptor: Descriptor,
    annotations: BTreeMap<&'a str, String>,
}

/// The older of cosign's formats: a manifest with a layer for each signature, under a tag of the image's digest. Byte
/// for byte what cosign makes. `existing` is the manifest that lies there, of which every layer stays; where this very
/// signature is in it already, it is given back unchanged.
///
/// # Errors
/// Where what lies there is no such manifest, or is full.
pub fn signature_artifact(
    key: &ReleaseKey,
    docker_reference: &str,
    image: &Digest,
    existing: Option<&[u8]>,
) -> Result<Artifact, Error> {
    let (payload, signature) = key.sign_simple(docker_reference, image);
    let payload = Blob::new(payload);
    let encoded = STANDARD.encode(&signature);
    let mut layers = existing.map(layers_of).transpose()?.unwrap_or_default();
    let is_there = layers.iter().any(|(_, layer)| {
        layer.descriptor.digest == payload.digest && layer.annotations.get(SIGNATURE) == Some(&encoded)
    });
    let full = || Error::Manifest {
        why: format!("there are {MOST_SIGNATURES} already, and verifiers look at no more; remove some"),
    };
    if !is_there {
        if layers.len() >= MOST_SIGNATURES {
            return Err(full());
        }
        let descriptor = Descriptor {
            media_type: SIGNATURE_TYPE.to_owned(),
            size: payload.bytes.len() as u64,
            digest: payload.digest,
        };
        let written = WrittenLayer { descriptor, annotations: BTreeMap::from([(SIGNATURE, encoded)]) };
        let failed = |_| Error::Manifest { why: "a layer cannot be written".to_owned() };
        let raw = serde_json::value::to_raw_value(&written).map_err(failed)?;
        let read: Layer = serde_json::from_str(raw.get()).map_err(failed)?;
        layers.push((raw, read));
    }
    let config = Blob::new(config_of(layers.iter().map(|(_, layer)| layer.descriptor.digest)));
    let raw: Vec<&RawValue> = layers.iter().map(|(raw, _)| raw.as_ref()).collect();
    let manifest = json::write(&Manifest {
        schema_version: 2,
        media_type: IMAGE_MANIFEST,
        artifact_type: None,
        config: Descriptor {
            media_type: CONFIG.to_owned(),
            size: config.bytes.len() as u64,
            digest: config.digest,
        },
        layers: raw,
        subject: None,
        annotations: None,
    });
    if manifest.len() > LARGEST_MANIFEST {
        return Err(full());
    }
    Ok(Artifact {
        digest: sha256(&manifest),
        manifest,
        tag: Some(signature_tag(image)),
        artifact_type: None,
        annotations: BTreeMap::new(),
        blobs: vec![config, payload],
    })
}

/// The configuration that cosign gives such a manifest, in its order of fields.
fn config_of(layers: impl Iterator<Item = Digest>) -> Vec<u8> {
    #[derive(Serialize)]
    struct Config {
        architecture: &'static str,
        created: &'static str,
        history: Vec<History>,
        os: &'static str,
        rootfs: RootFs,
        config: serde_json::Map<String, serde_json::Value>,
    }
    #[derive(Serialize)]
    struct History {
        created: &'static str,
    }
    #[derive(Serialize)]
    struct RootFs {
        #[serde(rename = "type")]
        kind: &'static str,
        diff_ids: Vec<Digest>,
    }
    const NEVER: &str = "0001-01-01T00:00:00Z";
    let diff_ids: Vec<Digest> = layers.collect();
    json::write(&Config {
        architecture: "",
        created: NEVER,
        history: diff_ids.iter().map(|_| History { created: NEVER }).collect(),
        os: "",
        rootfs: RootFs { kind: "layers", diff_ids },
        config: serde_json::Map::new(),
    })
}

/// The newer format: a statement in a bundle, as an artifact that refers to the image. `created` is the time that its
/// annotation tells; nobody signs it.
pub fn bundle_artifact<P: Purpose>(
    key: &Key<P>,
    statement: &Statement<P>,
    image: &Descriptor,
    created: Timestamp,
) -> Artifact {
    let bundle = Blob::new(bundle::write(&key.sign(statement), &key.public()));
    let empty = Blob::new(EMPTY_CONTENT.to_vec());
    let annotations = BTreeMap::from([
        (CONTENT.to_owned(), "dsse-envelope".to_owned()),
        (PREDICATE_TYPE.to_owned(), statement.predicate_type().to_owned()),
        (CREATED.to_owned(), moment(created)),
    ]);
    let of = |media_type: &str, blob: &Blob| Descriptor {
        media_type: media_type.to_owned(),
        size: blob.bytes.len() as u64,
        digest: blob.digest,
    };
    let manifest = json::write(&Manifest {
        schema_version: 2,
        media_type: IMAGE_MANIFEST,
        artifact_type: Some(BUNDLE_TYPE),
        config: of(EMPTY, &empty),
        layers: [of(BUNDLE_TYPE, &bundle)],
        subject: Some(image),
        annotations: Some(&annotations),
    });
    Artifact {
        digest: sha256(&manifest),
        manifest,
        tag: None,
        artifact_type: Some(BUNDLE_TYPE),
        annotations,
        blobs: vec![empty, bundle],
    }
}

/// One signature in a manifest of the older format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLayer {
    /// The payload.
    pub payload: Descriptor,
    /// The signature over it, in Base64.
    pub signature: String,
    /// Whether a certificate stands beside it.
    pub is_certified: bool,
}

/// The signatures that a manifest of the older format names. Layers of other kinds are none.
///
/// # Errors
/// Where it is no manifest, or names more than [`MOST_SIGNATURES`] or a payload that is too long.
pub fn signature_layers(manifest: &[u8]) -> Result<Vec<SignatureLayer>, Error> {
    let signature = |layer: Layer| {
        let signature = layer.annotations.get(SIGNATURE)?.clone();
        let is_certified = layer.annotations.contains_key(CERTIFICATE);
        (layer.descriptor.media_type == SIGNATURE_TYPE).then_some(SignatureLayer {
            payload: layer.descriptor,
            signature,
            is_certified,
        })
    };
    let found: Vec<_> = layers_of(manifest)?.into_iter().filter_map(|(_, layer)| signature(layer)).collect();
    match found.iter().find(|found| found.payload.size > LARGEST_PAYLOAD) {
        Some(found) => {
            let why = format!("it names a payload of {} bytes", found.payload.size);
            Err(Error::document("a manifest of signatures", why))
        }
        None => Ok(found),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadManifest {
    schema_version: u8,
    #[serde(default)]
    media_type: Option<String>,
    config: Descriptor,
    layers: Vec<Box<RawValue>>,
    #[serde(default)]
    subject: Option<Descriptor>,
    /// It makes the document an index, for whoever looks there first (CVE-2021-41190).
    #[serde(default)]
    manifests: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Layer {
    #[serde(flatten)]
    descriptor: Descriptor,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
}

fn layers_of(manifest: &[u8]) -> Result<Vec<(Box<RawValue>, Layer)>, Error> {
    let what = "a manifest of signatures";
    let read = manifest_of(manifest, what)?;
    if read.layers.len() > MOST_SIGNATURES {
        return Err(Error::document(what, format!("it names more than {MOST_SIGNATURES} signatures")));
    }
    let layer = |raw: Box<RawValue>| match serde_json::from_str(raw.get()) {
        Ok(layer) => Ok((raw, layer)),
        Err(error) => Err(Error::document(what, error)),
    };
    read.layers.into_iter().map(layer).collect()
}

fn manifest_of(bytes: &[u8], what: &'static str) -> Result<ReadManifest, Error> {
    let read: ReadManifest = json::read(bytes, LARGEST_MANIFEST, what)?;
    let is_image = read.media_type.as_deref().is_none_or(|media_type| media_type == IMAGE_MANIFEST);
    if read.schema_version != 2 || !is_image || read.manifests.is_some() {
        return Err(Error::document(what, "it is no image manifest of OCI"));
    }
    Ok(read)
}

/// The bundle of a manifest that refers to an image; none where the manifest holds something else.
///
/// # Errors
/// Where it refers to another image, or the bundle is too long to be one.
pub fn bundle_layer(manifest: &[u8], image: &Digest) -> Result<Option<Descriptor>, Error> {
    let what = "a manifest with a bundle";
    let read = manifest_of(manifest, what)?;
    let [only] = read.layers.as_slice() else { return Ok(None) };
    let layer: Descriptor = serde_json::from_str(only.get()).map_err(|error| Error::document(what, error))?;
    if !layer.media_type.starts_with("application/vnd.dev.sigstore.bundle") {
        return Ok(None);
    }
    if read.subject.as_ref().map(|subject| subject.digest) != Some(*image) {
        return Err(Error::document(what, "it refers to another image"));
    }
    if layer.size > LARGEST_BUNDLE as u64 {
        return Err(Error::document(what, format!("its bundle has {} bytes", layer.size)));
    }
    // The configuration means nothing, and is read so that a manifest without one is none.
    let _ = read.config;
    Ok(Some(layer))
}

fn sha256(bytes: &[u8]) -> Digest {
    let hash = digest::digest(&digest::SHA256, bytes);
    Digest::sha256(hash.as_ref().try_into().unwrap_or([0; 32]))
}

#[cfg(test)]
mod tests;
