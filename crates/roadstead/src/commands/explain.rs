use crate::cli::Explain;
use anyhow::{Context as _, bail};
use model::{Detection, Report};
use std::io::{self, BufWriter, Read as _, Write};

/// A report is text; one beyond this was not written by us.
const LARGEST_REPORT: u64 = 256 << 20;

pub(crate) fn run(args: &Explain) -> anyhow::Result<u8> {
    let mut out = BufWriter::new(io::stdout().lock());
    if let Some(detection) = catalogue(&args.subject) {
        explain_detection(detection, &mut out)?;
    } else {
        explain_report(&read_report(&args.subject)?, &mut out)?;
    }
    out.flush()?;
    Ok(0)
}

/// What a finding's id stands for, in any case of letters.
pub(crate) fn catalogue(id: &str) -> Option<&'static Detection> {
    pipeline::known_detections().into_iter().find(|detection| detection.id.eq_ignore_ascii_case(id))
}

fn read_report(subject: &str) -> anyhow::Result<Report> {
    let shown = model::escape_text(subject);
    let reader: Box<dyn io::Read> = if subject == "-" {
        Box::new(io::stdin().lock())
    } else {
        match std::fs::File::open(subject) {
            Ok(file) => Box::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                bail!("{shown} is neither a report nor the id of a finding; ids look like S-MIN-HASH")
            }
            Err(error) => return Err(error).with_context(|| format!("cannot open {shown}")),
        }
    };
    let mut text = Vec::new();
    reader.take(LARGEST_REPORT + 1).read_to_end(&mut text).with_context(|| format!("cannot read {shown}"))?;
    if text.len() as u64 > LARGEST_REPORT {
        bail!("{shown} is larger than any report");
    }
    let report: Report = serde_json::from_slice(&text)
        .with_context(|| format!("{shown} is no report; write one with --format json"))?;
    if report.schema != model::REPORT_SCHEMA {
        bail!(
            "{shown} follows {}, this version reads {}",
            model::escape_text(&report.schema),
            model::REPORT_SCHEMA
        );
    }
    Ok(report)
}

fn explain_detection(detection: &Detection, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}  {}", detection.id, detection.title)?;
    writeln!(
        out,
        "severity {}, {}, evidence class {}",
        detection.severity.name(),
        detection.role.name(),
        detection.class.name()
    )?;
    if !detection.techniques.is_empty() {
        writeln!(out, "ATT&CK {}", detection.techniques.join(", "))?;
    }
    writeln!(out, "\nWhy it matters\n  {}", detection.why)?;
    writeln!(out, "\nWhat to do\n  {}", detection.advice)
}

fn explain_report(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let explanation = verdict::explain(report);
    // The report came from a file: nothing in it is printed as it stands.
    let shown = |text: &str| model::escape_text(text);
    writeln!(out, "{}: {}", shown(&report.image.reference), explanation.verdict)?;
    if let Some(written) = explanation.contradiction {
        writeln!(
            out,
            "  The report says {written}; by what it holds the verdict is {}.",
            explanation.verdict
        )?;
    }
    writeln!(out, "  {}", shown(&report.summary))?;
    writeln!(out, "\nWhy")?;
    for reason in &explanation.reasons {
        writeln!(out, "  - {}", reason.rule.text())?;
        for finding in reason.findings.iter().filter_map(|&index| explanation.findings.get(index)) {
            let place = finding.finding.path.as_deref().unwrap_or("the image");
            writeln!(out, "      {} {}", shown(&finding.finding.id), shown(place))?;
        }
    }
    if !explanation.steps.is_empty() {
        writeln!(out, "\nFrom the start to the harm")?;
        for step in &explanation.steps {
            writeln!(out, "  {}. {}", step.step.step, shown(&step.step.what))?;
        }
    }
    if !explanation.findings.is_empty() {
        writeln!(out, "\nEach finding, and what it was worth")?;
        for finding in &explanation.findings {
            let place = finding.finding.path.as_deref().unwrap_or("the image");
            writeln!(
                out,
                "  {} {}: {}",
                shown(&finding.finding.id),
                shown(place),
                shown(&finding.finding.explanation)
            )?;
            writeln!(out, "      {}", shown(&finding.why))?;
        }
    }
    if !report.gaps.is_empty() {
        writeln!(out, "\nNot looked at")?;
        for gap in &report.gaps {
            writeln!(out, "  - {}: {}", shown(&gap.what), shown(&gap.why))?;
        }
    }
    let warnings = report::exception_warnings(report);
    if !warnings.is_empty() {
        writeln!(out, "\nExceptions to look after")?;
        for warning in warnings {
            writeln!(out, "  - {}", shown(&warning))?;
        }
    }
    if !explanation.would_change.is_empty() {
        writeln!(out, "\nWhat would change the verdict")?;
        for change in &explanation.would_change {
            writeln!(out, "  - {}", shown(change))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
