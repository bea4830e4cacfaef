use model::{Detonation, FlowLine, ProcessLine};
use std::collections::BTreeMap;

/// Runs that people are shown in full: the first, which starts the image as configured, and those that spoke to
/// somebody. The others are named.
pub(crate) fn shown(detonation: &Detonation) -> Vec<usize> {
    (0..detonation.runs.len())
        .filter(|&run| run == 0 || detonation.network.iter().any(|flow| flow.run == run))
        .take(MOST_RUNS)
        .collect()
}

const MOST_RUNS: usize = 4;

/// The processes of a run as a tree, each with its depth, parents first. A parent that is not told of puts its child
/// at the root.
pub(crate) fn tree(detonation: &Detonation, run: usize) -> Vec<(usize, &ProcessLine)> {
    let mut depths: BTreeMap<u32, usize> = BTreeMap::new();
    let mut children: BTreeMap<u32, Vec<&ProcessLine>> = BTreeMap::new();
    let mut roots = Vec::new();
    for process in detonation.processes.iter().filter(|process| process.run == run) {
        // A parent is born before its child, so no circle can come about.
        match depths.get(&process.parent).copied() {
            Some(depth) => {
                depths.insert(process.number, depth + 1);
                children.entry(process.parent).or_default().push(process);
            }
            None => {
                depths.insert(process.number, 0);
                roots.push(process);
            }
        }
    }
    let mut lines = Vec::new();
    let mut open: Vec<&ProcessLine> = roots.into_iter().rev().collect();
    while let Some(process) = open.pop() {
        lines.push((depths.get(&process.number).copied().unwrap_or(0), process));
        open.extend(children.remove(&process.number).unwrap_or_default().into_iter().rev());
    }
    lines
}

/// The connections of a run.
pub(crate) fn flows(detonation: &Detonation, run: usize) -> Vec<&FlowLine> {
    detonation.network.iter().filter(|flow| flow.run == run).collect()
}

/// The name of the program that opened a connection, where that is known.
pub(crate) fn program<'a>(detonation: &'a Detonation, flow: &FlowLine) -> Option<&'a str> {
    let opens = |process: &&ProcessLine| process.run == flow.run && Some(process.number) == flow.process;
    let process = detonation.processes.iter().find(opens)?;
    process.command.split_whitespace().next()?.rsplit('/').next().filter(|name| !name.is_empty())
}

/// A time since the run began, as people read it.
pub(crate) fn time(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..60 => format!("{seconds}.{:01} s", milliseconds % 1000 / 100),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {:02} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// One run in a sentence.
pub(crate) fn sentence(run: &model::RunLine) -> String {
    let skipped = match run.skipped_seconds {
        0 => String::new(),
        seconds => format!(", {} of waiting skipped", time(seconds.saturating_mul(1000))),
    };
    format!("{} events in {}{skipped}; {}", model::thousands(run.events), time(run.milliseconds), run.ended)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(number: u32, parent: u32) -> ProcessLine {
        ProcessLine {
            run: 0,
            number,
            parent,
            milliseconds: 0,
            command: String::new(),
            origin: "image".into(),
        }
    }

    #[test]
    fn parents_come_first_and_strays_are_roots() {
        let processes = [(1, 0), (2, 1), (3, 1), (4, 2), (6, 5), (5, 5)].map(|(own, of)| process(own, of));
        let detonation = Detonation { processes: processes.to_vec(), ..Detonation::default() };
        let told: Vec<(usize, u32)> =
            tree(&detonation, 0).into_iter().map(|(depth, process)| (depth, process.number)).collect();
        assert_eq!(told, [(0, 1), (1, 2), (2, 4), (1, 3), (0, 6), (0, 5)]);
    }

    #[test]
    fn times_are_read_by_people() {
        for (milliseconds, told) in [
            (0, "0.0 s"),
            (1_250, "1.2 s"),
            (61_000, "1 min 01 s"),
            (21_600_000, "6 h 00 min"),
            (90_000_000, "1 d 01 h"),
        ] {
            assert_eq!(time(milliseconds), told);
        }
    }
}
