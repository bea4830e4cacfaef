//! Whether a text holds anything that could be encoded. Names of decoders stand in most software, payloads in little.

use super::MIN_RUN;

/// Whether there is a run of encoded characters, or enough small pieces of which one could be put together.
pub(super) fn could_be_in(text: &[u8]) -> bool {
    let mut run = Run::default();
    let mut pieces = 0_usize;
    let mut last = 0_u8;
    for &byte in text {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'=') {
            run.take(byte);
        } else {
            if run.is_payload() {
                return true;
            }
            // Number after number, escape after escape, and text joined to text.
            let number = run.digits > 0 && run.digits == run.len && run.len <= 3 && byte == b',';
            let escape = byte == b'\\';
            let join = matches!(byte, b'\'' | b'"') && matches!(last, b'\'' | b'"' | b'+' | b'.');
            pieces += usize::from(number || escape || join);
            if pieces >= MANY {
                return true;
            }
            run = Run::default();
        }
        last = byte;
    }
    run.is_payload()
}

/// So many pieces are a list of characters or a text in parts.
const MANY: usize = 12;

/// Characters of an encoding that follow each other.
#[derive(Default)]
struct Run {
    len: usize,
    digits: usize,
    upper: usize,
    lower: usize,
}

impl Run {
    fn take(&mut self, byte: u8) {
        self.len += 1;
        self.digits += usize::from(byte.is_ascii_digit());
        self.upper += usize::from(byte.is_ascii_uppercase());
        self.lower += usize::from(byte.is_ascii_lowercase());
    }

    /// Words and names are long too: of these characters an encoding mixes the kinds.
    fn is_payload(&self) -> bool {
        self.len >= MIN_RUN && self.digits > 0 && self.upper + self.lower > 0
            || self.len >= 4 * MIN_RUN && self.upper > 0 && self.lower > 0
            || self.len >= MIN_RUN && self.digits == self.len
    }
}
