use crate::cli::{FeedKind, FeedsAction, FeedsCommand, FeedsImport, MaxSeverity};
use crate::settings;
use anyhow::bail;
use feeds::{FeedDirectory, Imported, Kind, Options};
use model::{Severity, escape_text, thousands};
use std::io::{self, BufWriter, Write};

pub(crate) fn run(args: &FeedsCommand) -> anyhow::Result<u8> {
    let kept = FeedDirectory::new(&settings::data_dir(args.data_dir.as_deref())?);
    let mut out = BufWriter::new(io::stdout().lock());
    match &args.action {
        FeedsAction::Import(import) => take(import, &kept, &mut out)?,
        FeedsAction::List => list(&kept, &mut out)?,
        FeedsAction::Remove { name } => kept.remove(name)?,
    }
    out.flush()?;
    Ok(0)
}

fn take(args: &FeedsImport, kept: &FeedDirectory, out: &mut impl Write) -> anyhow::Result<()> {
    let (feed, imported) = settings::import(&args.file, |import| Options {
        name: args.name.clone().unwrap_or(import.name),
        kind: args.kind.map(kind),
        severity: severity(args.max_severity),
        file_name: import.file_name,
    })?;
    if feed.counts().total() == 0 {
        rejects(&imported, out)?;
        out.flush()?;
        bail!("nothing in it could be taken over; nothing was kept");
    }
    kept.put(&feed)?;
    writeln!(
        out,
        "{}: {} rows read as {}, {} different indicators kept",
        feed.name(),
        thousands(imported.accepted),
        imported.kind.name(),
        thousands(feed.counts().total() as u64)
    )?;
    rejects(&imported, out)?;
    Ok(())
}

/// Every reason with its count and first rows: a feed that loses half of itself must not look imported.
fn rejects(imported: &Imported, out: &mut impl Write) -> io::Result<()> {
    if imported.rejects() > 0 {
        writeln!(out, "{} rows rejected:", thousands(imported.rejects()))?;
    }
    for rejected in &imported.rejected {
        writeln!(out, "  {:>9}  {}", thousands(rejected.count), rejected.why)?;
        for example in &rejected.examples {
            writeln!(out, "             row {}: {}", example.row, example.text)?;
        }
    }
    Ok(())
}

fn list(kept: &FeedDirectory, out: &mut impl Write) -> anyhow::Result<()> {
    for name in kept.names()? {
        let feed = kept.get(&name)?;
        writeln!(
            out,
            "{name}  {}  {} indicators  at most {}  {}",
            feed.kind().name(),
            thousands(feed.counts().total() as u64),
            feed.severity().name(),
            escape_text(&feed.digest().to_string())
        )?;
    }
    Ok(())
}

fn kind(kind: FeedKind) -> Kind {
    match kind {
        FeedKind::Hashes => Kind::Hashes,
        FeedKind::ClamavHashes => Kind::ClamavHashes,
        FeedKind::ClamavAllow => Kind::ClamavAllow,
        FeedKind::ClamavPatterns => Kind::ClamavPatterns,
        FeedKind::MalwareBazaar => Kind::MalwareBazaar,
        FeedKind::ThreatFox => Kind::ThreatFox,
        FeedKind::UrlHaus => Kind::UrlHaus,
        FeedKind::Misp => Kind::Misp,
        FeedKind::MispHashes => Kind::MispHashes,
        FeedKind::Stix => Kind::Stix,
        FeedKind::Network => Kind::Network,
        FeedKind::Images => Kind::Images,
        FeedKind::Layers => Kind::Layers,
    }
}

fn severity(severity: MaxSeverity) -> Severity {
    match severity {
        MaxSeverity::Low => Severity::Low,
        MaxSeverity::Medium => Severity::Medium,
        MaxSeverity::High => Severity::High,
        MaxSeverity::Critical => Severity::Critical,
    }
}
