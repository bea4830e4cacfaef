//! What appeared in the runs of an image, read as its files are: as one more layer on top of it, so that packages that
//! were installed meanwhile speak for their files and what the image says of itself holds for what it fetches.

use crate::Settings;
use crate::platform::owned;
use detonate::{Capture, Detonation};
use inspect::{Crew, ImageView, LayerFacts, LayerView, Outcome, Reached, Root, read_entries};
use layers::{Declared, EntryTable, Place, Tree, read_layer};
use model::{Class, Digest, Finding, Gap, Role};
use serde::{Deserialize, Serialize};
use source::header::{self, Member};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

/// How much of what appeared is read. What runs comes first; the rest is named.
const MOST_FILES: usize = 5000;
const MOST_BYTES: u64 = 512 << 20;
/// The longest path under which a content is read; with a longer one it is read as if it had none.
const LONGEST_PATH: usize = 1024;

/// What reading the captures of a platform came to.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) findings: Vec<Finding>,
    pub(crate) gaps: Vec<Gap>,
    /// Content that convicts, with the detection that does.
    pub(crate) condemned: BTreeMap<[u8; 32], String>,
    pub(crate) origins: Origins,
}

/// How each content came into being that something was found in, as a step of the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Origins(BTreeMap<Digest, String>);

impl Origins {
    pub(crate) fn of(&self, finding: &Finding) -> Option<&str> {
        self.0.get(finding.content.as_ref()?).map(String::as_str)
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }
}

/// Reads what the image did not have at rest.
pub(crate) fn read(
    image: &ImageView<'_>,
    detonation: &Detonation,
    settings: &Settings,
    crew: &Crew<'_>,
) -> Findings {
    let fresh = not_at_rest(image, &detonation.captured);
    let (chosen, mut gaps) = bounded(image, &fresh);
    if chosen.is_empty() {
        return Findings { gaps, ..Findings::default() };
    }
    settings.watch.say("reading what appeared in the runs");
    let files = laid_out(&chosen);
    let archive = Archive::of(&files, &detonation.captures);
    let limits = &settings.limits;
    let (facts, summary) =
        read_layer(archive, &Declared::default(), limits, settings.cancelled(), |archive| {
            read_entries(archive, settings.sums(), crew)
        });
    let shown = |what: &str| format!("{}, captured in its runs, {what}", image.platform);
    gaps.extend(facts.gaps.iter().map(|gap| Gap::new(shown(&gap.what), &gap.why)));
    gaps.extend(summary.broken.map(|why| Gap::new(shown("all of it"), format!("reading broke off: {why}"))));
    let mut out = judge(image, &facts, summary.digest, &files, settings);
    gaps.append(&mut out.gaps);
    told(out.findings, image, &files, gaps)
}

/// Content that the image holds at rest was read there. What ran is looked at once more, as it may have been out of
/// reach where it lay; but not what a package brought.
fn not_at_rest<'c>(image: &ImageView<'_>, captured: &'c [Capture]) -> Vec<&'c Capture> {
    let asked: HashSet<[u8; 32]> = captured.iter().map(|capture| capture.content.sha256).collect();
    let mut at_rest: HashMap<[u8; 32], bool> = HashMap::new();
    for (path, place) in image.tree.iter() {
        let hashes = image.tree.entry(image.tree.content(place)).and_then(|entry| entry.hashes);
        let Some(sha256) = hashes.map(|hashes| hashes.sha256).filter(|sha256| asked.contains(sha256)) else {
            continue;
        };
        *at_rest.entry(sha256).or_default() |= image.ownership.owner(&path).is_some();
    }
    captured
        .iter()
        .filter(|capture| match at_rest.get(&capture.content.sha256) {
            None => capture.content.length > 0,
            Some(is_owned) => capture.ran && !is_owned,
        })
        .collect()
}

fn bounded<'c>(image: &ImageView<'_>, fresh: &[&'c Capture]) -> (Vec<&'c Capture>, Vec<Gap>) {
    let mut order = fresh.to_vec();
    order.sort_by_key(|capture| (!capture.ran, capture.content.length));
    let mut room = MOST_BYTES;
    let (mut chosen, mut left) = (Vec::new(), 0_usize);
    for capture in order {
        match room.checked_sub(capture.content.length) {
            Some(rest) if chosen.len() < MOST_FILES => {
                room = rest;
                chosen.push(capture);
            }
            _ => left += 1,
        }
    }
    let why = format!(
        "{left} of {} were not read: at most {MOST_FILES} and {} MiB are; `--keep` keeps all of them",
        fresh.len(),
        MOST_BYTES >> 20
    );
    let gap = (left > 0).then(|| Gap::new(format!("{}, files that its runs wrote", image.platform), why));
    (chosen, gap.into_iter().collect())
}

