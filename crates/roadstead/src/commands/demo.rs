mod pulls;
mod served;
mod telling;

use crate::cli::{Demo, Told};
use crate::{interrupt, settings, terminal};
use anyhow::{Context as _, bail};
use cache::Cache;
use feeds::{Indicators, Kind, Options as Import};
use gate::Engine;
use model::{Class, Finding, Report, Role, Stage, Verdict};
use pipeline::{Detonate, Settings, Watch};
use pulls::{Answer, Pulled};
use report::Format;
use served::Served;
use source::{Locator, Options};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use test_support::FakeRegistry;
use test_support::story::{StoryImage, Without, benign_images, five_images_without};

/// Tells the alert's story from its beginning to its end. A registry on the loopback stands for Docker Hub and has the five
/// images and three benign ones; a gate is started before it, and a client pulls each image through the gate, which holds
/// it, reads it, runs it, decides, and signs what it releases. Nothing leaves the machine and nothing stays on it.
pub(crate) fn run(args: &Demo) -> anyhow::Result<u8> {
    let stop = interrupt::flag()?;
    interrupt::be_patient(PATIENCE);
    let scratch =
        tempfile::Builder::new().prefix("roadstead-demo-").tempdir().context("cannot make a directory")?;
    let without = without(&args.without);
    let five = five_images_without(without);
    let indicators = known_as_the_alert_knew(&five)?;
    let stories: Vec<StoryImage> = five.into_iter().chain(benign_images()).collect();
    if let Some(dir) = &args.images {
        write_images(&stories, dir)?;
    }
    let bare = if without == Without::LISTED { Vec::new() } else { five_images_without(Without::LISTED) };
    let lack =
        if args.no_run { Some("--no-run asks for reading alone".to_owned()) } else { settings::cannot_run() };

    let hub = stories.iter().fold(FakeRegistry::new(), |hub, story| {
        let (repository, tag) = story.reference.rsplit_once(':').unwrap_or((&story.reference, "latest"));
        hub.image(repository, tag, &story.image)
    });
    let hub = hub.try_start().context("cannot listen on the loopback")?;
    let data = scratch.path().join("gate");
    let engine = engine(indicators.clone(), data.join("cache"), lack.is_none());
    let served = Served::start(&data, &format!("http://{}", hub.host()), engine)?;
    let told = std::thread::scope(|scope| {
        // What is left of the five without all that a list could hold is read while the gate is at them.
        let left = scope.spawn(|| left_of(&bare, scratch.path(), &indicators, &stop));
        let answers = pulls::all(&served, &stories, &stop);
        let left = left.join().unwrap_or_else(|_| bail!("reading the images without names failed"));
        Ok::<_, anyhow::Error>((answers?, left?))
    });
    let (answers, left) = told?;
    let mut left = left.into_iter();
    let rows: Vec<Row> = stories
        .into_iter()
        .zip(answers)
        .map(|(story, (pulled, report))| {
            let harmful = !story.detected.is_empty();
            let bare = if harmful { left.next() } else { None };
            Row { story, harmful, pulled, report, bare }
        })
        .collect();

    let mut out = BufWriter::new(io::stdout().lock());
    telling::tell(&rows, lack.as_deref(), &mut out)?;
    if args.verbose {
        for row in &rows {
            writeln!(out)?;
            let style = terminal::style(false, false);
            report::render(&row.report, Format::Table, style, &super::explain::catalogue, &mut out)?;
        }
    }
    if let Some(dir) = &args.images {
        writeln!(out, "\nThe images are left in {}.", model::escape_text(&dir.to_string_lossy()))?;
    }
    out.flush()?;
    if lack.is_some() && !args.no_run {
        terminal::note("images cannot be run on this machine; `roadstead doctor` says more");
    }
    let wrong: Vec<&str> = rows
        .iter()
        .filter(|row| !row.is_as_told(lack.is_none()))
        .map(|row| row.story.reference.as_str())
        .collect();
    if !wrong.is_empty() {
        bail!("not judged as the story tells: {}", wrong.join(", "));
    }
    if args.keep {
        keep_open(&served, &stop);
    }
    served.end()?;
    drop(hub);
    scratch.close().context("cannot remove what the demo made")?;
    Ok(0)
}

/// How long the gate and a run in the sandbox have to end when a person asks to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long the runs of one image may take: the eight of them together are to take less than a minute.
const LONGEST: Duration = Duration::from_secs(8);

/// One image of the story and what became of it.
struct Row {
    story: StoryImage,
    harmful: bool,
    /// What the client got.
    pulled: Pulled,
    /// The report by which the gate has decided.
    report: Report,
    /// What is said of it when everything is taken out of it that a list could hold.
    bare: Option<Report>,
}

