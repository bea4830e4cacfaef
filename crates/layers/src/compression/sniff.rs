use serde::{Deserialize, Serialize};

/// How a layer is compressed, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Compression {
    /// Not at all, or in a way nobody recognises.
    Plain,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
    /// Recognised, not read.
    Xz,
    /// Recognised, not read.
    Bzip2,
    /// Recognised, not read.
    Lz4,
}

impl Compression {
    /// What a media type declares; none where it does not say.
    pub fn declared(media_type: &str) -> Option<Self> {
        declared_compression(media_type)
    }

    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
            Self::Lz4 => "lz4",
        }
    }
}

/// Bytes that [`sniff`] looks at.
pub(crate) const MAGIC_LEN: usize = 10;
/// First bytes of a gzip member with the only method there is.
pub(crate) const GZIP_MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// First bytes of a zstd frame.
pub(crate) const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Whether these bytes begin a zstd skippable frame; the low half of the first byte is free.
pub(crate) fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Decides as containerd does, and recognises what it does not read.
pub(crate) fn sniff(head: &[u8]) -> Compression {
    match head {
        head if head.starts_with(&GZIP_MAGIC) => Compression::Gzip,
        head if head.starts_with(&ZSTD_MAGIC) => Compression::Zstd,
        head if is_skippable(head) && head.len() >= 8 => Compression::Zstd,
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
        [b'B', b'Z', b'h', b'1'..=b'9', b'1', b'A', b'Y', b'&', b'S', b'Y', ..] => Compression::Bzip2,
        [0x04, 0x22, 0x4d, 0x18, ..] => Compression::Lz4,
        _ => Compression::Plain,
    }
}

/// The compression that a media type names; none when it names none that is known.
pub(crate) fn declared_compression(media_type: &str) -> Option<Compression> {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let essence = essence.strip_suffix("+encrypted").unwrap_or(&essence);
    let (_, suffix) = essence.rsplit_once(['+', '.'])?;
    match suffix {
        "gzip" => Some(Compression::Gzip),
        "zstd" => Some(Compression::Zstd),
        "tar" => Some(Compression::Plain),
        "xz" => Some(Compression::Xz),
        "bzip2" => Some(Compression::Bzip2),
        "lz4" => Some(Compression::Lz4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_magic(head: &[u8], expect: Compression) {
        assert_eq!(sniff(head), expect, "{head:x?}");
    }

    fn check_type(media_type: &str, expect: Option<Compression>) {
        assert_eq!(declared_compression(media_type), expect, "{media_type}");
    }

    #[test]
    fn magic_bytes_decide() {
        check_magic(b"\x1f\x8b\x08\0\0\0\0\0\0\x03", Compression::Gzip);
        check_magic(b"\x1f\x8b\x07\0\0\0\0\0\0\x03", Compression::Plain);
        check_magic(b"\x28\xb5\x2f\xfd", Compression::Zstd);
        check_magic(b"\x5a\x2a\x4d\x18\x04\0\0\0", Compression::Zstd);
        check_magic(b"\x5a\x2a\x4d\x18", Compression::Plain);
        check_magic(b"\xfd7zXZ\0", Compression::Xz);
        check_magic(b"BZh91AY&SY", Compression::Bzip2);
        check_magic(b"BZhello.txt", Compression::Plain);
        check_magic(b"\x04\x22\x4d\x18", Compression::Lz4);
        check_magic(b"etc/", Compression::Plain);
        check_magic(b"", Compression::Plain);
    }

    #[test]
    fn media_types_name_their_compression() {
        check_type("application/vnd.oci.image.layer.v1.tar+gzip", Some(Compression::Gzip));
        check_type("application/vnd.oci.image.layer.v1.tar+zstd", Some(Compression::Zstd));
        check_type("application/vnd.oci.image.layer.v1.tar", Some(Compression::Plain));
        check_type("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Some(Compression::Gzip));
        check_type("application/vnd.docker.image.rootfs.diff.tar.gzip", Some(Compression::Gzip));
        check_type("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Some(Compression::Gzip));
        check_type("application/vnd.docker.image.rootfs.diff.tar", Some(Compression::Plain));
        check_type("application/vnd.oci.image.layer.v1.tar+gzip; charset=binary", Some(Compression::Gzip));
        check_type("application/vnd.oci.image.layer.v1.tar+gzip+encrypted", Some(Compression::Gzip));
        check_type("application/octet-stream", None);
        check_type("", None);
    }
}
