/// One header block of a tar archive, of which every byte can be set: POSIX.1-1988 `ustar` unless told
/// otherwise. It starts as an honest empty regular file; each setter changes one field; the checksum is
/// computed last.
#[derive(Debug, Clone)]
pub struct RawHeader {
    block: [u8; 512],
    checksum: Checksum,
}

#[derive(Debug, Clone, Copy)]
enum Checksum {
    Right,
    Signed,
    Off(u32),
    AsSet,
}

impl RawHeader {
    /// A `ustar` header: name (cut at 100 bytes), type flag, and size in bytes.
    pub fn ustar(name: impl AsRef<[u8]>, type_flag: u8, size: u64) -> Self {
        Self { block: [0; 512], checksum: Checksum::Right }
            .name(name)
            .octal(100, 8, 0o644)
            .octal(108, 8, 0)
            .octal(116, 8, 0)
            .size(size)
            .octal(136, 12, 0)
            .set(156, [type_flag])
            .set(257, b"ustar\x0000")
            .octal(329, 8, 0)
            .octal(337, 8, 0)
    }

    /// As [`RawHeader::ustar`] with the magic of GNU tar.
    pub fn gnu(name: impl AsRef<[u8]>, type_flag: u8, size: u64) -> Self {
        Self::ustar(name, type_flag, size).set(257, b"ustar  \0")
    }

    /// As [`RawHeader::ustar`] without any magic: the format of Unix version 7.
    pub fn v7(name: impl AsRef<[u8]>, type_flag: u8, size: u64) -> Self {
        Self::ustar(name, type_flag, size).set(257, [0; 88])
    }

    /// Writes bytes at an offset of the block, whatever stands there; what would leave the block is cut.
    pub fn set(mut self, offset: usize, bytes: impl AsRef<[u8]>) -> Self {
        for (slot, byte) in self.block.iter_mut().skip(offset).zip(bytes.as_ref()) {
            *slot = *byte;
        }
        self
    }

    /// The name field: 100 bytes, the rest of it zeroed.
    pub fn name(self, name: impl AsRef<[u8]>) -> Self {
        self.text(0, 100, name.as_ref())
    }

    /// The link field: 100 bytes, the rest of it zeroed.
    pub fn link(self, target: impl AsRef<[u8]>) -> Self {
        self.text(157, 100, target.as_ref())
    }

    /// The prefix field of `ustar`: 155 bytes, the rest of it zeroed.
    pub fn prefix(self, prefix: impl AsRef<[u8]>) -> Self {
        self.text(345, 155, prefix.as_ref())
    }

    /// Permission bits.
    pub fn mode(self, mode: u32) -> Self {
        self.octal(100, 8, u64::from(mode))
    }

    /// Owner and group.
    pub fn owner(self, uid: u64, gid: u64) -> Self {
        self.octal(108, 8, uid).octal(116, 8, gid)
    }

    /// Size in octal, or in base-256 where octal is too short.
    pub fn size(self, size: u64) -> Self {
        if size < 1 << 33 { self.octal(124, 12, size) } else { self.size_base256(size) }
    }

    /// Size in base-256, as GNU and star write what octal cannot hold.
    pub fn size_base256(self, size: u64) -> Self {
        let mut field = [0; 12];
        field[0] = 0x80;
        field[4..].copy_from_slice(&size.to_be_bytes());
        self.set(124, field)
    }

    /// Modification time in seconds since 1970.
    pub fn mtime(self, mtime: u64) -> Self {
        self.octal(136, 12, mtime)
    }

    /// Device numbers.
    pub fn device(self, major: u32, minor: u32) -> Self {
        self.octal(329, 8, u64::from(major)).octal(337, 8, u64::from(minor))
    }

    /// Makes the checksum wrong by this much.
    pub fn wrong_checksum(mut self, by: u32) -> Self {
        self.checksum = Checksum::Off(by);
        self
    }

    /// Sums the bytes as signed ones, as some historic writers did.
    pub fn signed_checksum(mut self) -> Self {
        self.checksum = Checksum::Signed;
        self
    }

    /// Leaves the checksum field as [`RawHeader::set`] left it.
    pub fn checksum_as_set(mut self) -> Self {
        self.checksum = Checksum::AsSet;
        self
    }

