//! Runs an image in the sandbox under a plan, and judges what it did.
//!
//! Comes in: an image's merged tree with its bytes, its configuration, a directory for scratch. Goes out: findings,
//! gaps, the records of all runs, the content that appeared in them, and a statement of what was not exercised.
//! Never: an image's file on the host's own tree; a belief in anything that the guest says of itself.
//!
//! [`detonate`] is the flow: stage the tree, plan the runs, run each, judge all.
#![forbid(unsafe_code)]

mod baits;
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
mod summary;
mod trust;
mod users;
mod visit;
mod wave;

pub use error::DetonateError;
pub use image::{Image, LayerBytes};
pub use judge::{Judged, replay};
pub use plan::{Planned, Settings};
pub use run::RunSummary;

pub use behavior::{Context, RunContext, detections};

use behavior::Outcome;
use events::Content;
use model::Gap;
use std::collections::BTreeMap;
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
    /// Content that appeared in the runs and lies in the directory of captures.
    pub captured: Vec<Content>,
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
    let started = Instant::now();
    let staged = stage::stage(image, settings)?;
    let plan = plan::plan(image, &staged, settings);
    let mut runs = Vec::new();
    let mut not_exercised = plan.not_exercised;
    let mut gaps: Vec<Gap> = staged.gaps.clone();
    let mut judged = Judged::default();
    let mut remains: Option<remains::Remains> = None;
    for wave in plan.waves {
        let convicted = judged.convicts() && !settings.thorough;
        let (wave, left_out): (Vec<Planned>, Vec<Planned>) =
            wave.into_iter().partition(|planned| !convicted && (!planned.again || remains.is_some()));
        not_exercised.extend(left_out.iter().map(|planned| {
            let why = if convicted {
                "an earlier run had convicted already"
            } else {
                "what the first start left could not be kept"
            };
            format!("{}: {why}", planned.context.name)
        }));
        let came = wave::at_once(image, &staged, &wave, settings, started, remains.as_ref());
        if settings.is_cancelled() {
            return Err(DetonateError::Cancelled);
        }
        for (planned, came) in wave.iter().zip(came) {
            let name = &planned.context.name;
            let mut done = match came {
                Some(Ok(done)) => done,
                Some(Err(DetonateError::Sandbox(error))) if runs.is_empty() => {
                    return Err(DetonateError::Sandbox(error));
                }
                Some(Err(error)) => {
                    gaps.push(Gap::new(format!("run `{name}`"), model::error_chain(&error)));
                    continue;
                }
                None => {
                    not_exercised.push(format!("{name}: the time for all runs was used up"));
                    continue;
                }
            };
            if let Some(left) = done.remains.take() {
                if !left.whole {
                    not_exercised
                        .push("what the first start had taken away was there again in the second".to_owned());
                }
                remains = Some(left);
            }
            gaps.append(&mut done.gaps);
            if let Err(error) = judged.add(&done, planned) {
                gaps.push(Gap::new(format!("run `{name}`"), model::error_chain(&error)));
            }
            runs.push(done.summary);
        }
        judged.judge(image, settings);
    }
    let mut outcome = judged.outcome();
    outcome.gaps.extend(gaps.iter().cloned());
    let captured = judged.captured();
    let summary = summary::summary(judged.runs(), &runs, not_exercised);
    if let Some(remains) = remains {
        remains.remove()?;
    }
    staged.remove()?;
    Ok(Detonation { outcome, runs, summary, captured, captures: settings.captures(), judged, gaps })
}
