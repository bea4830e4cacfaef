use crate::cli::{PolicyAction, PolicyCommand};
use crate::commands::keygen::shown;
use anyhow::{Context as _, anyhow};
use policy::{Policy, Weight};
use std::io::Write;
use std::path::Path;

/// The policy has an error, or a test of it fails.
const NOT_RIGHT: u8 = 1;

/// The most bytes of a policy file; the gate reads no more either.
const LARGEST: u64 = 1 << 20;

pub(crate) fn run(args: &PolicyCommand) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    match &args.action {
        PolicyAction::Show => {
            out.write_all(Policy::built_in_text().as_bytes())?;
            Ok(0)
        }
        PolicyAction::Lint { file } => lint(&read(file)?, &mut out),
        PolicyAction::Test { file } => match file {
            Some(file) => test(&read(file)?, &mut out),
            None => test(Policy::built_in_text(), &mut out),
        },
    }
}

fn lint(text: &str, out: &mut impl Write) -> anyhow::Result<u8> {
    let found = policy::lint(text);
    for diagnostic in &found {
        let weight = match diagnostic.weight {
            Weight::Error => "error",
            Weight::Warning => "warning",
        };
        writeln!(out, "line {}: {weight}: {}", diagnostic.line, model::escape_text(&diagnostic.what))?;
    }
    if found.is_empty() {
        writeln!(out, "nothing to remark")?;
    }
    Ok(if found.is_empty() { 0 } else { NOT_RIGHT })
}

fn test(text: &str, out: &mut impl Write) -> anyhow::Result<u8> {
    let policy: Policy = text.parse().map_err(|error| anyhow!("the policy cannot be used: {error}"))?;
    let results = policy::run_tests(&policy);
    let failures = results.iter().filter_map(|result| Some((&result.name, result.failure.as_ref()?)));
    let mut failed = 0;
    for (name, failure) in failures {
        failed += 1;
        writeln!(out, "{name}: {}", model::escape_text(failure))?;
    }
    writeln!(out, "{} tests, {failed} failed", results.len())?;
    Ok(if failed == 0 { 0 } else { NOT_RIGHT })
}

fn read(path: &Path) -> anyhow::Result<String> {
    let wrong = || format!("cannot read the policy {}", shown(path));
    let length = path.metadata().with_context(wrong)?.len();
    if length > LARGEST {
        return Err(anyhow!("it has {length} bytes; a policy has at most {LARGEST}")).with_context(wrong);
    }
    std::fs::read_to_string(path).with_context(wrong)
}
