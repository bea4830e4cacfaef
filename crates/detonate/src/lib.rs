//! Runs an image in the sandbox under a plan, and judges what it did.
//!
//! Comes in: an image's merged tree with its bytes, its configuration, a directory for scratch. Goes out: findings,
//! gaps, the records of all runs, the content that appeared in them, and a statement of what was not exercised.
//! Never: an image's file on the host's own tree; a belief in anything that the guest says of itself.
//!
//! [`detonate`] is the flow: stage the tree, plan the runs, run each, judge all.
#![forbid(unsafe_code)]

mod baits;
mod environment;
mod error;
mod image;
mod judge;
mod keystore;
mod merge;
mod persona;
mod plan;
mod run;
mod stage;
mod summary;
mod trust;
mod users;

pub use error::DetonateError;
pub use image::{Image, LayerBytes};
pub use judge::{Judged, replay};
pub use plan::{Planned, Settings};
pub use run::RunSummary;

pub use behavior::{Context, RunContext, detections};

use behavior::Outcome;
use events::Content;
use model::Gap;
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
}

impl Detonation {
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
    for planned in plan.runs {
        if settings.is_cancelled() {
            return Err(DetonateError::Cancelled);
        }
        if started.elapsed() >= settings.budget {
            not_exercised.push(format!("{}: the time for all runs was used up", planned.context.name));
            continue;
        }
        if judged.convicts() && !settings.thorough {
            not_exercised.push(format!("{}: an earlier run had convicted already", planned.context.name));
            continue;
        }
        settings.say(&format!("running {}", planned.context.name));
        let left = settings.budget.saturating_sub(started.elapsed());
        match run::run(image, &staged, &planned, settings, left) {
            Ok(done) => {
                gaps.extend(done.gaps.iter().cloned());
                judged.add(&done, &planned, image, settings);
                runs.push(done.summary);
            }
            Err(DetonateError::Sandbox(error)) if runs.is_empty() => {
                return Err(DetonateError::Sandbox(error));
            }
            Err(error) => {
                gaps.push(Gap::new(format!("run `{}`", planned.context.name), model::error_chain(&error)))
            }
        }
    }
    let mut outcome = judged.outcome();
    outcome.gaps.append(&mut gaps);
    let captured = judged.captured();
    let summary = summary::summary(judged.runs(), &runs, not_exercised);
    staged.remove()?;
    Ok(Detonation { outcome, runs, summary, captured, captures: settings.captures(), judged })
}
