use crate::cli::Demo;
use crate::{interrupt, terminal};
use anyhow::{Context as _, bail};
use feeds::{Indicators, Kind, Options as Import};
use model::{Report, Verdict};
use pipeline::{Settings, Watch};
use report::Format;
use source::{Locator, Options};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use test_support::story::{StoryImage, benign_images, five_images};

/// Builds the alert's five images and three benign ones, scans all as any image is scanned, and shows the
/// alert's table with what was found. Nothing leaves the machine and nothing stays on it.
pub(crate) fn run(args: &Demo) -> anyhow::Result<u8> {
    let scratch =
        tempfile::Builder::new().prefix("roadstead-demo-").tempdir().context("cannot make a directory")?;
    let dir = match &args.keep {
        Some(dir) => {
            std::fs::create_dir_all(dir)
                .with_context(|| format!("cannot make {}", model::escape_text(&dir.to_string_lossy())))?;
            dir.as_path()
        }
        None => scratch.path(),
    };
    let mut rows = Vec::new();
    for story in five_images()
        .into_iter()
        .map(|story| (story, true))
        .chain(benign_images().into_iter().map(|story| (story, false)))
    {
        rows.push(tell(story, dir)?);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{}\n", INTRODUCTION)?;
    table(&rows, &mut out)?;
    if args.verbose {
        for row in &rows {
            writeln!(out)?;
            report::render(
                &row.report,
                Format::Table,
                terminal::style(false, false),
                &super::explain::catalogue,
                &mut out,
            )?;
        }
    }
    if args.keep.is_some() {
        writeln!(out, "\nThe images are left in {}.", model::escape_text(&dir.to_string_lossy()))?;
    }
    out.flush()?;
    let wrong: Vec<&str> =
        rows.iter().filter(|row| !row.is_as_told()).map(|row| row.story.reference.as_str()).collect();
    if !wrong.is_empty() {
        bail!("not judged as the story tells: {}", wrong.join(", "));
    }
    Ok(0)
}

const INTRODUCTION: &str = "\
In 2021 five images on Docker Hub, pulled 120,000 times, mined Monero for strangers. Here they are again, with
the names, entrypoints and layers of the alert and harmless programs in the miners' place. The programs' hashes
are known as the alert's two hashes were. Three images of honest make stand beside them.";

/// One image of the story and what was said of it.
struct Row {
    story: StoryImage,
    harmful: bool,
    report: Report,
}

impl Row {
    fn is_as_told(&self) -> bool {
        self.report.verdict == if self.harmful { Verdict::Malicious } else { Verdict::Clean }
    }
}

fn tell((story, harmful): (StoryImage, bool), dir: &Path) -> anyhow::Result<Row> {
    let path: PathBuf = dir.join(story.reference.replace(['/', ':'], "_")).with_extension("tar");
    std::fs::write(&path, story.image.docker_archive(&[&story.reference]))
        .with_context(|| format!("cannot write {}", model::escape_text(&path.to_string_lossy())))?;
    let settings = Settings {
        source: Options { cancelled: interrupt::flag()?, ..Options::default() },
        limits: layers::Limits::default(),
        jobs: 2,
        cache: None,
        indicators: known_as_the_alert_knew()?,
        rules: yara::RuleSet::default(),
        exceptions: verdict::Exceptions::default(),
        today: crate::settings::today(),
        watch: Arc::new(Watch::default()),
    };
    let report = pipeline::scan(&Locator::DockerArchive { path, reference: None }, &settings)?;
    Ok(Row { story, harmful, report })
}

/// The stand-ins' hashes as an imported list, as the alert's hashes reached its readers.
fn known_as_the_alert_knew() -> anyhow::Result<Indicators> {
    let mut list = String::new();
    for story in five_images() {
        for hash in &story.hashes {
            list.push_str(&format!("{hash} miner of the alert (stand-in)\n"));
        }
    }
    let (feed, _) = feeds::import(list.as_bytes(), &Import::named("alert-of-2021").of_kind(Kind::Hashes))?;
    Ok(Indicators::new(vec![feed]))
}

fn table(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let cells: Vec<[String; 5]> =
        [["image", "detected", "contains", "verdict", "because"].map(str::to_owned)]
            .into_iter()
            .chain(rows.iter().map(|row| {
                let because = row
                    .report
                    .findings
                    .iter()
                    .filter(|finding| finding.role != model::Role::Context)
                    .map(|finding| finding.id.as_str())
                    .collect::<std::collections::BTreeSet<_>>();
                [
                    row.story.reference.clone(),
                    row.story.detected.to_owned(),
                    row.story.contains.to_owned(),
                    row.report.verdict.to_string(),
                    because.into_iter().collect::<Vec<_>>().join(" "),
                ]
            }))
            .collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 4] = std::array::from_fn(width);
    for (at, row) in cells.iter().enumerate() {
        let line = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect::<Vec<_>>();
        writeln!(out, "{}  {}", line.join("  "), row[4])?;
        if at == 0 {
            writeln!(out, "{}", "─".repeat(widths.iter().map(|width| width + 2).sum::<usize>() + 7))?;
        }
    }
    for row in rows.iter().filter(|row| row.harmful && !row.report.chain.is_empty()) {
        writeln!(out, "\n{}", row.story.reference)?;
        for (depth, step) in row.report.chain.iter().enumerate() {
            writeln!(out, "  {}{}{}", "   ".repeat(depth), if depth == 0 { "" } else { "└─ " }, step.what)?;
        }
    }
    Ok(())
}
