use crate::header::{RawHeader, padded, pax_header};

/// Builds the tar archive of one layer, entry by entry. Times are zero, owners are root, unless told
/// otherwise; parents are not added on their own.
#[derive(Debug, Clone, Default)]
pub struct LayerBuilder {
    bytes: Vec<u8>,
    owner: (u64, u64),
    mtime: u64,
    open_ended: bool,
    trailer: Vec<u8>,
}

impl LayerBuilder {
    /// An empty layer.
    pub fn new() -> Self {
        Self::default()
    }

    /// A directory.
    pub fn dir(self, path: impl AsRef<[u8]>, mode: u32) -> Self {
        let mut path = path.as_ref().to_vec();
        if !path.ends_with(b"/") {
            path.push(b'/');
        }
        self.entry(&path, b'5', mode, b"", b"")
    }

    /// A regular file.
    pub fn file(self, path: impl AsRef<[u8]>, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.entry(path.as_ref(), b'0', mode, b"", content.as_ref())
    }

    /// A symbolic link.
    pub fn symlink(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(path.as_ref(), b'2', 0o777, target.as_ref(), b"")
    }

    /// A hard link.
    pub fn hardlink(self, path: impl AsRef<[u8]>, target: impl AsRef<[u8]>) -> Self {
        self.entry(path.as_ref(), b'1', 0o644, target.as_ref(), b"")
    }

    /// A named pipe.
    pub fn fifo(self, path: impl AsRef<[u8]>) -> Self {
        self.entry(path.as_ref(), b'6', 0o644, b"", b"")
    }

    /// A character device.
    pub fn device(mut self, path: impl AsRef<[u8]>, major: u32, minor: u32) -> Self {
        let (header, long) = self.header(path.as_ref(), b'3', 0o600, b"", 0);
        self.bytes.extend(long);
        self.bytes.extend(header.device(major, minor).build());
        self
    }

    /// A whiteout of this path: the empty file `.wh.NAME` beside it.
    pub fn whiteout(self, path: impl AsRef<[u8]>) -> Self {
        let path = path.as_ref();
        let name_at = path.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let (parent, name) = path.split_at(name_at);
        self.file([parent, b".wh.", name].concat(), 0o644, b"")
    }

    /// An opaque marker in this directory: the empty file `.wh..wh..opq`.
    pub fn opaque(self, dir: impl AsRef<[u8]>) -> Self {
        let dir = dir.as_ref();
        let separator: &[u8] = if dir.is_empty() || dir.ends_with(b"/") { b"" } else { b"/" };
        self.file([dir, separator, b".wh..wh..opq"].concat(), 0o644, b"")
    }

    /// Extended attributes of the entry that follows, by their full names.
    pub fn xattrs(self, attributes: &[(&str, &[u8])]) -> Self {
        let keys: Vec<String> = attributes.iter().map(|(name, _)| format!("SCHILY.xattr.{name}")).collect();
        let records: Vec<_> =
            keys.iter().zip(attributes).map(|(key, (_, value))| (key.as_bytes(), *value)).collect();
        self.raw(pax_header(&records))
    }

    /// Owner and group of the entries that follow.
    pub fn owner(mut self, uid: u64, gid: u64) -> Self {
        self.owner = (uid, gid);
        self
    }

    /// Modification time of the entries that follow, in seconds since 1970.
    pub fn mtime(mut self, mtime: u64) -> Self {
        self.mtime = mtime;
        self
    }

    /// Bytes of the archive as they are: hostile headers, padding, anything.
    pub fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.bytes.extend_from_slice(bytes.as_ref());
        self
    }

    /// Leaves out the two blocks of zeros that end an archive.
    pub fn without_end(mut self) -> Self {
        self.open_ended = true;
        self
    }

    /// Bytes after the end of the archive.
    pub fn trailing(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.trailer.extend_from_slice(bytes.as_ref());
        self
    }

    /// The archive, not compressed.
    pub fn build(mut self) -> Vec<u8> {
        if !self.open_ended {
            self.bytes.extend([0; 1024]);
        }
        self.bytes.extend(self.trailer);
        self.bytes
    }

    fn entry(mut self, path: &[u8], type_flag: u8, mode: u32, link: &[u8], content: &[u8]) -> Self {
        let (header, long) = self.header(path, type_flag, mode, link, content.len() as u64);
        self.bytes.extend(long);
        self.bytes.extend(header.build());
        self.bytes.extend(padded(content));
        self
    }

    /// A header, and the PAX header before it where the name or the link is too long for `ustar`.
    fn header(&self, path: &[u8], type_flag: u8, mode: u32, link: &[u8], size: u64) -> (RawHeader, Vec<u8>) {
        let mut records: Vec<(&[u8], &[u8])> = Vec::new();
        let (prefix, name) = split_for_ustar(path).unwrap_or_else(|| {
            records.push((b"path", path));
            (b"", path)
        });
        if link.len() > 100 {
            records.push((b"linkpath", link));
        }
        let long = if records.is_empty() { Vec::new() } else { pax_header(&records) };
        let header = RawHeader::ustar(name, type_flag, size)
            .prefix(prefix)
            .link(&link[..link.len().min(100)])
            .mode(mode)
            .owner(self.owner.0, self.owner.1)
            .mtime(self.mtime);
        (header, long)
    }
}

/// Prefix and name as `ustar` divides a path over 100 bytes: at a slash, 155 before and 100 after at most.
fn split_for_ustar(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= 100 {
        return Some((b"", path));
    }
    let fits = |&at: &usize| path[at] == b'/' && at > 0 && path.len() - at - 1 <= 100 && path.len() - at > 1;
    let at = (0..path.len().min(156)).find(fits)?;
    Some((&path[..at], &path[at + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn names(layer: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(layer);
        archive.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect()
    }

    #[test]
    fn every_kind_of_entry_is_read_back() {
        let long = format!("{}/{}", "d".repeat(120), "f".repeat(90));
        let longer = "x".repeat(160);
        let layer = LayerBuilder::new()
            .dir("usr", 0o755)
            .file("usr/a", 0o755, b"content")
            .symlink("usr/b", "a")
            .hardlink("usr/c", "usr/a")
            .device("dev/null", 1, 3)
            .fifo("run/pipe")
            .whiteout("etc/shadow")
            .whiteout("top")
            .opaque("var")
            .file(&long, 0o644, b"")
            .symlink(&longer, &longer)
            .build();
        let expect = [
            "usr/",
            "usr/a",
            "usr/b",
            "usr/c",
            "dev/null",
            "run/pipe",
            "etc/.wh.shadow",
            ".wh.top",
            "var/.wh..wh..opq",
            &long,
            &longer,
        ];
        assert_eq!(names(&layer), expect);
        let mut archive = tar::Archive::new(layer.as_slice());
        let mut content = String::new();
        archive.entries().unwrap().nth(1).unwrap().unwrap().read_to_string(&mut content).unwrap();
        assert_eq!(content, "content");
    }

    #[test]
    fn the_same_layer_has_the_same_bytes() {
        let layer = || LayerBuilder::new().file("a", 0o644, b"1").trailing(b"x").build();
        assert_eq!(layer(), layer());
        assert!(layer().ends_with(b"\0x"));
        assert_eq!(LayerBuilder::new().without_end().build(), b"");
    }
}