impl Row {
    fn is_as_told(&self, ran: bool) -> bool {
        if !self.harmful {
            let answered = match &self.pulled.answer {
                // Nobody calls an image clean that was to be run and was not.
                Answer::Held { .. } => !ran,
                Answer::Released { signatures, .. } => ran && *signatures > 0,
                Answer::Denied { .. } => false,
            };
            return self.report.verdict == Verdict::Clean && answered;
        }
        let convicted = |report: &Report| report.verdict == Verdict::Malicious && by_class(report).len() > 1;
        convicted(&self.report)
            && matches!(self.pulled.answer, Answer::Denied { .. })
            && self.bare.as_ref().is_none_or(convicted)
            && (!ran || self.by_deeds().0 == Verdict::Malicious)
    }

    /// The verdict on what it did and on nothing else, with the findings that it stands on. The gate has run it already, and
    /// what was seen is judged here as if nothing had been read.
    fn by_deeds(&self) -> (Verdict, Vec<&Finding>) {
        let deeds = || counting(&self.report).filter(|finding| finding.stage == Stage::Dynamic);
        let judged = verdict::judge(deeds().cloned().collect(), self.report.gaps.clone(), Vec::new());
        (judged.verdict, deeds().collect())
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

fn without(told: &[Told]) -> Without {
    let has = |what| told.contains(&what);
    Without {
        names: has(Told::Names),
        hashes: has(Told::Hashes),
        wallets: has(Told::Wallets),
        ..Without::default()
    }
}

/// What the gate judges by: everything that is built in, and the list of the alert.
fn engine(indicators: Indicators, kept: PathBuf, runs: bool) -> Engine {
    let scan = move || Settings {
        cache: Some(Cache::new(kept.clone(), 256 << 20)),
        ..settings_of(indicators.clone(), Arc::default())
    };
    let detonate = Detonate {
        scratch: None,
        keep: None,
        duration: LONGEST,
        thorough: false,
        pcap: None,
        timeline: None,
        alone: false,
        engine: sandbox::Engine::Native,
    };
    Engine { scan: Arc::new(scan), detonate: runs.then_some(detonate) }
}

fn settings_of(indicators: Indicators, cancelled: Arc<AtomicBool>) -> Settings {
    Settings {
        source: Options { cancelled, ..Options::default() },
        limits: layers::Limits::default(),
        jobs: 2,
        cache: None,
        indicators,
        rules: yara::RuleSet::default(),
        exceptions: verdict::Exceptions::default(),
        today: settings::today(),
        endpoints: false,
        detonate: None,
        watch: Arc::new(Watch::default()),
    }
}

/// What reading says of the five without names, hashes and wallets.
fn left_of(
    bare: &[StoryImage],
    dir: &Path,
    indicators: &Indicators,
    stop: &Arc<AtomicBool>,
) -> anyhow::Result<Vec<Report>> {
    let settings = settings_of(indicators.clone(), Arc::clone(stop));
    let scan = |story: &StoryImage| {
        let path = write_image(story, dir)?;
        Ok(pipeline::scan(&Locator::DockerArchive { path, reference: None }, &settings)?)
    };
    bare.iter().map(scan).collect()
}

fn write_images(stories: &[StoryImage], dir: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(dir)
        .with_context(|| format!("cannot make {}", model::escape_text(&dir.to_string_lossy())))?;
    stories.iter().try_for_each(|story| write_image(story, dir).map(drop))
}

/// Writes an image as `docker save` would.
fn write_image(story: &StoryImage, dir: &Path) -> anyhow::Result<PathBuf> {
    let path = dir.join(story.reference.replace(['/', ':'], "_")).with_extension("tar");
    std::fs::write(&path, story.image.docker_archive(&[&story.reference]))
        .with_context(|| format!("cannot write {}", model::escape_text(&path.to_string_lossy())))?;
    Ok(path)
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

/// Leaves the gate to a person until they end it. Where nobody can, nothing is left open.
fn keep_open(served: &Served, stop: &AtomicBool) {
    if !io::stderr().is_terminal() {
        terminal::note("not kept open, as there is no terminal to end it from");
        return;
    }
    let Served { url, host, name, password, .. } = served;
    terminal::note(&format!(
        "\nThe gate stays open until Ctrl-C; then it is removed with all that it has.\n\n  \
         Console:   {url}/console\n  \
         Log in:    {name}, with the password {password}, which was made for this run\n  \
         Pull:      docker login {host} -u {name}\n             \
         docker pull {host}/docker.io/harbor-pilots/tide-table:1.4"
    ));
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(LOOK);
    }
}

/// How often it is looked whether a person asks to stop.
const LOOK: Duration = Duration::from_millis(50);
