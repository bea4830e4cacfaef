use serde::{Deserialize, Serialize};

/// One entry of a layer's archive, after its extended headers were applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to the root, in the normal form of [`normalize_path`]; empty for the root itself.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    /// Permission bits with setuid, setgid and sticky: `mode & 0o7777`.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Seconds since 1970.
    pub mtime: i64,
    /// Logical size in bytes: holes of a sparse file included.
    pub size: u64,
    /// Raw target of a symbolic link; target of a hard link in normal form; else empty.
    pub link: Vec<u8>,
    /// Device numbers, major and minor.
    pub device: (u32, u32),
    /// Extended attributes by full name, such as `security.capability`.
    pub xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    /// Where the entry's first header block starts in the decompressed stream.
    pub offset: u64,
}

impl Default for Entry {
    /// An empty entry, to be filled by [`TarReader::next_into`](crate::TarReader::next_into).
    fn default() -> Self {
        Self {
            path: Vec::new(),
            kind: Kind::File,
            mode: 0,
            uid: 0,
            gid: 0,
            mtime: 0,
            size: 0,
            link: Vec::new(),
            device: (0, 0),
            xattrs: Vec::new(),
            offset: 0,
        }
    }
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file, old-style and contiguous ones included.
    File,
    /// Another name for a file that the archive or a lower layer already has.
    Hardlink,
    /// A symbolic link.
    Symlink,
    /// A character device.
    Character,
    /// A block device.
    Block,
    /// A directory.
    Directory,
    /// A named pipe.
    Fifo,
    /// A type that no runtime creates; its bytes are read and accounted for like a file's.
    Unknown(u8),
}

/// Brings a path into the one form in which paths are compared: no leading or doubled slash, no `.`, no
/// trailing slash, `..` taken lexically and held at the root, as containerd and Docker do before they look at
/// the file system. The flag says whether a `..` was there at all.
pub fn normalize_path(raw: &[u8]) -> (Vec<u8>, bool) {
    let mut path = Vec::with_capacity(raw.len());
    let climbed = normalize_into(raw, &mut path);
    (path, climbed)
}

/// As [`normalize_path`], into a buffer that is used again for the next entry.
pub(crate) fn normalize_into(raw: &[u8], path: &mut Vec<u8>) -> bool {
    path.clear();
    path.reserve(raw.len());
    let mut climbed = false;
    for component in raw.split(|&byte| byte == b'/') {
        match component {
            b"" | b"." => {}
            b".." => {
                climbed = true;
                let parent = path.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                path.truncate(parent);
            }
            name => {
                if !path.is_empty() {
                    path.push(b'/');
                }
                path.extend_from_slice(name);
            }
        }
    }
    climbed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(raw: &str, expect: &str, climbed: bool) {
        assert_eq!(normalize_path(raw.as_bytes()), (expect.as_bytes().to_vec(), climbed), "{raw}");
    }

    #[test]
    fn paths_have_one_form() {
        check("./usr//bin/", "usr/bin", false);
        check("/etc/passwd", "etc/passwd", false);
        check("./", "", false);
        check("a/../b", "b", true);
        check("../../etc", "etc", true);
        check("a/b/../../../c", "c", true);
        check("a/...", "a/...", false);
    }
}
