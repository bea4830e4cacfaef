use super::{Hit, LISTED, MINER};
use crate::{ImageView, Outcome};
use layers::{ContentHashes, Kind, Place};
use model::Finding;
use std::collections::BTreeMap;

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

/// One finding for each listed content of each layer, at the place that matters most.
pub(super) fn known_files(image: &ImageView<'_>, out: &mut Outcome) {
    if image.known.is_empty() {
        return;
    }
    let mut seen: BTreeMap<(u32, [u8; 32]), Seen<'_>> = BTreeMap::new();
    for (layer, number) in image.layers.iter().zip(0..) {
        for (entry, index) in layer.facts.entries.iter().zip(0..) {
            let Some(hashes) = entry.hashes else { continue };
            let Some(hit) = image.known.find(&hashes) else { continue };
            seen.entry((number, hashes.sha256))
                .or_insert_with(|| Seen { hit, hashes, places: Vec::new() })
                .places
                .push(Place { layer: number, entry: index });
        }
    }
    let more = seen.len().saturating_sub(MAX_FINDINGS);
    for (number, (_, seen)) in seen.into_iter().enumerate().take(MAX_FINDINGS) {
        let more = if number + 1 == MAX_FINDINGS { more } else { 0 };
        let finding = known_file(image, out, &seen, more);
        out.findings.push(finding);
    }
}

fn known_file(image: &ImageView<'_>, out: &Outcome, seen: &Seen<'_>, more: usize) -> Finding {
    let label = seen.hit.label;
    let detection = if label.miner { &MINER } else { &LISTED };
    let reached = seen.places.iter().copied().find(|&place| out.reaches(image, place));
    let live = reached.or_else(|| seen.places.iter().copied().find(|&place| image.is_live_content(place)));
    let Some(place) = live.or_else(|| seen.places.first().copied()) else {
        return image.finding(detection, "");
    };
    let what = if label.name.is_empty() { "a bad file".to_owned() } else { label.name.clone() };
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
    let mut finding = image.finding_at(detection, explanation, place);
    finding.reachable = reached.map(|_| true);
    if live.is_none() {
        let removed = image.tree.residue().find(|(residue, _)| *residue == place);
        finding = finding.removed_by(removed.map_or(place.layer, |(_, event)| event.place.layer) as usize);
    }
    finding = finding
        .with_evidence("md5", &hex(&seen.hashes.md5), None)
        .with_evidence("sha1", &hex(&seen.hashes.sha1), None)
        .with_evidence("sha256", &hex(&seen.hashes.sha256), None)
        .with_evidence("source", &label.source, None);
    for &other in seen.places.iter().filter(|&&other| other != place).take(MAX_PATHS) {
        if let Some(entry) = image.tree.entry(other) {
            finding = finding.with_evidence("path", &format!("/{}", model::escape_bytes(entry.path)), None);
        }
    }
    finding
}

impl ImageView<'_> {
    /// Whether a runtime shows the content at this place, be it through a hard link that outlived it.
    pub(crate) fn is_live_content(&self, place: Place) -> bool {
        self.tree.is_live(place)
            || self.layers.iter().zip(0..).any(|(layer, number)| {
                layer.facts.entries.iter().zip(0..).any(|(entry, index)| {
                    let link = Place { layer: number, entry: index };
                    entry.kind == Kind::Hardlink
                        && self.tree.is_live(link)
                        && self.tree.content(link) == place
                })
            })
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
