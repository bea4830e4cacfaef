use super::detections::RECORD;
use super::{BackdoorFacts, RecordFacts, live};
use crate::analyzers::start::base_name;
use crate::{ImageView, Outcome};
use base64::Engine as _;
use layers::{Kind, Place, normalize_path};
use model::{Gap, Role, Severity};
use std::collections::{HashMap, HashSet};

/// Most files that are kept of one package, and the most bytes of their paths.
const MAX_FILES: usize = 20_000;
const MAX_BYTES: usize = 2 << 20;
/// Longest path.
const MAX_PATH: usize = 1024;
/// Altered files that are told one by one, and paths that one finding names.
const MAX_FINDINGS: usize = 32;
const MAX_PATHS: usize = 20;

/// The sources that a RECORD lists: `path,sha256=digest,size` (PEP 376, PEP 627).
pub(super) fn record(bytes: &[u8]) -> RecordFacts {
    let mut record = RecordFacts::default();
    let mut size = 0;
    for line in bytes.split(|&byte| byte == b'\n') {
        let Some((path, digest)) = entry(line.trim_ascii_end()) else { continue };
        if !is_source(path) {
            continue;
        }
        size += path.len();
        if record.files.len() >= MAX_FILES || size > MAX_BYTES || path.len() > MAX_PATH {
            record.cut = true;
            continue;
        }
        record.files.push((String::from_utf8_lossy(path).into_owned(), digest.and_then(half)));
    }
    record
}

/// Compiled files change with every interpreter, and tools that move an installation rewrite its libraries.
fn is_source(path: &[u8]) -> bool {
    path.ends_with(b".py") || path.ends_with(b".pth")
}

fn entry(line: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    let (path, rest) = match line.strip_prefix(b"\"") {
        // Quotes inside are doubled; such names are not Python's.
        Some(quoted) => {
            let end = memchr::memchr(b'"', quoted)?;
            (quoted.get(..end)?, quoted.get(end + 1..)?.strip_prefix(b",")?)
        }
        None => {
            let end = memchr::memchr(b',', line)?;
            (line.get(..end)?, line.get(end + 1..)?)
        }
    };
    let digest = rest.split(|&byte| byte == b',').next()?.strip_prefix(b"sha256=");
    Some((path, digest))
}

fn half(digest: &[u8]) -> Option<[u8; 16]> {
    let digest = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(digest.trim_ascii()).ok()?;
    (digest.len() == 32).then(|| digest.get(..16)?.try_into().ok())?
}

/// Compares installed Python sources with what their packages listed.
pub(super) fn judge(image: &ImageView<'_>, out: &mut Outcome) {
    let mut listed = HashSet::new();
    let mut tops: HashMap<Vec<u8>, bool> = HashMap::new();
    let mut told = 0;
    for (place, fact) in live(image) {
        let (BackdoorFacts::Record(record), Some(entry)) = (fact, image.tree.entry(place)) else { continue };
        let info = entry.path.strip_suffix(b"/RECORD").unwrap_or(entry.path);
        let name = base_name(info);
        let site = info.get(..info.len() - name.len()).unwrap_or_default();
        if record.cut {
            let what = model::escape_bytes(entry.path);
            out.gaps.push(Gap::new(what, "backdoors: it lists more files than are compared"));
        }
        let (mut agree, mut altered) = (0_usize, Vec::new());
        for (file, digest) in &record.files {
            let path = normalize_path(&[site, file.as_bytes()].concat()).0;
            if let Some(top) = file.strip_suffix("/__init__.py").filter(|top| !top.contains(['/', '.'])) {
                let whole = tops.entry([site, top.as_bytes()].concat()).or_insert(true);
                *whole &= !record.cut;
            }
            let content = image.tree.get(&path).map(|place| (place, image.tree.content(place)));
            let hashes = content.and_then(|(_, content)| image.tree.entry(content)?.hashes);
            if let (Some(digest), Some(hashes), Some((place, _))) = (digest, hashes, content) {
                if hashes.sha256.starts_with(digest) {
                    agree += 1;
                } else {
                    altered.push(place);
                }
            }
            listed.insert(path);
        }
        // A package whose files differ by the dozen was patched or moved as a whole.
        let planted = agree >= altered.len().saturating_sub(1).saturating_mul(9) && agree > 0;
        for place in altered.iter().take(if planted { altered.len() } else { 1 }) {
            if told >= MAX_FINDINGS {
                break;
            }
            told += 1;
            let why = format!(
                "It is not what the RECORD of {} lists; {} other sources of it are, and {} are not.",
                model::escape_bytes(name),
                agree,
                altered.len() - 1
            );
            let mut finding = image.finding_at(&RECORD, why, *place);
            if !planted {
                (finding.role, finding.severity) = (Role::Context, Severity::Low);
            } else if out.reaches(image, *place) {
                finding.reachable = Some(true);
            }
            out.findings.push(finding);
        }
    }
    unlisted(image, &listed, &tops, out);
}

/// Sources in the folder of a package that no package lists. Applications put modules of their own there, so they
/// explain.
fn unlisted(
    image: &ImageView<'_>,
    listed: &HashSet<Vec<u8>>,
    tops: &HashMap<Vec<u8>, bool>,
    out: &mut Outcome,
) {
    if tops.is_empty() {
        return;
    }
    let mut found: Vec<(Vec<u8>, Place)> = Vec::new();
    let mut count = 0_u64;
    for (path, place) in image.tree.iter() {
        if !path.ends_with(b".py") || listed.contains(&path) {
            continue;
        }
        let Some(site) = memchr::memmem::rfind(&path, b"-packages/").map(|at| at + b"-packages/".len())
        else {
            continue;
        };
        let inner = path.get(site..).unwrap_or_default();
        let Some(end) = memchr::memchr(b'/', inner) else { continue };
        let of_package = path.get(..site + end).is_some_and(|top| tops.get(top) == Some(&true));
        let file = image.tree.entry(place).is_some_and(|entry| entry.kind == Kind::File && entry.size > 0);
        if of_package && file && image.ownership.owner(&path).is_none() {
            count += 1;
            if found.len() < MAX_PATHS {
                found.push((path, place));
            }
        }
    }
    let Some((_, first)) = found.first() else { return };
    let why = match count {
        1 => "It lies among the sources of an installed package, and no package lists it.".to_owned(),
        count => format!(
            "It and {} more lie among the sources of installed packages, and no package lists them.",
            model::thousands(count - 1)
        ),
    };
    let mut finding = image.finding_at(&RECORD, why, *first);
    (finding.role, finding.severity) = (Role::Context, Severity::Medium);
    for (path, _) in &found {
        finding = finding.with_evidence("path", &format!("/{}", model::escape_bytes(path)), None);
    }
    out.findings.push(finding);
}
