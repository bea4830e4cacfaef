//! The whole flow, as one readable function: [`scan`].
//!
//! Comes in: where an image is, and what to judge it with. Goes out: the report.
//! Never: a way around a stage. What a stage cannot do is a gap in the report, and what stops the flow is an
//! error that says which stage it was.
#![forbid(unsafe_code)]

mod captures;
mod chain;
mod compare;
mod declared;
mod detonation;
mod exceptions;
mod kept;
mod layer;
mod listing;
mod platform;
mod settings;
mod transport;
mod verdict_key;

pub use compare::compare;
pub use detonation::Detonate;
pub use inspect::analyzers::NOT_IMPLEMENTED;
pub use inspect::controls::Control;
pub use kept::replay;
pub use listing::{Listed, list_files};
pub use settings::{Settings, Watch, known_detections, rules_digest};

use cache::Shelf;
use inspect::{Crew, Sums, with_crew};
use layer::ReadLayer;
use model::{Coverage, Gap, ImageSummary, REPORT_SCHEMA, Report, Timing, Tool};
use platform::Concluded;
use source::{Image, Locator, Opened};
use std::collections::BTreeSet;
use std::time::Instant;
use verdict::Scanned;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The image could not be opened at all.
    #[error("cannot open {reference}")]
    Open {
        /// The image, as asked for; escaped.
        reference: String,
        /// What the transport said.
        #[source]
        source: source::Error,
    },
    /// Two images that have nothing to compare.
    #[error("no platform is in both images: the old one is for {old}, the new one for {new}")]
    NoPlatform {
        /// Platforms of the old image.
        old: String,
        /// Platforms of the new image.
        new: String,
    },
    /// Records of runs that cannot be judged again.
    #[error("cannot read the records in {directory}; `roadstead detonate --keep` writes such a directory")]
    Records {
        /// Where; escaped.
        directory: String,
        /// What was refused.
        #[source]
        source: std::io::Error,
    },
    /// A record that cannot be read.
    #[error("cannot judge the runs of {platform} again")]
    Replay {
        /// The platform that ran; escaped.
        platform: String,
        /// What is wrong with the record.
        #[source]
        source: detonate::DetonateError,
    },
    /// The person asked to stop.
    #[error("stopped before the image was read; nothing was kept")]
    Cancelled,
}

/// Scans an image: opens it, reads every layer of every platform, analyzes, judges.
///
/// # Errors
/// Only where the image cannot be opened or the person stops. All else is in the report.
pub fn scan(locator: &Locator, settings: &Settings) -> Result<Report, Error> {
    let started = Instant::now();
    let opened = open(locator, settings)?;
    let scanned = exceptions::scanned(locator, &opened);
    let key = verdict_key::of(&opened, &scanned, settings);
    // What a run shows is not a function of what is kept: an image that is to be run is run.
    if settings.detonate.is_none()
        && let Some(mut report) = kept_report(key.as_ref(), settings)
    {
        report.timing_ms = Timing { total: millis(started), ..Timing::default() };
        return Ok(report);
    }
    settings.watch.say("reading layers");
    settings.watch.expect(&opened);
    let patterns = settings.patterns();
    let analyzers = settings.file_analyzers(patterns.as_ref());
    let progress = &settings.watch.progress;
    let read = with_crew(settings.jobs, &analyzers, progress, settings.cancelled(), |crew| {
        read_all(&opened, settings, crew)
    });
    if settings.is_cancelled() {
        return Err(Error::Cancelled);
    }
    // A report that an analyzer failed over is made anew, as the analyzer may be mended meanwhile.
    let lasting = read.lasting && !read.outcome.failed;
    let report = conclude(&opened, &scanned, settings, read, started);
    if lasting
        && let (Some(cache), Some(key)) = (&settings.cache, verdict_key::of(&opened, &scanned, settings))
    {
        keep_report(cache, &key, &report);
    }
    if let Some(cache) = &settings.cache {
        cache.tidy();
    }
    Ok(report)
}

pub(crate) fn open(locator: &Locator, settings: &Settings) -> Result<Opened, Error> {
    settings.watch.say("opening the image");
    source::open(locator, &settings.source).map_err(|source| {
        if settings.is_cancelled() {
            Error::Cancelled
        } else {
            Error::Open { reference: model::escape_text(&locator.to_string()), source }
        }
    })
}

fn kept_report(key: Option<&cache::Key>, settings: &Settings) -> Option<Report> {
    read_report(settings.cache.as_ref()?, key?)
}

/// As JSON, which is what a report is to everybody else: the cache's own form has no names, so that a field that is left
/// out where it says nothing could not be read back.
fn keep_report(cache: &cache::Cache, key: &cache::Key, report: &Report) {
    if let Ok(text) = serde_json::to_string(report) {
        cache.put(Shelf::Verdicts, key, &text);
    }
}

