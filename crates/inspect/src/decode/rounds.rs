use super::bytes::Bytes;
use super::gate::Hints;
use super::value::{Data, Found};
use super::{
    Budget, Decoded, Limit, MAX_ROUNDS, MAX_STAGES, MIN_RUN, MIN_STORED, Runner, Stage, Step, StepKind,
    expression, gate, language, loose, payload, shell,
};
use crate::signs::Signs;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher as _, RandomState};

/// Longest text that is read as another language where nothing is found in the one that it seems to be.
const MISTAKEN: usize = 1 << 20;

/// Decodes whatever a text has to decode, and what that has to decode, until nothing is left.
///
/// What is run is followed first. What only lies there comes after it, unless it has turned up meanwhile: a
/// payload that is found both by the code around it and by its looks would else double with every round.
pub fn stages(text: &[u8]) -> Decoded {
    stages_of(text, &Signs::of(text))
}

/// The same of a text whose signs are known.
pub(crate) fn stages_of(text: &[u8], signs: &Signs) -> Decoded {
    let mut work = Work {
        decoded: Decoded::default(),
        budget: Budget::new(),
        waiting: VecDeque::new(),
        seen: HashSet::new(),
        hasher: RandomState::new(),
    };
    let hints = gate::hints_of(text, signs);
    if !hints.any() || (!hints.needs_no_payload() && !payload::could_be_in(text)) {
        return work.decoded;
    }
    let is_library = || matches!(language::language(text), None | Some(Runner::JavaScript));
    let first = if hints.runs_something() || !is_library() {
        round(text, hints, None, false, &mut work.budget)
    } else {
        // Prose, data and code for browsers that neither runs nor writes what it decodes: half of all text there is.
        // What it holds is worth a look where it is a script, a program or an archive.
        let mut found = Vec::new();
        if hints.magic {
            loose::magic(text, &mut work.budget, &mut found);
        }
        merge(text, found, &mut work.budget)
    };
    work.keep(text, (0, 0), first);
    let mut done = 0;
    loop {
        let Some((stage, depth)) = work.decoded.stages.get(done).map(|stage| (stage, stage.depth())) else {
            match work.waiting.pop_front() {
                Some(stage) => work.push(stage),
                None => break,
            }
            continue;
        };
        done += 1;
        let hints = gate::hints(&stage.bytes);
        if !hints.any() {
            continue;
        }
        let bytes = stage.bytes.clone();
        let marshal = stage.steps.last().is_some_and(|step| step.kind == StepKind::Marshal);
        let found = round(&bytes, hints, stage.runner, marshal, &mut work.budget);
        work.keep(&bytes, (u16::try_from(done).unwrap_or(u16::MAX), depth), found);
    }
    work.decoded.limits = work.budget.limits.into_iter().collect();
    work.decoded
}

/// What one text has to decode; of what says the same, the one that is run.
fn round<'t>(
    text: &'t [u8],
    hints: Hints,
    runner: Option<Runner>,
    marshal: bool,
    budget: &mut Budget,
) -> Vec<Found<'t>> {
    let language =
        language::language(text).filter(|_| runner.is_none() || text.starts_with(b"#!")).or(runner);
    let mut found = Vec::new();
    let says_all = || !hints.characters && language::is_json(text);
    if language != Some(Runner::Shell) && hints.concerns_expressions() && !says_all() {
        found.extend(expression::read(text, language, budget));
    }
    if language == Some(Runner::Shell) || language.is_none() && hints.concerns_commands() {
        let shell = shell::read(text, budget);
        // In what is not known to be a script, commands without a payload are sentences.
        found.extend(shell.into_iter().filter(|found| found.data.known || language.is_some()));
    }
    // A comment is enough to make a language look like another one.
    if found.is_empty() && text.len() <= MISTAKEN {
        match language {
            Some(Runner::Shell) => found.extend(expression::read(text, None, budget)),
            Some(Runner::JavaScript) if language::may_be_python(text) => {
                found.extend(expression::read(text, Some(Runner::Python), budget))
            }
            _ => {}
        }
    }
    if hints.magic {
        loose::magic(text, budget, &mut found);
    }
    if marshal {
        loose::constants(text, budget, &mut found);
    }
    merge(text, found, budget)
}

