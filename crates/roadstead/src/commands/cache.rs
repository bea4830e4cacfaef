use crate::cli::{CacheAction, CacheCommand};
use crate::settings;
use anyhow::Context as _;
use cache::Cache;
use std::io::Write as _;

pub(crate) fn run(args: &CacheCommand) -> anyhow::Result<u8> {
    let dir = settings::cache_dir(args.cache_dir.as_deref()).context(
        "there is no cache directory: neither HOME nor XDG_CACHE_HOME is set; name one with --cache-dir",
    )?;
    match args.action {
        CacheAction::Path => {
            writeln!(std::io::stdout().lock(), "{}", model::escape_text(&dir.to_string_lossy()))?;
        }
        CacheAction::Clear => Cache::new(dir, 0).clear()?,
    }
    Ok(0)
}
