//! An image of a case, its detonation, and what is said of it.

use crate::tools::{self, Tool};
use detonate::{Image, LayerBytes, Settings, detonate};
use layers::{Declared, Entry, EntryTable, Limits, Tree, read_layer};
use model::{ImageConfig, Platform, Role, Verdict};
use std::fs::File;
use std::io::{Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use test_support::LayerBuilder;

/// An image and what is to be said of it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Case {
    pub(crate) honest: bool,
    pub(crate) group: &'static str,
    pub(crate) name: String,
    /// Parts of the ground that it stands on.
    pub(crate) tools: Vec<Tool>,
    /// Packages below it: the name of their layer, and what is installed.
    pub(crate) packages: Option<(&'static str, &'static str)>,
    pub(crate) files: Vec<(String, u32, Vec<u8>)>,
    pub(crate) config: ImageConfig,
    pub(crate) declared: Vec<&'static str>,
    /// For harm: findings of which one must be there. For honest services: what their output or record must hold,
    /// or the case proves nothing.
    pub(crate) expect: Vec<&'static str>,
    /// What the catalogue gives two classes of evidence or a lesser role may be called suspicious.
    pub(crate) at_least: Option<Verdict>,
    pub(crate) seconds: u64,
}

/// What was said.
pub(crate) struct Judged {
    pub(crate) verdict: Verdict,
    pub(crate) ids: Vec<String>,
    pub(crate) wrong: Option<String>,
    pub(crate) details: String,
}

impl Case {
    pub(crate) fn full_name(&self) -> String {
        let half = if self.honest { "honest" } else { "harmful" };
        format!("{half}/{}/{}", self.group.replace(' ', "-"), self.name)
    }

    /// A file of the image.
    pub(crate) fn file(mut self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.files.push((path.to_owned(), mode, content.as_ref().to_vec()));
        self
    }

    pub(crate) fn with(mut self, tools: &[Tool]) -> Self {
        self.tools.extend_from_slice(tools);
        self
    }

    pub(crate) fn env(mut self, variable: &str) -> Self {
        self.config.config.env.push(variable.to_owned());
        self
    }

    pub(crate) fn user(mut self, user: &str) -> Self {
        self.config.config.user = user.to_owned();
        self
    }

    /// It is enough that it is suspicious.
    pub(crate) fn suspicious(mut self) -> Self {
        self.at_least = Some(Verdict::Suspicious);
        self
    }
}

/// Bytes of a layer: shared, or in a file.
#[derive(Clone)]
enum Bytes {
    Here(Arc<Vec<u8>>),
    File(PathBuf),
}

impl Bytes {
    fn open(&self) -> std::io::Result<Box<dyn Read + Send>> {
        Ok(match self {
            Self::Here(bytes) => Box::new(Cursor::new(Shared(Arc::clone(bytes)))),
            Self::File(path) => Box::new(File::open(path)?),
        })
    }
}

