use crate::frame::{Frame, Place};
use crate::{paths, text};

/// Where one says who one is.
#[derive(Debug, Clone, Default)]
pub struct Login {
    /// The name that was typed before, where this is another attempt.
    pub name: String,
    /// What the identity provider is called, where one is configured.
    pub provider: Option<String>,
    /// The page that is shown afterwards: a path below `/console` that the caller has checked; empty for the queue.
    pub next: String,
    /// Why the last attempt failed.
    pub message: Option<String>,
}

/// Draws the page where one logs in.
pub fn login(frame: &Frame, login: &Login) -> String {
    text::drawn(&Page { frame, here: Place::Elsewhere, login })
}

#[derive(askama::Template)]
#[template(path = "login.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    login: &'a Login,
}
