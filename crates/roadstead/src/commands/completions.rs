use crate::cli::{Cli, Completions, Manual};
use anyhow::Context as _;
use clap::CommandFactory as _;
use std::io::Write as _;

/// Prints what a shell reads to complete commands and options.
pub(crate) fn run(args: &Completions) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "roadstead", &mut script);
    std::io::stdout().lock().write_all(&script)?;
    Ok(0)
}

/// Writes a page for each command: `roadstead.1`, `roadstead-scan.1`.
pub(crate) fn manual(args: &Manual) -> anyhow::Result<u8> {
    clap_mangen::generate_to(Cli::command(), &args.folder).with_context(|| {
        format!("cannot write pages into {}", model::escape_text(&args.folder.to_string_lossy()))
    })?;
    Ok(0)
}
