//! Lists of files, ours and theirs, in one form.

use model::escape_bytes;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;
use std::process::Command;

/// What is at a path, by path; paths are escaped and begin with a slash.
pub(crate) type Listing = BTreeMap<String, Line>;

#[derive(Debug, PartialEq, Deserialize)]
pub(crate) struct Line {
    kind: String,
    /// Of everything but symbolic links, which have none that counts.
    mode: u32,
    uid: u32,
    gid: u32,
    /// Of files.
    size: u64,
    link: Option<String>,
    sha256: Option<String>,
}

/// One line of `roadstead files --format json`.
#[derive(Deserialize)]
struct Listed {
    path: String,
    layer: usize,
    #[serde(flatten)]
    line: Line,
}

/// What Roadstead lists of the first layers of an image `DIR:TAG`.
pub(crate) fn ours(image: &str, layers: usize) -> Listing {
    let output = Command::new(env!("CARGO_BIN_EXE_roadstead"))
        .args(["files", "--quiet", "--no-cache", "--format", "json", "--layers", &layers.to_string()])
        .arg(format!("oci:{image}"))
        .output()
        .expect("roadstead");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{} {said}", output.status);
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    let mut listing = Listing::new();
    for line in text.lines() {
        let Listed { path, layer, mut line } = serde_json::from_str(line).expect(line);
        assert!(layer < layers, "{path} is said to be of layer {layer} of {layers}");
        if line.kind == "symlink" {
            line.mode = 0;
        }
        assert!(listing.insert(path.clone(), line).is_none(), "{path} is listed twice");
    }
    listing
}

/// What is below a folder.
pub(crate) fn on_disk(root: &Path) -> Listing {
    let mut listing = Listing::new();
    let mut open = vec![root.to_path_buf()];
    while let Some(path) = open.pop() {
        let line = line(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        if line.kind == "directory" {
            for entry in fs::read_dir(&path).expect("a directory") {
                open.push(entry.expect("a name").path());
            }
        }
        let inside = path.strip_prefix(root).expect("a path below the root");
        listing.insert(format!("/{}", escape_bytes(inside.as_os_str().as_bytes())), line);
    }
    listing
}

fn line(path: &Path) -> io::Result<Line> {
    let metadata = fs::symlink_metadata(path)?;
    let of = metadata.file_type();
    let kinds = [
        (of.is_file(), "file"),
        (of.is_dir(), "directory"),
        (of.is_symlink(), "symlink"),
        (of.is_fifo(), "fifo"),
        (of.is_char_device(), "character"),
        (of.is_block_device(), "block"),
    ];
    let kind = kinds.iter().find(|(is, _)| *is).map_or("unknown", |(_, kind)| kind);
    let link = of.is_symlink().then(|| fs::read_link(path)).transpose()?;
    Ok(Line {
        kind: kind.to_string(),
        mode: if of.is_symlink() { 0 } else { metadata.mode() & 0o7777 },
        uid: metadata.uid(),
        gid: metadata.gid(),
        size: if of.is_file() { metadata.len() } else { 0 },
        link: link.map(|link| escape_bytes(link.as_os_str().as_bytes())),
        sha256: of.is_file().then(|| hash(path)).transpose()?,
    })
}

fn hash(path: &Path) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut file = File::open(path)?;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match io::Read::read(&mut file, &mut buffer)? {
            0 => break,
            len => hasher.update(&buffer[..len]),
        }
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What differs, said for people; empty when nothing does. The root is compared where both have it: an image need
/// not say what it is.
pub(crate) fn differences(ours: &Listing, theirs: &Listing, what: &str) -> String {
    let paths: BTreeSet<&String> = ours.keys().chain(theirs.keys()).collect();
    let mut found = Vec::new();
    for path in paths {
        match (ours.get(path), theirs.get(path)) {
            (Some(our), Some(their)) if our == their => {}
            (Some(_), None) | (None, Some(_)) if path == "/" => {}
            (our, their) => found.push(format!("{path}\n  ours   {our:?}\n  theirs {their:?}\n")),
        }
    }
    if found.is_empty() {
        return String::new();
    }
    format!("{what}: {} paths differ\n{}", found.len(), found[..found.len().min(30)].concat())
}
