use crate::frame::{Frame, Place};
use crate::text;

/// Something that could not be done or shown.
#[derive(Debug, Clone, Default)]
pub struct Problem {
    /// The status of the answer: 404.
    pub status: u16,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What to do about it, in a sentence; empty where nothing helps.
    pub advice: String,
}

/// Draws the page that stands for one that cannot be shown.
pub fn problem(frame: &Frame, problem: &Problem) -> String {
    let heading = match problem.status {
        400 | 422 => "That cannot be meant so",
        401 => "Log in first",
        403 => "Not allowed",
        404 => "There is no such page",
        409 => "That is not possible now",
        429 => "Too many attempts",
        _ => "Something went wrong",
    };
    text::drawn(&Page { frame, here: Place::Elsewhere, heading, problem })
}

#[derive(askama::Template)]
#[template(path = "problem.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    heading: &'static str,
    problem: &'a Problem,
}
