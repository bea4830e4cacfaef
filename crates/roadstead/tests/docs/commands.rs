//! Whether a command could be run: its subcommand and its options are those of the program.

use std::process::Command;

/// Asks the program for the help of the command as it is written, which reads all that stands before.
pub(crate) fn is_possible(words: &[String]) -> Result<(), String> {
    let Some(words) = of_the_program(words) else { return Ok(()) };
    let output = Command::new(env!("CARGO_BIN_EXE_roadstead"))
        .args(words)
        .arg("--help")
        .env_clear()
        .output()
        .map_err(|error| format!("cannot run the program: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("roadstead {}: {}", words.join(" "), String::from_utf8_lossy(&output.stderr)))
}

/// The arguments, where it is this program that is called, by its name or through cargo or a container.
fn of_the_program(words: &[String]) -> Option<&[String]> {
    let first = words.first()?.rsplit('/').next()?;
    if first == "roadstead" {
        return Some(&words[1..]);
    }
    if first == "cargo" && words.get(1).is_some_and(|word| word == "run") {
        let at = words.iter().position(|word| word == "--")?;
        let is_ours = !words[..at].iter().any(|word| word == "-p" || word == "--package");
        return is_ours.then(|| &words[at + 1..]);
    }
    None
}

#[test]
fn what_the_program_does_not_have_is_found() {
    fn check(line: &str, expect: bool) {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        assert_eq!(is_possible(&words).is_ok(), expect, "{line}");
    }
    check("roadstead scan --format sarif x", true);
    check("roadstead scan --format sarf x", false);
    check("roadstead scan --formt sarif x", false);
    check("roadstead scn x", false);
    check("roadstead verify journal", true);
    check("/usr/local/bin/roadstead serve --no-such", false);
    check("cargo run --release -- demo --nothing", false);
    check("cargo test --package roadstead", true);
    check("skopeo copy a b", true);
}
