//! One platform of an image: merged, analyzed, its findings put in place.

use crate::layer::ReadLayer;
use crate::{Settings, declared};
use inspect::{Fact, ImageView, LayerFacts, LayerView, Outcome, Reached};
use layers::{Anomaly, EntryTable, Tree};
use model::{Digest, Finding, Gap, LayerSummary};
use packages::Ownership;
use sha2::{Digest as _, Sha256};
use source::{Image, Opened};
use std::collections::BTreeSet;

/// What is known of the platforms concluded so far.
#[derive(Debug, Default)]
pub(crate) struct Concluded {
    pub(crate) findings: Vec<Finding>,
    pub(crate) gaps: Vec<Gap>,
    pub(crate) layers: Vec<LayerSummary>,
    /// What the start of each platform leads to.
    pub(crate) reached: Vec<(String, Vec<Reached>)>,
    /// Whether an analyzer failed.
    pub(crate) failed: bool,
    /// Whether a hash was asked for that was not taken, so that all this is worth nothing.
    pub(crate) lacks_sums: bool,
}

impl Concluded {
    pub(crate) fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.gaps.extend(other.gaps);
        self.layers.extend(other.layers);
        self.reached.extend(other.reached);
        self.failed |= other.failed;
    }
}

/// Concludes one platform from the facts of its layers; with what a look at the image and at what was concluded
/// gives.
pub(crate) fn conclude_with<T>(
    opened: &Opened,
    image: &Image,
    read: &[ReadLayer],
    settings: &Settings,
    look: impl FnOnce(&ImageView<'_>, &Concluded) -> T,
) -> (Concluded, T) {
    let platform = image.platform.to_string();
    let instructions = image.config.layer_instructions();
    let facts: Vec<&LayerFacts> = read.iter().map(|layer| &*layer.facts).collect();
    // What the declarations get wrong is a fact about this image, not about the layer's bytes.
    let declared: Vec<Vec<Anomaly>> = image
        .layers
        .iter()
        .zip(&facts)
        .map(|(layer, facts)| declared::contradictions(layer, facts))
        .collect();
    let layers: Vec<LayerView<'_>> = facts
        .iter()
        .zip(&declared)
        .enumerate()
        .map(|(index, (facts, declared))| LayerView {
            digest: digest_of(image, index, facts),
            created_by: instructions.get(index).copied().unwrap_or_default(),
            facts,
            declared,
        })
        .collect();
    let tables: Vec<&EntryTable> = facts.iter().map(|facts| &facts.entries).collect();
    let (tree, merge_anomalies) = Tree::merge(&tables);
    let ownership = std::thread::scope(|scope| {
        if settings.jobs > 1 {
            // Whoever asks next wants the tree in order.
            scope.spawn(|| tree.iter().next());
        }
        owned(&tree, &facts)
    });
    let config = Digest::sha256(Sha256::digest(&image.config_bytes).into());
    let digests: Vec<Digest> = opened.digest.into_iter().chain(image.digest).chain([config]).collect();
    let view = ImageView {
        name: opened.name.as_ref(),
        platform: &image.platform,
        config: &image.config,
        layers: &layers,
        tree: &tree,
        merge_anomalies: &merge_anomalies,
        ownership: &ownership,
        indicators: &settings.indicators,
        digests: &digests,
    };
    let mut outcome = Outcome::default();
    inspect::run_analyzers(settings.jobs, &view, &mut outcome);
    inspect::run_analyzer(&settings.rules, &view, &mut outcome);
    inspect::controls::apply(&view, &mut outcome);
    let Outcome { findings, gaps, chain, failed } = outcome;
    let mut concluded = Concluded { findings, gaps, failed, ..Concluded::default() };
    for (index, facts) in facts.iter().enumerate() {
        concluded.gaps.extend(facts.gaps.iter().map(|gap| layer_gap(&platform, index, gap)));
    }
    // A package database that was half read makes owned files look unowned, and altered ones unpromised.
    concluded.gaps.extend(
        ownership
            .gaps()
            .iter()
            .map(|gap| Gap { what: format!("{platform}, {}", gap.what), why: gap.why.clone() }),
    );
    mark_reached(&mut concluded.findings, &chain, &platform);
    concluded.layers = layers
        .iter()
        .enumerate()
        .map(|(index, layer)| LayerSummary {
            platform: platform.clone(),
            index,
            digest: layer.digest,
            created_by: model::escape_text(layer.created_by),
            bytes: layer.facts.bytes,
            entries: layer.facts.entries.len() as u64,
        })
        .collect();
    concluded.reached.push((platform, chain));
    concluded.lacks_sums = ownership.lacks_sums();
    let looked = look(&view, &concluded);
    concluded.lacks_sums |= ownership.lacks_sums();
    (concluded, looked)
}

/// What the layer's bytes hash to; where they could not be read, what was declared, so that people can find
/// the layer.
fn digest_of(image: &Image, index: usize, facts: &LayerFacts) -> Digest {
    let layer = image.layers.get(index);
    facts
        .transport
        .as_ref()
        .map(|transport| transport.digest)
        .or_else(|| layer.and_then(|layer| layer.digest.or(layer.diff_id)))
        .unwrap_or_else(|| Digest::sha256([0; 32]))
}

pub(crate) fn owned(tree: &Tree<'_>, facts: &[&LayerFacts]) -> Ownership {
    let parts = facts.iter().enumerate().flat_map(|(layer, facts)| {
        facts.facts.iter().filter_map(move |(entry, fact)| match fact {
            Fact::Packages(part) => Some((layers::Place { layer: layer as u32, entry: *entry }, part)),
            _ => None,
        })
    });
    // A database file that a later layer replaced or removed says nothing about what is there now.
    let live = parts.filter(|(place, _)| tree.is_live(*place)).filter_map(|(place, part)| {
        let entry = tree.entry(place)?;
        Some((entry.path, part))
    });
    let resolve_parent = |path: &[u8]| {
        let (parent, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => return path.to_vec(),
        };
        match tree.directory(parent) {
            Some(mut resolved) => {
                if !resolved.is_empty() {
                    resolved.push(b'/');
                }
                resolved.extend_from_slice(name);
                resolved
            }
            None => path.to_vec(),
        }
    };
    Ownership::build(live, &resolve_parent)
}

/// A gap within a layer, by its place in the image.
pub(crate) fn layer_gap(platform: &str, index: usize, gap: &Gap) -> Gap {
    let place = if gap.what.is_empty() { String::new() } else { format!(", {}", gap.what) };
    Gap { what: format!("{platform}, layer {index}{place}"), why: gap.why.clone() }
}

fn mark_reached(findings: &mut [Finding], reached: &[Reached], platform: &str) {
    let paths: BTreeSet<String> = reached
        .iter()
        .filter(|reached| reached.certain)
        .map(|reached| format!("/{}", model::escape_bytes(&reached.path)))
        .collect();
    for finding in findings {
        finding.platform = platform.to_owned();
        if finding.reachable.is_none() && finding.path.as_ref().is_some_and(|path| paths.contains(path)) {
            finding.reachable = Some(true);
        }
    }
}
