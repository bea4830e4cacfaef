//! Ratios, measured in one run: a scan against merely inflating and hashing the same layers, a rescan against
//! the first scan, and against the tools of the field on the same image. Seconds of one machine say little about
//! another; ratios of one run carry over.

mod changed;
mod floor;
mod layout;
mod measure;
mod million;
mod peers;
mod registry;

pub(crate) use floor::run as run_floor;
pub(crate) use registry::run as registry;

use anyhow::{Context as _, Result, bail};
use measure::{Measured, median_of};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What `bench` was asked.
pub(crate) struct Plan {
    images: PathBuf,
    runs: usize,
    threads: usize,
    peers: bool,
    peers_dir: Option<PathBuf>,
    million: bool,
}

impl Plan {
    pub(crate) fn parse(words: &[&str]) -> Result<Self> {
        let mut plan = Self {
            images: PathBuf::new(),
            runs: 3,
            threads: processors(),
            peers: true,
            peers_dir: None,
            million: true,
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let mut value = || words.next().copied().with_context(|| format!("{word} takes a value"));
            match word {
                "--images" => plan.images = value()?.into(),
                "--runs" => plan.runs = value()?.parse()?,
                "--threads" => plan.threads = value()?.parse()?,
                "--peers" => plan.peers_dir = Some(value()?.into()),
                "--no-peers" => plan.peers = false,
                "--no-million" => plan.million = false,
                _ => bail!("bench does not know {word}"),
            }
        }
        if plan.images.as_os_str().is_empty() {
            bail!("bench takes --images DIR, a directory of OCI layouts");
        }
        Ok(plan)
    }
}

/// Measures and prints Markdown.
pub(crate) fn run(root: &Path, plan: &Plan) -> Result<()> {
    let tools = build(root)?;
    let mut layouts: Vec<PathBuf> = std::fs::read_dir(&plan.images)
        .with_context(|| format!("cannot list {}", plan.images.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.join("index.json").is_file())
        .collect();
    layouts.sort();
    if layouts.is_empty() && !plan.million {
        bail!("there is no OCI layout in {}", plan.images.display());
    }
    println!("{} threads, median of {} runs\n", plan.threads, plan.runs);
    println!("| image | what | seconds | CPU seconds | peak MiB | against | ratio | CPU ratio |");
    println!("|---|---|---|---|---|---|---|---|");
    for path in &layouts {
        one_image(&tools, path, plan)?;
    }
    if plan.million {
        million::run(&tools, plan)?;
    }
    Ok(())
}

/// Measures what running costs. Who measures is an example of the sandbox's own crate, since the sandbox starts the
/// program again that it is part of.
pub(crate) fn sandbox(root: &Path, rounds: &[&str]) -> Result<()> {
    let example = ["run", "--quiet", "--profile", "quick", "--package", "sandbox", "--example", "cost", "--"];
    let status = Command::new("cargo").args(example).args(rounds).current_dir(root).status();
    if !status.context("cannot run cargo")?.success() {
        bail!("the sandbox could not be measured");
    }
    Ok(())
}

struct Tools {
    roadstead: PathBuf,
    xtask: PathBuf,
}

fn one_image(tools: &Tools, path: &Path, plan: &Plan) -> Result<()> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    layout::warm(path)?;
    let image = format!("oci:{}", path.display());
    let floor = median_of(plan.runs, || {
        measure::run(Command::new(&tools.xtask).arg("bench-floor").arg(path).arg(plan.threads.to_string()))
    })?;
    row(&name, "inflate and hash", &floor, None);
    let scan = |extra: &[&str]| {
        let mut command = Command::new(&tools.roadstead);
        command.args(["scan", "--quiet", "--format", "json", "--jobs", &plan.threads.to_string()]);
        command.args(extra).arg(&image);
        command
    };
    let cold = median_of(plan.runs, || measure::run(&mut scan(&["--no-cache"])))?;
    row(&name, "scan, cold", &cold, Some(("inflate and hash", &floor)));
    let cache = tempfile::tempdir()?;
    let cache_dir = cache.path().to_string_lossy().into_owned();
    let filling = measure::run(&mut scan(&["--cache-dir", &cache_dir]))?;
    row(&name, "scan, cold, keeping facts", &filling, Some(("inflate and hash", &floor)));
    let again = median_of(plan.runs, || measure::run(&mut scan(&["--cache-dir", &cache_dir])))?;
    row(&name, "scan again, nothing changed", &again, Some(("scan, cold", &cold)));
    changed::run(tools, path, &name, &cache_dir, plan)?;
    if plan.peers {
        for (peer, measured) in peers::run(path, plan.peers_dir.as_deref(), plan.runs)? {
            row(&name, &peer, &measured, Some(("scan, cold", &cold)));
        }
    }
    Ok(())
}

fn row(image: &str, what: &str, measured: &Measured, against: Option<(&str, &Measured)>) {
    let (against, ratio, cpu) = match against {
        Some((name, other)) => (
            name,
            format!("{:.2}", measured.wall / other.wall),
            format!("{:.2}", measured.cpu / other.cpu.max(0.01)),
        ),
        None => ("", String::new(), String::new()),
    };
    println!(
        "| {image} | {what} | {:.3} | {:.2} | {:.0} | {against} | {ratio} | {cpu} |",
        measured.wall, measured.cpu, measured.peak_mib
    );
}

/// Builds what is measured, optimised, and finds it beside this program's own place.
fn build(root: &Path) -> Result<Tools> {
    let status = Command::new("cargo")
        .args(["build", "--release", "--locked", "--package", "roadstead", "--package", "xtask"])
        .current_dir(root)
        .status()
        .context("cannot run cargo")?;
    if !status.success() {
        bail!("the build failed");
    }
    let here = std::env::current_exe()?;
    let target = here.parent().and_then(Path::parent).context("this program lies in no target directory")?;
    let release = target.join("release");
    Ok(Tools { roadstead: release.join("roadstead"), xtask: release.join("xtask") })
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}
