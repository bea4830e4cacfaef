//! From facts to findings. Where a program is what the start of the image leads to, more may be said of it than
//! where it only lies there: scanners, test suites and tools for research ship samples of all kinds.

mod disguises;
mod miners;
mod programs;

use super::{ElfFacts, Structure, Traits};
use crate::analyzers::program::ProgramFacts;
use crate::{Fact, ImageView, Outcome};
use layers::{Kind, Place};
use model::{Detection, Finding, Gap, Role, Severity};
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};

/// Findings of one detection.
const MAX_FINDINGS: usize = 64;

/// One file of the image that something may be said of.
struct Subject<'a> {
    path: Vec<u8>,
    place: Place,
    /// Whether the start of the image leads to it.
    reached: bool,
    /// Whether its mode lets it be run.
    executable: bool,
    /// The layer that took it away again.
    removed_by: Option<u32>,
    program: Option<&'a ProgramFacts>,
    structure: Option<&'a Structure>,
    /// Whether it is a script by its first line.
    script: bool,
}

impl Subject<'_> {
    fn elf(&self) -> Option<&ElfFacts> {
        match self.structure {
            Some(Structure::Elf(elf)) => Some(elf),
            _ => None,
        }
    }

    /// Whether it is loaded and not run. A position-independent program without a loader is only told from a library
    /// by its structure, so where that is not known it counts as one.
    fn is_library(&self) -> bool {
        let runs = matches!(self.program, Some(ProgramFacts::Elf(program)) if program.is_executable());
        !runs && self.elf().is_none_or(|elf| elf.traits.has(Traits::LIBRARY))
    }

    fn name(&self) -> &[u8] {
        crate::analyzers::start::base_name(&self.path)
    }

    /// Whether a package promised this file as it is. The promise lies in the image and is its maker's to write, so
    /// it may only quiet what does not convict.
    fn is_promised(&self, image: &ImageView<'_>) -> bool {
        let entry = image.tree.entry(image.tree.content(self.place));
        let Some((owner, hashes)) =
            image.ownership.owner(&self.path).zip(entry.and_then(|entry| entry.hashes))
        else {
            return false;
        };
        let agreement =
            packages::agreement(&owner, hashes.md5.as_ref(), hashes.sha1.as_ref(), &hashes.sha256);
        agreement == packages::Agreement::Agrees
    }
}

/// What one check concludes of one file.
struct Conclusion {
    detection: &'static Detection,
    role: Role,
    severity: Severity,
    why: String,
    evidence: Vec<(&'static str, String, Option<u64>)>,
}

impl Conclusion {
    /// As strong as the detection declares.
    fn of(detection: &'static Detection, why: impl Into<String>) -> Self {
        let Detection { role, severity, .. } = *detection;
        Self { detection, role, severity, why: why.into(), evidence: Vec::new() }
    }

    fn weakened(mut self, role: Role, severity: Severity) -> Self {
        (self.role, self.severity) = (role, severity);
        self
    }

    fn context(self) -> Self {
        self.weakened(Role::Context, Severity::Low)
    }

    fn with(mut self, kind: &'static str, value: impl Into<String>) -> Self {
        self.evidence.push((kind, value.into(), None));
        self
    }

    fn with_texts(self, texts: impl Iterator<Item = &'static [u8]>) -> Self {
        texts.take(8).fold(self, |one, text| one.with("string", String::from_utf8_lossy(text)))
    }
}

/// Looks at all files that a runtime shows, then at those that a layer ships and a later one takes away.
pub(super) fn files(image: &ImageView<'_>, out: &mut Outcome) {
    let reached: HashSet<Place> = out.chain.iter().map(|one| image.tree.content(one.place)).collect();
    let mut subjects = live(image, &reached);
    subjects.extend(removed(image));
    subjects.sort_by_key(|one| (!one.reached, one.removed_by.is_some()));
    let mut told: BTreeMap<&'static str, Vec<(&Subject<'_>, Conclusion)>> = BTreeMap::new();
    for subject in &subjects {
        let mut conclusions = Vec::new();
        miners::look(subject, &mut conclusions);
        programs::look(image, subject, &mut conclusions);
        disguises::look(image, subject, &mut conclusions);
        for conclusion in conclusions {
            // Of a file that is gone only what would have convicted is worth telling.
            if subject.removed_by.is_none() || conclusion.role == Role::Convicts {
                told.entry(conclusion.detection.id).or_default().push((subject, conclusion));
            }
        }
        if subject.removed_by.is_none() && programs::is_unread(subject) {
            out.gaps.push(Gap::new(
                format!("{}, /{}", image.platform, model::escape_bytes(&subject.path)),
                "elf: it is packed, and what it unpacks to could not be read",
            ));
        }
    }
    for (_, mut told) in told {
        // The strongest come first, so that no crowd of lesser ones hides them.
        told.sort_by_key(|(_, conclusion)| Reverse((conclusion.role, conclusion.severity)));
        let more = told.len().saturating_sub(MAX_FINDINGS);
        for (number, (subject, mut conclusion)) in told.into_iter().take(MAX_FINDINGS).enumerate() {
            if number + 1 == MAX_FINDINGS && more > 0 {
                conclusion.why.push_str(&format!(" {more} more files are not shown."));
            }
            out.findings.push(finding(image, subject, conclusion));
        }
    }
    disguises::windows(image, &subjects, out);
}

fn finding(image: &ImageView<'_>, subject: &Subject<'_>, conclusion: Conclusion) -> Finding {
    let mut finding = image.finding_at(conclusion.detection, conclusion.why, subject.place);
    (finding.role, finding.severity) = (conclusion.role, conclusion.severity);
    finding.reachable = subject.reached.then_some(true);
    for (kind, value, offset) in conclusion.evidence {
        finding = finding.with_evidence(kind, &value, offset);
    }
    match subject.removed_by {
        Some(layer) => finding.removed_by(layer as usize),
        None => finding,
    }
}

fn live<'a>(image: &ImageView<'a>, reached: &HashSet<Place>) -> Vec<Subject<'a>> {
    let subjects = image.tree.iter().filter_map(|(path, place)| {
        let content = image.tree.content(place);
        let entry = image.tree.entry(content)?;
        let is_file = matches!(entry.kind, Kind::File | Kind::Unknown(_));
        let subject = is_file.then(|| subject(image, path, place, entry.mode))??;
        Some(Subject { reached: reached.contains(&content), ..subject })
    });
    subjects.collect()
}

fn removed<'a>(image: &ImageView<'a>) -> Vec<Subject<'a>> {
    let subjects = image.tree.residue().filter_map(|(place, event)| {
        let entry = image.tree.entry(place)?;
        let subject = subject(image, entry.path.to_vec(), place, entry.mode)?;
        Some(Subject { removed_by: Some(event.place.layer), ..subject })
    });
    subjects.collect()
}

/// None where nothing is known that any check asks for.
fn subject<'a>(image: &ImageView<'a>, path: Vec<u8>, place: Place, mode: u32) -> Option<Subject<'a>> {
    let mut subject = Subject {
        path,
        place,
        reached: false,
        executable: mode & 0o111 != 0,
        removed_by: None,
        program: None,
        structure: None,
        script: false,
    };
    for fact in image.facts(place) {
        match fact {
            Fact::Program(program) => subject.program = Some(program),
            Fact::Structure(structure) => subject.structure = Some(structure),
            Fact::Script(script) => subject.script = !script.shebang.is_empty(),
            _ => {}
        }
    }
    let known = subject.program.is_some() || subject.structure.is_some() || subject.script;
    known.then_some(subject)
}
