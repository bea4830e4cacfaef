//! One platform of an image, run.

use crate::Settings;
use crate::captures::{self, Origins};
use crate::kept::{self, PlatformRuns};
use crate::platform::Concluded;
use detonate::{Deeds, DetonateError, Image as Guest, LayerBytes};
use inspect::analyzers::miner::PoolList;
use inspect::{Crew, ImageView};
use layers::Declared;
use model::{Coverage, Detonation, Finding, Gap};
use source::Image;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How images are run.
#[derive(Debug, Clone)]
pub struct Detonate {
    /// Where the tree and the records of the runs lie for the while; the system's directory for temporary files
    /// where none is named.
    pub scratch: Option<PathBuf>,
    /// Where the records of the runs are kept for judging them again.
    pub keep: Option<PathBuf>,
    /// How long all runs together may take.
    pub duration: Duration,
    /// Whether runs go on after one has convicted.
    pub thorough: bool,
    /// Where the packets of the first run are written.
    pub pcap: Option<PathBuf>,
    /// Where the runs are written as a timeline ([`detonate::timeline`]); where several platforms of an image run, the last
    /// one's are.
    pub timeline: Option<PathBuf>,
    /// Whether the image is judged by its behaviour alone.
    pub alone: bool,
    /// What runs it.
    pub engine: detonate::Engine,
}

/// What running a platform came to.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    pub(crate) findings: Vec<Finding>,
    pub(crate) gaps: Vec<Gap>,
    /// How content came into being that something was found in.
    pub(crate) origins: Origins,
    pub(crate) summary: Option<Detonation>,
    /// What it did, for comparing; none where nothing ran.
    pub(crate) deeds: Option<Deeds>,
    /// The records that were kept.
    pub(crate) kept: Vec<PlatformRuns>,
}

impl Ran {
    /// Takes in what another platform came to.
    pub(crate) fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.gaps.extend(other.gaps);
        self.origins.add(other.origins);
        self.kept.extend(other.kept);
        let Some(mut more) = other.summary else { return };
        let Some(summary) = &mut self.summary else {
            self.summary = Some(more);
            return;
        };
        let before = summary.runs.len();
        more.processes.iter_mut().for_each(|process| process.run += before);
        more.network.iter_mut().for_each(|flow| flow.run += before);
        summary.runs.append(&mut more.runs);
        summary.processes.append(&mut more.processes);
        summary.network.append(&mut more.network);
        summary.not_exercised.append(&mut more.not_exercised);
        for limitation in more.limitations {
            if !summary.limitations.contains(&limitation) {
                summary.limitations.push(limitation);
            }
        }
    }

    /// Counts its runs.
    pub(crate) fn count(&self, coverage: &mut Coverage) {
        coverage.runs += self.summary.as_ref().map_or(0, |summary| summary.runs.len() as u64);
    }
}

/// Runs one platform. What cannot be run is a gap: an image that was to be run and was not is never clean.
pub(crate) fn run(
    view: &ImageView<'_>,
    image: &Image,
    concluded: &Concluded,
    how: &Detonate,
    settings: &Settings,
    crew: &Crew<'_>,
) -> Ran {
    let platform = view.platform.to_string();
    match try_run(view, image, concluded, how, settings, crew) {
        Ok(ran) => ran,
        Err(error) => Ran {
            gaps: vec![Gap::new(format!("{platform}, in the sandbox"), model::error_chain(&error))],
            ..Ran::default()
        },
    }
}

fn try_run(
    view: &ImageView<'_>,
    image: &Image,
    concluded: &Concluded,
    how: &Detonate,
    settings: &Settings,
    crew: &Crew<'_>,
) -> Result<Ran, DetonateError> {
    let platform = view.platform.to_string();
    if !platform.starts_with("linux/amd64") {
        return Err(DetonateError::Platform { platform });
    }
    let stage =
        |source| DetonateError::Stage { directory: "the directory for temporary files".to_owned(), source };
    let mut builder = tempfile::Builder::new();
    builder.prefix("roadstead-run-");
    let scratch = match &how.scratch {
        Some(directory) => builder.tempdir_in(directory),
        None => builder.tempdir(),
    }
    .map_err(stage)?;
    let layers = image
        .layers
        .iter()
        .map(|layer| LayerBytes {
            open: Box::new(|| layer.open().map_err(std::io::Error::other)),
            declared: Declared {
                media_type: layer.media_type.clone(),
                digest: layer.digest,
                size: layer.size,
                diff_id: layer.diff_id,
            },
        })
        .collect();
    let guest = Guest {
        name: image.digest.map(|digest| digest.to_string()).unwrap_or_default(),
        platform: view.platform,
        config: view.config,
        tree: view.tree,
        layers,
        is_pool: &|host| PoolList::built_in().holds(host, 0),
        declared: declared(view, concluded),
        is_owned: &|path| view.ownership.owner(path).is_some(),
    };
    let watch = std::sync::Arc::clone(&settings.watch);
    let run = detonate::Settings {
        scratch: scratch.path().to_owned(),
        budget: how.duration,
        thorough: how.thorough,
        pcap: how.pcap.clone(),
        cancelled: AtomicBool::new(false),
        say: Box::new(move |_| watch.say("running the image")),
        seed: seed(view),
        processors: u32::try_from(std::thread::available_parallelism().map_or(1, usize::from)).unwrap_or(1),
        engine: how.engine.clone(),
    };
    let mut detonation = until_cancelled(settings, &run.cancelled, || detonate::detonate(&guest, &run))?;
    let found = captures::read(view, &detonation, settings, crew);
    if !found.condemned.is_empty() {
        detonation.condemn(&found.condemned);
    }
    let mut gaps = detonation.outcome.gaps.clone();
    let kept = how.keep.as_ref().map(|directory| kept::keep(&detonation, &found, directory));
    let kept = match kept.transpose() {
        Ok(kept) => kept,
        Err(error) => {
            gaps.push(not_kept(&error));
            None
        }
    };
    let deeds = detonate::deeds(detonation.records());
    let mut findings = detonation.outcome.findings.clone();
    let ruled = settings.rules.judge(detonation.records(), &platform, &findings);
    gaps.extend(ruled.gaps);
    gaps.extend(found.gaps);
    findings.extend(ruled.findings);
    findings.extend(found.findings);
    if let Some(path) = &how.timeline {
        gaps.extend(timeline(path, detonation.records(), &findings));
    }
    Ok(Ran {
        findings,
        gaps,
        origins: found.origins,
        deeds: Some(deeds),
        summary: Some(detonation.summary),
        kept: kept.into_iter().collect(),
    })
}

