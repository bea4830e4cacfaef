use super::*;
use crate::analyzers::program::ProgramFacts;
use layers::{Declared, Limits, read_layer};
use test_support::LayerBuilder;

/// Panics, refuses or notes something, as the file asks.
struct Witness;

impl FileAnalyzer for Witness {
    fn name(&self) -> &'static str {
        "witness"
    }

    fn version(&self) -> u32 {
        1
    }

    fn wants(&self, _entry: &Entry, _head: &[u8]) -> Want {
        Want::AtHand
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        assert!(!file.bytes.starts_with(b"panic"));
        if file.bytes.starts_with(b"refuse") {
            return Err("as the test says".to_owned());
        }
        facts.push(Fact::Program(ProgramFacts::Malformed));
        Ok(())
    }
}

pub(super) fn read(layer: &[u8], analyzers: &[&dyn FileAnalyzer]) -> LayerFacts {
    let (progress, cancelled) = (Progress::default(), AtomicBool::new(false));
    with_crew(2, analyzers, &progress, &cancelled, |crew| {
        read_layer(layer, &Declared::default(), &Limits::default(), &cancelled, |tar| {
            read_entries(tar, Sums::USUAL, crew)
        })
        .0
    })
}

/// The gaps of a layer with one file, and whether its facts are worth keeping.
fn check(text: &str, gaps: &[&str], failed: bool) {
    let layer = LayerBuilder::new().file("srv/a", 0o644, text).build();
    let facts = read(&layer, &[&Witness]);
    let found: Vec<_> = facts.gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why)).collect();
    assert_eq!(found, gaps, "{text}");
    assert_eq!(facts.failed, failed, "{text}");
}

#[test]
fn a_failing_analyzer_is_a_gap_that_is_not_kept() {
    check("fine", &[], false);
    check("refuse", &["/srv/a: witness: as the test says"], false);
    check("panic", &["/srv/a: the analyzer witness failed on this file; please report it"], true);
    // In what is decoded out of it likewise.
    let hex: String = b"panic in the second round".iter().map(|byte| format!("{byte:02x}")).collect();
    let why = "/srv/a: the analyzer witness failed on stage 1 of this file; please report it";
    check(&format!("exec(bytes.fromhex('{hex}'))"), &[why], true);
}
