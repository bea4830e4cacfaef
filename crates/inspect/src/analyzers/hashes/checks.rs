use super::{LISTED, MINER};
use crate::analyzers::indicators::capped;
use crate::{ImageView, Outcome};
use feeds::{FileSums, Hit};
use layers::{ContentHashes, Kind, Place};
use model::Finding;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Different listed contents that are reported one by one; an image of more is not understood better by more.
const MAX_FINDINGS: usize = 256;
/// Paths with one content that are named.
const MAX_PATHS: usize = 16;

/// One listed content in one layer.
struct Seen<'a> {
    hit: Hit<'a>,
    hashes: ContentHashes,
    places: Vec<Place>,
}

/// What became of the places that hold listed files; worked out once, as there may be a million of them.
#[derive(Default)]
struct Fates {
    reached: HashSet<Place>,
    linked: HashSet<Place>,
    removed_by: HashMap<Place, u32>,
}

/// One finding for each listed content of each layer, at the place that matters most.
pub(super) fn known_files(image: &ImageView<'_>, out: &mut Outcome) {
    if !image.indicators.has_files() {
        return;
    }
    let mut seen: BTreeMap<(u32, [u8; 32]), Seen<'_>> = BTreeMap::new();
    for (layer, number) in image.layers.iter().zip(0..) {
        for (entry, index) in layer.facts.entries.iter().zip(0..) {
            let Some(hashes) = entry.hashes else { continue };
            let sums = FileSums {
                md5: hashes.md5.as_ref(),
                sha1: hashes.sha1.as_ref(),
                sha256: &hashes.sha256,
                size: entry.size,
            };
            let Some(hit) = image.indicators.find_file(&sums) else { continue };
            seen.entry((number, hashes.sha256))
                .or_insert_with(|| Seen { hit, hashes, places: Vec::new() })
                .places
                .push(Place { layer: number, entry: index });
        }
    }
    if seen.is_empty() {
        return;
    }
    let fates = fates(image, out);
    let more = seen.len().saturating_sub(MAX_FINDINGS);
    for (number, seen) in seen.values().enumerate().take(MAX_FINDINGS) {
        let more = if number + 1 == MAX_FINDINGS { more } else { 0 };
        out.findings.extend(known_file(image, &fates, seen, more));
    }
}

fn fates(image: &ImageView<'_>, out: &Outcome) -> Fates {
    let mut fates = Fates {
        reached: out.certain().map(|reached| image.tree.content(reached.place)).collect(),
        removed_by: image.tree.residue().map(|(place, event)| (place, event.place.layer)).collect(),
        ..Fates::default()
    };
    // A hard link keeps content alive whose first name is gone.
    for (layer, number) in image.layers.iter().zip(0..) {
        for (entry, index) in layer.facts.entries.iter().zip(0..) {
            let link = Place { layer: number, entry: index };
            if entry.kind == Kind::Hardlink && image.tree.is_live(link) {
                fates.linked.insert(image.tree.content(link));
            }
        }
    }
    fates
}

fn known_file(image: &ImageView<'_>, fates: &Fates, seen: &Seen<'_>, more: usize) -> Option<Finding> {
    let label = seen.hit.label;
    let detection = if label.is_miner() { &MINER } else { &LISTED };
    let places = || seen.places.iter().copied();
    let reached = places().find(|place| fates.reached.contains(place));
    let live = reached
        .or_else(|| places().find(|&place| image.tree.is_live(place)))
        .or_else(|| places().find(|place| fates.linked.contains(place)));
    let place = live.or_else(|| places().next())?;
    let what = if label.name.is_empty() { "a bad file" } else { label.name };
    let mut explanation =
        format!("Its {} is listed as {what} by {}.", seen.hit.algorithm.name(), label.source);
    if live.is_none() {
        explanation.push_str(
            " A later layer removes or replaces it: it ships with the image and does not run from it.",
        );
    }
    if seen.places.len() > 1 {
        explanation.push_str(&format!(" The layer holds it {} times.", seen.places.len()));
    }
    if more > 0 {
        explanation.push_str(&format!(" {more} more listed files are not shown."));
    }
    let mut finding = capped(image.finding_at(detection, explanation, place), label.severity);
    finding.reachable = reached.map(|_| true);
    if live.is_none() {
        finding = finding.removed_by(fates.removed_by.get(&place).copied().unwrap_or(place.layer) as usize);
    }
    if let Some(md5) = &seen.hashes.md5 {
        finding = finding.with_evidence("md5", &hex(md5), None);
    }
    finding = finding.with_evidence("sha256", &hex(&seen.hashes.sha256), None);
    finding = finding.with_evidence("source", label.source, None);
    if !label.origin.is_empty() {
        finding = finding.with_evidence("origin", label.origin, None);
    }
    if let Some(sha1) = &seen.hashes.sha1 {
        finding = finding.with_evidence("sha1", &hex(sha1), None);
    }
    for other in places().filter(|&other| other != place).take(MAX_PATHS) {
        if let Some(entry) = image.tree.entry(other) {
            finding = finding.with_evidence("path", &format!("/{}", model::escape_bytes(entry.path)), None);
        }
    }
    Some(finding)
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