/// A capture with the path in the layer, relative.
struct Laid<'c> {
    path: Vec<u8>,
    capture: &'c Capture,
}

/// Each at its own path; where two were at one, or there was none, at a path that is made of its digest.
fn laid_out<'c>(captures: &[&'c Capture]) -> Vec<Laid<'c>> {
    let mut taken = HashSet::new();
    captures
        .iter()
        .map(|capture| {
            let own = capture.path.as_ref().and_then(|path| path.strip_prefix(b"/"));
            let own = own.filter(|path| is_plain(path)).map(<[u8]>::to_vec);
            let path = match own {
                Some(path) if taken.insert(path.clone()) => path,
                other => apart(capture, other),
            };
            Laid { path, capture }
        })
        .collect()
}

fn is_plain(path: &[u8]) -> bool {
    let is_part = |part: &[u8]| !part.is_empty() && part.len() < 256 && part != b"." && part != b"..";
    path.len() <= LONGEST_PATH && !path.contains(&0) && path.split(|&byte| byte == b'/').all(is_part)
}

fn apart(capture: &Capture, own: Option<Vec<u8>>) -> Vec<u8> {
    let digest: String = capture.content.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
    let own = own.unwrap_or_else(|| {
        let interpreter = capture.interpreter.as_deref().map(detonate::base_name).unwrap_or_default();
        LANGUAGES
            .iter()
            .find(|(name, _)| interpreter.starts_with(name))
            .map_or(&b"content"[..], |(_, file)| file)
            .to_vec()
    });
    [b"captured/", digest.as_bytes(), b"/", &own].concat()
}

/// Names that say in which language a text is that an interpreter was given in no file.
const LANGUAGES: [(&[u8], &[u8]); 10] = [
    (b"python", b"given.py"),
    (b"perl", b"given.pl"),
    (b"ruby", b"given.rb"),
    (b"node", b"given.js"),
    (b"php", b"given.php"),
    (b"lua", b"given.lua"),
    (b"sh", b"given.sh"),
    (b"bash", b"given.sh"),
    (b"dash", b"given.sh"),
    (b"busybox", b"given.sh"),
];

/// The image with the layer on top, looked at by every analyzer. What ran is reached, whatever reading says.
fn judge(
    image: &ImageView<'_>,
    facts: &LayerFacts,
    digest: Digest,
    files: &[Laid<'_>],
    settings: &Settings,
) -> Outcome {
    let mut layers = image.layers.to_vec();
    layers.push(LayerView { digest, created_by: "", facts, declared: &[] });
    let all: Vec<&LayerFacts> = layers.iter().map(|layer| layer.facts).collect();
    let tables: Vec<&EntryTable> = all.iter().map(|facts| &facts.entries).collect();
    let (tree, _) = Tree::merge(&tables);
    let ownership = owned(&tree, &all);
    let view = ImageView { layers: &layers, tree: &tree, ownership: &ownership, ..*image };
    let top = image.layers.len();
    let mut out = Outcome::default();
    for analyzer in inspect::image_analyzers() {
        inspect::run_analyzer(*analyzer, &view, &mut out);
        // It writes the chain that all others ask.
        if analyzer.name() == "start" {
            out.chain.extend(ran(&tree, top, files));
        }
    }
    inspect::run_analyzer(&settings.rules, &view, &mut out);
    inspect::controls::apply(&view, &mut out);
    out.findings.retain(|finding| {
        finding.layer.as_ref().is_some_and(|layer| layer.index == top) && is_of_bytes(finding)
    });
    out
}

/// Whether a finding holds for the content, wherever it lies. What is odd about a place, a mode or a package is odd of
/// an image as it was delivered; a run that changes such things is judged by the change.
fn is_of_bytes(finding: &Finding) -> bool {
    const OF_IMAGES: [&str; 8] = [
        "S-CRE-SECRET",
        "S-DLX-WRAPENTRY",
        "S-ESC-FCAP",
        "S-ESC-SUID",
        "S-EVA-HIDDENEXE",
        "S-EVA-PKGTAMPER",
        "S-EVA-WHITEOUT",
        "S-PKG-UNOWNED",
    ];
    const GROUPS_OF_IMAGES: [&str; 2] = ["S-CFG-", "S-PER-"];
    matches!(finding.class, Class::File | Class::Reach)
        && !OF_IMAGES.contains(&finding.id.as_str())
        && !GROUPS_OF_IMAGES.iter().any(|group| finding.id.starts_with(group))
}

fn ran(tree: &Tree<'_>, layer: usize, files: &[Laid<'_>]) -> Vec<Reached> {
    let is_of = |place: &Place| place.layer as usize == layer;
    files
        .iter()
        .filter(|file| file.capture.ran)
        .filter_map(|file| {
            Some(Reached {
                path: file.path.clone(),
                place: tree.get(&file.path).filter(is_of)?,
                how: format!("ran in the run `{}`", file.capture.run),
                from: None,
                background: false,
                root: Root::Start,
                certain: true,
            })
        })
        .collect()
}

