use crate::{Date, Digest};
use serde::{Deserialize, Serialize};

/// A person's word that one finding is known and accepted, for one content or one place, until a day. It never
/// comes from an image. A finding under an exception stays in the report and does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// Id of the finding, whole: no exception stands for several.
    pub finding: String,
    /// SHA-256 of the file that the finding is about, where the exception is for a content.
    pub sha256: Option<Digest>,
    /// Path as reports show it, where the exception is for a place.
    pub path: Option<String>,
    /// The image, by the name that it was asked for by or by digest.
    pub image: Option<String>,
    /// Why it is accepted; escaped.
    pub reason: String,
    /// Who accepts it; escaped.
    pub author: String,
    /// The last day on which it holds.
    pub expires: Date,
}

impl Exception {
    /// What it is for, in a few words: `/etc/cron.d/backup in registry.example/team/app`.
    pub fn scope(&self) -> String {
        let mut words = Vec::new();
        if let Some(sha256) = &self.sha256 {
            words.push(sha256.to_string());
        }
        if let Some(path) = &self.path {
            words.push(path.clone());
        }
        if let Some(image) = &self.image {
            words.push(image.clone());
        }
        words.join(" in ")
    }
}

/// What became of an exception that a scan was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionUse {
    /// The exception.
    pub exception: Exception,
    /// Whether it held.
    pub state: ExceptionState,
    /// Findings that it is for; of an expired one, those that it would have been for.
    pub findings: u64,
}

/// Whether an exception held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExceptionState {
    /// It holds, and the image has findings that it is for.
    Used,
    /// It holds, and the image has nothing that it is for.
    Unused,
    /// Its last day is over.
    Expired,
}

impl ExceptionState {
    /// The lower-case name used in every output format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Unused => "unused",
            Self::Expired => "expired",
        }
    }
}
