//! Judges what was found by where it lies and what leads to it.

mod configuration;
mod files;
mod standing;

use super::PoolList;
use super::parse::command::{self, Command, Proof};
use super::parse::words;
use crate::{Fact, ImageView, Outcome};
use model::{Finding, Role};
use std::collections::BTreeMap;

/// Most findings of this analyzer; an image of more is not understood better by more.
const MAX_FINDINGS: usize = 256;

/// All that speaks of mining in the image.
pub(super) fn mining(image: &ImageView<'_>, pools: &PoolList, out: &mut Outcome) {
    let environment = environment(image);
    let mut findings = Vec::new();
    configuration::start(image, pools, &environment, &mut findings);
    configuration::variables(image, pools, &mut findings);
    configuration::history(image, pools, &mut findings);
    configuration::packages(image, &mut findings);
    files::files(image, pools, &environment, out, &mut findings);
    tuning_needs_more(out, &mut findings);
    // What counts most is kept.
    findings.sort_by_key(|finding| std::cmp::Reverse((finding.role, finding.severity)));
    findings.truncate(MAX_FINDINGS);
    out.findings.append(&mut findings);
}

type Environment<'a> = BTreeMap<&'a str, &'a str>;

fn environment<'a>(image: &ImageView<'a>) -> Environment<'a> {
    image.config.config.env.iter().filter_map(|variable| variable.split_once('=')).collect()
}

/// The commands of one line, with the environment put in, that may be a miner's.
fn commands_of(line: &str, environment: &Environment<'_>) -> Vec<Command> {
    let line = words::put_in(line, |name| environment.get(name).copied());
    let commands = words::commands(line.as_bytes());
    let read = commands.iter().map(|words| command::read(words));
    read.filter(|command| command.proof() > Proof::No || command.remote == 3).collect()
}

/// Databases and drivers set aside large pages too, so tuning counts only beside another sign of mining.
fn tuning_needs_more(out: &Outcome, findings: &mut [Finding]) {
    let counts = |finding: &Finding| {
        finding.id.starts_with("S-MIN-")
            && finding.id != super::detections::TUNE.id
            && finding.role > Role::Context
    };
    if out.findings.iter().any(counts) || findings.iter().any(counts) {
        return;
    }
    for finding in findings.iter_mut().filter(|finding| finding.id == super::detections::TUNE.id) {
        finding.role = Role::Context;
        finding.severity = model::Severity::Low;
    }
}

/// The commands that a script of the image runs, as far as script and environment determine them.
fn commands_of_script(
    image: &ImageView<'_>,
    place: layers::Place,
    environment: &Environment<'_>,
) -> Vec<Command> {
    use crate::analyzers::start::Piece;
    let mut commands = Vec::new();
    for fact in image.facts(place) {
        let Fact::Script(script) = fact else { continue };
        for run in &script.runs {
            let mut line = String::new();
            for word in &run.words {
                for piece in &word.0 {
                    match piece {
                        Piece::Text(text) => line.push_str(&String::from_utf8_lossy(text)),
                        Piece::Variable(name, default) => {
                            let name = String::from_utf8_lossy(name);
                            match (environment.get(name.as_ref()), default) {
                                (Some(value), _) => line.push_str(value),
                                (None, Some(default)) => line.push_str(&String::from_utf8_lossy(default)),
                                (None, None) => line.push('$'),
                            }
                        }
                        Piece::Directory | Piece::Arguments | Piece::Unknown | Piece::Output(_) => {
                            line.push('$')
                        }
                    }
                }
                line.push(' ');
            }
            let read = words::commands(line.as_bytes()).into_iter().map(|words| command::read(&words));
            let read = read.filter(|command| command.proof() > Proof::No || command.remote == 3);
            commands.extend(read.map(|command| Command { line: run.line, ..command }));
        }
    }
    commands
}
