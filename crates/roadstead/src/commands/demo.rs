mod running;

use crate::cli::{Demo, Told};
use crate::{interrupt, terminal};
use anyhow::{Context as _, bail};
use feeds::{Indicators, Kind, Options as Import};
use model::{Class, Finding, Report, Role, Verdict};
use pipeline::{Settings, Watch};
use report::Format;
use source::{Locator, Options};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use test_support::story::{StoryImage, Without, benign_images, five_images_without};

/// Builds the alert's five images and three benign ones, scans all as any image is scanned, and shows the
/// alert's table with what was found; then runs all, and shows what they are convicted of by their deeds alone.
/// Nothing leaves the machine and nothing stays on it.
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
    let without = without(&args.without);
    let five = five_images_without(without);
    let settings = settings(known_as_the_alert_knew(&five)?)?;
    let mut rows = Vec::new();
    for (story, bare) in five.into_iter().zip(five_images_without(Without::LISTED)) {
        let bare =
            if without == Without::LISTED { None } else { Some(scan(&bare, scratch.path(), &settings)?) };
        let report = scan(&story, dir, &settings)?;
        rows.push(Row { story, harmful: true, report, bare, ran: None });
    }
    for story in benign_images() {
        let report = scan(&story, dir, &settings)?;
        rows.push(Row { story, harmful: false, report, bare: None, ran: None });
    }
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{}\n", INTRODUCTION)?;
    table(&rows, &mut out)?;
    if !args.no_run {
        writeln!(out)?;
        running::run_all(&mut rows, dir, settings, &mut out)?;
    }
    for row in rows.iter().filter(|row| row.harmful) {
        writeln!(out)?;
        evidence(row, &mut out)?;
    }
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
In 2021 five images on Docker Hub, pulled 120,000 times, mined Monero for strangers. Here they are
again: the names, entrypoints and layers of the alert, with harmless programs in the miners' place
that carry what a miner's build carries. Their hashes are known as the alert's two hashes were.
Three images of honest make stand beside them.";

/// Widest line, in characters.
const WIDTH: usize = 100;

fn without(told: &[Told]) -> Without {
    let has = |what| told.contains(&what);
    Without {
        names: has(Told::Names),
        hashes: has(Told::Hashes),
        wallets: has(Told::Wallets),
        ..Without::default()
    }
}

/// One image of the story and what was said of it.
struct Row {
    story: StoryImage,
    harmful: bool,
    report: Report,
    /// What is said of it when everything is taken out of it that a list could hold.
    bare: Option<Report>,
    /// What running it came to, where it was run.
    ran: Option<Report>,
}

impl Row {
    fn is_as_told(&self) -> bool {
        let told = if self.harmful { Verdict::Malicious } else { Verdict::Clean };
        if self.ran.as_ref().is_some_and(|ran| ran.verdict != told) {
            return false;
        }
        if !self.harmful {
            return self.report.verdict == Verdict::Clean;
        }
        let convicted = |report: &Report| report.verdict == Verdict::Malicious && by_class(report).len() > 1;
        convicted(&self.report) && self.bare.as_ref().is_none_or(convicted)
    }
}

/// The findings that count.
fn counting(report: &Report) -> impl Iterator<Item = &Finding> {
    report.findings.iter().filter(|finding| finding.role != Role::Context)
}

/// Their ids by the class of evidence. Two classes do not go wrong for the same reason.
fn by_class(report: &Report) -> BTreeMap<Class, BTreeSet<&str>> {
    let mut classes: BTreeMap<Class, BTreeSet<&str>> = BTreeMap::new();
    for finding in counting(report) {
        classes.entry(finding.class).or_default().insert(&finding.id);
    }
    classes
}

fn scan(story: &StoryImage, dir: &Path, settings: &Settings) -> anyhow::Result<Report> {
    let path = archive(story, dir);
    std::fs::write(&path, story.image.docker_archive(&[&story.reference]))
        .with_context(|| format!("cannot write {}", model::escape_text(&path.to_string_lossy())))?;
    Ok(pipeline::scan(&Locator::DockerArchive { path, reference: None }, settings)?)
}

