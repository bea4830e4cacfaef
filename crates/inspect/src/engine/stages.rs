use super::{GATE, Learned};
use crate::decode::{self, Step};
use crate::{Fact, FactSink, FileAnalyzer, FileView, Signs, StageFacts, Want};
use sha2::{Digest as _, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is kept of the beginning of a stage.
const HEAD: usize = 256;

/// Shows everything that is decoded out of a file to the analyzers, as they saw the file itself.
pub(crate) fn analyze_stages(file: &FileView<'_>, analyzers: &[&dyn FileAnalyzer]) -> Learned {
    let mut staged = Learned::default();
    let Ok(decoded) = catch_unwind(|| decode::stages_of(file.bytes, &file.signs)) else {
        staged.failed = true;
        staged.gaps.push("the decoder failed on this file; please report it".to_owned());
        return staged;
    };
    staged.gaps.extend(decoded.limits.iter().map(|limit| limit.to_string()));
    for (stage, number) in decoded.stages.iter().zip(1..) {
        staged.facts.push(Fact::Stage(StageFacts {
            number,
            parent: stage.parent,
            line: stage.line,
            steps: stage.steps.clone(),
            runner: stage.runner,
            len: u32::try_from(stage.bytes.len()).unwrap_or(u32::MAX),
            sha256: Sha256::digest(&stage.bytes).into(),
            head: stage.bytes.get(..stage.bytes.len().min(HEAD)).unwrap_or_default().to_vec(),
        }));
        let steps = decoded.path(number);
        analyze_stage(file, &stage.bytes, &steps, number, analyzers, &mut staged);
    }
    staged
}

fn analyze_stage(
    file: &FileView<'_>,
    bytes: &[u8],
    steps: &[Step],
    number: u16,
    analyzers: &[&dyn FileAnalyzer],
    staged: &mut Learned,
) {
    let view = FileView { entry: file.entry, bytes, whole: true, stages: steps, signs: Signs::of(bytes) };
    let head = bytes.get(..bytes.len().min(GATE)).unwrap_or_default();
    for analyzer in analyzers.iter().filter(|analyzer| analyzer.reads_stages()) {
        let outcome = catch_unwind(AssertUnwindSafe(|| match analyzer.wants(view.entry, head) {
            Want::Nothing => Ok(Vec::new()),
            Want::AtHand | Want::Whole(_) => {
                let mut sink = FactSink::of_stage(number);
                analyzer.analyze(&view, &mut sink).map(|()| sink.into_facts())
            }
        }));
        match outcome {
            Ok(Ok(found)) => staged.facts.extend(found),
            Ok(Err(why)) => staged.gaps.push(format!("{}: stage {number}: {why}", analyzer.name())),
            Err(_) => {
                staged.failed = true;
                staged.gaps.push(format!(
                    "the analyzer {} failed on stage {number} of this file; please report it",
                    analyzer.name()
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LayerFacts;
    use layers::{Entry, Kind};

    /// Notes what it sees; panics over a word that only a stage has.
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
            let steps = u8::try_from(file.stages.len()).unwrap_or(u8::MAX);
            facts.push(Fact::Program(crate::analyzers::program::ProgramFacts::Elf(
                crate::analyzers::program::Elf {
                    machine: u16::from(steps),
                    wide: true,
                    little: true,
                    kind: 2,
                    interpreter: None,
                    dynamic: false,
                    sections: 0,
                },
            )));
            Ok(())
        }
    }

    /// Keeps away from stages.
    struct Placed;

    impl FileAnalyzer for Placed {
        fn name(&self) -> &'static str {
            "placed"
        }

        fn version(&self) -> u32 {
            1
        }

        fn wants(&self, _entry: &Entry, _head: &[u8]) -> Want {
            Want::AtHand
        }

        fn reads_stages(&self) -> bool {
            false
        }

        fn analyze(&self, _file: &FileView<'_>, _facts: &mut FactSink) -> Result<(), String> {
            panic!("a stage was shown to an analyzer that judges by the place")
        }
    }

    fn stages_of(text: &str) -> Learned {
        let entry = Entry { kind: Kind::File, ..Entry::default() };
        let view = FileView {
            entry: &entry,
            bytes: text.as_bytes(),
            whole: true,
            stages: &[],
            signs: Signs::of(text.as_bytes()),
        };
        analyze_stages(&view, &[&Witness, &Placed])
    }

    fn hex(text: &str) -> String {
        text.bytes().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn facts_about_stages_are_told_apart() {
        let inner = format!("exec(bytes.fromhex('{}'))", hex("print('the end of it')"));
        let Learned { facts: staged, gaps, .. } =
            stages_of(&format!("\nexec(bytes.fromhex('{}'))", hex(&inner)));
        assert_eq!(gaps, [""; 0]);
        let own = Fact::Program(crate::analyzers::program::ProgramFacts::Malformed);
        let mut facts =
            LayerFacts { facts: vec![(6, own.clone()), (7, own.clone())], ..LayerFacts::default() };
        facts.facts.extend(staged.into_iter().map(|fact| (7, fact)));
        facts.facts.push((8, own.clone()));
        let numbers: Vec<_> = facts.staged(7).map(|(stage, _)| stage.map(|stage| stage.number)).collect();
        assert_eq!(numbers, [None, Some(1), Some(1), Some(2), Some(2)]);
        let programs: Vec<_> = facts.of(7).filter(|fact| matches!(fact, Fact::Program(_))).collect();
        assert_eq!(programs.len(), 3);
        assert_eq!(programs.first(), Some(&&own));
        let (Some((Some(stage), _)), Some((_, Fact::Program(_)))) =
            (facts.staged(7).nth(3), facts.staged(7).nth(4))
        else {
            panic!("{:?}", facts.facts)
        };
        assert_eq!((stage.parent, stage.line, stage.len), (1, 2, 22));
        assert_eq!(stage.head, b"print('the end of it')");
        assert_eq!(stage.to_string(), "line 2, stage 2 out of stage 1, hex (44 to 22 bytes), run by Python");
        assert_eq!(facts.of(9).count(), 0);
    }

    #[test]
    fn what_fails_on_a_stage_is_a_gap() {
        let text = format!(
            "exec(bytes.fromhex('{}'))\nexec(bytes.fromhex('{}'))",
            hex("panic and stop"),
            hex("refuse to read")
        );
        let Learned { facts, gaps, failed } = stages_of(&text);
        assert!(failed);
        assert_eq!(facts.len(), 2);
        assert_eq!(
            gaps,
            [
                "the analyzer witness failed on stage 1 of this file; please report it",
                "witness: stage 2: as the test says"
            ]
        );
    }
}
