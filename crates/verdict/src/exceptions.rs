mod parse;

use crate::Weight;
use model::{Date, Digest, Exception, ExceptionState, ExceptionUse, Finding, ImageRef};
use std::collections::HashMap;

/// The exceptions that a person gives with a scan, in the order of their file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    list: Vec<Scoped>,
}

/// One exception with its image scope, read.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Scoped {
    exception: Exception,
    image: Option<ImageScope>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum ImageScope {
    /// By name; the tag counts only where one was written.
    Name {
        name: ImageRef,
        tag_written: bool,
    },
    Digest(Digest),
}

/// What an exception's image scope is compared with. Only what the person asked for and what was computed here
/// belongs into it: a name that an archive gives itself would let an image choose its exceptions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scanned {
    /// The name by which it was asked for.
    pub name: Option<ImageRef>,
    /// Its digests: of its index or manifest, and of its configuration.
    pub digests: Vec<Digest>,
}

/// Why a text holds no exceptions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExceptionsError {
    /// The text is not TOML, or has other fields than exceptions have.
    #[error("the exceptions cannot be read: {0}")]
    Syntax(String),
    /// One of them cannot be meant so.
    #[error("exception {number}: {why}")]
    Exception {
        /// Counted from 1, in the order of the file.
        number: usize,
        /// What is wrong with it.
        why: String,
    },
    /// More than anybody has looked at.
    #[error("there are {0} exceptions; 10000 are the most")]
    TooMany(usize),
}

impl Exceptions {
    /// Lays the exceptions that hold today on the findings that they are for, and says what became of each.
    /// A gap is nothing that an exception could be for, and no finding is removed.
    pub fn lay_on(&self, findings: &mut [Finding], image: &Scanned, today: Date) -> Vec<ExceptionUse> {
        let mut counts = vec![0_u64; self.list.len()];
        let mut by_id: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, scoped) in self.list.iter().enumerate() {
            if scoped.image.as_ref().is_none_or(|scope| scope.holds(image)) {
                by_id.entry(&scoped.exception.finding).or_default().push(at);
            }
        }
        for finding in findings {
            for &at in by_id.get(finding.id.as_str()).into_iter().flatten() {
                let Some(Scoped { exception, .. }) = self.list.get(at) else { continue };
                if !is_for(exception, finding) {
                    continue;
                }
                if let Some(count) = counts.get_mut(at) {
                    *count += 1;
                }
                if exception.expires >= today && finding.exception.is_none() {
                    finding.exception = Some(exception.clone());
                }
            }
        }
        let state = |exception: &Exception, count| match count {
            _ if exception.expires < today => ExceptionState::Expired,
            0 => ExceptionState::Unused,
            _ => ExceptionState::Used,
        };
        let uses = self.list.iter().zip(counts).map(|(Scoped { exception, .. }, findings)| ExceptionUse {
            exception: exception.clone(),
            state: state(exception, findings),
            findings,
        });
        uses.collect()
    }

    /// Everything about them that a verdict depends on, the day only as far as it decides which have expired.
    pub fn identity(&self, today: Date) -> String {
        let held = self.list.iter().map(|scoped| (&scoped.exception, scoped.exception.expires >= today));
        format!("{:?}", held.collect::<Vec<_>>())
    }

    /// The ids of findings that they name.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|scoped| scoped.exception.finding.as_str())
    }
}

impl ImageScope {
    fn holds(&self, image: &Scanned) -> bool {
        match self {
            Self::Digest(digest) => image.digests.contains(digest),
            Self::Name { name, tag_written } => image.name.as_ref().is_some_and(|asked| {
                asked.registry == name.registry
                    && asked.repository == name.repository
                    && (!tag_written || asked.tag == name.tag)
                    && name.digest.is_none_or(|digest| image.digests.contains(&digest))
            }),
        }
    }
}

/// Whether an exception is for this finding; id and image are compared already. One without a path that is not
/// for a content is for what concerns the image as a whole, and for no file.
fn is_for(exception: &Exception, finding: &Finding) -> bool {
    let content = exception.sha256.is_none() || exception.sha256 == finding.content;
    let place = match &exception.path {
        Some(path) => finding.path.as_ref() == Some(path),
        None => exception.sha256.is_some() || finding.path.is_none(),
    };
    content && place
}

/// What a finding under an exception would be worth without it.
pub(crate) fn worth_without(finding: &Finding) -> Weight {
    Weight::of(&Finding { exception: None, ..finding.clone() })
}

#[cfg(test)]
mod tests;
