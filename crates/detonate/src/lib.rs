//! Runs an image in the sandbox under a plan, and judges what it did.
//!
//! Comes in: an image's merged tree with its bytes, its configuration, a directory for scratch. Goes out: findings,
//! gaps, the records of all runs, the content that appeared in them, and a statement of what was not exercised.
//! Never: an image's file on the host's own tree; a belief in anything that the guest says of itself.
//!
//! [`detonate`] is the flow: stage the tree, plan the runs, run each, judge all.
#![forbid(unsafe_code)]

mod baits;
mod captured;
mod decoys;
mod environment;
mod error;
mod image;
mod judge;
mod keystore;
mod merge;
mod novelty;
mod persona;
mod plan;
mod remains;
mod run;
mod stage;
mod stages;
mod summary;
mod timeline;
mod trust;
mod users;
mod visit;
mod wave;

pub use captured::Capture;
pub use error::DetonateError;
pub use image::{Image, LayerBytes};
pub use judge::{Judged, replay};
pub use plan::{Planned, Settings};
pub use run::RunSummary;
pub use timeline::{MOST_EVENTS, timeline};

pub use behavior::{Context, Deeds, Record, RunContext, base_name, deeds, detections};
pub use events::Content;
pub use sandbox::Engine;

use behavior::Outcome;
use model::Gap;
use remains::Remains;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Instant;

/// What came of it.
#[derive(Debug)]
pub struct Detonation {
    /// What the runs showed.
    pub outcome: Outcome,
    /// Each run that took place, with where its record lies.
    pub runs: Vec<RunSummary>,
    /// The same as a report shows it, with what was not run or not reached.
    pub summary: model::Detonation,
    /// Content that appeared in the runs and lies in the directory of captures; what ran comes first.
    pub captured: Vec<Capture>,
    /// The directory of captures.
    pub captures: PathBuf,
    judged: Judged,
    gaps: Vec<Gap>,
}

impl Detonation {
    /// Judges the runs again once the captures were scanned: `found` names for each content that convicts at rest the
    /// detection that does.
    pub fn condemn(&mut self, found: &BTreeMap<[u8; 32], String>) {
        self.judged.condemn(found);
        self.outcome = self.judged.outcome();
        self.outcome.gaps.extend(self.gaps.iter().cloned());
    }

    /// The runs that were judged, in order.
    pub fn records(&self) -> &[(RunContext, Record)] {
        self.judged.runs()
    }

    /// What the runs were judged with: what is known of each, in order, and of the image.
    pub fn basis(&self) -> (impl Iterator<Item = &RunContext>, &Context) {
        self.judged.basis()
    }
}

/// Detonates an image.
///
/// # Errors
/// When nothing can be run at all: the sandbox cannot be made, or the tree cannot be written. What goes wrong in a
/// single run is a gap.
pub fn detonate(image: &Image<'_>, settings: &Settings) -> Result<Detonation, DetonateError> {
    let staged = stage::stage(image, settings)?;
    let plan = plan::plan(image, &staged, settings);
    let mut course = Course {
        image,
        staged: &staged,
        settings,
        started: Instant::now(),
        runs: Vec::new(),
        judged: Judged::default(),
        gaps: staged.gaps.clone(),
        not_exercised: plan.not_exercised,
    };
    let mut remains = None;
    for wave in plan.waves {
        remains = course.take(wave, remains.as_ref())?.pop().or(remains);
    }
    let left = remains.map(|remains| course.follow(remains, &plan.further)).transpose()?;
    let Course { runs, judged, gaps, not_exercised, .. } = course;
    let mut outcome = judged.outcome();
    outcome.gaps.extend(gaps.iter().cloned());
    let captured = captured::captured(judged.runs());
    let summary = summary::summary(judged.runs(), &runs, settings.engine.name(), not_exercised);
    for remains in left.into_iter().flatten() {
        remains.remove()?;
    }
    staged.remove()?;
    Ok(Detonation { outcome, runs, summary, captured, captures: settings.captures(), judged, gaps })
}

/// The runs, as they take place: one wave after the other.
struct Course<'a> {
    image: &'a Image<'a>,
    staged: &'a stage::Staged,
    settings: &'a Settings,
    started: Instant,
    runs: Vec<RunSummary>,
    judged: Judged,
    gaps: Vec<Gap>,
    not_exercised: Vec<String>,
}

impl Course<'_> {
    /// Runs a wave of the plan, as far as there is time and nothing has convicted yet, and judges all runs so far.
    /// Gives what those left that are to be followed.
    fn take(&mut self, wave: Vec<Planned>, before: Option<&Remains>) -> Result<Vec<Remains>, DetonateError> {
        let convicted = self.judged.convicts() && !self.settings.thorough;
        let (wave, left_out): (Vec<Planned>, Vec<Planned>) =
            wave.into_iter().partition(|planned| !convicted && (!planned.again || before.is_some()));
        let why = if convicted {
            "an earlier run had convicted already"
        } else {
            "what the first start left could not be kept"
        };
        self.not_exercised.extend(left_out.iter().map(|planned| format!("{}: {why}", planned.context.name)));
        let came = wave::at_once(self.image, self.staged, &wave, self.settings, self.started, before);
        if self.settings.is_cancelled() {
            return Err(DetonateError::Cancelled);
        }
        let mut left = Vec::new();
        for (planned, came) in wave.iter().zip(came) {
            match came {
                Some(Ok(done)) => left.extend(self.add(planned, done)),
                Some(Err(DetonateError::Sandbox(error))) if self.runs.is_empty() => {
                    return Err(DetonateError::Sandbox(error));
                }
                Some(Err(error)) => self.gaps.push(gap(planned, &error)),
                None => self
                    .not_exercised
                    .push(format!("{}: the time for all runs was used up", planned.context.name)),
            }
        }
        self.judged.judge(self.image, self.settings);
        Ok(left)
    }

    fn add(&mut self, planned: &Planned, mut done: run::Done) -> Option<Remains> {
        let name = &planned.context.name;
        let remains = done.remains.take();
        if remains.as_ref().is_some_and(|remains| !remains.whole) {
            self.not_exercised
                .push(format!("what {name} had taken away was there again in what followed it"));
        }
        self.gaps.append(&mut done.gaps);
        if let Err(error) = self.judged.add(&done, planned) {
            self.gaps.push(gap(planned, &error));
        }
        self.runs.push(done.summary);
        remains
    }

    /// Runs what was left and not run, and what that leaves in turn. Gives all that is to be taken away.
    fn follow(&mut self, first: Remains, further: &Planned) -> Result<Vec<Remains>, DetonateError> {
        let (mut over, mut now) = (Vec::new(), vec![first]);
        let mut started = BTreeSet::new();
        for depth in 0..stages::DEPTH {
            let mut next = Vec::new();
            for remains in &now {
                let captures = self.settings.captures();
                let (mut runs, left) =
                    stages::stages(self.image, self.judged.runs(), remains, &captures, further, depth);
                self.not_exercised.extend(left);
                runs.retain(|planned| started.insert(planned.argv.clone()));
                next.extend(self.take(runs, Some(remains))?);
            }
            over.extend(std::mem::replace(&mut now, next));
        }
        over.extend(now);
        Ok(over)
    }
}

fn gap(planned: &Planned, error: &DetonateError) -> Gap {
    Gap::new(format!("run `{}`", planned.context.name), model::error_chain(error))
}
