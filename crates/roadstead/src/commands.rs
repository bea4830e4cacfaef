//! One file for each subcommand.

mod cache;
mod demo;
mod detonate;
mod diff;
mod doctor;
mod explain;
mod feeds;
mod files;
mod rules;
mod scan;

use crate::cli::{Cli, Command};

/// Runs the command and gives its exit code.
pub(crate) fn run(cli: Cli) -> anyhow::Result<u8> {
    match cli.command {
        Command::Scan(args) => scan::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Detonate(args) => detonate::run(&args),
        Command::Doctor => doctor::run(),
        Command::Files(args) => files::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Demo(args) => demo::run(&args),
        Command::Cache(args) => cache::run(&args),
        Command::Feeds(args) => feeds::run(&args),
        Command::Rules(args) => rules::run(&args),
    }
}
