use crate::frame::{Frame, Place};
use crate::{Moment, paths, text};

/// What people accepted, and what they are asked to.
#[derive(Debug, Clone, Default)]
pub struct Exceptions {
    /// Those that whoever looks may see, newest first.
    pub list: Vec<Exception>,
    /// Whether these are everybody's, and not only those that whoever looks asked for.
    pub of_all: bool,
    /// What stands in the form already.
    pub asked: Asked,
}

/// One exception.
#[derive(Debug, Clone, Default)]
pub struct Exception {
    /// Its number.
    pub id: i64,
    /// The rule of the policy that it is for.
    pub rule: Option<String>,
    /// The digest of the image or of the file that it is for.
    pub content: Option<String>,
    /// The repositories that it is for, as a pattern.
    pub repositories: Option<String>,
    /// The path that it is for.
    pub path: Option<String>,
    /// The gap that it is for.
    pub gap: Option<String>,
    /// Why it is accepted.
    pub reason: String,
    /// Who asked.
    pub asked_by: String,
    /// When.
    pub asked: Moment,
    /// Who agreed, where somebody had to and did.
    pub approved_by: Option<String>,
    /// Until when it holds.
    pub expires: Moment,
    /// Whether it holds.
    pub state: ExceptionState,
    /// Whether whoever looks may agree to it.
    pub may_approve: bool,
    /// Whether whoever looks may withdraw it.
    pub may_withdraw: bool,
}

/// Whether an exception holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExceptionState {
    /// A second person has to agree.
    #[default]
    Waiting,
    /// It holds.
    InForce,
    /// Its last day is over.
    Expired,
    /// Somebody took it back.
    Withdrawn,
}

impl ExceptionState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting for a second person",
            Self::InForce => "in force",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The class that gives it its colour.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Waiting => "medium",
            Self::InForce => "good",
            Self::Expired | Self::Withdrawn => "low",
        }
    }
}

/// The fields of the form that asks for an exception.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The rule of the policy.
    pub rule: String,
    /// The digest of an image or a file.
    pub content: String,
    /// A pattern of repositories.
    pub repositories: String,
    /// A path.
    pub path: String,
    /// A gap.
    pub gap: String,
    /// Why.
    pub reason: String,
    /// The last day, `2027-01-31`.
    pub expires: String,
}

/// Draws the exceptions.
pub fn exceptions(frame: &Frame, exceptions: &Exceptions) -> String {
    text::drawn(&Page { frame, here: Place::Exceptions, exceptions })
}

#[derive(askama::Template)]
#[template(path = "exceptions.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    exceptions: &'a Exceptions,
}
