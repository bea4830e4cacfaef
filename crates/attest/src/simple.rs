use crate::error::{Refusal, shown};
use crate::json;
use crate::keys::ReleaseKey;
use model::{Digest, ImageRef};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The type that payloads of image signatures name.
const TYPE: &str = "cosign container image signature";
/// Annotations may be signed along; more than this is no signature.
const LARGEST: usize = 1 << 20;

/// What is signed in the older of cosign's formats ("simple signing").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Payload {
    critical: Critical,
    /// Annotations that were signed along.
    #[serde(default)]
    optional: Option<serde_json::Map<String, Value>>,
}

/// What a reader must understand, so one that does not know a field of it refuses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Critical {
    identity: Identity,
    image: Image,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Identity {
    docker_reference: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Image {
    docker_manifest_digest: Digest,
}

/// The payload for an image, byte for byte as cosign makes it.
pub fn payload(docker_reference: &str, image: &Digest) -> Vec<u8> {
    json::write(&Payload {
        critical: Critical {
            identity: Identity { docker_reference: docker_reference.to_owned() },
            image: Image { docker_manifest_digest: *image },
            kind: TYPE.to_owned(),
        },
        optional: None,
    })
}

/// What cosign calls a repository in a payload: host and path, and Docker Hub by its old name.
pub fn docker_reference(image: &ImageRef) -> String {
    let host = if image.registry == "docker.io" { "index.docker.io" } else { &image.registry };
    format!("{host}/{}", image.repository)
}

impl ReleaseKey {
    /// The signature over a payload. It takes what names the image and not bytes, so that nothing else is signed.
    pub(crate) fn sign_simple(&self, docker_reference: &str, image: &Digest) -> (Vec<u8>, Vec<u8>) {
        let payload = payload(docker_reference, image);
        let signature = self.sign_bytes(&payload);
        (payload, signature)
    }
}

impl Payload {
    /// Checks a payload whose signature holds: that it is one of an image, of this one, and, where it is asked for,
    /// made for this repository, as podman and CRI-O ask (`matchRepository`).
    ///
    /// # Errors
    /// Where any of it is otherwise, or anything cannot be read.
    pub(crate) fn check(bytes: &[u8], image: &Digest, identity: Option<&str>) -> Result<Self, Refusal> {
        let payload: Self = json::read(bytes, LARGEST, "a payload of an image signature")
            .map_err(|error| Refusal::Unreadable(error.to_string()))?;
        if payload.critical.kind != TYPE {
            return Err(Refusal::SignatureType(shown(&payload.critical.kind)));
        }
        let signed = payload.critical.image.docker_manifest_digest;
        if signed != *image {
            return Err(Refusal::Subject(signed.to_string()));
        }
        if let Some(wanted) = identity {
            let found = &payload.critical.identity.docker_reference;
            if !same_repository(found, wanted) {
                return Err(Refusal::Identity { found: shown(found), wanted: shown(wanted) });
            }
        }
        Ok(payload)
    }

    /// The repository for which it was made.
    pub fn docker_reference(&self) -> &str {
        &self.critical.identity.docker_reference
    }
}

/// Whether two references name the same repository of the same registry once normalised, whatever their tags.
fn same_repository(one: &str, other: &str) -> bool {
    let parse = |text: &str| text.parse::<ImageRef>().ok().map(|name| (name.registry, name.repository));
    parse(one).is_some_and(|one| parse(other) == Some(one))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn digest(byte: u8) -> Digest {
        Digest::sha256([byte; 32])
    }

    #[test]
    fn payloads_are_cosigns_to_the_byte() {
        // As cosign 2.5 wrote it for an image of this digest.
        let image =
            "sha256:5b0614f535a9d7c5c1d5b74d8beb9c36bd0f301ee34e2328050b4e1d39cf7295".parse().unwrap();
        let expect = r#"{"critical":{"identity":{"docker-reference":"127.0.0.1:5055/a/b"},"image":{"docker-manifest-digest":"sha256:5b0614f535a9d7c5c1d5b74d8beb9c36bd0f301ee34e2328050b4e1d39cf7295"},"type":"cosign container image signature"},"optional":null}"#;
        assert_eq!(String::from_utf8(payload("127.0.0.1:5055/a/b", &image)).unwrap(), expect);
    }

    #[test]
    fn repositories_are_named_as_cosign_names_them() {
        let check = |text: &str, expect: &str| assert_eq!(docker_reference(&text.parse().unwrap()), expect);
        check("nginx", "index.docker.io/library/nginx");
        check("ghcr.io/a/b:1", "ghcr.io/a/b");
        check("localhost:5000/a", "localhost:5000/a");
    }

    fn check(text: &str, identity: Option<&str>, expect: Result<(), &str>) {
        match (Payload::check(text.as_bytes(), &digest(1), identity), expect) {
            (Ok(_), Ok(())) => {}
            (Err(why), Err(part)) => assert!(why.to_string().contains(part), "{text}: {why}"),
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn only_a_payload_that_says_all_of_it_is_one() {
        let good = String::from_utf8(payload("r.example/a/b", &digest(1))).unwrap();
        let with = |from: &str, to: &str| {
            let changed = good.replace(from, to);
            assert_ne!(changed, good);
            changed
        };
        check(&good, None, Ok(()));
        check(&good, Some("r.example/a/b:latest"), Ok(()));
        check(&with("null", "{\"git\":\"abc\"}"), None, Ok(()));
        check(&good, Some("r.example/a/c"), Err("made for r.example/a/b"));
        check(&good, Some("r.example/a"), Err("made for"));
        check(&good, Some("evil.example/a/b"), Err("made for"));
        check(&with("r.example/a/b", "R?"), Some("r.example/a/b"), Err("made for"));
        check(&with("cosign container", "atomic container"), None, Err("is a atomic container"));
        check(&with(&digest(1).hex(), &digest(2).hex()), None, Err("another image"));
        check(&with("sha256:", "sha512:"), None, Err("cannot be read"));
        check(
            &with(&digest(1).hex(), &"0".repeat(64).to_uppercase().replace('0', "A")),
            None,
            Err("cannot be read"),
        );
        check(&with("docker-manifest-digest", "Docker-manifest-digest"), None, Err("cannot be read"));
        check(&with("\"type\"", "\"more\":1,\"type\""), None, Err("unknown field"));
        check(&with("\"optional\"", "\"more\":1,\"optional\""), None, Err("unknown field"));
        check(&with("\"type\"", "\"type\":\"x\",\"type\""), None, Err("duplicate field"));
        check(&with("null", "[]"), None, Err("cannot be read"));
        check(&good[..good.len() - 1], None, Err("cannot be read"));
        check(&format!("{good} {good}"), None, Err("cannot be read"));
        check(&format!("[{good}]"), None, Err("no object"));
        check("", None, Err("no object"));
        check(&with("null", &format!("{{\"a\":\"{}\"}}", "x".repeat(LARGEST))), None, Err("longer than"));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "\\PC{0,80}") {
            let _ = Payload::check(&bytes, &digest(1), Some(&text));
            let _ = Payload::check(text.as_bytes(), &digest(1), None);
        }
    }
}
