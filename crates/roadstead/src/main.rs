//! The command line of Roadstead.
//!
//! Comes in: arguments. Goes out: data on standard output, everything else on standard error, and an exit
//! code that means the same for every command. Never: logic; each command gathers its settings and calls a
//! stage.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod env_vars;
mod interrupt;
mod output;
mod password;
mod progress;
mod settings;
mod terminal;

use clap::Parser as _;
use std::process::ExitCode;

/// Readers of text allocate for each word, on one thread what another gives back; the C library's allocator takes a
/// twentieth of a scan for it, and keeps more than it needs.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The command could not run.
const COULD_NOT_RUN: u8 = 2;

fn main() -> ExitCode {
    // A sandbox is kept by this same program, started again with an argument that only it knows.
    if let Some(code) = sandbox::warden_main() {
        return code;
    }
    #[cfg(all(target_env = "gnu", target_feature = "crt-static"))]
    sandbox::hosts_without_modules();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(refused) => {
            // Help and version come this way too; clap knows which stream and which code.
            let _ = refused.print();
            return ExitCode::from(if refused.use_stderr() { COULD_NOT_RUN } else { 0 });
        }
    };
    match interrupt::run(|| commands::run(cli)) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            terminal::report_error(&error);
            ExitCode::from(COULD_NOT_RUN)
        }
    }
}
