use crate::anomaly::{Anomaly, AnomalyKind};
use crate::error::Error;
use crate::json::{self, Keys};
use model::{Digest, ImageConfig, Platform};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What a reference leads to: a list of images, or one (OCI image-spec `image-index.md`, `manifest.md`;
/// Docker's manifest list and schema 2).
#[derive(Debug, Clone)]
pub(crate) enum Manifest {
    Index(Index),
    Image(Box<ImageManifest>),
}

#[derive(Debug, Clone)]
pub(crate) struct Index {
    pub(crate) manifests: Vec<Descriptor>,
}

#[derive(Debug, Clone)]
pub(crate) struct ImageManifest {
    pub(crate) config: Descriptor,
    pub(crate) layers: Vec<Descriptor>,
    pub(crate) artifact_type: Option<String>,
}

/// A pointer to content (OCI image-spec `descriptor.md`).
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Descriptor {
    #[serde(default)]
    pub(crate) media_type: String,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
    #[serde(default)]
    pub(crate) urls: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(crate) platform: Option<DeclaredPlatform>,
    #[serde(default)]
    pub(crate) artifact_type: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct DeclaredPlatform {
    os: Option<String>,
    architecture: Option<String>,
    variant: Option<String>,
}

/// How a document was declared by whoever pointed at it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Declared<'a> {
    /// The media type of the descriptor.
    pub(crate) descriptor: Option<&'a str>,
    /// The `Content-Type` of the HTTP answer.
    pub(crate) header: Option<&'a str>,
}

const KEYS: Keys = Keys {
    known: &[
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "manifests",
        "subject",
        "annotations",
        "digest",
        "size",
        "urls",
        "platform",
        "os",
        "architecture",
        "variant",
        "data",
        "fsLayers",
        "signatures",
        "history",
        "os.version",
        "os.features",
    ],
    free: &["annotations"],
};

/// Reads a manifest or index. `what` names it in messages.
///
/// # Errors
/// Where the bytes are no JSON, can be read both as an index and as an image, contradict their declared type,
/// or are of schema 1.
pub(crate) fn parse(
    bytes: &[u8],
    declared: &Declared<'_>,
    what: &str,
    anomalies: &mut Vec<Anomaly>,
) -> Result<Manifest, Error> {
    let broken = |source| Error::Json { what: crate::content::clip(what), source };
    let document = json::parse(bytes, &KEYS).map_err(broken)?;
    note_keys(&document, what, anomalies);
    let raw: Raw = json::typed_object(document.value).map_err(broken)?;

    let stated = raw.media_type.as_deref().filter(|stated| !stated.is_empty());
    let names = [stated, declared.descriptor, declared.header];
    let kinds: Vec<(&str, Option<Kind>)> = names
        .into_iter()
        .flatten()
        .filter(|name| !name.is_empty())
        .map(|name| (name, kind_of(name)))
        .collect();
    if raw.schema_version == Some(1)
        || raw.fs_layers.is_some()
        || kinds.iter().any(|kind| kind.1 == Some(Kind::Schema1))
    {
        anomalies.push(Anomaly::new(AnomalyKind::Schema1, what, "schemaVersion 1"));
        return Err(Error::refused(
            what,
            "it is of schema 1, which carries no digest of its configuration and which no current runtime runs; \
             push the image again with a current tool",
        ));
    }
    let is_index = raw.manifests.is_some();
    let is_image = raw.layers.is_some() || raw.config.is_some();
    if is_index && is_image {
        anomalies.push(Anomaly::new(
            AnomalyKind::AmbiguousManifest,
            what,
            "manifests beside layers or config",
        ));
        return Err(Error::refused(what, "it can be read both as an index and as an image (CVE-2021-41190)"));
    }
    let shape = match (is_index, is_image) {
        (true, _) => Kind::Index,
        (_, true) => Kind::Image,
        _ => match kinds.first() {
            // Go writes an empty list of manifests as null.
            Some((_, Some(Kind::Index))) => Kind::Index,
            _ => return Err(Error::refused(what, "it is neither an index nor an image manifest")),
        },
    };
    for (name, kind) in &kinds {
        match kind {
            Some(kind) if *kind != shape => {
                let detail = format!("declared as {name} and shaped like an {}", shape.name());
                anomalies.push(Anomaly::new(AnomalyKind::MediaTypeDisagrees, what, &detail));
                return Err(Error::refused(what, format!("it is {detail}; readers would differ over it")));
            }
            Some(_) => {}
            None if declared.header == Some(name) && is_generic(name) => {}
            None => anomalies.push(Anomaly::new(AnomalyKind::UnknownMediaType, what, name)),
        }
    }
    if let Some((first, rest)) = kinds.split_first()
        && let Some(other) =
            rest.iter().find(|other| other.1.is_some() && first.1.is_some() && bare(other.0) != bare(first.0))
    {
        let detail = format!("{} and {}", first.0, other.0);
        anomalies.push(Anomaly::new(AnomalyKind::MediaTypeDisagrees, what, detail));
    }
    match shape {
        Kind::Index => Ok(Manifest::Index(Index { manifests: raw.manifests.unwrap_or_default() })),
        _ => match raw.config {
            Some(config) => Ok(Manifest::Image(Box::new(ImageManifest {
                config,
                layers: raw.layers.unwrap_or_default(),
                artifact_type: raw.artifact_type,
            }))),
            None => Err(Error::refused(what, "it names no configuration")),
        },
    }
}

/// Reads a configuration. Its claims are lenient where runtimes are; see [`ImageConfig`].
///
/// # Errors
/// Where the bytes are no JSON object of this shape.
pub(crate) fn parse_config(
    bytes: &[u8],
    what: &str,
    anomalies: &mut Vec<Anomaly>,
) -> Result<ImageConfig, Error> {
    let broken = |source| Error::Json { what: crate::content::clip(what), source };
    let document = json::parse(bytes, &CONFIG_KEYS).map_err(broken)?;
    note_keys(&document, what, anomalies);
    json::typed_object(document.value).map_err(broken)
}

const CONFIG_KEYS: Keys = Keys {
    known: &[
        "os",
        "architecture",
        "variant",
        "created",
        "author",
        "config",
        "rootfs",
        "history",
        "User",
        "Env",
        "Entrypoint",
        "Cmd",
        "WorkingDir",
        "Labels",
        "ExposedPorts",
        "Volumes",
        "Healthcheck",
        "Test",
        "OnBuild",
        "Shell",
        "StopSignal",
        "type",
        "diff_ids",
        "created_by",
        "comment",
        "empty_layer",
    ],
    free: &["Labels", "ExposedPorts", "Volumes"],
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    fs_layers: Option<Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Index,
    Image,
    Schema1,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Image => "image manifest",
            Self::Schema1 => "schema 1 manifest",
        }
    }
}

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
const SCHEMA1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// A layer that was not compressed.
pub(crate) const OCI_TAR: &str = "application/vnd.oci.image.layer.v1.tar";

