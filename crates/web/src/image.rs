use crate::frame::{Frame, Place};
use crate::queue::{BUSY, Work};
use crate::{Moment, State, paths, text};
use model::{Report, Verdict};
use report::Catalogue;

/// One image: how it stands, what is known of it, and what may be done.
#[derive(Debug, Clone)]
pub struct Image {
    /// Its repository.
    pub repository: String,
    /// Its digest, whole.
    pub digest: String,
    /// The tags that point to it.
    pub tags: Vec<String>,
    /// How it stands.
    pub state: State,
    /// The verdict that it was decided by.
    pub verdict: Option<Verdict>,
    /// The rule of the policy that decided; empty where none did.
    pub rule: String,
    /// What the rule says, in words that a developer understands; empty where none decided.
    pub message: String,
    /// Who decided: `policy`, or a person; empty where nobody did.
    pub decided_by: String,
    /// When.
    pub decided: Option<Moment>,
    /// When it came.
    pub first_seen: Moment,
    /// Who pushed it, or the upstream that it was pulled through from.
    pub came_by: String,
    /// `docker pull …`, where it may be pulled.
    pub pull: Option<String>,
    /// What is being done with it now, if anything is.
    pub work: Option<Work>,
    /// Whether it is proven harmful, so that no approval releases it.
    pub barred: bool,
    /// The report that it was decided by.
    pub report: Option<Report>,
    /// Signatures and attestations that lie beside it.
    pub companions: Vec<Companion>,
    /// Who approved it.
    pub approvals: Vec<Approval>,
    /// How many approvals release what is held.
    pub approvals_needed: usize,
    /// What was decided of it, newest first.
    pub history: Vec<Decision>,
    /// Other images of the repository, which it can be compared with.
    pub others: Vec<Other>,
    /// Whether whoever looks may decide: without, the page has no form but the one for an exception.
    pub may_decide: bool,
    /// Why an approval would change nothing, where it would not: it is told instead of the form.
    pub not_to_approve: Option<String>,
}

/// Something that was signed about an image, or beside it.
#[derive(Debug, Clone, Default)]
pub struct Companion {
    /// What it is: `signature`, `attestation: scan report`.
    pub kind: String,
    /// Its digest, whole.
    pub digest: String,
    /// Its size in bytes.
    pub size: u64,
    /// Who put it there: `this gate`, a name.
    pub by: String,
}

/// A person's word for a held image.
#[derive(Debug, Clone, Default)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub time: Moment,
    /// Whether it counts for what is known of the image now.
    pub counts: bool,
}

/// One line of the history.
#[derive(Debug, Clone, Default)]
pub struct Decision {
    /// When.
    pub time: Moment,
    /// What: `released`, `denied`, `approved`.
    pub what: String,
    /// Who: `policy`, or a person.
    pub by: String,
    /// The rule; empty where none said it.
    pub rule: String,
    /// What was said.
    pub message: String,
    /// The number of the entry in the journal, where it has one and whoever looks may see it.
    pub entry: Option<i64>,
}

impl Decision {
    /// The address and the number of its entry in the journal.
    fn link(&self) -> Option<(String, i64)> {
        self.entry.map(|entry| (paths::journal(entry.saturating_sub(1)), entry))
    }
}

/// Another image of the same repository.
#[derive(Debug, Clone, Default)]
pub struct Other {
    /// Its digest, whole.
    pub digest: String,
    /// The tags that point to it.
    pub tags: Vec<String>,
}

/// Draws the page of an image; its report with the words of the catalogue.
pub fn image(frame: &Frame, image: &Image, catalogue: Catalogue<'_>) -> String {
    let sections = image.report.as_ref().map(|report| report::html_sections(report, catalogue));
    let gaps = gaps(image.report.as_ref());
    let standing = Standing::of(image);
    text::drawn(&Page { frame, here: Place::Queue, image, standing, sections, gaps })
}

/// Draws how the image stands alone: the element that [`image`] has, which replaces itself by this while the image is worked
/// on. It needs no report in `image`.
pub fn image_standing(image: &Image) -> String {
    text::drawn(&Standing::of(image))
}

#[derive(askama::Template)]
#[template(path = "image.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    image: &'a Image,
    standing: Standing<'a>,
    /// Drawn and escaped by `report`.
    sections: Option<String>,
    /// What was not looked at, for the form that asks for an exception.
    gaps: Vec<&'a str>,
}

#[derive(askama::Template)]
#[template(path = "image_standing.html")]
struct Standing<'a> {
    image: &'a Image,
    refresh: Option<String>,
    advice: &'static str,
    /// Approvals that count for what is known now.
    approvals: usize,
    every: u32,
}

impl<'a> Standing<'a> {
    fn of(image: &'a Image) -> Self {
        let refresh = image.work.is_some().then(|| paths::image_standing(&image.repository, &image.digest));
        let approvals = image.approvals.iter().filter(|approval| approval.counts).count();
        Self { image, refresh, advice: advice(image), approvals, every: BUSY }
    }
}

/// What somebody does now who wants to use the image.
fn advice(image: &Image) -> &'static str {
    match image.state {
        State::Released => "It may be pulled, by its digest best of all: a tag can point elsewhere tomorrow.",
        State::Quarantined if image.work.is_some() => {
            "Nothing. It is looked at now; pull it again when that is done."
        }
        State::Quarantined if image.verdict.is_none() => "Nothing. It waits to be looked at.",
        State::Quarantined if image.barred => {
            "Do not use it. What was found is proven harmful, and no approval releases it."
        }
        State::Quarantined if image.may_decide => {
            "It waits for a person. Read below what speaks against it, then approve it or deny it."
        }
        State::Quarantined => {
            "It waits for an administrator. Read below what speaks against it; tell them what explains that, or ask for an exception."
        }
        State::Denied if image.barred => {
            "Do not use it. Remove it wherever it was pulled before, and look for what else came from its publisher."
        }
        State::Denied => {
            "Use another version. Where this one is needed, ask for an exception and say who bears the risk."
        }
        State::Revoked => "Stop what runs from it, and use another version.",
    }
}

/// The names of gaps in the order of the report, each once: the policy asks for an exception for each of them.
fn gaps(report: Option<&Report>) -> Vec<&str> {
    const MOST: usize = 100;
    let mut names: Vec<&str> = Vec::new();
    for gap in report.iter().flat_map(|report| &report.gaps) {
        if names.len() < MOST && !names.contains(&gap.what.as_str()) {
            names.push(&gap.what);
        }
    }
    names
}
