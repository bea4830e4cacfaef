use super::sections::text;
use crate::phrase::{safe, shortened};
use model::{BYTES, Finding, thousands};

/// What of a finding's evidence is more than a line.
#[derive(Default)]
pub(super) struct Exhibits {
    /// The rounds in which something was decoded, first one first.
    pub(super) rounds: Vec<String>,
    /// The beginning of what came out of the last, line by line.
    pub(super) decoded: Vec<String>,
    pub(super) dumps: Vec<Dump>,
}

/// Bytes, as a table of hexadecimal digits and characters.
pub(super) struct Dump {
    pub(super) name: String,
    pub(super) lines: Vec<String>,
}

/// Rounds, lines and dumps of one finding that are shown.
const MOST: usize = 64;
/// Bytes of one dump.
const BYTES_SHOWN: usize = 256;
/// Bytes in one line: as many as fit beside what a finding says.
const ACROSS: usize = 8;

impl Exhibits {
    pub(super) fn of(finding: &Finding) -> Self {
        let of_kind = |kind| finding.evidence.iter().filter(move |piece| piece.kind == kind).take(MOST);
        let rounds: Vec<String> = of_kind(ROUND).map(|piece| text(&piece.value)).collect();
        // Only where rounds lead to it: others call the way to a stage by this name.
        let decoded = if rounds.is_empty() { None } else { of_kind(DECODED).next() };
        Self {
            rounds,
            decoded: decoded.map(|piece| lines(&piece.value)).unwrap_or_default(),
            dumps: of_kind(BYTES).filter_map(|piece| dump(&piece.value, piece.offset)).collect(),
        }
    }

    /// Whether a piece of evidence of this kind is shown here, and not once more among the lines.
    pub(super) fn shows(&self, kind: &str) -> bool {
        match kind {
            ROUND => !self.rounds.is_empty(),
            DECODED => !self.decoded.is_empty(),
            BYTES => !self.dumps.is_empty(),
            _ => false,
        }
    }
}

const ROUND: &str = "round";
const DECODED: &str = "decoded";

/// An escaped text, broken where it had lines.
fn lines(value: &str) -> Vec<String> {
    let shown = shortened(&safe(value), 2_000).into_owned();
    shown
        .replace("\\u{d}\\u{a}", "\n")
        .replace("\\u{a}", "\n")
        .lines()
        .take(MOST)
        .map(str::to_owned)
        .collect()
}

/// None for what are no digits.
fn dump(digits: &str, offset: Option<u64>) -> Option<Dump> {
    if !digits.len().is_multiple_of(2) || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    let bytes: Vec<u8> = digits
        .as_bytes()
        .chunks(2)
        .take(BYTES_SHOWN)
        .filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok())
        .collect();
    let start = offset.unwrap_or(0);
    let line = |(at, bytes): (usize, &[u8])| {
        let place = start.saturating_add((at * ACROSS) as u64);
        let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let characters: String = bytes
            .iter()
            .map(|byte| if matches!(byte, b' '..=b'~') { char::from(*byte) } else { '.' })
            .collect();
        format!("{place:08x}  {:<width$}  {characters}", digits.join(" "), width = ACROSS * 3 - 1)
    };
    let count = thousands(digits.len() as u64 / 2);
    Some(Dump {
        name: match offset {
            Some(offset) => format!("{count} bytes at byte {}", thousands(offset)),
            None => format!("{count} bytes"),
        },
        lines: bytes.chunks(ACROSS).enumerate().map(line).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn check(digits: &str, offset: Option<u64>, expect: Option<&[&str]>) {
        let found = dump(digits, offset).map(|dump| dump.lines);
        assert_eq!(
            found,
            expect.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect()),
            "{digits}"
        );
    }

    #[test]
    fn bytes_stand_beside_their_characters() {
        check("58", None, Some(&["00000000  58                       X"]));
        check(
            "584d5269672f362e31330a3c",
            Some(2_113_536),
            Some(&["00204000  58 4d 52 69 67 2f 36 2e  XMRig/6.", "00204008  31 33 0a 3c              13.<"]),
        );
        check("", None, Some(&[]));
        check("5", None, None);
        check("<b>é", None, None);
        assert_eq!(dump(&"00".repeat(10_000), Some(u64::MAX)).unwrap().lines.len(), BYTES_SHOWN / ACROSS);
    }

    #[test]
    fn rounds_are_told_apart_from_the_lines() {
        let finding = model::Finding::of(&sample::HASH, "x")
            .with_evidence("round", "base64", None)
            .with_evidence("round", "zlib", None)
            .with_evidence("decoded", "import os\nos.system('x')", None);
        let exhibits = Exhibits::of(&finding);
        assert_eq!(exhibits.rounds, ["base64", "zlib"]);
        assert_eq!(exhibits.decoded, ["import os", "os.system('x')"]);
        assert!(exhibits.shows("round") && exhibits.shows("decoded") && !exhibits.shows("md5"));
        let alone = model::Finding::of(&sample::HASH, "x").with_evidence("decoded", "base64", None);
        assert!(!Exhibits::of(&alone).shows("decoded"));
    }
}