/// A media type without its parameters.
fn bare(name: &str) -> &str {
    name.split(';').next().unwrap_or(name).trim()
}

fn kind_of(name: &str) -> Option<Kind> {
    match bare(name) {
        OCI_INDEX | DOCKER_LIST => Some(Kind::Index),
        OCI_MANIFEST | DOCKER_MANIFEST => Some(Kind::Image),
        SCHEMA1 | SCHEMA1_SIGNED => Some(Kind::Schema1),
        _ => None,
    }
}

/// What servers say that do not know the type of what they serve.
fn is_generic(name: &str) -> bool {
    matches!(
        bare(name),
        "application/json" | "application/octet-stream" | "text/plain" | "binary/octet-stream"
    )
}

/// Whether runtimes unpack content of this type as a layer.
pub(crate) fn is_layer_type(name: &str) -> bool {
    let base = name.split('+').next().unwrap_or(name);
    let known = matches!(
        base,
        OCI_TAR
            | "application/vnd.oci.image.layer.nondistributable.v1.tar"
            | "application/vnd.docker.image.rootfs.diff.tar"
            | "application/vnd.docker.image.rootfs.diff.tar.gzip"
            | "application/vnd.docker.image.rootfs.diff.tar.zstd"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    );
    known && matches!(name.get(base.len()..), Some("" | "+gzip" | "+zstd"))
}

/// Whether runtimes take content of this type for the configuration of an image.
pub(crate) fn is_config_type(name: &str) -> bool {
    matches!(
        name,
        "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json"
    )
}

impl Descriptor {
    pub(crate) fn annotation(&self, key: &str) -> Option<&str> {
        self.annotations.as_ref()?.get(key).map(String::as_str)
    }

    /// The platform that the index declares, where it declares a whole one.
    pub(crate) fn platform(&self) -> Option<Platform> {
        let declared = self.platform.as_ref()?;
        let text = |part: &Option<String>| part.clone().filter(|part| !part.is_empty());
        Some(Platform {
            os: text(&declared.os)?,
            architecture: text(&declared.architecture)?,
            variant: text(&declared.variant),
        })
    }
}

