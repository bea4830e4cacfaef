use super::GATE;
use crate::decode::{self, Step};
use crate::{Fact, FactSink, FileAnalyzer, FileView, StageFacts, Want};
use sha2::{Digest as _, Sha256};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is kept of the beginning of a stage.
const HEAD: usize = 256;

/// Shows everything that is decoded out of a file to the analyzers, as they saw the file itself. Gives the facts,
/// each stage before those about it, and what could not be looked at.
pub(crate) fn analyze_stages(
    file: &FileView<'_>,
    analyzers: &[&dyn FileAnalyzer],
) -> (Vec<Fact>, Vec<String>) {
    let mut facts = Vec::new();
    let Ok(decoded) = catch_unwind(|| decode::stages(file.bytes)) else {
        return (facts, vec!["the decoder failed on this file; please report it".to_owned()]);
    };
    let mut gaps: Vec<_> = decoded.limits.iter().map(|limit| limit.to_string()).collect();
    for (stage, number) in decoded.stages.iter().zip(1..) {
        facts.push(Fact::Stage(StageFacts {
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
        analyze_stage(file, &stage.bytes, &steps, number, analyzers, &mut facts, &mut gaps);
    }
    (facts, gaps)
}

fn analyze_stage(
    file: &FileView<'_>,
    bytes: &[u8],
    steps: &[Step],
    number: u16,
    analyzers: &[&dyn FileAnalyzer],
    facts: &mut Vec<Fact>,
    gaps: &mut Vec<String>,
) {
    let view = FileView { entry: file.entry, bytes, whole: true, stages: steps };
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
            Ok(Ok(found)) => facts.extend(found),
            Ok(Err(why)) => gaps.push(format!("{}: stage {number}: {why}", analyzer.name())),
            Err(_) => gaps.push(format!(
                "the analyzer {} failed on stage {number} of this file; please report it",
                analyzer.name()
            )),
        }
    }
}
