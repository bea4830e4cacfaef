use super::Seen;
use super::watcher::Watcher;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use events::Coding;
use flate2::write::{DeflateDecoder, GzDecoder, ZlibDecoder};
use std::io::{self, Write};

/// Compressed data inside of a stream, which is unpacked while it passes and read again.
pub(super) struct Nested {
    unpack: Unpack,
    text: Text,
    over: bool,
    written: u64,
    overran: bool,
}

/// In what compressed data was found. The bytes of its beginning have passed already.
#[derive(Debug, Clone, Copy)]
pub(super) enum Wrapping {
    Gzip,
    Zlib(u16),
    Bare,
    Base64([u8; 4]),
    Base64Three([u8; 3]),
    Hex,
}

enum Unpack {
    Gzip(GzDecoder<Reader>),
    Zlib(ZlibDecoder<Reader>),
    Bare(DeflateDecoder<Reader>),
}

/// Letters that stand for the compressed bytes, and those of them that make no whole byte yet.
enum Text {
    No,
    Base64(Vec<u8>),
    Hex(Vec<u8>),
}

/// Reads what was unpacked.
struct Reader {
    watcher: Box<Watcher>,
    found: Vec<Seen>,
    bytes: u64,
}

/// The most that one compressed beginning may unpack to.
const LARGEST: u64 = 32 << 20;

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        if self.bytes > LARGEST {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.found.extend(self.watcher.feed(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Nested {
    pub(super) fn new(wrapping: Wrapping, watcher: Watcher) -> Self {
        let reader = Reader { watcher: Box::new(watcher), found: Vec::new(), bytes: 0 };
        let (unpack, text, first) = match wrapping {
            Wrapping::Gzip => (gzip(reader), Text::No, vec![0x1f, 0x8b, 8]),
            Wrapping::Zlib(head) => (zlib(reader), Text::No, head.to_be_bytes().to_vec()),
            Wrapping::Bare => (Unpack::Bare(DeflateDecoder::new(reader)), Text::No, Vec::new()),
            Wrapping::Base64(letters) => (gzip(reader), Text::Base64(Vec::new()), letters.to_vec()),
            Wrapping::Base64Three(letters) => (zlib(reader), Text::Base64(Vec::new()), letters.to_vec()),
            Wrapping::Hex => (gzip(reader), Text::Hex(Vec::new()), b"1f8b08".to_vec()),
        };
        let mut nested = Self { unpack, text, over: false, written: 0, overran: false };
        nested.feed(&first, &mut Vec::new());
        nested
    }

    pub(super) fn over(&self) -> bool {
        self.over
    }

    pub(super) fn overran(&self) -> bool {
        self.overran
    }

    /// Whether it has unpacked something worth the name.
    pub(super) fn productive(&self) -> bool {
        !self.over && self.reader().bytes > 64
    }

    pub(super) fn feed(&mut self, bytes: &[u8], found: &mut Vec<Seen>) {
        if self.over {
            return;
        }
        let decoded;
        let bytes = match &mut self.text {
            Text::No => bytes,
            Text::Base64(rest) => {
                let ends = letters(bytes, rest, |byte| {
                    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
                });
                self.over |= ends;
                let whole = rest.len() - rest.len() % 4;
                let part: Vec<u8> = rest.drain(..whole).collect();
                decoded = STANDARD_NO_PAD.decode(part).unwrap_or_default();
                &decoded
            }
            Text::Hex(rest) => {
                let ends = letters(bytes, rest, |byte| byte.is_ascii_hexdigit());
                self.over |= ends;
                let whole = rest.len() - rest.len() % 2;
                let part: Vec<u8> = rest.drain(..whole).collect();
                decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(&part).unwrap_or_default();
                &decoded
            }
        };
        self.written += bytes.len() as u64;
        // In small pieces: what one byte of compressed data can become is bounded by a thousand.
        for piece in bytes.chunks(4096) {
            let wrote = match &mut self.unpack {
                Unpack::Gzip(it) => it.write_all(piece).and_then(|()| it.flush()),
                Unpack::Zlib(it) => it.write_all(piece).and_then(|()| it.flush()),
                Unpack::Bare(it) => it.write_all(piece).and_then(|()| it.flush()),
            };
            if wrote.is_err() {
                self.over = true;
                break;
            }
        }
        self.overran |= self.reader().bytes > LARGEST || self.reader().watcher.overran();
        found.extend(self.reader_mut().found.drain(..).map(|mut seen| {
            seen.coding = Coding::Compressed;
            seen
        }));
    }

    fn reader(&self) -> &Reader {
        match &self.unpack {
            Unpack::Gzip(it) => it.get_ref(),
            Unpack::Zlib(it) => it.get_ref(),
            Unpack::Bare(it) => it.get_ref(),
        }
    }

    fn reader_mut(&mut self) -> &mut Reader {
        match &mut self.unpack {
            Unpack::Gzip(it) => it.get_mut(),
            Unpack::Zlib(it) => it.get_mut(),
            Unpack::Bare(it) => it.get_mut(),
        }
    }
}

fn gzip(reader: Reader) -> Unpack {
    Unpack::Gzip(GzDecoder::new(reader))
}

fn zlib(reader: Reader) -> Unpack {
    Unpack::Zlib(ZlibDecoder::new(reader))
}

/// Adds the letters of a coding, in the standard alphabet, without white space; true where another sign ends them.
fn letters(bytes: &[u8], rest: &mut Vec<u8>, is: impl Fn(u8) -> bool) -> bool {
    for byte in bytes {
        match byte {
            byte if byte.is_ascii_whitespace() => {}
            b'-' if is(b'-') => rest.push(b'+'),
            b'_' if is(b'_') => rest.push(b'/'),
            byte if is(*byte) => rest.push(*byte),
            _ => return true,
        }
    }
    false
}
