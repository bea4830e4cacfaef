use crate::cli::{FailOn, Form, Scan};
use crate::progress::Progress;
use crate::{settings, terminal};
use anyhow::Context as _;
use model::Report;
use report::{Format, Style};
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

pub(crate) fn run(args: &Scan) -> anyhow::Result<u8> {
    let indicators = settings::indicators(args)?;
    let (locator, mut settings) = settings::of(&args.image, indicators)?;
    settings.rules = settings::rules(&args.rules, args.image.quiet)?;
    if let Some(path) = &args.exceptions {
        settings.exceptions = settings::exceptions(path, args.image.quiet)?;
    }
    let report = {
        let _progress = Progress::start(Arc::clone(&settings.watch), args.image.quiet);
        pipeline::scan(&locator, &settings)?
    };
    if !args.image.quiet {
        for warning in report::exception_warnings(&report) {
            terminal::note(&format!("warning: {warning}"));
        }
    }
    write(&report, args)?;
    let fail_on = match args.fail_on {
        FailOn::Suspicious => verdict::FailOn::Suspicious,
        FailOn::Malicious => verdict::FailOn::Malicious,
    };
    Ok(verdict::exit_code(report.verdict, !report.gaps.is_empty(), fail_on))
}

fn write(report: &Report, args: &Scan) -> anyhow::Result<()> {
    let format = match args.format {
        Form::Table => Format::Table,
        Form::Json => Format::Json,
        Form::Sarif => Format::Sarif,
        Form::Html => Format::Html,
        Form::Markdown => Format::Markdown,
        Form::Junit => Format::Junit,
    };
    let style = terminal::style(args.output.is_some(), args.verbose);
    match &args.output {
        Some(path) => {
            let shown = model::escape_text(&path.to_string_lossy());
            write_file(report, format, style, path)
                .with_context(|| format!("cannot write the report to {shown}"))
        }
        None => render(report, format, style, io::stdout().lock()).context("cannot write the report"),
    }
}

/// The file appears whole or not at all, whatever interrupts the writing.
fn write_file(report: &Report, format: Format, style: Style, path: &Path) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if path.exists() && !path.is_file() {
        // A device or a pipe, such as /dev/stdout: nothing can be renamed onto it.
        let file = std::fs::OpenOptions::new().write(true).open(path)?;
        return render(report, format, style, file);
    }
    let file = tempfile::NamedTempFile::new_in(folder)?;
    render(report, format, style, &file)?;
    let persisted = file.persist(path)?;
    // A temporary file is private; a report is as open as any file the user writes.
    use std::os::unix::fs::PermissionsExt as _;
    persisted.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    Ok(())
}

fn render(report: &Report, format: Format, style: Style, out: impl Write) -> anyhow::Result<()> {
    let mut out = BufWriter::new(out);
    report::render(report, format, style, &super::explain::catalogue, &mut out)?;
    out.flush()?;
    Ok(())
}
