use crate::frame::{Frame, Place};
use crate::{State, paths, text};
use model::Verdict;

/// What was looked for, and what holds it.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// What was typed; empty where nothing was looked for yet.
    pub query: String,
    /// What was found, best first, of this page.
    pub hits: Vec<Hit>,
    /// How many hits the pages before have.
    pub from: usize,
    /// Whether there is more than is shown.
    pub is_cut: bool,
    /// With how many hits behind it the next page begins; none where this is the last that is shown.
    pub next: Option<usize>,
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

impl Search {
    /// How much was found, as a heading.
    fn amount(&self) -> String {
        let more = if self.is_cut { " and more" } else { "" };
        match self.from {
            0 => format!("{}{more}", text::amount(&self.hits, "image")),
            _ if self.hits.is_empty() => "No more images".to_owned(),
            from => format!("Images {} to {}{more}", from + 1, from + self.hits.len()),
        }
    }
}

/// Draws the search.
pub fn search(frame: &Frame, search: &Search) -> String {
    let first = (search.from > 0).then(|| paths::search(&search.query));
    let next = search.next.map(|from| paths::search_from(&search.query, from));
    text::drawn(&Page { frame, here: Place::Search, search, first, next })
}

#[derive(askama::Template)]
#[template(path = "search.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    search: &'a Search,
    first: Option<String>,
    next: Option<String>,
}
