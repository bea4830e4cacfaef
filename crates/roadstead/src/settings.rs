use crate::cli::{EngineName, ImageArgs, ReadArgs, RunArgs, Scan};
use crate::{env_vars, interrupt};
use anyhow::{Context as _, bail};
use cache::Cache;
use feeds::{Feed, FeedDirectory, Imported, Indicators, Kind, Options as Import};
use model::Date;
use pipeline::{Detonate, Settings, Watch};
use source::{Locator, Mirror, Options, StorageRoots};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use verdict::Exceptions;

/// What the arguments that all image commands share come to.
pub(crate) fn of(args: &ImageArgs, indicators: Indicators) -> anyhow::Result<(Locator, Settings)> {
    Ok((args.image.parse()?, reading(&args.read, indicators)?))
}

/// The same, whichever images are read.
pub(crate) fn reading(args: &ReadArgs, indicators: Indicators) -> anyhow::Result<Settings> {
    let mirrors = args.mirror.iter().map(|text| mirror(text)).collect::<Result<_, _>>()?;
    let options = Options {
        platform: args.platform.clone(),
        plain_http: args.plain_http.clone(),
        token_realms: args.token_realm.clone(),
        mirrors,
        docker_config: args.docker_config.clone(),
        storage: storage(args),
        cancelled: interrupt::flag()?,
        ..Options::default()
    };
    Ok(Settings {
        source: options,
        limits: layers::Limits::default(),
        jobs: args.jobs.unwrap_or_else(processors).max(1),
        cache: cache(args),
        indicators,
        rules: yara::RuleSet::default(),
        exceptions: Exceptions::default(),
        today: today(),
        endpoints: false,
        detonate: None,
        watch: Arc::new(Watch::default()),
    })
}

/// What a scan compares with: the built-in hashes, the files named on the command line, and the kept imports where
/// they are asked for. What cannot be read of a file is counted and said.
pub(crate) fn indicators(args: &Scan) -> anyhow::Result<Indicators> {
    let mut all = Vec::new();
    for (files, kind) in [(&args.known_hashes, Some(Kind::Hashes)), (&args.feed, None)] {
        for path in files {
            let (feed, imported) = import(path, |import| Import { kind, ..import })?;
            if imported.rejects() > 0 && !args.image.read.quiet {
                crate::terminal::note(&rejects(path, &imported));
            }
            all.push(feed);
        }
    }
    if args.feeds {
        let kept = FeedDirectory::new(&data_dir(args.data_dir.as_deref())?);
        for name in kept.names()? {
            all.push(kept.get(&name)?);
        }
    }
    Ok(Indicators::new(all))
}

/// How an image is run; `alone` judges it by its behaviour and nothing else.
pub(crate) fn detonate(args: &RunArgs, alone: bool) -> anyhow::Result<Detonate> {
    let engine = match args.engine {
        EngineName::Native => sandbox::Engine::Native,
        EngineName::Gvisor => sandbox::Engine::Gvisor(runsc().context("the engine gvisor cannot be used")?),
    };
    Ok(Detonate {
        scratch: args.scratch.clone(),
        keep: args.keep.clone(),
        duration: args.duration,
        thorough: args.thorough,
        pcap: args.pcap.clone(),
        timeline: args.timeline.clone(),
        alone,
        engine,
    })
}

/// gVisor's program, where one is installed that can be used.
pub(crate) fn runsc() -> Result<sandbox::Runsc, sandbox::RunscError> {
    let directories = crate::env_vars::path();
    sandbox::Runsc::find(directories.iter().map(PathBuf::as_path))
}

/// What this machine lacks for running images, where it lacks something without which there is no sandbox.
pub(crate) fn cannot_run() -> Option<String> {
    let scratch = tempfile::tempdir().ok()?;
    sandbox::probe_host(scratch.path())
        .into_iter()
        .find(|capability| capability.needed && !capability.there)
        .map(|capability| format!("{}: {}", capability.name, capability.note))
}

/// Reads the file of a feed under the name of the file, as `with` completes the options.
pub(crate) fn import(path: &Path, with: impl FnOnce(Import) -> Import) -> anyhow::Result<(Feed, Imported)> {
    let shown = model::escape_text(&path.to_string_lossy());
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let options = with(Import::named(&name));
    let what = if options.kind == Some(Kind::Hashes) { "hash list" } else { "feed" };
    let file = std::fs::File::open(path).with_context(|| format!("cannot open the {what} {shown}"))?;
    feeds::import(file, &options).with_context(|| format!("cannot import the {what} {shown}"))
}

/// One line about what was not taken over.
fn rejects(path: &Path, imported: &Imported) -> String {
    let first = imported.rejected.first().and_then(|rejected| {
        let example = rejected.examples.first()?;
        Some(format!(", for example row {}: {} {}", example.row, example.text, rejected.why))
    });
    format!(
        "{}: {} rows taken as {}, {} not{}",
        model::escape_text(&path.to_string_lossy()),
        imported.accepted,
        imported.kind.name(),
        imported.rejects(),
        first.unwrap_or_default()
    )
}

