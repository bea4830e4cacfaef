//! Lays the image's tree out for running: written by the sandbox's own writer, as the sandbox's users, into a
//! directory that is thrown away.

use crate::{DetonateError, Image, Settings};
use layers::{Entry, EntryView, Kind, Limits, Place, read_layer};
use model::Gap;
use sandbox::{Item, ItemKind, Unpack};
use std::collections::{BTreeMap, HashMap};
use std::io::Read;
use std::path::PathBuf;

/// The most that is laid out. An image beyond it is not run, and says so.
const MOST_ENTRIES: u64 = 3_000_000;
const MOST_BYTES: u64 = 64 << 30;
/// Files that the plan reads are kept while they pass; none is longer than this.
const LONGEST_KEPT: u64 = 4 << 20;

/// A tree that was laid out.
#[derive(Debug)]
pub(crate) struct Staged {
    /// A lower directory for the sandbox.
    pub(crate) root: PathBuf,
    /// Files of the image that the plan reads, by path.
    pub(crate) kept: BTreeMap<Vec<u8>, Vec<u8>>,
    /// What is not as the image has it.
    pub(crate) gaps: Vec<Gap>,
    directory: PathBuf,
}

impl Staged {
    /// Takes the tree away again.
    pub(crate) fn remove(self) -> Result<(), DetonateError> {
        sandbox::remove(&self.directory).map_err(DetonateError::Sandbox)
    }
}

/// Lays the tree out: directories first, since any layer may bring a file below a directory of any other; then the
/// files, layer by layer as their bytes pass; then the names that need no bytes.
pub(crate) fn stage(image: &Image<'_>, settings: &Settings) -> Result<Staged, DetonateError> {
    let directory = settings.scratch.join("tree");
    std::fs::create_dir_all(&directory).map_err(|source| DetonateError::Stage {
        directory: model::escape_text(&directory.to_string_lossy()),
        source,
    })?;
    let mut unpack = Unpack::begin(&directory, MOST_ENTRIES, MOST_BYTES).map_err(DetonateError::Sandbox)?;
    let mut put = |item: &Item| unpack.entry(item).map_err(DetonateError::Sandbox);
    for (path, _) in image.tree.implied() {
        put(&directory_item(path, 0o755, (0, 0), 0))?;
    }
    // Where content lies, with all paths under which it is seen.
    let mut wanted: HashMap<Place, Vec<Vec<u8>>> = HashMap::new();
    let mut links = Vec::new();
    for (path, place) in image.tree.iter() {
        let Some(entry) = image.tree.entry(place) else { continue };
        match entry.kind {
            Kind::Directory => put(&directory_item(path, entry.mode, (entry.uid, entry.gid), entry.mtime))?,
            Kind::File | Kind::Hardlink | Kind::Unknown(_) => {
                wanted.entry(image.tree.content(place)).or_default().push(path);
            }
            Kind::Symlink => links.push(item(path, &entry, ItemKind::Link(entry.link.to_vec()))),
            Kind::Fifo => links.push(item(path, &entry, ItemKind::Pipe)),
            Kind::Character | Kind::Block => links.push(item(path, &entry, ItemKind::Other)),
        }
    }
    let mut staged = Staged { root: PathBuf::new(), kept: BTreeMap::new(), gaps: Vec::new(), directory };
    for index in 0..image.layers.len() {
        settings.say(&format!("laying out layer {}", index + 1));
        files(image, index, &wanted, &mut unpack, &mut staged, settings)?;
    }
    for link in &links {
        unpack.entry(link).map_err(DetonateError::Sandbox)?;
    }
    let unpacked = unpack.finish().map_err(DetonateError::Sandbox)?;
    staged.root = unpacked.root;
    // A device that became an empty file is what every runtime does without rights for it; the rest is told.
    for note in unpacked.notes.iter().take(20) {
        staged.gaps.push(Gap::new(format!("/{} in the run", model::escape_bytes(&note.path)), &note.what));
    }
    Ok(staged)
}

fn directory_item(path: Vec<u8>, mode: u32, owner: (u32, u32), modified: i64) -> Item {
    Item { path, kind: ItemKind::Directory, mode, owner, modified, attributes: Vec::new() }
}

fn item(path: Vec<u8>, entry: &EntryView<'_>, kind: ItemKind) -> Item {
    Item {
        path,
        kind,
        mode: entry.mode,
        owner: (entry.uid, entry.gid),
        modified: entry.mtime,
        attributes: Vec::new(),
    }
}

/// Writes the files of one layer that are seen in the end, each under its first name, and the other names as links.
fn files(
    image: &Image<'_>,
    index: usize,
    wanted: &HashMap<Place, Vec<Vec<u8>>>,
    unpack: &mut Unpack,
    staged: &mut Staged,
    settings: &Settings,
) -> Result<(), DetonateError> {
    let Some(layer) = image.layers.get(index) else { return Ok(()) };
    let blob = (layer.open)().map_err(|source| DetonateError::Layer { layer: index, source })?;
    let limits = Limits::default();
    let (written, summary) = read_layer(blob, &layer.declared, &limits, &settings.cancelled, |archive| {
        let mut entry = Entry::default();
        let mut buffer = vec![0; 256 << 10];
        let mut number = 0_u32;
        loop {
            // Where the archive cannot be read on, the scan has said so already.
            match archive.next_into(&mut entry) {
                Ok(true) => {}
                Ok(false) | Err(_) => return Ok(()),
            }
            let place = Place { layer: u32::try_from(index).unwrap_or(u32::MAX), entry: number };
            number = number.saturating_add(1);
            let Some((first, others)) = wanted.get(&place).and_then(|paths| paths.split_first()) else {
                continue;
            };
            let owner = (narrow(entry.uid), narrow(entry.gid));
            let mut file = Item {
                path: first.clone(),
                kind: ItemKind::File { length: entry.size },
                mode: entry.mode,
                owner,
                modified: entry.mtime,
                attributes: entry.xattrs.clone(),
            };
            unpack.entry(&file).map_err(DetonateError::Sandbox)?;
            let mut kept = (entry.size <= LONGEST_KEPT && is_read_by_the_plan(first)).then(Vec::new);
            let mut left = entry.size;
            let mut data = archive.data();
            while left > 0 {
                let most = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                // A file that breaks off is padded: its length was promised, and the scan names the break.
                let read = data.read(&mut buffer[..most]).unwrap_or(0);
                let bytes = if read == 0 {
                    buffer[..most].fill(0);
                    &buffer[..most]
                } else {
                    &buffer[..read]
                };
                unpack.data(bytes).map_err(DetonateError::Sandbox)?;
                if let Some(kept) = &mut kept {
                    kept.extend_from_slice(bytes);
                }
                left -= bytes.len() as u64;
            }
            if let Some(kept) = kept {
                staged.kept.insert(first.clone(), kept);
            }
            for other in others {
                file.path.clone_from(other);
                file.kind = ItemKind::HardLink(first.clone());
                unpack.entry(&file).map_err(DetonateError::Sandbox)?;
            }
        }
    });
    let _ = summary;
    written
}

fn narrow(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(0)
}

/// Accounts, trust stores, and tables of timed commands.
fn is_read_by_the_plan(path: &[u8]) -> bool {
    matches!(path, b"etc/passwd" | b"etc/group" | b"etc/crontab")
        || path.starts_with(b"etc/cron.d/")
        || path.starts_with(b"var/spool/cron/")
        || path.starts_with(b"etc/crontabs/")
        || crate::trust::is_store(path)
}
