//! Makes sandboxes and runs hostile guests in them, as root and as an ordinary user.
//!
//! The program starts itself again as the warden, so it has a `main` of its own. `cargo test -p sandbox --test
//! launch -- WORD` runs the tests whose names contain the word.

// The whole program is a test, which clippy cannot see in a program with a `main` of its own.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod engines;
mod escapes;
mod files;
mod floods;
mod guest;
mod host;
mod hostile;
mod network;
mod unpack;
mod volume;
mod wire;

use std::os::unix::process::CommandExt;
use std::panic::catch_unwind;
use std::process::{Command, ExitCode};
use std::time::Instant;

/// A user of the host that is nobody: what is made by him is made without rights.
const NOBODY: u32 = 12_345;

type Test = (&'static str, fn());

fn main() -> ExitCode {
    if let Some(code) = sandbox::warden_main() {
        return code;
    }
    if std::env::args().nth(1).is_some_and(|word| word == hostile::LEAVER) {
        guest::take_image(&std::env::args().nth(2).unwrap_or_default());
        return hostile::leave(&std::env::args().nth(3).unwrap_or_default());
    }
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let tests: Vec<Test> = [
        engines::TESTS,
        guest::TESTS,
        files::TESTS,
        hostile::TESTS,
        escapes::TESTS,
        floods::TESTS,
        network::TESTS,
        wire::TESTS,
        unpack::TESTS,
        volume::TESTS,
    ]
    .concat()
    .into_iter()
    .filter(|(name, _)| words.is_empty() || words.iter().any(|word| name.contains(word.as_str())))
    .collect();
    if std::env::args().any(|word| word == "--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    let image = match guest::make_image() {
        Ok(image) => image,
        Err(missing) => {
            assert!(std::env::var_os("CI").is_none(), "{missing}, and CI tests with it");
            println!("skipped: all of launch: {missing}");
            return ExitCode::SUCCESS;
        }
    };
    let root = rustix::process::geteuid().is_root();
    let who = if root { "root" } else { "user" };
    let mut failed = 0;
    for (name, test) in tests {
        let began = Instant::now();
        let result = catch_unwind(test);
        println!(
            "{who}: {name} ... {} ({:.2?})",
            if result.is_ok() { "ok" } else { "FAILED" },
            began.elapsed()
        );
        failed += usize::from(result.is_err());
    }
    drop(image);
    let again = !root || as_nobody(&words);
    ExitCode::from(u8::from(failed > 0 || !again))
}

/// Runs the same tests again without rights.
fn as_nobody(words: &[String]) -> bool {
    let directory = tempfile::Builder::new().prefix("launch").tempdir().unwrap();
    guest::open_to_all(directory.path());
    let program = directory.path().join("launch");
    std::fs::copy("/proc/self/exe", &program).unwrap();
    let mut again = Command::new(program);
    again.args(words).uid(NOBODY).gid(NOBODY).current_dir("/");
    // What he is not allowed to see of the wire is seen from here.
    let (good, seen) = wire::watched(|mark| {
        again.env(wire::MARK, mark);
        again.status().unwrap().success()
    });
    assert_eq!(seen, 0, "packets of a guest on the host's own network");
    good
}
