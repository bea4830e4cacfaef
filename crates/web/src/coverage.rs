use crate::attack::{self, TACTICS};
use crate::frame::{Frame, Place};
use crate::{paths, text};
use model::{Detection, thousands};
use std::collections::{BTreeMap, BTreeSet};

/// What this build can find, and what it found here, by techniques of MITRE ATT&CK.
#[derive(Debug, Clone, Default)]
pub struct Coverage {
    /// Every detection of this build.
    pub detections: Vec<&'static Detection>,
    images: BTreeMap<String, u64>,
    of: u64,
}

impl Coverage {
    /// What this build can find, of which nothing was found yet.
    pub fn new(detections: Vec<&'static Detection>) -> Self {
        Self { detections, ..Self::default() }
    }

    /// As [`Coverage::add_image`] of many that were counted elsewhere: `counts` has for each technique, without its
    /// sub-techniques, in how many of the `of` images it or one of them was found.
    pub fn counted(mut self, counts: impl IntoIterator<Item = (String, u64)>, of: u64) -> Self {
        for (technique, images) in counts {
            let technique = technique.to_uppercase();
            if attack::is_known(attack::family(attack::current(&technique))) && !technique.contains('.') {
                let current = attack::family(attack::current(&technique)).to_owned();
                // Findings name a technique by its old id beside the current one: both stand for the same images.
                let known = self.images.entry(current).or_default();
                *known = (*known).max(images);
            }
        }
        self.of = of;
        self
    }

    /// Counts an image, with the techniques of its findings. A technique and its sub-techniques count once.
    pub fn add_image<'a>(&mut self, techniques: impl IntoIterator<Item = &'a str>) {
        let current: BTreeSet<&str> =
            techniques.into_iter().map(attack::current).map(attack::family).collect();
        for technique in current {
            let known = attack::is_known(technique) || self.images.contains_key(technique);
            // What a report of another build says can be anything; what is not known is counted up to a bound.
            if known || self.images.len() < text::MOST {
                *self.images.entry(technique.to_owned()).or_default() += 1;
            }
        }
        self.of += 1;
    }
}

/// Draws the matrix.
pub fn coverage(frame: &Frame, coverage: &Coverage) -> String {
    let tactics: Vec<Tactic> =
        TACTICS.iter().map(|(name, techniques)| tactic(coverage, name, techniques)).collect();
    let cells: BTreeMap<&str, bool> = tactics
        .iter()
        .flat_map(|tactic| &tactic.techniques)
        .map(|cell| (cell.id, !cell.detections.is_empty()))
        .collect();
    let covered = cells.values().filter(|covered| **covered).count();
    let summary = format!(
        "{} of {} techniques have a detection in this build; {} here were judged.",
        covered,
        cells.len(),
        text::counted(coverage.of, "image"),
    );
    text::drawn(&Page { frame, here: Place::Coverage, tactics, summary })
}

fn tactic(coverage: &Coverage, name: &'static str, techniques: &[(&'static str, &'static str)]) -> Tactic {
    let cell = |(id, name): &(&'static str, &'static str)| {
        let mut detections: Vec<&'static str> = coverage
            .detections
            .iter()
            .filter(|detection| {
                detection.techniques.iter().any(|of| attack::family(attack::current(of)) == *id)
            })
            .map(|detection| detection.id)
            .collect();
        detections.sort_unstable();
        detections.dedup();
        let images = coverage.images.get(*id).copied().unwrap_or(0);
        Cell {
            id,
            name,
            detections,
            images,
            told: format!("{} of {}", thousands(images), text::counted(coverage.of, "image")),
        }
    };
    Tactic { name, techniques: techniques.iter().map(cell).collect() }
}

#[derive(askama::Template)]
#[template(path = "coverage.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    tactics: Vec<Tactic>,
    summary: String,
}

struct Tactic {
    name: &'static str,
    techniques: Vec<Cell>,
}

struct Cell {
    id: &'static str,
    name: &'static str,
    detections: Vec<&'static str>,
    images: u64,
    told: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(images: &[&[&str]], technique: &str, expect: u64) {
        let mut coverage = Coverage::new(Vec::new());
        for techniques in images {
            coverage.add_image(techniques.iter().copied());
        }
        assert_eq!(coverage.images.get(technique).copied().unwrap_or(0), expect, "{images:?}");
    }

    #[test]
    fn an_image_counts_once_for_a_technique() {
        check(&[&["T1496.001", "T1496", "T1105"], &["T1496.002"]], "T1496", 2);
        check(&[&["T1562.001", "T1685"]], "T1685", 1);
        check(&[&["T1656"]], "T1684", 1);
        check(&[&[]], "T1496", 0);
    }

    #[test]
    fn counts_of_elsewhere_are_those_of_techniques() {
        let counts = [("t1496", 7), ("t1496.001", 9), ("t1656", 2), ("t1684", 3), ("<b>", 5), ("", 1)];
        let counts = counts.map(|(technique, images)| (technique.to_owned(), images));
        let coverage = Coverage::new(Vec::new()).counted(counts, 10);
        let expect = [("T1496".to_owned(), 7), ("T1684".to_owned(), 3)];
        assert_eq!(coverage.images.into_iter().collect::<Vec<_>>(), expect);
        assert_eq!(coverage.of, 10);
    }

    #[test]
    fn what_reports_say_is_bounded() {
        let mut coverage = Coverage::new(Vec::new());
        let odd: Vec<String> = (0..10_000).map(|number| format!("X{number}")).collect();
        coverage.add_image(odd.iter().map(String::as_str));
        assert_eq!(coverage.images.len(), text::MOST);
    }
}
