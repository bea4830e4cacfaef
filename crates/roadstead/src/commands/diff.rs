use crate::cli::{Diff, DiffForm, DiffLevel};
use crate::progress::Progress;
use crate::{output, settings, terminal};
use anyhow::{Context as _, bail};
use diff::Baseline;
use feeds::Indicators;
use model::{Comparison, Severity};
use pipeline::Detonate;
use report::ComparisonFormat;
use source::Locator;
use std::sync::Arc;

pub(crate) fn run(args: &Diff) -> anyhow::Result<u8> {
    let baseline = args.baseline.as_deref().map(settings::baseline).transpose()?;
    let (old, new): (Locator, Locator) = (args.old.parse()?, args.new.parse()?);
    let mut settings = settings::reading(&args.read, Indicators::default())?;
    settings.endpoints = true;
    if args.detonate {
        if let Some(lack) = settings::cannot_run() {
            bail!("images cannot be run on this machine: {lack}; `roadstead doctor` says more");
        }
        settings.detonate = Some(Detonate {
            scratch: args.scratch.clone(),
            engine: sandbox::Engine::Native,
            keep: None,
            duration: args.duration,
            // An image that is convicted early would have done more, and its other half is compared with this.
            thorough: true,
            pcap: None,
            timeline: None,
            alone: false,
        });
    }
    let mut comparison = {
        let _progress = Progress::start(Arc::clone(&settings.watch), args.read.quiet);
        pipeline::compare(&old, &new, &settings)?
    };
    if let Some(baseline) = &baseline {
        baseline.lay_on(&mut comparison);
        comparison.summary = diff::sentence(&comparison);
    }
    if !args.read.quiet {
        for warning in report::baseline_warnings(&comparison) {
            terminal::note(&format!("warning: {warning}"));
        }
    }
    let format = match args.format {
        DiffForm::Table => ComparisonFormat::Table,
        DiffForm::Json => ComparisonFormat::Json,
        DiffForm::Markdown => ComparisonFormat::Markdown,
    };
    let style = terminal::style(args.output.is_some(), args.verbose);
    output::write(args.output.as_deref(), "the comparison", |out| {
        report::render_comparison(&comparison, format, style, out)
    })?;
    let fails = match &args.write_baseline {
        Some(path) => {
            let text = Baseline::text_of(&comparison).context("cannot make the baseline")?;
            output::write(Some(path), "the baseline", |out| out.write_all(text.as_bytes()))?;
            false
        }
        None => comparison.worst() >= Some(level(args.fail_on)),
    };
    Ok(exit_code(fails, &comparison))
}

fn level(level: DiffLevel) -> Severity {
    match level {
        DiffLevel::Low => Severity::Low,
        DiffLevel::Medium => Severity::Medium,
        DiffLevel::High => Severity::High,
        DiffLevel::Critical => Severity::Critical,
    }
}

/// A change at the level outweighs a gap; without one, a gap may hide it.
fn exit_code(fails: bool, comparison: &Comparison) -> u8 {
    match (fails, comparison.gaps.is_empty()) {
        (true, _) => 1,
        (false, false) => 3,
        (false, true) => 0,
    }
}