    /// The block.
    pub fn build(mut self) -> [u8; 512] {
        let by = match self.checksum {
            Checksum::AsSet => return self.block,
            Checksum::Off(by) => by,
            Checksum::Right | Checksum::Signed => 0,
        };
        self = self.set(148, b"        ");
        let sum = match self.checksum {
            Checksum::Signed => {
                self.block.iter().map(|&byte| i64::from(byte.cast_signed())).sum::<i64>().unsigned_abs()
            }
            _ => self.block.iter().map(|&byte| u64::from(byte)).sum(),
        };
        self.set(148, format!("{:06o}\0 ", sum + u64::from(by))).block
    }

    /// The block, the content and its padding to whole blocks: one entry.
    pub fn entry(self, content: &[u8]) -> Vec<u8> {
        let mut bytes = self.build().to_vec();
        bytes.extend(padded(content));
        bytes
    }

    fn text(self, offset: usize, length: usize, text: &[u8]) -> Self {
        let mut field = text.to_vec();
        field.resize(length, 0);
        self.set(offset, field)
    }

    fn octal(self, offset: usize, length: usize, value: u64) -> Self {
        let digits = length - 1;
        let mut field = format!("{value:0digits$o}").into_bytes();
        field.truncate(digits);
        field.push(0);
        self.set(offset, field)
    }
}

/// Content, filled with zeros to whole blocks of 512 bytes.
pub fn padded(content: &[u8]) -> Vec<u8> {
    let mut bytes = content.to_vec();
    bytes.resize(content.len().next_multiple_of(512), 0);
    bytes
}

/// Records of a PAX extended header, each with its own length in front.
pub fn pax_records(records: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (key, value) in records {
        let rest = key.len() + value.len() + 3;
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        bytes.extend(length.to_string().into_bytes());
        bytes.push(b' ');
        bytes.extend(*key);
        bytes.push(b'=');
        bytes.extend(*value);
        bytes.push(b'\n');
    }
    bytes
}

/// A PAX extended header for the entry that follows.
pub fn pax_header(records: &[(&[u8], &[u8])]) -> Vec<u8> {
    let body = pax_records(records);
    RawHeader::ustar("PaxHeaders.0/entry", b'x', body.len() as u64).entry(&body)
}

/// A PAX extended header for all entries that follow.
pub fn pax_global_header(records: &[(&[u8], &[u8])]) -> Vec<u8> {
    let body = pax_records(records);
    RawHeader::ustar("PaxHeaders.0/global", b'g', body.len() as u64).entry(&body)
}

/// GNU tar's long name for the entry that follows.
pub fn gnu_long_name(name: impl AsRef<[u8]>) -> Vec<u8> {
    gnu_long(b'L', name.as_ref())
}

/// GNU tar's long link target for the entry that follows.
pub fn gnu_long_link(target: impl AsRef<[u8]>) -> Vec<u8> {
    gnu_long(b'K', target.as_ref())
}

fn gnu_long(type_flag: u8, text: &[u8]) -> Vec<u8> {
    let mut body = text.to_vec();
    body.push(0);
    RawHeader::gnu("././@LongLink", type_flag, body.len() as u64).entry(&body)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Result<Vec<(String, u64)>, std::io::Error> {
        let mut archive = tar::Archive::new(bytes);
        let entries = archive.entries()?;
        entries.map(|entry| entry.map(|e| (e.path().unwrap().display().to_string(), e.size()))).collect()
    }

    #[test]
    fn an_untouched_header_is_one_that_others_read() {
        let mut bytes = RawHeader::ustar("a/b", b'0', 3).entry(b"xyz");
        bytes.extend(RawHeader::gnu("c", b'0', 1).size_base256(1).entry(b"z"));
        bytes.extend(gnu_long_name("n".repeat(150)));
        bytes.extend(RawHeader::gnu("n", b'0', 0).build());
        bytes.extend(pax_header(&[(b"path", "p".repeat(300).as_bytes())]));
        bytes.extend(RawHeader::ustar("p", b'0', 0).build());
        let expect = [("a/b".into(), 3), ("c".into(), 1), ("n".repeat(150), 0), ("p".repeat(300), 0)];
        assert_eq!(read(&bytes).unwrap(), expect);
    }

    #[test]
    fn a_checksum_can_be_wrong() {
        assert!(read(&RawHeader::ustar("a", b'0', 0).wrong_checksum(1).build()).is_err());
    }

    #[test]
    fn pax_lengths_count_themselves() {
        for length in [1, 90, 91, 92, 93, 94, 95, 96, 97, 990, 991, 992, 993, 994, 995] {
            let record = pax_records(&[(b"k", &vec![b'v'; length])]);
            let (digits, _) = std::str::from_utf8(&record).unwrap().split_once(' ').unwrap();
            assert_eq!(digits.parse::<usize>().unwrap(), record.len(), "{length}");
        }
    }
}
