use crate::cli::ImageArgs;
use crate::{env_vars, interrupt};
use anyhow::{Context as _, bail};
use inspect::analyzers::hashes::KnownHashes;
use model::Date;
use pipeline::{Settings, Watch};
use source::{Locator, Mirror, Options, StorageRoots};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};
use store::Cache;
use verdict::Exceptions;

/// What the arguments that all image commands share come to.
pub(crate) fn of(args: &ImageArgs, known: KnownHashes) -> anyhow::Result<(Locator, Settings)> {
    let locator: Locator = args.image.parse()?;
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
    let settings = Settings {
        source: options,
        limits: layers::Limits::default(),
        jobs: args.jobs.unwrap_or_else(processors).max(1),
        cache: cache(args),
        known,
        exceptions: Exceptions::default(),
        today: today(),
        watch: Arc::new(Watch::default()),
    };
    Ok((locator, settings))
}

/// The built-in lists of known hashes and those named on the command line. What is not a hash in them is
/// counted and said.
pub(crate) fn known_hashes(files: &[PathBuf], quiet: bool) -> anyhow::Result<KnownHashes> {
    let mut known = KnownHashes::built_in();
    for path in files {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let shown = model::escape_text(&path.to_string_lossy());
        let file = std::fs::File::open(path).with_context(|| format!("cannot open the hash list {shown}"))?;
        let imported = known
            .import(std::io::BufReader::new(file), &name)
            .with_context(|| format!("cannot read the hash list {shown}"))?;
        if imported.rejected > 0 && !quiet {
            crate::terminal::note(&format!(
                "{shown}: {} hashes taken, {} lines are none, the first of them: {}",
                imported.accepted,
                imported.rejected,
                imported
                    .examples
                    .first()
                    .map_or_else(String::new, |first| format!("line {}: {}", first.line, first.why))
            ));
        }
    }
    Ok(known)
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

fn cache(args: &ImageArgs) -> Option<Cache> {
    if args.no_cache {
        return None;
    }
    cache_dir(args.cache_dir.as_deref()).map(|dir| Cache::new(dir, args.cache_size.saturating_mul(1 << 20)))
}

fn storage(args: &ImageArgs) -> StorageRoots {
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
