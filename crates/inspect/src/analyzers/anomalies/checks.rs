use super::grades::grade;
use super::{QUIRK, REMOVED};
use crate::{Fact, ImageView, Outcome};
use layers::{Anomaly, AnomalyKind, Change, Place, Weight};
use model::Gap;
use std::collections::BTreeMap;

/// Anomalies of one kind that a finding names one by one.
const MAX_EXAMPLES: usize = 8;
/// Removed programs that a finding names.
const MAX_PATHS: usize = 20;

/// All anomalies of one kind in one layer.
#[derive(Default)]
struct Group<'a> {
    count: u64,
    examples: Vec<&'a Anomaly>,
}

/// One finding for each kind of anomaly in each layer, and a gap where something was not read for certain.
pub(super) fn quirks(image: &ImageView<'_>, out: &mut Outcome) {
    let read = image.layers.iter().enumerate().flat_map(|(index, layer)| {
        layer.declared.iter().chain(&layer.facts.anomalies).map(move |anomaly| (index, anomaly))
    });
    let merged = image.merge_anomalies.iter().map(|(index, anomaly)| (*index, anomaly));
    let mut groups: BTreeMap<(usize, AnomalyKind), Group<'_>> = BTreeMap::new();
    for (index, anomaly) in read.chain(merged) {
        if anomaly.kind.weight() == Weight::Benign {
            continue;
        }
        let group = groups.entry((index, anomaly.kind)).or_default();
        group.count += 1;
        if group.examples.len() < MAX_EXAMPLES {
            group.examples.push(anomaly);
        }
    }
    for ((index, kind), group) in groups {
        let Some(first) = group.examples.first() else { continue };
        let name = kind.name().replace('-', " ");
        let more = match group.count {
            1 => String::new(),
            count => format!(", and {} more", model::thousands(count - 1)),
        };
        if kind.weight() == Weight::Gap {
            let what = format!("{}, layer {index}", image.platform);
            out.gaps.push(Gap::new(what, format!("{name}: {}{more}", place_of(first))));
        }
        let why = format!("Layer {index}: {name}. {}{more}.", capital(&place_of(first)));
        let mut finding = image.finding(&QUIRK, model::escape_text(&why));
        (finding.role, finding.severity) = grade(kind);
        finding.layer = image.layer_ref(index);
        if !first.path.is_empty() {
            finding = finding.at_path(&first.path);
        }
        for anomaly in &group.examples {
            finding = finding.with_evidence(&kind.name(), &place_of(anomaly), Some(anomaly.offset));
        }
        out.findings.push(finding);
    }
}

/// Where an anomaly is and what it is, for people.
fn place_of(anomaly: &Anomaly) -> String {
    let path = if anomaly.path.is_empty() {
        String::new()
    } else {
        format!(" at /{}", model::escape_bytes(&anomaly.path))
    };
    let detail = if anomaly.detail.is_empty() {
        String::new()
    } else {
        format!(": {}", model::escape_text(&anomaly.detail))
    };
    format!("byte {}{path}{detail}", model::thousands(anomaly.offset))
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// One finding for each layer that removes programs of the layers below.
pub(super) fn removed_programs(image: &ImageView<'_>, out: &mut Outcome) {
    let mut removed: BTreeMap<u32, (u64, Vec<Place>)> = BTreeMap::new();
    for (place, event) in image.tree.residue() {
        let taken = matches!(event.change, Change::Whiteout | Change::Opaque | Change::ParentRemoved);
        if taken && image.facts(place).any(|fact| matches!(fact, Fact::Program(_))) {
            let (count, places) = removed.entry(event.place.layer).or_default();
            *count += 1;
            if places.len() < MAX_PATHS {
                places.push(place);
            }
        }
    }
    for (layer, (count, places)) in removed {
        let Some(first) = places.first() else { continue };
        let why = match count {
            1 => format!("Layer {layer} removes it."),
            count => format!("Layer {layer} removes it and {} more programs.", model::thousands(count - 1)),
        };
        let mut finding = image.finding_at(&REMOVED, why, *first).removed_by(layer as usize);
        for entry in places.iter().filter_map(|place| image.tree.entry(*place)) {
            finding = finding.with_evidence("path", &format!("/{}", model::escape_bytes(entry.path)), None);
        }
        out.findings.push(finding);
    }
}
