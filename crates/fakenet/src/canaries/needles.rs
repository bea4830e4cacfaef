use super::grams::{self, Grams};
use super::{Canary, SHORTEST};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use data_encoding::{BASE32_NOPAD, HEXLOWER, HEXUPPER};
use events::Coding;
use std::collections::BTreeMap;

/// Everything that canaries look like in fixed codings; and the differences of their neighbouring bytes, which no
/// single byte in exclusive or can change.
pub(super) struct Needles {
    names: Vec<String>,
    pub(super) fixed: Grams,
    meanings: Vec<Meaning>,
    pub(super) differences: Grams,
    /// For each text of differences: whose it is, and its first byte.
    differing: Vec<(usize, u8)>,
}

#[derive(Clone, Copy)]
struct Meaning {
    canary: usize,
    coding: Coding,
}

impl Needles {
    pub(super) fn new(canaries: &[Canary]) -> Self {
        let mut fixed: BTreeMap<Vec<u8>, Meaning> = BTreeMap::new();
        let mut differences: BTreeMap<Vec<u8>, (usize, u8)> = BTreeMap::new();
        for (canary, Canary { unique, .. }) in canaries.iter().enumerate() {
            for part in unique.iter().filter(|part| part.len() >= SHORTEST) {
                for (needle, coding) in codings(part) {
                    debug_assert!((grams::SHORTEST..=grams::LONGEST).contains(&needle.len()));
                    let meaning = fixed.entry(needle).or_insert(Meaning { canary, coding });
                    // What is planted in an escaped form already is plain in it.
                    if coding == Coding::Plain {
                        *meaning = Meaning { canary, coding };
                    }
                }
                let steps: Vec<u8> = part.iter().zip(part.iter().skip(1)).map(|(a, b)| a ^ b).collect();
                let first = part.first().copied().unwrap_or_default();
                differences.entry(steps).or_insert((canary, first));
            }
        }
        let (texts, meanings) = fixed.into_iter().unzip();
        let (steps, differing) = differences.into_iter().unzip();
        Self {
            names: canaries.iter().map(|canary| canary.name.clone()).collect(),
            fixed: Grams::new(texts),
            meanings,
            differences: Grams::new(steps),
            differing,
        }
    }

    /// Which canary a text of the fixed ones is, and how it is coded.
    pub(super) fn meaning(&self, text: usize) -> Option<(String, Coding)> {
        let meaning = self.meanings.get(text)?;
        Some((self.names.get(meaning.canary)?.clone(), meaning.coding))
    }

    /// Which canary a text of differences is, and its first byte.
    pub(super) fn differing(&self, text: usize) -> Option<(String, u8)> {
        let (canary, first) = self.differing.get(text)?;
        Some((self.names.get(*canary)?.clone(), *first))
    }
}

/// What a part of a canary looks like in each fixed coding. White space never occurs in one of these: it is taken
/// out of the stream, because encoders break lines.
fn codings(part: &[u8]) -> Vec<(Vec<u8>, Coding)> {
    let mut all = vec![(part.to_vec(), Coding::Plain)];
    let mut backwards = part.to_vec();
    backwards.reverse();
    all.push((backwards, Coding::Reversed));
    for hex in [HEXLOWER.encode(part), HEXUPPER.encode(part)] {
        all.push((escaped(&hex, "%"), Coding::Url));
        all.push((escaped(&hex, "\\x"), Coding::Hex));
        all.push((hex.into_bytes(), Coding::Hex));
    }
    all.extend(slashed(part).map(|text| (text, Coding::Plain)));
    let partly = partly_escaped(part);
    if partly != part {
        all.push((lowercase_escapes(&partly), Coding::Url));
        all.push((partly, Coding::Url));
    }
    for skipped in 0..3 {
        // Whatever stands before, the letters that depend on nothing but the part are these.
        let inner = aligned(part, skipped, 3, 4, |bytes| STANDARD_NO_PAD.encode(bytes));
        let other: Vec<u8> = inner
            .iter()
            .map(|letter| match letter {
                b'+' => b'-',
                b'/' => b'_',
                letter => *letter,
            })
            .collect();
        if inner.iter().any(|letter| matches!(letter, b'+' | b'/')) {
            all.push((escaped_letters(&inner), Coding::Base64));
        }
        for slashed in [&inner, &other].map(|letters| slashed(letters)).into_iter().flatten() {
            all.push((slashed, Coding::Base64));
        }
        // Twice, as those do who wrap what was wrapped already.
        for again in 0..3 {
            let twice = aligned(&inner, again, 3, 4, |bytes| STANDARD_NO_PAD.encode(bytes));
            all.push((twice, Coding::Base64));
        }
        all.push((other, Coding::Base64));
        all.push((inner, Coding::Base64));
    }
    for skipped in 0..5 {
        let inner = aligned(part, skipped, 5, 8, |bytes| BASE32_NOPAD.encode(bytes));
        all.push((inner.to_ascii_lowercase(), Coding::Base32));
        all.push((inner, Coding::Base32));
    }
    all
}

/// The letters that a coding of `group` bytes by `letters` letters always gives for a part that begins `skipped`
/// bytes into a group.
fn aligned(
    part: &[u8],
    skipped: usize,
    group: usize,
    letters: usize,
    encode: impl Fn(&[u8]) -> String,
) -> Vec<u8> {
    let padded: Vec<u8> = std::iter::repeat_n(0, skipped).chain(part.iter().copied()).collect();
    let text = encode(&padded).into_bytes();
    let bits = 8 * group / letters;
    let from = (8 * skipped).div_ceil(bits);
    let to = 8 * padded.len() / bits;
    text.get(from..to).unwrap_or_default().to_vec()
}

fn escaped(hex: &str, before: &str) -> Vec<u8> {
    let mut out = String::new();
    for (index, digit) in hex.chars().enumerate() {
        if index % 2 == 0 {
            out.push_str(before);
        }
        out.push(digit);
    }
    out.into_bytes()
}

/// As some write JSON: with a sign before each slash.
fn slashed(part: &[u8]) -> Option<Vec<u8>> {
    let escape = |byte: &u8| if *byte == b'/' { vec![b'\\', b'/'] } else { vec![*byte] };
    part.contains(&b'/').then(|| part.iter().flat_map(escape).collect())
}

/// As forms are sent: letters, digits and a few signs as they are, the rest escaped.
fn partly_escaped(part: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for byte in part {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(byte) {
            out.push(*byte);
        } else {
            out.extend(format!("%{byte:02X}").bytes());
        }
    }
    out
}

/// Base64 in a form: its two signs are escaped.
fn escaped_letters(letters: &[u8]) -> Vec<u8> {
    partly_escaped(letters)
}

fn lowercase_escapes(text: &[u8]) -> Vec<u8> {
    let mut after = 0;
    let lower = |byte: &u8| {
        if *byte == b'%' {
            after = 2;
        } else if after > 0 {
            after -= 1;
            return byte.to_ascii_lowercase();
        }
        *byte
    };
    text.iter().map(lower).collect()
}
