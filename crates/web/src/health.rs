use crate::frame::{Frame, Place};
use crate::moment::length;
use crate::{Counts, Moment, State, paths, text};
use model::thousands;

/// How the server is.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// Its version.
    pub version: String,
    /// Digest over the analyzers and rules that it judges with.
    pub rules: String,
    /// Digest of the policy.
    pub policy: String,
    /// Feeds that were imported, `name@digest`.
    pub feeds: Vec<String>,
    /// For how many seconds it runs.
    pub uptime: u64,
    /// Whether each part of it works.
    pub checks: Vec<Check>,
    /// Images by state.
    pub counts: Counts,
    /// Jobs that are open, by kind.
    pub jobs: Vec<Jobs>,
    /// Where it keeps what it keeps.
    pub disks: Vec<Disk>,
    /// What is done from time to time.
    pub upkeep: Vec<Upkeep>,
}

/// One part of the server.
#[derive(Debug, Clone, Default)]
pub struct Check {
    /// Its name: `store`, `workers`.
    pub name: String,
    /// Whether it works.
    pub works: bool,
    /// What there is to say; empty where nothing is.
    pub message: String,
}

/// Open jobs of one kind.
#[derive(Debug, Clone, Default)]
pub struct Jobs {
    /// The kind.
    pub kind: String,
    /// How many wait.
    pub waiting: u64,
    /// How many are being done.
    pub running: u64,
}

/// A place that fills up.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    /// What lies there: `blobs`, `cache`.
    pub what: String,
    /// Bytes that it takes.
    pub used: u64,
    /// Bytes that are free there, where that is known.
    pub free: Option<u64>,
}

/// Something that is done from time to time.
#[derive(Debug, Clone, Default)]
pub struct Upkeep {
    /// What: `collect garbage`.
    pub what: String,
    /// When it was done last; none where it was not since the start.
    pub last: Option<Moment>,
    /// What came of it.
    pub result: String,
}

/// Draws the state of the server.
pub fn health(frame: &Frame, health: &Health) -> String {
    let states = State::ALL
        .map(|state| (state.name(), paths::queue(Some(state), "", ""), thousands(health.counts.of(state))));
    let (uptime, images) = (length(health.uptime), thousands(health.counts.all()));
    text::drawn(&Page { frame, here: Place::Health, health, uptime, images, states })
}

#[derive(askama::Template)]
#[template(path = "health.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    health: &'a Health,
    uptime: String,
    images: String,
    /// Names, addresses and counts.
    states: [(&'static str, String, String); 4],
}