/// Does it, and hands on that a person asks to stop while it is done.
fn until_cancelled<T>(settings: &Settings, cancelled: &AtomicBool, work: impl FnOnce() -> T) -> T {
    std::thread::scope(|scope| {
        let (done, over) = crossbeam_channel::bounded::<()>(0);
        scope.spawn(move || {
            // The other end is dropped when the work is done, also where it panics.
            while let Err(crossbeam_channel::RecvTimeoutError::Timeout) = over.recv_timeout(LOOK) {
                cancelled.store(settings.is_cancelled(), Ordering::Relaxed);
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// How often it is looked whether a person asks to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Writes the timeline of runs; a gap where that cannot be done.
pub(crate) fn timeline(
    path: &Path,
    runs: &[(detonate::RunContext, detonate::Record)],
    findings: &[Finding],
) -> Option<Gap> {
    let written = File::create(path)
        .and_then(|file| detonate::timeline(runs, findings, &mut BufWriter::with_capacity(256 << 10, file)));
    let error = written.err()?;
    Some(Gap::new(
        "timeline of the runs",
        format!("it cannot be written: {error}; name another file with --timeline"),
    ))
}

/// Who asked for records and has none is told so.
pub(crate) fn not_kept(error: &std::io::Error) -> Gap {
    Gap::new(
        "records of the runs",
        format!("they cannot be kept: {error}; name another directory with --keep"),
    )
}

/// What names, addresses and secrets of the run are made from: the image itself, so that a run of the same image is
/// given the same ones.
fn seed(view: &ImageView<'_>) -> [u8; 32] {
    use sha2::{Digest as _, Sha256};
    let mut hash = Sha256::new();
    for layer in view.layers {
        hash.update(layer.digest.to_string().as_bytes());
    }
    hash.finalize().into()
}

/// What an image openly is, by the program of a package that its start certainly leads to. A program that no package
/// owns may call itself what it likes, and one whose bytes are not the package's may be anything.
fn declared(view: &ImageView<'_>, concluded: &Concluded) -> Vec<String> {
    let altered = concluded.findings.iter().any(|finding| finding.id == "S-EVA-PKGTAMPER");
    if altered {
        return Vec::new();
    }
    let reached = concluded.reached.iter().flat_map(|(_, chain)| chain).filter(|reached| reached.certain);
    let mut declared: Vec<String> = reached
        .filter(|reached| {
            view.ownership.owner(&reached.path).is_some_and(|owner| owner.promise != packages::Promise::None)
        })
        .filter_map(|reached| {
            let name = reached.path.rsplit(|&byte| byte == b'/').next()?;
            PURPOSES
                .iter()
                .find(|(_, programs)| programs.contains(&name))
                .map(|(purpose, _)| (*purpose).to_owned())
        })
        .collect();
    declared.sort();
    declared.dedup();
    declared
}

/// Programs whose trade explains deeds that would be odd of others.
const PURPOSES: [(&str, &[&[u8]]); 14] = [
    ("tor", &[b"tor"]),
    ("irc", &[b"ircd", b"ngircd", b"inspircd", b"weechat", b"irssi", b"znc"]),
    ("scanner", &[b"nmap", b"masscan", b"zmap", b"nikto", b"hydra"]),
    ("sniffer", &[b"tcpdump", b"tshark", b"dumpcap", b"suricata", b"snort", b"zeek"]),
    ("dind", &[b"dockerd", b"containerd", b"podman", b"buildkitd", b"buildah"]),
    ("systemd", &[b"systemd"]),
    ("ssh", &[b"sshd", b"dropbear"]),
    ("cron", &[b"cron", b"crond"]),
    ("backup", &[b"restic", b"borg", b"duplicity", b"rsnapshot"]),
    ("load-tester", &[b"stress", b"stress-ng", b"wrk", b"ab", b"siege", b"sysbench", b"fio"]),
    ("vpn", &[b"openvpn", b"wg-quick", b"charon", b"openconnect"]),
    ("browser", &[b"chromium", b"firefox", b"firefox-esr"]),
    ("p2p", &[b"monerod", b"bitcoind", b"geth", b"transmission-daemon"]),
    ("binfmt", &[b"update-binfmts", b"binfmt"]),
];
