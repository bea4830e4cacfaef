use anyhow::{Context, Result};
use flate2::{Compression, GzBuilder};
use std::io::Write as _;

/// A file of the archive.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Below the folder of the archive.
    pub(super) path: String,
    pub(super) mode: u32,
    pub(super) bytes: Vec<u8>,
}

impl Entry {
    pub(super) fn text(path: &str, bytes: Vec<u8>) -> Self {
        Self { path: path.to_owned(), mode: 0o644, bytes }
    }
}

/// A compressed tar archive in which nothing depends on the machine or the moment: files in the order of their names, of
/// nobody in particular, all of one date.
pub(super) fn write(folder: &str, mut entries: Vec<Entry>, seconds: u64) -> Result<Vec<u8>> {
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let compressed = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    let mut archive = tar::Builder::new(compressed);
    for Entry { path, mode, bytes } in entries {
        let mut header = tar::Header::new_ustar();
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(seconds);
        header.set_size(bytes.len() as u64);
        let path = format!("{folder}/{path}");
        archive
            .append_data(&mut header, &path, bytes.as_slice())
            .with_context(|| format!("cannot add {path}"))?;
    }
    let mut compressed = archive.into_inner()?;
    compressed.flush()?;
    Ok(compressed.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    #[test]
    fn the_same_files_are_the_same_bytes() {
        let entry = |path: &str, mode| Entry { path: path.to_owned(), mode, bytes: path.as_bytes().to_vec() };
        let one =
            write("r-1", vec![entry("b", 0o644), entry("bin/a", 0o755), entry("a", 0o644)], 1_700_000_000)
                .unwrap();
        let other =
            write("r-1", vec![entry("a", 0o644), entry("b", 0o644), entry("bin/a", 0o755)], 1_700_000_000)
                .unwrap();
        assert_eq!(one, other);
        assert_ne!(
            one,
            write("r-1", vec![entry("a", 0o644), entry("b", 0o644), entry("bin/a", 0o644)], 1_700_000_000)
                .unwrap()
        );
        let mut read = tar::Archive::new(flate2::read::GzDecoder::new(one.as_slice()));
        let mut found = Vec::new();
        for file in read.entries().unwrap() {
            let mut file = file.unwrap();
            let (mut text, path) = (String::new(), file.path().unwrap().display().to_string());
            file.read_to_string(&mut text).unwrap();
            let header = file.header();
            assert_eq!(
                (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
                (0, 0, 1_700_000_000)
            );
            found.push((path, header.mode().unwrap(), text));
        }
        let expect = |path: &str, mode| (format!("r-1/{path}"), mode, path.to_owned());
        assert_eq!(found, [expect("a", 0o644), expect("b", 0o644), expect("bin/a", 0o755)]);
    }
}
