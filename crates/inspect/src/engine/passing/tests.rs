use super::*;
use crate::{Fact, FileAnalyzer, LayerFacts, Want};
use layers::Kind;

/// Notes on which lines it sees a word, as the lines of a script that it pretends to have read.
struct Seeker(&'static [u8]);

struct Seen(&'static [u8], Vec<u32>);

impl FileAnalyzer for Seeker {
    fn name(&self) -> &'static str {
        "seeker"
    }

    fn version(&self) -> u32 {
        1
    }

    fn wants(&self, _entry: &Entry, _head: &[u8]) -> Want {
        Want::AtHand
    }

    fn search(&self, _entry: &Entry, _head: &[u8]) -> Option<Box<dyn Search>> {
        Some(Box::new(Seen(self.0, Vec::new())))
    }

    fn analyze(&self, _file: &FileView<'_>, _facts: &mut FactSink) -> Result<(), String> {
        panic!("a file that is searched was shown")
    }
}

impl Search for Seen {
    fn look(&mut self, part: &Part<'_>) {
        assert_ne!(self.0, b"panic");
        for at in memchr::memmem::find_iter(part.bytes, self.0) {
            let line = part.line + lines(&part.bytes[..at]);
            if self.1.last() != Some(&line) {
                self.1.push(line);
            }
        }
    }

    fn finish(self: Box<Self>, _head: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let network = self.1.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
        let mentions = crate::analyzers::indicators::MentionFacts { network, ..Default::default() };
        facts.push(Fact::Mentions(mentions));
        if self.0 == b"refuse" { Err("as the test says".to_owned()) } else { Ok(()) }
    }
}

/// The lines on which a word is seen in a large file, and the gaps.
fn check(word: &'static [u8], text: &[u8], lines: &str, gaps: &[&str]) {
    let entry = Entry { kind: Kind::File, size: text.len() as u64, ..Entry::default() };
    let passed = pass(&entry, text, &[&Seeker(word)]);
    let seen = passed.facts.iter().map(|fact| match fact {
        Fact::Mentions(mentions) => mentions.network.as_str(),
        _ => "",
    });
    let seen = seen.collect::<Vec<_>>().join("");
    assert_eq!(
        (seen.as_str(), passed.gaps.as_slice()),
        (lines, gaps.iter().map(|gap| (*gap).to_owned()).collect::<Vec<_>>().as_slice())
    );
}

#[test]
fn a_word_is_seen_wherever_it_lies() {
    const LEN: usize = 5 << 20;
    let lines = || b"abcdefg\n".repeat(LEN / 8);
    check(b"needle", &lines(), "", &[]);
    for at in [0, 70_000, (1 << 20) - 3, 1 << 20, (3 << 20) - 1, LEN - 6] {
        let mut text = lines();
        text[at..at + 6].copy_from_slice(b"needle");
        // The word takes the place of some ends of lines, which are counted before it only.
        let line = 1 + text[..at].iter().filter(|byte| **byte == b'\n').count();
        check(b"needle", &text, &line.to_string(), &[]);
    }
}

#[test]
fn what_is_small_enough_to_be_held_is_not_searched() {
    let text = b"needle".repeat(1000);
    let entry = Entry { kind: Kind::File, size: text.len() as u64, ..Entry::default() };
    let passed = pass(&entry, &text, &[&Seeker(b"needle")]);
    assert!(passed.facts.is_empty() && passed.by.is_empty());
}

#[test]
fn a_failing_search_is_a_gap() {
    let text = vec![b'a'; 5 << 20];
    check(b"panic", &text, "", &["the analyzer seeker failed on this file; please report it"]);
    check(b"refuse", &text, "", &["seeker: as the test says"]);
}

/// The engine lets large files of a layer pass, and shows small ones whole.
#[test]
fn large_files_of_a_layer_are_searched() {
    let mut text = b"abcdefg\n".repeat(5 << 17);
    text[(2 << 20) - 4..(2 << 20) + 2].copy_from_slice(b"needle");
    let layer = test_support::LayerBuilder::new().file("srv/a.log", 0o644, &text).build();
    let facts: LayerFacts = super::super::tests::read(&layer, &[&Seeker(b"needle")]);
    assert_eq!(facts.gaps, []);
    let [(0, Fact::Mentions(mentions))] = facts.facts.as_slice() else { panic!("{:?}", facts.facts) };
    assert_eq!(mentions.network, "262144");
    let failed = super::super::tests::read(&layer, &[&Seeker(b"panic")]);
    assert!(failed.failed && failed.gaps.len() == 1);
}
