//! Runs that were kept, and judging them again: rules change, and what an image did stays what it was.

use crate::captures::{self, Origins};
use crate::chain::Way;
use crate::{Error, Settings, exceptions, millis, rules_digest};
use detonate::{Context, RunContext};
use model::{Coverage, Detonation, Digest, Finding, Gap, ImageSummary, REPORT_SCHEMA, Report, Timing, Tool};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Instant;
use verdict::Scanned;

/// Judges the runs of an image again that lie in a directory, without running anything. Its verdict is about
/// behaviour alone, as the image is not read; what its runs brought was read when they ran. Their timeline is written to
/// `timeline`, where a file is named.
///
/// # Errors
/// When the directory or a record in it cannot be read: half of what an image did is nothing to judge by.
pub fn replay(directory: &Path, settings: &Settings, timeline: Option<&Path>) -> Result<Report, Error> {
    let started = Instant::now();
    let records = read(directory).map_err(|source| Error::Records {
        directory: model::escape_text(&directory.to_string_lossy()),
        source,
    })?;
    let mut findings: Vec<Finding> = Vec::new();
    // What was not seen when it ran is not seen now.
    let mut gaps: BTreeSet<Gap> = records.gaps.into_iter().collect();
    let mut origins = Origins::default();
    for platform in records.platforms {
        let runs: Vec<(RunContext, PathBuf)> =
            platform.runs.iter().map(|run| (run.context.told(), directory.join(&run.record))).collect();
        let runs: Vec<(RunContext, &Path)> =
            runs.iter().map(|(context, path)| (context.clone(), path.as_path())).collect();
        let judged = detonate::replay(&runs, &platform.context.told()).map_err(|source| Error::Replay {
            platform: model::escape_text(&platform.context.platform),
            source,
        })?;
        let outcome = judged.outcome();
        let ruled = settings.rules.judge(judged.runs(), &platform.context.platform, &outcome.findings);
        let first = findings.len();
        findings.extend(outcome.findings);
        findings.extend(ruled.findings);
        gaps.extend(ruled.gaps);
        findings.extend(platform.captured);
        if let Some(path) = timeline {
            let of_platform = findings.get(first..).unwrap_or_default();
            gaps.extend(crate::detonation::timeline(path, judged.runs(), of_platform));
        }
        origins.add(platform.origins);
        gaps.extend(outcome.gaps);
    }
    let scanned = Scanned { name: records.name.and_then(|name| name.parse().ok()), digests: records.digests };
    let exceptions = exceptions::lay_on(&mut findings, &scanned, settings);
    let chain = crate::chain::headline(&records.ways, &findings, &origins);
    let platforms = records.image.platforms.len();
    let judged = verdict::judge(findings, gaps.into_iter().collect(), chain)
        .with_coverage(&records.coverage, platforms);
    let total = millis(started);
    Ok(Report {
        schema: REPORT_SCHEMA.to_owned(),
        tool: Tool {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rules: rules_digest(&settings.rules),
            feeds: settings.indicators.feeds(),
        },
        image: records.image,
        verdict: judged.verdict,
        summary: judged.summary,
        axes: judged.axes,
        findings: judged.findings,
        chain: judged.chain,
        gaps: judged.gaps,
        exceptions,
        detonation: records.detonation,
        coverage: records.coverage,
        timing_ms: Timing { total, static_: 0, dynamic: total },
    })
}

/// What lies beside the records of an image's runs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Records {
    /// Always [`SCHEMA`].
    schema: String,
    image: ImageSummary,
    /// What exceptions for single images are compared with.
    name: Option<String>,
    digests: Vec<Digest>,
    /// What the start of the image leads to.
    ways: Vec<(String, Vec<Way>)>,
    coverage: Coverage,
    /// What was not looked at, neither at rest nor when it ran.
    gaps: Vec<Gap>,
    detonation: Option<Detonation>,
    platforms: Vec<PlatformRuns>,
}

const SCHEMA: &str = "roadstead.records/v1";
/// The file that says what the records are.
const INDEX: &str = "records.json";
/// The longest such file that is read; one that we wrote is far shorter.
const LONGEST_INDEX: u64 = 64 << 20;

/// The runs of one platform, in order, and what they were judged with.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlatformRuns {
    context: KeptContext,
    runs: Vec<KeptRun>,
    /// What was found in the content that appeared in them.
    captured: Vec<Finding>,
    origins: Origins,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptRun {
    /// The name of the record in the directory.
    record: String,
    context: KeptRunContext,
}

/// The directory of what appeared in the runs, each content under its SHA-256.
const CAPTURED: &str = "captured";

