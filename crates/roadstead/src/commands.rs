//! One file for each subcommand.

mod cache;
mod completions;
mod demo;
mod detonate;
mod diff;
mod doctor;
mod explain;
mod feeds;
mod files;
mod keygen;
mod policy;
mod rules;
mod scan;
mod serve;
mod sign;
mod verify;
mod verify_journal;

use crate::cli::{Cli, Command, VerifyWhat};

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
        Command::Serve(args) => serve::run(&args),
        Command::Cache(args) => cache::run(&args),
        Command::Feeds(args) => feeds::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::Policy(args) => policy::run(&args),
        Command::Keygen(args) => keygen::run(&args),
        Command::Sign(args) => sign::run(&args),
        Command::Completions(args) => completions::run(&args),
        Command::Manual(args) => completions::manual(&args),
        Command::Verify(args) => match args.what {
            Some(VerifyWhat::Journal(args)) => verify_journal::run(&args),
            None => verify::run(&args.image),
        },
    }
}
