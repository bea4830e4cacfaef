//! Detonates small images of a shell and scripts, as root and as an ordinary user, and looks at what they are
//! accused of.
//!
//! The program starts itself again as the warden, so it has a `main` of its own. `cargo test -p detonate --test run
//! -- WORD` runs the cases whose names contain the word.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that fails says where, and this one has a `main`"
)]

mod cases;
mod image;

use std::os::unix::process::CommandExt;
use std::panic::catch_unwind;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// A user of the host that is nobody.
const NOBODY: u32 = 12_345;

fn main() -> ExitCode {
    if let Some(code) = sandbox::warden_main() {
        return code;
    }
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let chosen = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let cases: Vec<_> = cases::CASES.iter().filter(|(name, _)| chosen(name)).collect();
    if std::env::args().any(|word| word == "--list") {
        cases.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    if !Path::new("/bin/busybox").exists() {
        assert!(std::env::var_os("CI").is_none(), "/bin/busybox is missing, and CI tests with it");
        println!("skipped: all of run: /bin/busybox is missing (package busybox-static)");
        return ExitCode::SUCCESS;
    }
    let root = rustix::process::geteuid().is_root();
    let mut failed = 0;
    for (name, case) in cases {
        let began = Instant::now();
        let result = catch_unwind(case);
        let who = if root { "root" } else { "user" };
        let said = if result.is_ok() { "ok" } else { "FAILED" };
        println!("{who}: {name} ... {said} ({:.2?})", began.elapsed());
        failed += usize::from(result.is_err());
    }
    ExitCode::from(u8::from(failed > 0 || root && !as_nobody(&words)))
}

/// Runs the same cases again without rights.
fn as_nobody(words: &[String]) -> bool {
    let directory = tempfile::Builder::new().prefix("run").tempdir().unwrap();
    image::open_to_all(directory.path());
    let program = directory.path().join("run");
    std::fs::copy("/proc/self/exe", &program).unwrap();
    Command::new(program).args(words).uid(NOBODY).gid(NOBODY).current_dir("/").status().unwrap().success()
}