/// Where an image is written.
fn archive(story: &StoryImage, dir: &Path) -> PathBuf {
    dir.join(story.reference.replace(['/', ':'], "_")).with_extension("tar")
}

fn settings(indicators: Indicators) -> anyhow::Result<Settings> {
    Ok(Settings {
        source: Options { cancelled: interrupt::flag()?, ..Options::default() },
        limits: layers::Limits::default(),
        jobs: 2,
        cache: None,
        indicators,
        rules: yara::RuleSet::default(),
        exceptions: verdict::Exceptions::default(),
        today: crate::settings::today(),
        endpoints: false,
        detonate: None,
        watch: Arc::new(Watch::default()),
    })
}

/// The stand-ins' hashes as an imported list, as the alert's hashes reached its readers.
fn known_as_the_alert_knew(five: &[StoryImage]) -> anyhow::Result<Indicators> {
    let hashes = five.iter().flat_map(|story| &story.hashes);
    let list: String = hashes.map(|hash| format!("{hash} miner of the alert (stand-in)\n")).collect();
    if list.is_empty() {
        return Ok(Indicators::default());
    }
    let (feed, _) = feeds::import(list.as_bytes(), &Import::named("alert-of-2021").of_kind(Kind::Hashes))?;
    Ok(Indicators::new(vec![feed]))
}

fn table(rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    let cells: Vec<[String; 4]> = [["image", "detected", "contains", "verdict"].map(str::to_owned)]
        .into_iter()
        .chain(rows.iter().map(|row| {
            [
                row.story.reference.clone(),
                row.story.detected.to_owned(),
                row.story.contains.to_owned(),
                row.report.verdict.to_string(),
            ]
        }))
        .collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 4] = std::array::from_fn(width);
    for (at, row) in cells.iter().enumerate() {
        let line = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect::<Vec<_>>();
        writeln!(out, "{}", line.join("  ").trim_end())?;
        if at == 0 {
            writeln!(out, "{}", "─".repeat(widths.iter().sum::<usize>() + 2 * 3))?;
        }
    }
    Ok(())
}

/// What speaks against an image: the way to the harm, the evidence by its class, and what is left of it when names,
/// hashes and wallets are gone.
fn evidence(row: &Row, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{}", row.story.reference)?;
    for (depth, step) in row.report.chain.iter().enumerate() {
        let branch = if depth == 0 { "" } else { "└─ " };
        let line = format!("  {}{branch}{}", "   ".repeat(depth), step.what);
        match line.rsplit_once(" → ") {
            Some((how, path)) if line.chars().count() > WIDTH => {
                writeln!(out, "{}\n{}→ {path}", cut(how), " ".repeat(4 + 3 * depth))?;
            }
            _ => writeln!(out, "{}", cut(&line))?,
        }
    }
    let classes = by_class(&row.report);
    let ids: usize = classes.values().map(BTreeSet::len).sum();
    writeln!(out, "  {ids} kinds of evidence of {} independent classes", classes.len())?;
    for (class, ids) in &classes {
        let mut line = format!("    {:<8}", class.name());
        for id in ids {
            if line.chars().count() + 1 + id.len() > WIDTH {
                writeln!(out, "{line}")?;
                line = " ".repeat(12);
            }
            line.push(' ');
            line.push_str(id);
        }
        writeln!(out, "{line}")?;
    }
    if let Some(bare) = &row.bare {
        let count = counting(bare).count();
        writeln!(out, "  with names, hashes and wallets removed: {} ({count} findings)", bare.verdict)?;
    }
    Ok(())
}

/// The line in the width there is: a long word, such as a wallet, by its beginning.
fn cut(line: &str) -> String {
    const LONGEST: usize = 40;
    const SHOWN: usize = 12;
    if line.chars().count() <= WIDTH {
        return line.to_owned();
    }
    let word = |word: &str| match word.char_indices().nth(LONGEST) {
        Some(_) => word.chars().take(SHOWN).chain(['…']).collect(),
        None => word.to_owned(),
    };
    let line = line.split(' ').map(word).collect::<Vec<String>>().join(" ");
    if line.chars().count() <= WIDTH {
        return line;
    }
    line.chars().take(WIDTH - 1).chain(['…']).collect()
}