/// The data directory in force.
pub(crate) fn data_dir(asked: Option<&Path>) -> anyhow::Result<PathBuf> {
    asked.map(Path::to_owned).or_else(env_vars::data_dir).context(
        "there is no data directory: neither HOME nor XDG_DATA_HOME is set; name one with --data-dir",
    )
}

/// The changes that a person accepts. One that cannot be meant as it stands ends the command.
pub(crate) fn baseline(path: &Path) -> anyhow::Result<diff::Baseline> {
    let shown = model::escape_text(&path.to_string_lossy());
    let text =
        bounded_text(path, LARGEST_BASELINE).with_context(|| format!("cannot read the baseline {shown}"))?;
    text.parse().with_context(|| format!("cannot use the baseline {shown}"))
}

/// Far more than the most changes that are accepted.
const LARGEST_BASELINE: u64 = 32 << 20;

/// The text of a file of at most `limit` bytes.
pub(crate) fn bounded_text(path: &Path, limit: u64) -> anyhow::Result<String> {
    let mut text = String::new();
    std::fs::File::open(path)?.take(limit + 1).read_to_string(&mut text)?;
    if text.len() as u64 > limit {
        bail!("it is larger than {} MiB", limit >> 20);
    }
    Ok(text)
}

/// The built-in rules and those of these folders. A rule that cannot be compiled ends the command: half of a pack is
/// none that anybody wrote. Rules that need what the engine does not have are left out, and that is said.
pub(crate) fn rules(folders: &[PathBuf], quiet: bool) -> anyhow::Result<yara::RuleSet> {
    let mut packs = Vec::new();
    for folder in folders {
        let pack = pack(folder)?;
        if let Some(first) = pack.rejected().first()
            && !quiet
        {
            crate::terminal::note(&format!(
                "{}: {} rules used, {} left out, for example {}: {}",
                pack.name(),
                pack.rules().count(),
                pack.rejected().len(),
                model::escape_text(&first.rule),
                first.why
            ));
        }
        packs.push(pack);
    }
    Ok(yara::RuleSet::with(packs))
}

/// The rules of a folder or file.
pub(crate) fn pack(folder: &Path) -> anyhow::Result<yara::Pack> {
    let shown = model::escape_text(&folder.to_string_lossy());
    yara::Pack::load(folder).with_context(|| format!("cannot use the rules {shown}"))
}

/// The exceptions of a file. One that cannot be meant as it stands ends the command: half of a list of exceptions
/// is none that anybody decided on.
pub(crate) fn exceptions(path: &Path, quiet: bool) -> anyhow::Result<Exceptions> {
    let shown = model::escape_text(&path.to_string_lossy());
    let file = std::fs::File::open(path).with_context(|| format!("cannot open the exceptions {shown}"))?;
    let mut text = String::new();
    file.take(LARGEST_EXCEPTIONS + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read the exceptions {shown}"))?;
    if text.len() as u64 > LARGEST_EXCEPTIONS {
        bail!("the exceptions {shown} are larger than 4 MiB");
    }
    let exceptions: Exceptions =
        text.parse().with_context(|| format!("cannot use the exceptions {shown}"))?;
    let known = pipeline::known_detections();
    for id in exceptions.ids() {
        if !quiet && !known.iter().any(|detection| detection.id == id) {
            crate::terminal::note(&format!("{shown}: no finding of this version is called {id}"));
        }
    }
    Ok(exceptions)
}

/// Far more than the most exceptions that are taken.
const LARGEST_EXCEPTIONS: u64 = 4 << 20;

/// The day in UTC, as the system's clock has it.
pub(crate) fn today() -> Date {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Date::of_unix_seconds(since.as_secs())
}

/// The cache directory in force.
pub(crate) fn cache_dir(asked: Option<&Path>) -> Option<PathBuf> {
    asked.map(Path::to_owned).or_else(env_vars::cache_dir)
}

fn cache(args: &ReadArgs) -> Option<Cache> {
    if args.no_cache {
        return None;
    }
    cache_dir(args.cache_dir.as_deref()).map(|dir| Cache::new(dir, args.cache_size.saturating_mul(1 << 20)))
}

fn storage(args: &ReadArgs) -> StorageRoots {
    let mut roots = StorageRoots::default();
    if let Some(home) = env_vars::home() {
        roots.containers_storage.push(home.join(".local/share/containers/storage"));
    }
    if !args.storage_root.is_empty() {
        roots.containers_storage.clone_from(&args.storage_root);
    }
    for (given, root) in [
        (&args.containerd_root, &mut roots.containerd),
        (&args.docker_root, &mut roots.docker),
        (&args.docker_socket, &mut roots.docker_socket),
    ] {
        if let Some(given) = given {
            root.clone_from(given);
        }
    }
    roots
}

fn mirror(text: &str) -> anyhow::Result<Mirror> {
    match text.split_once('=') {
        Some((registry, base_url)) if base_url.starts_with("https://") || base_url.starts_with("http://") => {
            Ok(Mirror { registry: registry.to_owned(), base_url: base_url.to_owned() })
        }
        _ => bail!("--mirror {text:?} is not of the form REGISTRY=https://HOST"),
    }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, Into::into)
}