fn merge<'t>(text: &'t [u8], found: Vec<Found<'t>>, budget: &mut Budget) -> Vec<Found<'t>> {
    let mut kept: Vec<Found<'t>> = Vec::new();
    let mut by_bytes: HashMap<Bytes<'t>, usize> = HashMap::new();
    for Found { data, runner } in found {
        let data = if runner.is_none() { loose::opened(data, budget) } else { data };
        if !is_worth(text, &data, runner) {
            continue;
        }
        match by_bytes.get(&data.bytes).and_then(|&at| kept.get_mut(at)) {
            Some(same) if same.runner.is_none() && runner.is_some() => *same = Found { data, runner },
            Some(_) => {}
            None => {
                by_bytes.insert(data.bytes.clone(), kept.len());
                kept.push(Found { data, runner });
            }
        }
    }
    // What is only a step on the way to another one says nothing more.
    let ways: HashMap<(usize, usize), u32> =
        kept.iter().flat_map(|found| prefixes(&found.data)).fold(HashMap::new(), |mut ways, key| {
            *ways.entry(key).or_default() += 1;
            ways
        });
    kept.retain(|found| {
        let len = found.data.bytes.len();
        found.runner.is_some() || !ways.contains_key(&(found.data.at, len))
    });
    kept.sort_by_key(|found| found.data.at);
    kept
}

/// Where and how long the data was before each step but the first.
fn prefixes<'d>(data: &'d Data<'_>) -> impl Iterator<Item = (usize, usize)> + 'd {
    data.steps.iter().skip(1).map(|step| (data.at, step.bytes_in as usize))
}

/// Whether something decoded is worth to be looked at. What is run always is; the rest where an encoding held it,
/// and where it is something at all: keys, images and tables of characters are encoded everywhere.
fn is_worth(text: &[u8], data: &Data<'_>, runner: Option<Runner>) -> bool {
    let Some(first) = data.steps.first() else { return false };
    if !data.known {
        return runner.is_some() && data.steps.iter().any(|step| step.kind.is_encoding());
    }
    if data.bytes.is_empty() || data.bytes.as_slice() == text {
        return false;
    }
    let weak = data.steps.iter().all(|step| step.kind.is_weak());
    match runner {
        Some(Runner::Shell) if data.steps.iter().all(|step| step.kind == StepKind::Text) => {
            gate::hints(&data.bytes).any()
        }
        Some(_) => first.bytes_in as usize >= MIN_RUN,
        None => {
            first.bytes_in as usize >= MIN_STORED
                && loose::is_content(&data.bytes)
                && (!weak || loose::is_code(&data.bytes))
        }
    }
}

struct Work {
    decoded: Decoded,
    budget: Budget,
    /// What is not run, until all that is run has been followed.
    waiting: VecDeque<Stage>,
    /// Hashes of what is kept.
    seen: HashSet<u64>,
    hasher: RandomState,
}

impl Work {
    fn keep(&mut self, text: &[u8], (parent, depth): (u16, u8), found: Vec<Found<'_>>) {
        if found.is_empty() {
            return;
        }
        if depth >= MAX_ROUNDS {
            return self.budget.note(Limit::Rounds);
        }
        let inherited = self.decoded.stages.get((parent as usize).wrapping_sub(1)).map(|stage| stage.line);
        let (mut line, mut counted) = (1, 0);
        for Found { data, runner } in found {
            let at = data.at.min(text.len()).max(counted);
            line += memchr::memchr_iter(b'\n', text.get(counted..at).unwrap_or_default()).count();
            counted = at;
            let stage = Stage {
                parent,
                line: inherited.unwrap_or(u32::try_from(line).unwrap_or(u32::MAX)),
                steps: data.steps.iter().map(|step| Step { round: depth + 1, ..*step }).collect(),
                runner,
                bytes: data.bytes.into_vec(),
            };
            if runner.is_some() {
                self.push(stage);
            } else if self.waiting.len() < MAX_STAGES {
                self.waiting.push_back(stage);
            } else {
                self.budget.note(Limit::Stages);
            }
        }
    }

    fn push(&mut self, stage: Stage) {
        // What is not known is told by its steps alone.
        if !stage.bytes.is_empty() && !self.seen.insert(self.hasher.hash_one(&stage.bytes)) {
            return;
        }
        if self.decoded.stages.len() >= MAX_STAGES {
            return self.budget.note(Limit::Stages);
        }
        match self.budget.bytes.checked_sub(stage.bytes.len()) {
            Some(left) => {
                self.budget.bytes = left;
                self.decoded.stages.push(stage);
            }
            None => self.budget.note(Limit::Bytes),
        }
    }
}

impl Stage {
    fn depth(&self) -> u8 {
        self.steps.first().map_or(0, |step| step.round)
    }
}
