use crate::frame::{Frame, Place};
use crate::{State, paths, text};
use model::Verdict;

/// What was looked for, and what holds it.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// What was typed; empty where nothing was looked for yet.
    pub query: String,
    /// What was found, best first.
    pub hits: Vec<Hit>,
    /// Whether there is more than is shown.
    pub is_cut: bool,
}

/// One image that matched.
#[derive(Debug, Clone)]
pub struct Hit {
    /// Its repository.
    pub repository: String,
    /// Its digest, whole.
    pub digest: String,
    /// How it stands.
    pub state: State,
    /// The verdict, where it was judged.
    pub verdict: Option<Verdict>,
    /// What matched: `digest`, `sha256 of a file`, `wallet`, `domain`, `finding`, `repository`.
    pub what: String,
    /// Where it matched, as text: a path, a line of evidence, the id of the finding.
    pub place: String,
}

/// Draws the search.
pub fn search(frame: &Frame, search: &Search) -> String {
    text::drawn(&Page { frame, here: Place::Search, search })
}

#[derive(askama::Template)]
#[template(path = "search.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    search: &'a Search,
}
