use super::{Canary, SHORTEST};
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, MatchKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use data_encoding::{BASE32_NOPAD, HEXLOWER, HEXUPPER};
use events::Coding;
use std::collections::BTreeMap;

/// Everything that canaries look like in fixed codings, as one automaton; and the differences of their neighbouring
/// bytes, which no single byte in exclusive or can change, as another.
pub(super) struct Needles {
    names: Vec<String>,
    fixed: Option<NFA>,
    meanings: Vec<Meaning>,
    differences: Option<NFA>,
    /// For each difference needle: whose it is, its length, and its first byte.
    differing: Vec<(usize, usize, u8)>,
}

#[derive(Clone, Copy)]
pub(super) struct Meaning {
    pub(super) canary: usize,
    pub(super) coding: Coding,
}

impl Needles {
    pub(super) fn new(canaries: &[Canary]) -> Self {
        let mut fixed: BTreeMap<Vec<u8>, Meaning> = BTreeMap::new();
        let mut differences: BTreeMap<Vec<u8>, (usize, usize, u8)> = BTreeMap::new();
        for (canary, Canary { unique, .. }) in canaries.iter().enumerate() {
            for part in unique.iter().filter(|part| part.len() >= SHORTEST) {
                for (needle, coding) in codings(part) {
                    let meaning = fixed.entry(needle).or_insert(Meaning { canary, coding });
                    // What is planted in an escaped form already is plain in it.
                    if coding == Coding::Plain {
                        *meaning = Meaning { canary, coding };
                    }
                }
                let steps: Vec<u8> = part.iter().zip(part.iter().skip(1)).map(|(a, b)| a ^ b).collect();
                let first = part.first().copied().unwrap_or_default();
                differences.entry(steps).or_insert((canary, part.len(), first));
            }
        }
        Self {
            names: canaries.iter().map(|canary| canary.name.clone()).collect(),
            fixed: automaton(fixed.keys()),
            meanings: fixed.into_values().collect(),
            differences: automaton(differences.keys()),
            differing: differences.into_values().collect(),
        }
    }

    pub(super) fn name(&self, canary: usize) -> String {
        self.names.get(canary).cloned().unwrap_or_default()
    }

    pub(super) fn start(&self) -> States {
        let begin = |automaton: &Option<NFA>| {
            automaton.as_ref().and_then(|it| it.start_state(Anchored::No).ok()).unwrap_or_default()
        };
        States { fixed: begin(&self.fixed), differences: begin(&self.differences) }
    }

    /// The next byte that is no white space: which codings of canaries end here.
    pub(super) fn fixed(&self, states: &mut States, byte: u8, mut found: impl FnMut(Meaning)) {
        let Some(automaton) = &self.fixed else { return };
        states.fixed = automaton.next_state(Anchored::No, states.fixed, byte);
        if automaton.is_special(states.fixed) && automaton.is_match(states.fixed) {
            for index in 0..automaton.match_len(states.fixed) {
                let pattern = automaton.match_pattern(states.fixed, index);
                if let Some(meaning) = self.meanings.get(pattern.as_usize()) {
                    found(*meaning);
                }
            }
        }
    }

    /// The next difference of two bytes: which canaries end here under some key. `at` gives the byte so many before
    /// the last one.
    pub(super) fn difference(
        &self,
        states: &mut States,
        difference: u8,
        mut found: impl FnMut(usize, usize, u8),
    ) {
        let Some(automaton) = &self.differences else { return };
        states.differences = automaton.next_state(Anchored::No, states.differences, difference);
        if automaton.is_special(states.differences) && automaton.is_match(states.differences) {
            for index in 0..automaton.match_len(states.differences) {
                let pattern = automaton.match_pattern(states.differences, index);
                if let Some((canary, length, first)) = self.differing.get(pattern.as_usize()) {
                    found(*canary, *length, *first);
                }
            }
        }
    }
}

/// Where the automata stand.
#[derive(Clone, Copy)]
pub(super) struct States {
    fixed: StateID,
    differences: StateID,
}

fn automaton<'a>(needles: impl Iterator<Item = &'a Vec<u8>>) -> Option<NFA> {
    // Of a few thousand bounded needles; an error would mean more than 2^31 states.
    NFA::builder().match_kind(MatchKind::Standard).build(needles).ok()
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
