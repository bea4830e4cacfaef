//! The merged tree as a list, for people and for comparison with what other tools unpack.

use crate::declared::contradictions;
use crate::layer::{first_sums, read_layers};
use crate::platform::layer_gap;
use crate::{Error, Settings, open};
use inspect::with_crew;
use layers::{Anomaly, EntryTable, Kind, Tree, Weight};
use serde::Serialize;
use source::Locator;

/// One path of the merged tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The platform of the image.
    pub platform: String,
    /// Path with a leading slash; escaped.
    pub path: String,
    /// `file`, `directory`, `symlink`, `character`, `block`, `fifo` or `unknown`.
    pub kind: &'static str,
    /// Permission bits with setuid, setgid and sticky.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes, of files.
    pub size: u64,
    /// Where a symbolic link leads; escaped.
    pub link: Option<String>,
    /// SHA-256 of a file's content.
    pub sha256: Option<String>,
    /// The layer that brought it.
    pub layer: u32,
}

/// Lists what a runtime would show of the first `layers` layers of every platform (all of them for none), in
/// the order of paths. The second value holds what was not read.
///
/// # Errors
/// As [`crate::scan`].
pub fn list_files(
    locator: &Locator,
    settings: &Settings,
    layers: Option<usize>,
) -> Result<(Vec<Listed>, Vec<model::Gap>), Error> {
    let opened = open(locator, settings)?;
    settings.watch.say("reading layers");
    settings.watch.expect(&opened);
    let patterns = settings.patterns();
    let analyzers = settings.file_analyzers(patterns.as_ref());
    let mut listed = Vec::new();
    let mut gaps = opened.gaps.clone();
    with_crew(settings.jobs, &analyzers, &settings.watch.progress, settings.cancelled(), |crew| {
        for image in &opened.images {
            let read = read_layers(image, &[], first_sums(image, settings), settings, crew);
            let shown = layers.unwrap_or(read.len()).min(read.len());
            let tables: Vec<&EntryTable> =
                read.iter().take(shown).map(|layer| &layer.facts.entries).collect();
            let (tree, merged) = Tree::merge(&tables);
            let described =
                tree.iter().filter_map(|(path, place)| Some((one(&tree, &path, place, image)?, path)));
            let implied = tree.implied().map(|(path, layer)| (implied(&path, layer, image), path));
            let mut all: Vec<_> = described.chain(implied).collect();
            all.sort_by(|(_, left), (_, right)| left.cmp(right));
            listed.extend(all.into_iter().map(|(listed, _)| listed));
            let platform = image.platform.to_string();
            for (index, (layer, read)) in image.layers.iter().zip(&read).take(shown).enumerate() {
                gaps.extend(read.facts.gaps.iter().map(|gap| layer_gap(&platform, index, gap)));
                let declared = contradictions(layer, &read.facts);
                let merged = merged.iter().filter(|(of, _)| *of == index).map(|(_, anomaly)| anomaly);
                let odd = declared.iter().chain(&read.facts.anomalies).chain(merged);
                gaps.extend(odd.filter_map(|anomaly| doubt(&platform, index, anomaly)));
            }
        }
    });
    if settings.is_cancelled() {
        return Err(Error::Cancelled);
    }
    Ok((listed, gaps))
}

/// A list that another reader of the same layer would not agree with is not whole.
fn doubt(platform: &str, index: usize, anomaly: &Anomaly) -> Option<model::Gap> {
    let path = if anomaly.path.is_empty() {
        String::new()
    } else {
        format!("/{}", model::escape_bytes(&anomaly.path))
    };
    let why = format!("{}: {}", anomaly.kind.name(), anomaly.detail);
    (anomaly.kind.weight() == Weight::Gap).then(|| layer_gap(platform, index, &model::Gap::new(path, why)))
}

fn one(tree: &Tree<'_>, path: &[u8], place: layers::Place, image: &source::Image) -> Option<Listed> {
    let entry = tree.entry(place)?;
    // A hard link is its target under another name, and so it is listed.
    let content = tree.entry(tree.content(place))?;
    Some(Listed {
        platform: image.platform.to_string(),
        path: format!("/{}", model::escape_bytes(path)),
        kind: match content.kind {
            Kind::File | Kind::Hardlink => "file",
            Kind::Directory => "directory",
            Kind::Symlink => "symlink",
            Kind::Character => "character",
            Kind::Block => "block",
            Kind::Fifo => "fifo",
            Kind::Unknown(_) => "unknown",
        },
        mode: content.mode,
        uid: content.uid,
        gid: content.gid,
        size: if content.kind == Kind::File { content.size } else { 0 },
        link: (content.kind == Kind::Symlink).then(|| model::escape_bytes(content.link)),
        sha256: content.hashes.map(|hashes| model::Digest::sha256(hashes.sha256).hex()),
        layer: if entry.kind == Kind::Hardlink { place.layer } else { tree.content(place).layer },
    })
}

/// A directory that no entry describes, as runtimes create it.
fn implied(path: &[u8], layer: u32, image: &source::Image) -> Listed {
    Listed {
        platform: image.platform.to_string(),
        path: format!("/{}", model::escape_bytes(path)),
        kind: "directory",
        mode: 0o755,
        uid: 0,
        gid: 0,
        size: 0,
        link: None,
        sha256: None,
        layer,
    }
}
