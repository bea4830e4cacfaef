use serde::{Deserialize, Serialize};
use std::fmt;

/// What we say of an image, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Everything was read and nothing counts against it.
    Clean,
    /// Nothing counts against it so far, but something was not looked at. Never shown as clean.
    Incomplete,
    /// Something counts against it that does not decide alone.
    Suspicious,
    /// It is proven harmful.
    Malicious,
}

impl Verdict {
    /// The lower-case name used in every output format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clean => "clean",
            Self::Incomplete => "incomplete",
            Self::Suspicious => "suspicious",
            Self::Malicious => "malicious",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
