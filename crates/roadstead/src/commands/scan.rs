use crate::cli::{FailOn, Form, ReportArgs, Scan};
use crate::progress::Progress;
use crate::{output, settings, terminal};
use model::Report;
use pipeline::Settings;
use report::Format;
use source::Locator;
use std::sync::Arc;

pub(crate) fn run(args: &Scan) -> anyhow::Result<u8> {
    let indicators = settings::indicators(args)?;
    let (locator, mut settings) = settings::of(&args.image, indicators)?;
    settings.rules = settings::rules(&args.rules, args.image.read.quiet)?;
    if let Some(path) = &args.exceptions {
        settings.exceptions = settings::exceptions(path, args.image.read.quiet)?;
    }
    if args.detonate {
        settings.detonate = Some(settings::detonate(&args.run, false)?);
    }
    report(&locator, &settings, &args.report, args.image.read.quiet)
}

/// Scans, writes the report as asked for, and gives the exit code.
pub(super) fn report(
    locator: &Locator,
    settings: &Settings,
    args: &ReportArgs,
    quiet: bool,
) -> anyhow::Result<u8> {
    let report = {
        let _progress = Progress::start(Arc::clone(&settings.watch), quiet);
        pipeline::scan(locator, settings)?
    };
    conclude(&report, args, quiet)
}

/// Writes a report as asked for, and gives the exit code.
pub(super) fn conclude(report: &Report, args: &ReportArgs, quiet: bool) -> anyhow::Result<u8> {
    if !quiet {
        for warning in report::exception_warnings(report) {
            terminal::note(&format!("warning: {warning}"));
        }
    }
    write(report, args)?;
    let fail_on = match args.fail_on {
        FailOn::Suspicious => verdict::FailOn::Suspicious,
        FailOn::Malicious => verdict::FailOn::Malicious,
    };
    Ok(verdict::exit_code(report.verdict, !report.gaps.is_empty(), fail_on))
}

fn write(report: &Report, args: &ReportArgs) -> anyhow::Result<()> {
    let format = match args.format {
        Form::Table => Format::Table,
        Form::Json => Format::Json,
        Form::Sarif => Format::Sarif,
        Form::Html => Format::Html,
        Form::Markdown => Format::Markdown,
        Form::Junit => Format::Junit,
    };
    let style = terminal::style(args.output.is_some(), args.verbose);
    output::write(args.output.as_deref(), "the report", |out| {
        report::render(report, format, style, &super::explain::catalogue, out)
    })
}
