//! The quality gate: images with something planted in them, each in two surface variants, and images that only look
//! like it. Every planted one must be found, and no honest one may be accused.
//!
//! All of them are made on the spot from harmless text and programs that exit at once. `QUALITY=table` in the
//! environment prints every case; otherwise the totals are printed and whatever failed.

#[cfg(test)]
mod benign;
#[cfg(test)]
mod ground;
#[cfg(test)]
mod malicious;
#[cfg(test)]
mod programs;
#[cfg(test)]
mod shape;

use shape::{Expect, Shape, Surface};
use std::collections::BTreeMap;

#[test]
fn everything_planted_is_found_and_nothing_else() {
    let planted = malicious::shapes();
    let honest = benign::shapes();
    assert!(planted.len() >= 60, "{} planted shapes", planted.len());
    assert!(honest.len() >= 60, "{} honest shapes", honest.len());
    let runs: Vec<Run> = shape::in_parallel(planted.iter().chain(&honest).flat_map(|shape| {
        let surfaces = match shape.expect {
            Expect::Clean => &[Surface::Plain][..],
            _ => &[Surface::Plain, Surface::Changed],
        };
        surfaces.iter().map(move |&surface| (shape, surface))
    }));
    let failed: Vec<&Run> = runs.iter().filter(|run| !run.is_right()).collect();
    print(&runs, &failed);
    assert!(failed.is_empty(), "{} of {} images were judged wrongly", failed.len(), runs.len());
}

/// One image, scanned.
pub(crate) struct Run {
    group: &'static str,
    name: &'static str,
    surface: Surface,
    expect: Expect,
    verdict: String,
    counting: Vec<String>,
}

impl Run {
    fn is_right(&self) -> bool {
        match self.expect {
            Expect::Malicious => self.verdict == "malicious",
            // What needs a second look is found when it is not passed.
            Expect::Suspicious => matches!(self.verdict.as_str(), "malicious" | "suspicious"),
            Expect::Clean => self.verdict == "clean",
        }
    }
}

#[expect(clippy::print_stdout, reason = "the table is what the gate is for")]
fn print(runs: &[Run], failed: &[&Run]) {
    let mut groups: BTreeMap<(bool, &str), (usize, usize)> = BTreeMap::new();
    for run in runs {
        let tally = groups.entry((run.expect == Expect::Clean, run.group)).or_default();
        tally.0 += 1;
        tally.1 += usize::from(run.is_right());
    }
    println!("| images | group | judged rightly | of |\n|---|---|---|---|");
    for ((honest, group), (all, right)) in &groups {
        println!("| {} | {group} | {right} | {all} |", if *honest { "honest" } else { "planted" });
    }
    let shown: Vec<&Run> =
        if std::env::var_os("QUALITY").is_some() { runs.iter().collect() } else { failed.to_vec() };
    for run in shown {
        println!(
            "{} {} / {} ({:?}): expected {:?}, found {} {:?}",
            if run.is_right() { "right" } else { "WRONG" },
            run.group,
            run.name,
            run.surface,
            run.expect,
            run.verdict,
            run.counting
        );
    }
}

/// All of one group.
pub(crate) fn group(name: &'static str, shapes: Vec<Shape>) -> Vec<Shape> {
    shapes.into_iter().map(|shape| Shape { group: name, ..shape }).collect()
}
