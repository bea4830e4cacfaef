//! The merged tree as a list, for people and for comparison with what other tools unpack.

use crate::layer::read_layers;
use crate::{Error, Settings, open};
use inspect::with_crew;
use layers::{EntryTable, Kind, Tree};
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
    let analyzers = inspect::file_analyzers();
    let mut listed = Vec::new();
    let mut gaps = opened.gaps.clone();
    with_crew(settings.jobs, analyzers, &settings.watch.progress, settings.cancelled(), |crew| {
        for image in &opened.images {
            let read = read_layers(image, settings, crew);
            let shown = layers.unwrap_or(read.len()).min(read.len());
            let tables: Vec<&EntryTable> =
                read.iter().take(shown).map(|layer| &layer.facts.entries).collect();
            let (tree, _) = Tree::merge(&tables);
            listed.extend(tree.iter().filter_map(|(path, place)| one(&tree, &path, place, image)));
            gaps.extend(read.iter().take(shown).flat_map(|layer| layer.facts.gaps.iter().cloned()));
        }
    });
    if settings.is_cancelled() {
        return Err(Error::Cancelled);
    }
    Ok((listed, gaps))
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
