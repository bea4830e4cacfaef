//! What a run is accused of, by kind of deed. Every group is a folder with the same files: `mod.rs` with its
//! detections, `checks.rs` with what makes each of them hold, `tests.rs` with a trigger and a near miss for each.

mod control;
mod credentials;
mod escape;
mod exfiltration;
mod fetching;
mod impact;
mod mining;
mod movement;
mod persistence;
mod stealth;
mod supply;

use crate::{At, Context, FileHistory, Outcome, Record, RunContext};
use events::Process;
use model::{Detection, Finding};

/// One run with everything that is known of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) record: &'a Record,
    pub(crate) run: &'a RunContext,
    pub(crate) image: &'a Context,
}

/// A group of detections.
struct Group {
    detections: &'static [Detection],
    /// What one run shows.
    judge: fn(&Run<'_>, &mut Outcome),
    /// What runs show together that none shows alone.
    compare: fn(&[Run<'_>], &mut Outcome),
}

fn nothing(_: &[Run<'_>], _: &mut Outcome) {}

const GROUPS: &[Group] = &[
    Group { detections: mining::DETECTIONS, judge: mining::judge, compare: nothing },
    Group { detections: fetching::DETECTIONS, judge: fetching::judge, compare: nothing },
    Group { detections: control::DETECTIONS, judge: control::judge, compare: nothing },
    Group { detections: persistence::DETECTIONS, judge: persistence::judge, compare: persistence::compare },
    Group { detections: escape::DETECTIONS, judge: escape::judge, compare: nothing },
    Group { detections: credentials::DETECTIONS, judge: credentials::judge, compare: nothing },
    Group { detections: movement::DETECTIONS, judge: movement::judge, compare: nothing },
    Group { detections: exfiltration::DETECTIONS, judge: exfiltration::judge, compare: nothing },
    Group { detections: impact::DETECTIONS, judge: impact::judge, compare: nothing },
    // These two compare whole runs, so they come when all others have spoken.
    Group { detections: stealth::DETECTIONS, judge: stealth::judge, compare: stealth::compare },
    Group { detections: supply::DETECTIONS, judge: supply::judge, compare: supply::compare },
];

/// Everything that a run can be accused of.
pub fn detections() -> impl Iterator<Item = &'static Detection> {
    GROUPS.iter().flat_map(|group| group.detections)
}

/// Judges the runs of an image.
pub fn judge(runs: &[(RunContext, Record)], image: &Context) -> Outcome {
    let mut out = Outcome::default();
    let runs: Vec<Run<'_>> = runs.iter().map(|(run, record)| Run { record, run, image }).collect();
    for group in GROUPS {
        for run in &runs {
            // A group looks at its own findings of the same run only.
            let mut of_run = Outcome::default();
            (group.judge)(run, &mut of_run);
            out.findings.append(&mut of_run.findings);
            out.gaps.append(&mut of_run.gaps);
        }
        (group.compare)(&runs, &mut out);
    }
    out
}

impl Run<'_> {
    /// A finding of this run; the evidence says which run it was.
    pub(crate) fn finding(&self, detection: &Detection, explanation: impl Into<String>) -> Finding {
        let mut finding = Finding::of(detection, explanation);
        finding.platform.clone_from(&self.image.platform);
        finding.with_evidence("run", &self.run.name, None)
    }

    /// Whether the image openly says that it is one of these.
    pub(crate) fn declares(&self, what: &[&str]) -> bool {
        what.iter().any(|what| self.image.declared.contains(*what))
    }
}

/// Who last wrote to a file, and when.
pub(crate) fn written_by(history: &FileHistory) -> Option<(Process, At)> {
    history.writers().max_by_key(|(_, at)| *at)
}

/// The last part of a path.
pub(crate) fn base_name(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

/// Whether a path lies below a directory, given with its last slash.
pub(crate) fn is_under(path: &[u8], directory: &[u8]) -> bool {
    path.starts_with(directory) && path.len() > directory.len()
}

/// Whether a program of this name is a command shell.
pub(crate) fn is_shell(name: &[u8]) -> bool {
    matches!(name, b"sh" | b"bash" | b"dash" | b"ash" | b"zsh" | b"ksh" | b"mksh" | b"busybox" | b"fish")
}

/// Whether a program of this name runs programs that are texts, with or without a version behind the name.
pub(crate) fn is_interpreter(name: &[u8]) -> bool {
    let end = name.iter().rposition(|byte| !(byte.is_ascii_digit() || *byte == b'.')).map_or(0, |at| at + 1);
    let stem = name.get(..end).unwrap_or_default();
    is_shell(name) || matches!(stem, b"python" | b"perl" | b"ruby" | b"node" | b"php" | b"lua" | b"pypy")
}

/// Whether a host is a site or below it.
pub(crate) fn is_site(host: &str, site: &str) -> bool {
    host == site || host.strip_suffix(site).is_some_and(|front| front.ends_with('.'))
}

/// Whether a host is a board on which anyone may leave a text under an address of its own.
pub(crate) fn is_board(host: &str) -> bool {
    BOARDS.iter().any(|board| is_site(host, board))
}

const BOARDS: [&str; 13] = [
    "pastebin.com",
    "paste.ee",
    "hastebin.com",
    "ghostbin.com",
    "rentry.co",
    "gist.githubusercontent.com",
    "gist.github.com",
    "raw.githubusercontent.com",
    "t.me",
    "api.telegram.org",
    "icp0.io",
    "ipfs.io",
    "controlc.com",
];

#[cfg(test)]
mod tests {
    use super::*;
    use model::Stage;

    #[test]
    fn every_detection_is_dynamic_and_stands_once() {
        let mut ids: Vec<_> = detections().map(|detection| (detection.id, detection.title)).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all);
        for detection in detections() {
            assert!(detection.id.starts_with("D-"), "{}", detection.id);
            assert_eq!(detection.stage, Stage::Dynamic, "{}", detection.id);
            assert!(!detection.techniques.is_empty() || detection.id == "D-EVA-COVERAGE", "{}", detection.id);
        }
    }
}
