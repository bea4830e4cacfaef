use crate::Digest;
use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An image configuration, as far as anyone here judges it (OCI image-spec, `config.md`; Docker writes the
/// same fields). Reading is lenient, because runtimes are: `null` is an absent field and a lone string is a
/// list of one. Every string in it is the attacker's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImageConfig {
    /// `linux`, `windows`, …
    #[serde(deserialize_with = "or_default")]
    pub os: String,
    /// `amd64`, `arm64`, …
    #[serde(deserialize_with = "or_default")]
    pub architecture: String,
    /// `v7`, `v8`, …
    pub variant: Option<String>,
    /// RFC 3339 time of creation, as claimed.
    pub created: Option<String>,
    /// Author, as claimed.
    pub author: Option<String>,
    /// What the runtime is asked to do.
    #[serde(deserialize_with = "or_default")]
    pub config: RunConfig,
    /// The layers' identities.
    #[serde(deserialize_with = "or_default")]
    pub rootfs: RootFs,
    /// The instructions that made the image, as claimed, oldest first.
    #[serde(deserialize_with = "or_default")]
    pub history: Vec<History>,
}

/// What the runtime is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct RunConfig {
    /// User, or `user:group`, by name or number.
    #[serde(deserialize_with = "or_default")]
    pub user: String,
    /// `NAME=value`.
    #[serde(deserialize_with = "or_default")]
    pub env: Vec<String>,
    /// Words of the entrypoint.
    #[serde(deserialize_with = "words")]
    pub entrypoint: Vec<String>,
    /// Words of the command, arguments to the entrypoint where there is one.
    #[serde(deserialize_with = "words")]
    pub cmd: Vec<String>,
    /// Directory in which the start happens.
    #[serde(deserialize_with = "or_default")]
    pub working_dir: String,
    /// Labels.
    #[serde(deserialize_with = "or_default")]
    pub labels: BTreeMap<String, String>,
    /// `80/tcp`.
    #[serde(deserialize_with = "or_default")]
    pub exposed_ports: BTreeMap<String, serde_json::Value>,
    /// Paths that become volumes.
    #[serde(deserialize_with = "or_default")]
    pub volumes: BTreeMap<String, serde_json::Value>,
    /// Docker's health check.
    #[serde(deserialize_with = "or_default")]
    pub healthcheck: HealthCheck,
    /// Instructions for images built on this one.
    #[serde(deserialize_with = "words")]
    pub on_build: Vec<String>,
    /// The shell for shell-form instructions.
    #[serde(deserialize_with = "words")]
    pub shell: Vec<String>,
    /// Signal that ends the container.
    #[serde(deserialize_with = "or_default")]
    pub stop_signal: String,
}

/// Docker's health check: `["CMD", …]`, `["CMD-SHELL", "…"]` or `["NONE"]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct HealthCheck {
    /// Words of the check.
    #[serde(deserialize_with = "words")]
    pub test: Vec<String>,
}

/// The layers' identities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type", deserialize_with = "or_default")]
    pub kind: String,
    /// Digests of the layers after decompression, bottom first.
    #[serde(deserialize_with = "or_default")]
    pub diff_ids: Vec<Digest>,
}

/// One instruction of the history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct History {
    /// RFC 3339.
    pub created: Option<String>,
    /// The instruction.
    #[serde(deserialize_with = "or_default")]
    pub created_by: String,
    /// Author.
    pub author: Option<String>,
    /// Comment of the builder.
    #[serde(deserialize_with = "or_default")]
    pub comment: String,
    /// Whether it made no layer.
    #[serde(deserialize_with = "or_default")]
    pub empty_layer: bool,
}

impl ImageConfig {
    /// The instruction that made each layer: the history without its empty entries, in order. The history is
    /// the attacker's claim, so it may be shorter or longer than the list of layers.
    pub fn layer_instructions(&self) -> Vec<&str> {
        self.history
            .iter()
            .filter(|entry| !entry.empty_layer)
            .map(|entry| entry.created_by.as_str())
            .collect()
    }
}

fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// A list of strings, or a lone string, or null: Docker's `strslice`.
fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Words;
    impl<'de> de::Visitor<'de> for Words {
        type Value = Vec<String>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a string or a list of strings")
        }
        fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }
        fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok(vec![text.to_owned()])
        }
        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut words = Vec::new();
            while let Some(word) = seq.next_element()? {
                words.push(word);
            }
            Ok(words)
        }
    }
    deserializer.deserialize_any(Words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runtimes_accept_is_read() {
        let config: ImageConfig = serde_json::from_str(
            r#"{"os":"linux","architecture":null,"config":{"Entrypoint":"/a b","Cmd":["x","y"],"Env":null,
                "Labels":null,"Healthcheck":{"Test":["NONE"]}},"history":[{"created_by":"a"},
                {"created_by":"b","empty_layer":true}]}"#,
        )
        .unwrap();
        assert_eq!(config.config.entrypoint, ["/a b"]);
        assert_eq!(config.config.cmd, ["x", "y"]);
        assert_eq!(config.layer_instructions(), ["a"]);
        assert!(serde_json::from_str::<ImageConfig>(r#"{"config":{"Entrypoint":[1]}}"#).is_err());
    }
}
