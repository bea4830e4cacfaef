use super::formats::is_named_secret;
use super::{SECRET, Secret, SecretFacts, SecretKind, find};
use crate::analyzers::start::base_name;
use crate::{Fact, ImageView, Outcome};
use layers::Place;
use model::{Finding, Severity};
use std::collections::HashMap;

/// Files that are told one by one.
const MAX_FINDINGS: usize = 64;
/// Secrets of one file that are told.
const MAX_EVIDENCE: usize = 8;

/// One finding for each file with secrets, in whatever layer it lies.
pub(super) fn in_files(image: &ImageView<'_>, out: &mut Outcome) {
    let mut removed: Option<HashMap<Place, u32>> = None;
    let mut told: HashMap<Place, usize> = HashMap::new();
    for (layer, number) in image.layers.iter().zip(0..) {
        for (entry, fact) in &layer.facts.facts {
            let fact = match fact {
                Fact::Staged { fact, .. } => &**fact,
                fact => fact,
            };
            let Fact::Secrets(facts) = fact else { continue };
            let place = Place { layer: number, entry: *entry };
            // What is decoded out of a file is often the same secret once more.
            if told.len() >= MAX_FINDINGS || told.contains_key(&place) {
                continue;
            }
            let Some(mut finding) = finding_about(image, place, facts) else { continue };
            told.insert(place, out.findings.len());
            if !image.tree.is_live(place) {
                let removed = removed.get_or_insert_with(|| {
                    image.tree.residue().map(|(place, event)| (place, event.place.layer)).collect()
                });
                let by = removed.get(&place).copied().unwrap_or(place.layer);
                finding = finding.removed_by(by as usize);
            }
            out.findings.push(finding);
        }
    }
}

fn finding_about(image: &ImageView<'_>, place: Place, facts: &SecretFacts) -> Option<Finding> {
    let path = image.tree.entry(place)?.path;
    let nothing = means_nothing(path) || image.ownership.owner(path).is_some();
    let counts = |secret: &&Secret| !nothing || secret.kind.is_of_provider();
    let secrets: Vec<&Secret> = facts.found.iter().filter(counts).collect();
    let first = secrets.first()?;
    let why = format!(
        "It holds what looks like a {}, in line {}.{}",
        first.kind.name(),
        first.line,
        more(secrets.len())
    );
    let why = if facts.cut { why + " It holds more than are read." } else { why };
    let mut finding = with_evidence(image.finding_at(&SECRET, why, place), &secrets);
    if nothing {
        finding.severity = Severity::Low;
    }
    Some(finding)
}

/// Variables of the configuration, and arguments and variables of the history.
pub(super) fn in_configuration(image: &ImageView<'_>, out: &mut Outcome) {
    let mut facts = SecretFacts::default();
    for variable in &image.config.config.env {
        add(&mut facts, variable);
    }
    tell(image, &facts, "The environment of the configuration", out);
    let mut facts = SecretFacts::default();
    for step in &image.config.history {
        add(&mut facts, &step.created_by);
    }
    tell(image, &facts, "The history", out);
}

fn add(facts: &mut SecretFacts, text: &str) {
    /// Longest instruction that is read.
    const LONGEST: usize = 1 << 20;
    let bytes = text.as_bytes();
    let bytes = bytes.get(..bytes.len().min(LONGEST)).unwrap_or_default();
    let found = find::secrets(bytes);
    for secret in found.found {
        find::push(facts, secret);
    }
    for word in bytes.split(|byte| byte.is_ascii_whitespace() || *byte == 0) {
        let Some(at) = memchr::memchr(b'=', word) else { continue };
        let (name, value) = (word.get(..at).unwrap_or_default(), word.get(at + 1..).unwrap_or_default());
        let value = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
        let plain = name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        if plain && is_named_secret(name, value) {
            find::push(facts, Secret::new(SecretKind::Named, 1, value));
        }
        if facts.cut {
            return;
        }
    }
}

fn tell(image: &ImageView<'_>, facts: &SecretFacts, what: &str, out: &mut Outcome) {
    let secrets: Vec<&Secret> = facts.found.iter().collect();
    if let Some(first) = secrets.first() {
        let why = format!("{what} holds what looks like a {}.{}", first.kind.name(), more(secrets.len()));
        out.findings.push(with_evidence(image.finding(&SECRET, why), &secrets));
    }
}

fn more(count: usize) -> String {
    if count > 1 { format!(" {} more are there.", count - 1) } else { String::new() }
}

fn with_evidence(mut finding: Finding, secrets: &[&Secret]) -> Finding {
    for secret in secrets.iter().take(MAX_EVIDENCE) {
        let digest = secret.digest.map_or_else(String::new, |digest| {
            format!(", sha256 {}…", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
        });
        let text = format!(
            "{}, line {}: {}, {} bytes{digest}",
            secret.kind.name(),
            secret.line,
            secret.ends,
            secret.len
        );
        finding = finding.with_evidence("secret", &text, None);
    }
    // What is public or protected by itself.
    let mild = |secret: &Secret| matches!(secret.kind, SecretKind::GoogleApi | SecretKind::EncryptedKey);
    if secrets.iter().all(|secret| mild(secret)) {
        finding.severity = Severity::Low;
    }
    finding
}

/// Whether keys and passwords at a path are there to be read: documentation, tests, examples, and the keys that
/// Debian makes for every machine that has none; and what an index publishes with a library is nobody's secret.
fn means_nothing(path: &[u8]) -> bool {
    const FOLDERS: [&[u8]; 21] = [
        b"site-packages",
        b"dist-packages",
        b"node_modules",
        b"third_party",
        b"dummyserver",
        b"doc",
        b"docs",
        b"man",
        b"test",
        b"tests",
        b"testdata",
        b"testing",
        b"__tests__",
        b"spec",
        b"fixtures",
        b"example",
        b"examples",
        b"samples",
        b"demo",
        b"demos",
        b"licenses",
    ];
    const ENDINGS: [&[u8]; 7] = [b"_test.cc", b".md", b".rst", b".adoc", b".html", b"_test.go", b".test.js"];
    let name = base_name(path);
    path.split(|&byte| byte == b'/').any(|folder| FOLDERS.contains(&folder))
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || memchr::memmem::find(name, b"snakeoil").is_some()
        || name.starts_with(b"test_")
}
