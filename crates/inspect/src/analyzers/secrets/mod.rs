//! Secrets that were left behind: tokens, passwords and private keys, in any layer, in the configuration and in the
//! history, in files that a later layer removed as well.
//!
//! A secret is no malice of the image's: it stands beside the verdict. None is kept or shown whole: facts hold the
//! ends, the length and the first bytes of its digest, enough to find it again and too little to use it.

mod checks;
mod find;
mod formats;
mod keys;
mod places;
mod search;
#[cfg(test)]
mod tests;

pub(crate) use find::signs;

use crate::{Fact, FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, Outcome, Search, Want};
use layers::{Entry, Kind};
use model::{Class, Detection, Role, Severity, Stage};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The secrets of one text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFacts {
    /// In the order in which they were found.
    pub found: Vec<Secret>,
    /// Whether it holds more than are kept here, or more that looks like one than is looked at.
    pub cut: bool,
}

/// One secret, as far as it may be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// What it is.
    pub kind: SecretKind,
    /// Its line, the first is 1.
    pub line: u32,
    /// Its first four and last two characters; fewer of a short one.
    pub ends: String,
    /// Its length in bytes.
    pub len: u32,
    /// The first bytes of its SHA-256; none of a short one, which they would give away.
    pub digest: Option<[u8; 4]>,
}

/// A kind of secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SecretKind {
    /// Key id and secret of AWS, side by side.
    AwsPair,
    /// A token of GitHub.
    Github,
    /// A token of GitLab.
    Gitlab,
    /// A token of Slack, or the address of one of its hooks.
    Slack,
    /// A live key of Stripe.
    Stripe,
    /// A token of an npm registry.
    Npm,
    /// A token of PyPI.
    Pypi,
    /// An API key of Google. Those of web pages are public, and look the same.
    GoogleApi,
    /// A private key.
    PrivateKey,
    /// A private key that a passphrase protects.
    EncryptedKey,
    /// The key of a service account of Google.
    ServiceAccount,
    /// A JSON Web Token that is valid for half a year or more, or for ever.
    LongToken,
    /// The password of a registry, as Docker keeps it.
    RegistryPassword,
    /// A password of `.netrc`.
    Netrc,
    /// A token or key of a Kubernetes cluster.
    Kubernetes,
    /// A password in a URL.
    UrlPassword,
    /// A value under a name that says it is secret.
    Named,
}

impl SecretKind {
    /// What it is, for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::AwsPair => "access key of AWS",
            Self::Github => "token of GitHub",
            Self::Gitlab => "token of GitLab",
            Self::Slack => "token of Slack",
            Self::Stripe => "live key of Stripe",
            Self::Npm => "token of an npm registry",
            Self::Pypi => "token of PyPI",
            Self::GoogleApi => "API key of Google",
            Self::PrivateKey => "private key",
            Self::EncryptedKey => "private key under a passphrase",
            Self::ServiceAccount => "key of a Google service account",
            Self::LongToken => "JSON Web Token of long life",
            Self::RegistryPassword => "password of a registry",
            Self::Netrc => "password of .netrc",
            Self::Kubernetes => "credential of a Kubernetes cluster",
            Self::UrlPassword => "password in a URL",
            Self::Named => "value named as a secret",
        }
    }

    /// Whether its form alone tells whose it is, wherever it lies.
    fn is_of_provider(self) -> bool {
        matches!(
            self,
            Self::AwsPair
                | Self::Github
                | Self::Gitlab
                | Self::Slack
                | Self::Stripe
                | Self::Npm
                | Self::Pypi
                | Self::ServiceAccount
        )
    }
}

impl Secret {
    fn new(kind: SecretKind, line: u32, secret: &[u8]) -> Self {
        /// Of a shorter one nothing is shown, and of one shorter than twice this the digest would tell it.
        const SHORT: usize = 12;
        let ends = match (secret.get(..4), secret.len().checked_sub(2).and_then(|end| secret.get(end..))) {
            (Some(first), Some(last)) if secret.len() >= SHORT => {
                format!("{}…{}", String::from_utf8_lossy(first), String::from_utf8_lossy(last))
            }
            _ => "…".to_owned(),
        };
        let digest = (secret.len() >= 2 * SHORT).then(|| {
            let [a, b, c, d, ..] = <[u8; 32]>::from(Sha256::digest(secret));
            [a, b, c, d]
        });
        Self { kind, line, ends, len: u32::try_from(secret.len()).unwrap_or(u32::MAX), digest }
    }
}

/// Finds secrets.
#[derive(Debug)]
pub struct Secrets;

impl FileAnalyzer for Secrets {
    fn name(&self) -> &'static str {
        "secrets"
    }

    fn version(&self) -> u32 {
        2
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        let text = entry.kind == Kind::File && !head.is_empty() && memchr::memchr(0, head).is_none();
        if text { Want::AtHand } else { Want::Nothing }
    }

    fn search(&self, entry: &Entry, head: &[u8]) -> Option<Box<dyn Search>> {
        let asked = self.wants(entry, head) != Want::Nothing;
        asked.then(|| Box::<search::Parts>::default() as Box<dyn Search>)
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let mut found = find::secrets_of(file.bytes, &file.signs);
        if file.stages.is_empty() {
            places::secrets(&file.entry.path, file.bytes, &mut found);
        }
        if !found.found.is_empty() || found.cut {
            facts.push(Fact::Secrets(found));
        }
        Ok(())
    }
}

impl ImageAnalyzer for Secrets {
    fn name(&self) -> &'static str {
        "secrets"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        &[SECRET]
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        checks::in_files(image, out);
        checks::in_configuration(image, out);
    }
}

pub(crate) const SECRET: Detection = Detection {
    id: "S-CRE-SECRET",
    title: "Secret left behind",
    severity: Severity::Medium,
    // Carelessness is no malice, and beside a finding that is it would prove nothing.
    role: Role::Context,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1552.001", "T1552.004"],
    why: "A layer, the configuration or the history holds what looks like a live secret: a token whose form or \
          checksum is right, a private key that decodes, a password in a URL or under a telling name. Whoever can \
          pull the image has it, and removing the file in a later layer does not remove it. Examples, tests, \
          documentation and files of packages hold keys that mean nothing: they are left out or counted low. A \
          secret is never shown whole. Text files are read up to 4 MiB, and of larger ones the first 64 KiB.",
    advice: "Revoke the secret first, then build the image without it: mount secrets at build time, and pass them at \
             run time.",
};
