//! Automation of the tree.
//!
//! Comes in: the checkout that this crate was built from. Goes out: a list of what is not as the house rules
//! say, the generated pages of the reference, the compiled rules, and measurements.
//! Never: part of the product, and never network.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for the people who build the product")]

mod bench;
mod dist;
mod reference;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND

  tidy                 check the rules that no compiler checks
  rules                compile rules/yara into what the program has built in
  reference            write the generated pages: docs/reference, and the demo's output in the README
  reference --check    fail where they are not current
  dist [--binary FILE] write target/dist: the release's archive with its checksums, and what the container is made of;
                       without --binary the program is built first, static where this machine can
  bench --images DIR [--runs N] [--threads N] [--peers VENV] [--no-peers] [--no-million]
                       measure scans of the OCI layouts in DIR against inflating and hashing them
  bench sandbox [ROUNDS]
                       measure the sandbox against plain namespaces, strace and other launchers
  bench registry [ROUNDS]
                       measure the gate against docker-registry on the same disk";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["tidy"] => tidy::run(root()),
        ["rules"] => rules(root()),
        ["reference"] => reference::write(root()),
        ["reference", "--check"] => reference::check(root()),
        ["dist"] => dist::run(root(), None),
        ["dist", "--binary", binary] => dist::run(root(), Some(Path::new(binary))),
        ["bench", "sandbox", rest @ ..] => bench::sandbox(root(), rest),
        ["bench", "registry"] => bench::registry(root(), 3),
        ["bench", "registry", rounds] => {
            rounds.parse().map_err(Into::into).and_then(|rounds| bench::registry(root(), rounds))
        }
        ["bench", rest @ ..] => bench::Plan::parse(rest).and_then(|plan| bench::run(root(), &plan)),
        ["bench-floor", layout, threads] => threads
            .parse()
            .map_err(Into::into)
            .and_then(|threads| bench::run_floor(Path::new(layout), threads)),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes what is built into the program of the rules in `rules/yara`.
fn rules(root: &Path) -> anyhow::Result<()> {
    let generated = yara::generate(&root.join("rules/yara"))?;
    for (name, bytes) in generated.files {
        std::fs::write(root.join("crates").join(name), bytes)?;
    }
    Ok(())
}

/// The root of the checkout.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