struct Shared(Arc<Vec<u8>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// Detonates a case and compares.
pub(crate) fn judge(case: &Case) -> Judged {
    let packages = case.packages.map(|(name, list)| crate::packages::layers(name, list));
    let mut layers: Vec<Bytes> = packages.into_iter().flatten().map(Bytes::File).collect();
    layers.extend(case.tools.iter().map(|tool| Bytes::Here(tools::layer(*tool))));
    layers.push(Bytes::Here(Arc::new(top(case))));
    let declared = Declared::default();
    let cancelled = AtomicBool::new(false);
    let tables: Vec<EntryTable> = layers
        .iter()
        .map(|bytes| {
            let blob = bytes.open().unwrap();
            read_layer(blob, &declared, &Limits::default(), &cancelled, |archive| {
                let mut table = EntryTable::default();
                let mut entry = Entry::default();
                while archive.next_into(&mut entry).unwrap() {
                    table.push(&entry);
                }
                table
            })
            .0
        })
        .collect();
    let (tree, _) = Tree::merge(&tables.iter().collect::<Vec<_>>());
    let platform: Platform = "linux/amd64".parse().unwrap();
    let own: Vec<&[u8]> = case.files.iter().map(|(path, _, _)| path.as_bytes()).collect();
    let image = Image {
        name: case.full_name(),
        platform: &platform,
        config: &case.config,
        tree: &tree,
        layers: layers
            .iter()
            .map(|bytes| LayerBytes { open: Box::new(|| bytes.open()), declared: declared.clone() })
            .collect(),
        is_pool: &|host| host == "xmr.pool.example",
        declared: case.declared.iter().map(|word| (*word).to_owned()).collect(),
        is_owned: &|path| !own.contains(&path),
    };
    let scratch = tempfile::Builder::new().prefix("quality").tempdir_in(fast()).unwrap();
    std::fs::set_permissions(scratch.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let settings = Settings {
        scratch: scratch.path().to_owned(),
        budget: Duration::from_secs(case.seconds),
        thorough: false,
        pcap: None,
        cancelled: AtomicBool::new(false),
        say: Box::new(|_| ()),
        seed: [case.name.len() as u8; 32],
        processors: 2,
        engine: Default::default(),
    };
    match detonate(&image, &settings) {
        Ok(detonation) => compare(case, &detonation),
        Err(error) => Judged {
            verdict: Verdict::Incomplete,
            ids: Vec::new(),
            wrong: Some(format!("NOT RUN: {}", model::error_chain(&error))),
            details: String::new(),
        },
    }
}

/// Where trees are laid out: in memory, where there is enough of it.
fn fast() -> PathBuf {
    let memory = PathBuf::from("/dev/shm");
    if memory.is_dir() { memory } else { std::env::temp_dir() }
}

/// The layer of the case itself.
fn top(case: &Case) -> Vec<u8> {
    let layer = LayerBuilder::new();
    case.files.iter().fold(layer, |layer, (path, mode, content)| layer.file(path, *mode, content)).build()
}

fn compare(case: &Case, detonation: &detonate::Detonation) -> Judged {
    let said = verdict::judge(detonation.outcome.findings.clone(), Vec::new(), Vec::new());
    let mut ids: Vec<String> = said
        .findings
        .iter()
        .filter(|finding| finding.role != Role::Context)
        .map(|finding| finding.id.clone())
        .collect();
    ids.dedup();
    let mut details: Vec<String> = said
        .findings
        .iter()
        .map(|finding| {
            let evidence = finding.evidence.iter().map(|piece| format!("{}={}", piece.kind, piece.value));
            let evidence: Vec<String> = evidence.collect();
            format!("    {:?} {} {} [{}]", finding.role, finding.id, finding.explanation, evidence.join("; "))
        })
        .collect();
    for run in &detonation.runs {
        let output: String = model::escape_bytes(&run.output).chars().take(1500).collect();
        details.push(format!(
            "    run {}: {} events, {} ms, {} s skipped, {}: {output}",
            run.name, run.events, run.milliseconds, run.skipped, run.ended
        ));
    }
    if std::env::args().any(|word| word == "--events") {
        for run in &detonation.runs {
            let record = events::SpoolReader::open(std::io::BufReader::new(File::open(&run.record).unwrap()));
            let events = record.unwrap().flatten();
            details
                .extend(events.map(|event| format!("    {} {:?} {:?}", run.name, event.source, event.act)));
        }
    }
    details.push(format!("    gaps {:?}", detonation.outcome.gaps));
    details.push(format!("    not exercised {:?}", detonation.summary.not_exercised));
    let wrong = if case.honest { accused(case, &said, detonation) } else { missed(case, &said) };
    Judged { verdict: said.verdict, ids, wrong, details: details.join("\n") }
}

fn missed(case: &Case, said: &verdict::Judgement) -> Option<String> {
    let wanted = case.at_least.unwrap_or(Verdict::Malicious);
    if said.verdict < wanted {
        return Some(format!("MISSED: {}", said.verdict));
    }
    let found = case.expect.iter().any(|id| said.findings.iter().any(|finding| finding.id == *id));
    (!found).then(|| format!("OTHERWISE: none of {}", case.expect.join(" ")))
}

/// How it begins where a service did not come up, so that nothing is known of its verdict.
const PROVES_NOTHING: &str = "PROVES NOTHING";

impl Judged {
    /// Whether nothing is known, neither good nor bad.
    pub(crate) fn proves_nothing(&self) -> bool {
        self.wrong.as_ref().is_some_and(|why| why.starts_with(PROVES_NOTHING))
    }
}

fn accused(case: &Case, said: &verdict::Judgement, detonation: &detonate::Detonation) -> Option<String> {
    if said.verdict > Verdict::Incomplete {
        return Some(format!("ACCUSED: {}", said.verdict));
    }
    let first = detonation.runs.first()?;
    let output = String::from_utf8_lossy(&first.output);
    let shown = |word: &str| match word.strip_prefix("listens:") {
        Some(port) => first.served.iter().any(|served| served.to_string() == port),
        None => output.contains(word),
    };
    let silent: Vec<&str> = case.expect.iter().copied().filter(|word| !shown(word)).collect();
    (!silent.is_empty()).then(|| format!("{PROVES_NOTHING}: no {}", silent.join(", no ")))
}