/// Copies the records of a platform's runs, and what appeared in them, to where they are kept.
pub(crate) fn keep(
    detonation: &detonate::Detonation,
    found: &captures::Findings,
    directory: &Path,
) -> io::Result<PlatformRuns> {
    let captured = directory.join(CAPTURED);
    std::fs::create_dir_all(&captured)?;
    for capture in &detonation.captured {
        let name: String = capture.content.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        std::fs::copy(detonation.captures.join(&name), captured.join(&name))?;
    }
    let (contexts, context) = detonation.basis();
    let mut runs = Vec::new();
    for (number, (run, summary)) in contexts
        .filter_map(|run| Some((run, detonation.runs.iter().find(|summary| summary.name == run.name)?)))
        .enumerate()
    {
        let name = format!("{}-{}-{}", plain(&context.platform), number + 1, plain(&run.name));
        let record = format!("{}.events", name.chars().take(120).collect::<String>());
        std::fs::copy(&summary.record, directory.join(&record))?;
        runs.push(KeptRun { record, context: KeptRunContext::of(run) });
    }
    let (captured, origins) = (found.findings.clone(), found.origins.clone());
    Ok(PlatformRuns { context: KeptContext::of(context), runs, captured, origins })
}

fn plain(name: &str) -> String {
    name.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' }).collect()
}

/// Writes what the records are, when all are there. Without it they are of no use to anybody.
pub(crate) fn write(
    directory: &Path,
    image: (&ImageSummary, &Scanned, &[(String, Vec<Way>)]),
    coverage: &Coverage,
    gaps: &[Gap],
    ran: (Option<&Detonation>, Vec<PlatformRuns>),
) -> io::Result<()> {
    let (detonation, platforms) = (ran.0.cloned(), ran.1);
    let (image, scanned, ways) = image;
    let records = Records {
        schema: SCHEMA.to_owned(),
        image: image.clone(),
        name: scanned.name.as_ref().map(ToString::to_string),
        digests: scanned.digests.clone(),
        ways: ways.to_vec(),
        coverage: coverage.clone(),
        gaps: gaps.to_vec(),
        detonation,
        platforms,
    };
    std::fs::create_dir_all(directory)?;
    std::fs::write(directory.join(INDEX), serde_json::to_vec_pretty(&records)?)
}

fn read(directory: &Path) -> io::Result<Records> {
    let mut text = Vec::new();
    let file = std::fs::File::open(directory.join(INDEX))?;
    file.take(LONGEST_INDEX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST_INDEX {
        return Err(io::Error::other(format!("{INDEX} is larger than any that we write")));
    }
    let records: Records = serde_json::from_slice(&text)?;
    if records.schema != SCHEMA {
        return Err(io::Error::other(format!(
            "{INDEX} follows {}, this version reads {SCHEMA}",
            model::escape_text(&records.schema)
        )));
    }
    let mut names = records.platforms.iter().flat_map(|platform| &platform.runs).map(|run| &run.record);
    // A directory may come from anywhere, and leads to no file outside of it.
    if let Some(name) = names.find(|name| name.contains(['/', '\0']) || !name.ends_with(".events")) {
        return Err(io::Error::other(format!("{} names no record", model::escape_text(name))));
    }
    Ok(records)
}

/// A [`RunContext`] as it is kept. Each field stands here by name, so that none can be forgotten.
#[derive(Debug, Serialize, Deserialize)]
struct KeptRunContext {
    name: String,
    neutral: bool,
    profile: String,
    platform: String,
}

impl KeptRunContext {
    fn of(run: &RunContext) -> Self {
        let RunContext { name, neutral, profile, platform } = run.clone();
        Self { name, neutral, profile, platform }
    }

    fn told(&self) -> RunContext {
        RunContext {
            name: self.name.clone(),
            neutral: self.neutral,
            profile: self.profile.clone(),
            platform: self.platform.clone(),
        }
    }
}

/// A [`Context`] as it is kept.
#[derive(Debug, Serialize, Deserialize)]
struct KeptContext {
    platform: String,
    configured_hosts: BTreeSet<String>,
    exposed_ports: BTreeSet<u16>,
    declared: BTreeSet<String>,
    pool_hosts: BTreeSet<String>,
    baits: Vec<Vec<u8>>,
    began: i64,
    processors: u32,
    /// As pairs, since JSON has only texts for names.
    condemned: Vec<([u8; 32], String)>,
    unowned: Vec<Vec<u8>>,
}

impl KeptContext {
    fn of(context: &Context) -> Self {
        let Context {
            platform,
            configured_hosts,
            exposed_ports,
            declared,
            pool_hosts,
            baits,
            began,
            processors,
            condemned,
            unowned,
        } = context.clone();
        let condemned = condemned.into_iter().collect();
        Self {
            platform,
            configured_hosts,
            exposed_ports,
            declared,
            pool_hosts,
            baits,
            began,
            processors,
            condemned,
            unowned,
        }
    }

    fn told(&self) -> Context {
        Context {
            platform: self.platform.clone(),
            configured_hosts: self.configured_hosts.clone(),
            exposed_ports: self.exposed_ports.clone(),
            declared: self.declared.clone(),
            pool_hosts: self.pool_hosts.clone(),
            baits: self.baits.clone(),
            began: self.began,
            processors: self.processors,
            condemned: self.condemned.iter().cloned().collect(),
            unowned: self.unowned.clone(),
        }
    }
}
