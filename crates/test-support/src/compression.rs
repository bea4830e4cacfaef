use std::io::Write as _;

/// How the bytes of a layer are transported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// As they are.
    None,
    /// One gzip member.
    Gzip,
    /// Several gzip members in a row, this many bytes of the archive in each.
    GzipMembers(usize),
    /// One zstd frame.
    Zstd,
    /// Several zstd frames in a row, this many bytes of the archive in each, with a skippable frame before
    /// every one of them, as zstd:chunked writes.
    ZstdFrames(usize),
}

impl Compression {
    /// The bytes compressed.
    pub fn apply(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::None => bytes.to_vec(),
            Self::Gzip => gzip(bytes),
            Self::GzipMembers(length) => pieces(bytes, length).flat_map(gzip).collect(),
            Self::Zstd => zstd(bytes),
            Self::ZstdFrames(length) => pieces(bytes, length)
                .flat_map(|piece| [skippable_frame(b"note"), zstd(piece)].concat())
                .collect(),
        }
    }

    /// The ending of a layer's OCI media type: ``, `+gzip` or `+zstd`.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip | Self::GzipMembers(_) => "+gzip",
            Self::Zstd | Self::ZstdFrames(_) => "+zstd",
        }
    }
}

/// A zstd skippable frame around these bytes (RFC 8878, section 3.1.2).
pub fn skippable_frame(content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    [&0x184d_2a50_u32.to_le_bytes()[..], &length.to_le_bytes(), content].concat()
}

/// Pieces of a length, and one empty piece where there is nothing: even nothing is one member.
fn pieces(bytes: &[u8], length: usize) -> impl Iterator<Item = &[u8]> {
    let empty = bytes.is_empty().then_some(bytes);
    bytes.chunks(length.max(1)).chain(empty)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory can be written")
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory can be written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn check(compression: Compression, bytes: &[u8]) {
        let packed = compression.apply(bytes);
        let mut back = Vec::new();
        match compression.suffix() {
            "+gzip" => flate2::read::MultiGzDecoder::new(packed.as_slice()).read_to_end(&mut back).unwrap(),
            "+zstd" => zstd::Decoder::new(packed.as_slice()).unwrap().read_to_end(&mut back).unwrap(),
            _ => packed.as_slice().read_to_end(&mut back).unwrap(),
        };
        assert_eq!(back, bytes, "{compression:?}");
        assert_eq!(packed, compression.apply(bytes), "{compression:?} differs from run to run");
    }

    #[test]
    fn every_compression_can_be_undone() {
        use Compression as C;
        for compression in [C::None, C::Gzip, C::GzipMembers(7), C::Zstd, C::ZstdFrames(7)] {
            check(compression, b"");
            check(compression, b"some bytes that are longer than one piece");
        }
        assert_eq!(C::GzipMembers(1).apply(b"ab"), [gzip(b"a"), gzip(b"b")].concat());
    }
}
