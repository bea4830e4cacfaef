use crate::frame::{Frame, Place};
use crate::{Moment, State, paths, text};
use model::{Verdict, thousands};

/// Images by state.
#[derive(Debug, Clone, Default)]
pub struct Queue {
    /// The state that is shown; none for all.
    pub state: Option<State>,
    /// The repository that is shown; empty for all.
    pub repository: String,
    /// How many images there are in each state, all repositories together.
    pub counts: Counts,
    /// The images, in the order of the store; a page has 100 of them.
    pub rows: Vec<Row>,
    /// The place at which this page begins, as its address has it; empty for the first.
    pub last: String,
    /// The place at which the next page begins, `REPOSITORY@DIGEST`; none where this is the last.
    pub next: Option<String>,
}

/// Images by state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Not decided, or held.
    pub quarantined: u64,
    /// May be pulled.
    pub released: u64,
    /// Refused.
    pub denied: u64,
    /// Released once.
    pub revoked: u64,
}

impl Counts {
    /// Of one state.
    pub fn of(&self, state: State) -> u64 {
        match state {
            State::Quarantined => self.quarantined,
            State::Released => self.released,
            State::Denied => self.denied,
            State::Revoked => self.revoked,
        }
    }

    /// Of all states.
    pub fn all(&self) -> u64 {
        State::ALL.iter().fold(0, |sum: u64, state| sum.saturating_add(self.of(*state)))
    }
}

/// One image of the queue.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its repository.
    pub repository: String,
    /// Its digest, whole.
    pub digest: String,
    /// The tags that point to it.
    pub tags: Vec<String>,
    /// How it stands.
    pub state: State,
    /// The verdict, where it was judged.
    pub verdict: Option<Verdict>,
    /// The rule of the policy that decided; empty where none did.
    pub rule: String,
    /// What the rule says; empty where none decided.
    pub message: String,
    /// When it came.
    pub first_seen: Moment,
    /// What is being done with it now, if anything is.
    pub work: Option<Work>,
}

/// What is being done with an image.
#[derive(Debug, Clone, Default)]
pub struct Work {
    /// In a few words: `queued`, `fetching`, `reading`, `running`.
    pub doing: String,
    /// How much of it is done, from 0 to 100, where that is known.
    pub percent: Option<u8>,
}

/// Draws the queue.
pub fn queue(frame: &Frame, queue: &Queue) -> String {
    let tab = |state: Option<State>, name, count| Tab {
        name,
        path: paths::queue(state, &queue.repository, ""),
        count: thousands(count),
        is_current: state == queue.state,
    };
    let mut tabs: Vec<Tab> =
        State::ALL.map(|state| tab(Some(state), state.name(), queue.counts.of(state))).into();
    tabs.push(tab(None, "all", queue.counts.all()));
    let next = queue.next.as_deref().map(|next| paths::queue(queue.state, &queue.repository, next));
    let first = (!queue.last.is_empty()).then(|| paths::queue(queue.state, &queue.repository, ""));
    let everywhere = paths::queue(queue.state, "", "");
    text::drawn(&Page {
        frame,
        here: Place::Queue,
        queue,
        tabs,
        rows: Rows::of(queue),
        next,
        first,
        everywhere,
    })
}

/// Draws the rows of the queue alone: the element `tbody` that [`queue`] has, which replaces itself by this.
pub fn queue_rows(queue: &Queue) -> String {
    text::drawn(&Rows::of(queue))
}

#[derive(askama::Template)]
#[template(path = "queue.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    queue: &'a Queue,
    tabs: Vec<Tab>,
    rows: Rows<'a>,
    next: Option<String>,
    first: Option<String>,
    /// The same state in all repositories.
    everywhere: String,
}

struct Tab {
    name: &'static str,
    path: String,
    count: String,
    is_current: bool,
}

#[derive(askama::Template)]
#[template(path = "queue_rows.html")]
struct Rows<'a> {
    queue: &'a Queue,
    refresh: String,
    every: u32,
}

impl<'a> Rows<'a> {
    fn of(queue: &'a Queue) -> Self {
        let refresh = paths::queue_rows(queue.state, &queue.repository, &queue.last);
        let every = if queue.rows.iter().any(|row| row.work.is_some()) { BUSY } else { IDLE };
        Self { queue, refresh, every }
    }
}

/// Milliseconds between two looks, while something is worked on and otherwise.
pub(crate) const BUSY: u32 = 2_000;
const IDLE: u32 = 15_000;