pub(crate) fn note_keys(document: &json::Document, what: &str, anomalies: &mut Vec<Anomaly>) {
    let twice = document.twice.iter().map(|key| (AnomalyKind::DuplicateKey, key));
    let misspelled = document.misspelled.iter().map(|key| (AnomalyKind::MisspelledKey, key));
    anomalies.extend(twice.chain(misspelled).map(|(kind, key)| Anomaly::new(kind, what, key)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

    fn check(text: &str, declared: &Declared<'_>, expect: Result<Kind, &str>, kinds: &[AnomalyKind]) {
        let text = text.replace("$D", &format!(r#"{{"mediaType":"x","digest":"{DIGEST}","size":1}}"#));
        let mut anomalies = Vec::new();
        match (parse(text.as_bytes(), declared, "m", &mut anomalies), expect) {
            (Ok(Manifest::Index(_)), Ok(Kind::Index)) | (Ok(Manifest::Image(_)), Ok(Kind::Image)) => {}
            (Err(error), Err(part)) => assert!(error.chain().contains(part), "{text}: {}", error.chain()),
            (other, _) => panic!("{text}: {other:?}"),
        }
        assert_eq!(anomalies.iter().map(|anomaly| anomaly.kind).collect::<Vec<_>>(), kinds, "{text}");
    }

    #[test]
    fn one_digest_has_one_reading() {
        let none = Declared::default();
        let as_index = Declared { descriptor: Some(OCI_INDEX), header: None };
        let as_docker = Declared { descriptor: Some(DOCKER_MANIFEST), header: None };
        let json = Declared { descriptor: None, header: Some("application/json; charset=utf-8") };
        let odd = Declared { descriptor: None, header: Some("application/x-odd") };
        check(r#"{"config":$D,"layers":[$D]}"#, &none, Ok(Kind::Image), &[]);
        check(r#"{"config":$D,"layers":[$D]}"#, &json, Ok(Kind::Image), &[]);
        check(r#"{"config":$D,"layers":[$D]}"#, &odd, Ok(Kind::Image), &[AnomalyKind::UnknownMediaType]);
        check(r#"{"manifests":[$D]}"#, &none, Ok(Kind::Index), &[]);
        check(r#"{"manifests":null}"#, &as_index, Ok(Kind::Index), &[]);
        check(r#"{"manifests":[$D],"layers":null}"#, &none, Ok(Kind::Index), &[]);
        check(r#"{"config":$D,"manifests":[$D]}"#, &none, Err("both"), &[AnomalyKind::AmbiguousManifest]);
        check(r#"{"layers":[],"manifests":[]}"#, &none, Err("both"), &[AnomalyKind::AmbiguousManifest]);
        check(r#"{"config":$D,"layers":[]}"#, &as_index, Err("differ"), &[AnomalyKind::MediaTypeDisagrees]);
        let oci = format!(r#"{{"mediaType":"{OCI_MANIFEST}","config":$D}}"#);
        check(&oci, &as_docker, Ok(Kind::Image), &[AnomalyKind::MediaTypeDisagrees]);
        check(&oci, &as_index, Err("differ"), &[AnomalyKind::MediaTypeDisagrees]);
        check(r#"{"schemaVersion":1,"fsLayers":[]}"#, &none, Err("schema 1"), &[AnomalyKind::Schema1]);
        check(r#"{"schemaVersion":2}"#, &none, Err("neither"), &[]);
        check(r#"{"layers":[$D]}"#, &none, Err("no configuration"), &[]);
        check(r#"{"config":{"digest":"sha256:../x","size":1}}"#, &none, Err("hexadecimal"), &[]);
        check(r#"{"config":$D,"layers":[{"digest":"$D","size":-1}]}"#, &none, Err("line"), &[]);
        check("[]", &none, Err("not an object"), &[]);
    }

    #[test]
    fn a_hidden_list_of_layers_is_seen() {
        let none = Declared::default();
        let kinds = [AnomalyKind::DuplicateKey, AnomalyKind::MisspelledKey];
        check(r#"{"config":$D,"layers":[],"Layers":[$D]}"#, &none, Ok(Kind::Image), &kinds);
        check(
            r#"{"config":$D,"Manifests":[$D]}"#,
            &none,
            Err("both"),
            &[AnomalyKind::MisspelledKey, AnomalyKind::AmbiguousManifest],
        );
        let mut anomalies = Vec::new();
        let config = parse_config(br#"{"config":{"entrypoint":["/evil"]}}"#, "c", &mut anomalies).unwrap();
        assert_eq!(config.config.entrypoint, ["/evil"]);
        assert_eq!(anomalies[0].kind, AnomalyKind::MisspelledKey);
    }

    #[test]
    fn only_what_runtimes_unpack_is_a_layer() {
        for (name, expect) in [
            (OCI_TAR, true),
            ("application/vnd.oci.image.layer.v1.tar+gzip", true),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", true),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", true),
            ("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", false),
            ("application/vnd.in-toto+json", false),
            ("", false),
        ] {
            assert_eq!(is_layer_type(name), expect, "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = parse(&bytes, &Declared::default(), "m", &mut Vec::new());
            let _ = parse_config(&bytes, "c", &mut Vec::new());
        }

        #[test]
        fn no_document_breaks_the_reader(
            keys in proptest::collection::vec(proptest::sample::select(KEYS.known.to_vec()), 0..8),
            values in proptest::collection::vec(proptest::sample::select(
                vec!["null", "[]", "{}", "0", "-1", "1e99", "\"\"", "[{}]", "[null]", "{\"digest\":\"sha256:\"}"]), 8),
        ) {
            let body: Vec<String> =
                keys.iter().zip(&values).map(|(key, value)| format!("\"{key}\":{value}")).collect();
            let text = format!("{{{}}}", body.join(","));
            let _ = parse(text.as_bytes(), &Declared::default(), "m", &mut Vec::new());
        }
    }
}