fn read_report(cache: &cache::Cache, key: &cache::Key) -> Option<Report> {
    let text: String = cache.get(Shelf::Verdicts, key)?;
    serde_json::from_str(&text).ok()
}

struct Read {
    outcome: Concluded,
    /// What running the platforms came to, where they were to be run.
    ran: detonation::Ran,
    coverage: Coverage,
    /// Whether another run would read the same: nothing was missed for reasons of the moment.
    lasting: bool,
}

/// Platform after platform, so that the facts of one are gone before those of the next are there.
fn read_all(opened: &Opened, settings: &Settings, crew: &Crew<'_>) -> Read {
    let mut read = Read {
        outcome: transport::conclude(opened),
        ran: detonation::Ran::default(),
        coverage: Coverage::default(),
        lasting: opened.gaps.is_empty(),
    };
    let mut counted = BTreeSet::new();
    for image in &opened.images {
        let Some((layers, concluded, ran)) = read_image(opened, image, settings, crew) else { break };
        read.lasting &= layers.iter().all(|layer| layer.lasting);
        for layer in &layers {
            let facts = &layer.facts;
            if facts.transport.as_ref().is_none_or(|transport| counted.insert(transport.digest)) {
                read.coverage.layers += 1;
                read.coverage.files += layer::count_files(facts);
                read.coverage.bytes += facts.bytes;
                read.coverage.bytes_read += facts.bytes_read;
            }
        }
        read.outcome.add(concluded);
        if let Some(ran) = ran {
            ran.count(&mut read.coverage);
            read.ran.add(ran);
            read.lasting = false;
        }
    }
    read
}

/// One platform, read and concluded; once more with all hashes, where a package promises one that was not taken. None
/// where the person stops.
fn read_image(
    opened: &Opened,
    image: &Image,
    settings: &Settings,
    crew: &Crew<'_>,
) -> Option<(Vec<ReadLayer>, Concluded, Option<detonation::Ran>)> {
    let mut sums = layer::first_sums(image, settings);
    loop {
        let layers = layer::read_layers(image, &[], sums, settings, crew);
        if settings.is_cancelled() {
            return None;
        }
        settings.watch.say("judging");
        let (concluded, ran) =
            platform::conclude_with(opened, image, &layers, settings, |view, concluded| {
                let how = settings.detonate.as_ref();
                let stands = !concluded.lacks_sums || sums == Sums::EVERY;
                how.filter(|_| stands).map(|how| detonation::run(view, image, concluded, how, settings, crew))
            });
        if !concluded.lacks_sums || sums == Sums::EVERY {
            return Some((layers, concluded, ran));
        }
        sums = Sums::EVERY;
        settings.watch.say("reading layers");
        settings.watch.expect_again(image);
    }
}

fn conclude(opened: &Opened, scanned: &Scanned, settings: &Settings, read: Read, started: Instant) -> Report {
    let Read { mut outcome, ran, coverage, .. } = read;
    let platforms: Vec<String> = opened.images.iter().map(|image| image.platform.to_string()).collect();
    let mut gaps = outcome.gaps;
    if opened.images.is_empty() {
        gaps.push(Gap::new("image", "it holds no platform that could be read"));
    }
    if settings.detonate.as_ref().is_some_and(|how| how.alone) {
        outcome.findings.clear();
    }
    outcome.findings.extend(ran.findings);
    gaps.extend(ran.gaps);
    let ways = chain::ways(&outcome.reached);
    let image = ImageSummary {
        reference: model::escape_text(&opened.reference),
        digest: opened.digest,
        platforms,
        layers: outcome.layers,
    };
    if let Some(directory) = settings.detonate.as_ref().and_then(|how| how.keep.as_ref()) {
        let ran = (ran.summary.as_ref(), ran.kept);
        if let Err(error) = kept::write(directory, (&image, scanned, &ways), &coverage, &gaps, ran) {
            gaps.push(detonation::not_kept(&error));
        }
    }
    let exceptions = exceptions::lay_on(&mut outcome.findings, scanned, settings);
    let chain = chain::headline(&ways, &outcome.findings, &ran.origins);
    let judged =
        verdict::judge(outcome.findings, gaps, chain).with_coverage(&coverage, image.platforms.len());
    let total = millis(started);
    Report {
        schema: REPORT_SCHEMA.to_owned(),
        tool: Tool {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rules: rules_digest(&settings.rules),
            feeds: settings.indicators.feeds(),
        },
        image,
        verdict: judged.verdict,
        summary: judged.summary,
        axes: judged.axes,
        findings: judged.findings,
        chain: judged.chain,
        gaps: judged.gaps,
        exceptions,
        detonation: ran.summary,
        coverage,
        timing_ms: Timing { total, static_: total, dynamic: 0 },
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