/// The findings with where their content really comes from, in place of a layer that the image does not have.
fn told(found: Vec<Finding>, image: &ImageView<'_>, files: &[Laid<'_>], gaps: Vec<Gap>) -> Findings {
    let by_path: HashMap<String, &Capture> =
        files.iter().map(|file| (format!("/{}", model::escape_bytes(&file.path)), file.capture)).collect();
    let mut told = Findings { gaps, ..Findings::default() };
    for mut finding in found {
        let Some(capture) = finding.path.as_ref().and_then(|path| by_path.get(path)) else { continue };
        let digest = Digest::sha256(capture.content.sha256);
        finding.platform = image.platform.to_string();
        finding.layer = None;
        finding.content = Some(digest);
        finding.path = capture.path.as_deref().map(model::escape_bytes);
        finding.reachable = capture.ran.then_some(true);
        let finding = finding.with_evidence("captured", &origin(capture), None);
        if finding.role == Role::Convicts {
            told.condemned.entry(capture.content.sha256).or_insert_with(|| finding.id.clone());
        }
        told.origins.0.entry(digest).or_insert_with(|| format!("{}: {digest}", origin(capture)));
        told.findings.push(finding);
    }
    told
}

/// How it came into being, in a few words.
fn origin(capture: &Capture) -> String {
    let what = capture.path.as_deref().map_or_else(|| "a text in no file".to_owned(), model::escape_bytes);
    let by = match (capture.by.as_str(), capture.interpreter.is_some()) {
        ("", _) => "appeared".to_owned(),
        (by, true) => format!("was given to `{by}`"),
        (by, false) => format!("was written by `{by}`"),
    };
    let end = if capture.ran { "and ran" } else { "and was not seen to run" };
    format!("{what} {by} in the run `{}` {end}", model::escape_text(&capture.run))
}

/// The captures as a layer, file by file as it is read.
struct Archive {
    files: IntoIter<(Vec<u8>, PathBuf, u64)>,
    now: Option<Box<dyn Read + Send>>,
}

impl Archive {
    fn of(files: &[Laid<'_>], directory: &Path) -> Self {
        let files: Vec<_> = files
            .iter()
            .map(|file| {
                let Laid { path, capture } = file;
                let name: String = capture.content.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
                let size = capture.content.length;
                let mode = if capture.ran { 0o755 } else { 0o644 };
                let mut head = Vec::new();
                header::write(&Member { path, kind: b'0', mode, size, ..Member::default() }, &mut head);
                (head, directory.join(name), size)
            })
            .collect();
        Self { files: files.into_iter(), now: None }
    }

    /// A file that is shorter than its header says would shift all that follow, so that it is filled up.
    fn open(head: Vec<u8>, path: &Path, size: u64) -> Box<dyn Read + Send> {
        let content: Box<dyn Read + Send> = match File::open(path) {
            Ok(file) => Box::new(file),
            Err(_) => Box::new(io::empty()),
        };
        let whole = size.next_multiple_of(512);
        let content = content.take(size).chain(io::repeat(0)).take(whole);
        Box::new(Cursor::new(head).chain(content))
    }
}

impl Read for Archive {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(now) = &mut self.now {
                let read = now.read(buffer)?;
                if read > 0 || buffer.is_empty() {
                    return Ok(read);
                }
            }
            match self.files.next() {
                Some((head, path, size)) => self.now = Some(Self::open(head, &path, size)),
                None => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests;
