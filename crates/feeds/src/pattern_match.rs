use crate::feed::Feed;
use crate::pattern::{Pattern, PatternPlace};
use aho_corasick::{AhoCorasick, MatchKind};
use sha2::{Digest as _, Sha256};

/// Places that are looked at in one file: far more than chance brings, and the work of a moment.
const MAX_STEPS: u32 = 4_000_000;
/// Patterns of one file that are told.
const MAX_FOUND: usize = 16;

/// The byte patterns of all feeds, made ready to be looked for in one pass.
#[derive(Debug)]
pub struct PatternSet {
    automaton: AhoCorasick,
    patterns: Vec<(Pattern, String)>,
    any_file: bool,
    digest: [u8; 32],
}

/// A file holds so many beginnings of patterns that looking at each would take too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuch;

impl PatternSet {
    /// None where no feed has a pattern.
    pub(crate) fn of<'f>(feeds: impl Iterator<Item = &'f Feed>) -> Option<Self> {
        let mut hash = Sha256::new();
        let mut patterns = Vec::new();
        for feed in feeds.filter(|feed| !feed.patterns.is_empty()) {
            hash.update(feed.digest.bytes());
            hash.update(feed.version.to_le_bytes());
            hash.update(feed.name.as_bytes());
            hash.update([0]);
            let named = |pattern: &Pattern| {
                let label = feed.label(pattern.label);
                (pattern.clone(), format!("{}\n{}", label.source, label.name))
            };
            patterns.extend(feed.patterns.iter().map(named));
        }
        let anchors: Vec<&[u8]> = patterns.iter().filter_map(|(pattern, _)| pattern.anchor()).collect();
        if patterns.is_empty() || anchors.len() != patterns.len() {
            return None;
        }
        let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(anchors).ok()?;
        let any_file = patterns.iter().any(|(pattern, _)| !pattern.only_elf);
        Some(Self { automaton, patterns, any_file, digest: hash.finalize().into() })
    }

    /// Names the set: the same one finds the same in the same bytes.
    pub fn digest(&self) -> model::Digest {
        model::Digest::sha256(self.digest)
    }

    /// Whether some pattern is about a file that begins in this way.
    pub fn wants(&self, head: &[u8]) -> bool {
        self.any_file || head.starts_with(b"\x7fELF")
    }

    /// The names of the patterns that a file holds, as `feed` and `name` with a line feed between, with the
    /// offset of the first place of each.
    ///
    /// # Errors
    /// Where the file is made so that looking takes too long; what was found until then is in `found`.
    pub fn find(&self, bytes: &[u8], found: &mut Vec<(String, u64)>) -> Result<(), TooMuch> {
        let elf = bytes.starts_with(b"\x7fELF");
        let mut seen: Vec<usize> = Vec::new();
        let mut steps = MAX_STEPS;
        for hit in self.automaton.find_overlapping_iter(bytes) {
            steps = steps.checked_sub(1).ok_or(TooMuch)?;
            let number = hit.pattern().as_usize();
            let Some((pattern, name)) = self.patterns.get(number) else { continue };
            if (pattern.only_elf && !elf) || seen.contains(&number) {
                continue;
            }
            if let Some(start) = start_of(pattern, bytes, hit.start(), &mut steps)? {
                seen.push(number);
                found.push((name.clone(), start as u64));
                if found.len() >= MAX_FOUND {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Where the pattern begins whose anchor is at this offset; none where the rest of it is not there.
fn start_of(
    pattern: &Pattern,
    bytes: &[u8],
    anchor: usize,
    steps: &mut u32,
) -> Result<Option<usize>, TooMuch> {
    let (segment, before, _) = pattern.anchor;
    let number = segment as usize;
    let Some(at) = anchor.checked_sub(before as usize) else { return Ok(None) };
    let Some(segment) = pattern.segments.get(number) else { return Ok(None) };
    if !segment.is_at(bytes, at) {
        return Ok(None);
    }
    if !follows(pattern, number + 1, bytes, at + segment.len(), steps)? {
        return Ok(None);
    }
    precedes(pattern, number, bytes, at, steps)
}

/// Whether the segments from `number` on follow `end`. Depth is bounded by the number of gaps.
fn follows(
    pattern: &Pattern,
    number: usize,
    bytes: &[u8],
    end: usize,
    steps: &mut u32,
) -> Result<bool, TooMuch> {
    let Some(segment) = pattern.segments.get(number) else { return Ok(true) };
    let last = bytes.len().saturating_sub(segment.len());
    let first = end.saturating_add(segment.gap.0 as usize);
    let last = segment.gap.1.map_or(last, |most| last.min(end.saturating_add(most as usize)));
    for at in first..=last {
        *steps = steps.checked_sub(1).ok_or(TooMuch)?;
        if segment.is_at(bytes, at) {
            if follows(pattern, number + 1, bytes, at + segment.len(), steps)? {
                return Ok(true);
            }
            // What follows an open gap from here follows it from any earlier place too.
            let rest = pattern.segments.get(number + 1);
            if rest.is_some_and(|next| next.gap == (0, None)) {
                return Ok(false);
            }
        }
    }
    Ok(false)
}

/// Where the pattern begins whose segment `number` is at `at`.
fn precedes(
    pattern: &Pattern,
    number: usize,
    bytes: &[u8],
    at: usize,
    steps: &mut u32,
) -> Result<Option<usize>, TooMuch> {
    let Some(before) = number.checked_sub(1) else {
        return Ok(is_in_place(pattern, bytes.len(), at).then_some(at));
    };
    let (Some(segment), Some(gap)) =
        (pattern.segments.get(before), pattern.segments.get(number).map(|segment| segment.gap))
    else {
        return Ok(None);
    };
    let Some(last) = at.checked_sub(segment.len().saturating_add(gap.0 as usize)) else { return Ok(None) };
    let first = gap.1.map_or(0, |most| at.saturating_sub(segment.len().saturating_add(most as usize)));
    for start in (first..=last).rev() {
        *steps = steps.checked_sub(1).ok_or(TooMuch)?;
        if segment.is_at(bytes, start)
            && let Some(begin) = precedes(pattern, before, bytes, start, steps)?
        {
            return Ok(Some(begin));
        }
    }
    Ok(None)
}

fn is_in_place(pattern: &Pattern, len: usize, at: usize) -> bool {
    let within = |first: u64, shift: u64| (first..=first.saturating_add(shift)).contains(&(at as u64));
    match pattern.place {
        PatternPlace::Anywhere => true,
        PatternPlace::FromStart(first, shift) => within(first, shift),
        PatternPlace::FromEnd(back, shift) => {
            (len as u64).checked_sub(back).is_some_and(|first| within(first, shift))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{Draft, Kind};
    use model::{Digest, Severity};
    use proptest::prelude::*;

    fn set(target: &str, offset: &str, signature: &str) -> Result<PatternSet, &'static str> {
        let mut draft = Draft::default();
        let label = draft.label("Test.Pattern", "");
        let pattern = Pattern::parse(target.as_bytes(), offset.as_bytes(), signature.as_bytes(), label);
        draft.pattern(pattern.map_err(|refused| refused.why)?).unwrap();
        let feed =
            draft.seal("test".to_owned(), Kind::ClamavPatterns, Digest::sha256([1; 32]), Severity::Critical);
        Ok(PatternSet::of([&feed].into_iter()).unwrap())
    }

    fn check(offset: &str, signature: &str, bytes: &[u8], expect: Option<u64>) {
        let mut found = Vec::new();
        set("0", offset, signature).unwrap().find(bytes, &mut found).unwrap();
        let expect: Vec<_> = expect.map(|at| ("test\nTest.Pattern".to_owned(), at)).into_iter().collect();
        assert_eq!(found, expect, "{offset} {signature}");
    }

    #[test]
    fn patterns_are_found_where_they_may_be() {
        check("*", "61626364", b"xxabcdxx", Some(2));
        check("*", "61626364", b"xxabcxx", None);
        check("2", "61626364", b"xxabcdxx", Some(2));
        check("1", "61626364", b"xxabcdxx", None);
        check("1,1", "61626364", b"xxabcdxx", Some(2));
        check("EOF-6", "61626364", b"xxabcdxx", Some(2));
        check("EOF-5", "61626364", b"xxabcdxx", None);
        check("EOF-600", "61626364", b"xxabcdxx", None);
        check("*", "61626364??66", b"abcdefg", Some(0));
        check("*", "616263646?66", b"abcdefg", Some(0));
        check("*", "61626364?366", b"abcdefg", None);
        check("*", "61626364*7879", b"abcd....xy", Some(0));
        check("*", "7879*61626364", b"xy....abcd", Some(0));
        check("*", "61626364{2}7879", b"abcd..xy", Some(0));
        check("*", "61626364{2}7879", b"abcd...xy", None);
        check("*", "61626364{-3}7879", b"abcd...xy", Some(0));
        check("*", "61626364{-2}7879", b"abcd...xy", None);
        check("*", "61626364{4-}7879", b"abcd...xy", None);
        check("*", "7879{1-3}61626364{1-3}7879", b"xyxy.abcd.xy", Some(2));
        check("0", "7879{1-3}61626364", b"xyxy.abcd", Some(0));
        check("*", "61626364*7879*7a7a", b"abcd xy xy zz", Some(0));
        check("*", "61626364*7879{1}7a7a", b"abcd xy xy zz", Some(0));
        check("*", "61626364*7879{1}7a7a", b"abcd xy zz xy", Some(0));
    }

    #[test]
    fn what_cannot_be_looked_for_is_refused() {
        let refused = |target: &str, offset: &str, signature: &str, part: &str| {
            let why = set(target, offset, signature).err().unwrap_or("nothing");
            assert!(why.contains(part), "{target} {offset} {signature}: {why}");
        };
        refused("1", "*", "61626364", "ELF");
        refused("0", "EP+0", "61626364", "offset");
        refused("0", "*", "616263", "four bytes");
        refused("0", "*", "61??62??63??64??", "four bytes");
        refused("0", "*", "6162636", "half a byte");
        refused("0", "*", "6162zz64", "hexadecimal");
        refused("0", "*", "61626364(65|66)", "alternatives");
        refused("0", "*", "61626364[1-2]65", "alternatives");
        refused("0", "*", "61626364{5-2}65", "gap");
        refused("0", "*", "61626364{", "gap");
        refused("0", "*", "*61626364", "start");
        refused("0", "*", "61626364*", "ends in a gap");
        refused("0", "*", "", "empty");
        refused("0", "*", &"61626364*".repeat(40), "32 gaps");
        refused("0", "*", &"61".repeat(5000), "4096");
    }

    #[test]
    fn patterns_for_programs_pass_by_other_files() {
        let set = set("6", "*", "61626364").unwrap();
        let mut found = Vec::new();
        set.find(b"abcd", &mut found).unwrap();
        assert!(found.is_empty() && !set.wants(b"abcd") && set.wants(b"\x7fELF"));
        set.find(b"\x7fELFabcd", &mut found).unwrap();
        assert_eq!(found.len(), 1);
    }

    #[test]
    fn a_file_made_to_be_slow_is_given_up() {
        let bytes = "abcd".repeat(200_000).into_bytes();
        let mut found = Vec::new();
        let slow = set("0", "*", "61626364{-60000}6162{-60000}6364{-60000}7a7a").unwrap();
        assert_eq!(slow.find(&bytes, &mut found), Err(TooMuch));
    }

    proptest! {
        #[test]
        fn no_signature_panics(offset in "[0-9EOF*,+-]{0,8}", signature in "[0-9a-f?*{}(|)\\[\\]!-]{0,40}", bytes: Vec<u8>) {
            if let Ok(set) = set("0", &offset, &signature) {
                let _ = set.find(&bytes, &mut Vec::new());
            }
        }

        #[test]
        fn a_pattern_of_its_own_bytes_is_found(bytes in proptest::collection::vec(any::<u8>(), 4..60), before: Vec<u8>) {
            let signature: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let mut found = Vec::new();
            set("0", "*", &signature).unwrap().find(&[before, bytes].concat(), &mut found).unwrap();
            prop_assert_eq!(found.len(), 1);
        }
    }
}
