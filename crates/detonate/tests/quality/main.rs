//! Detonates images that do harm, each in two surfaces, and images of honest services, and compares what is said of
//! them with what they are.
//!
//! `cargo test -p detonate --test quality -- [--show] WORD...` runs the cases whose names contain one of the words.
//! It needs root. The honest half needs `debootstrap` and the distribution's mirror as well, and keeps the layers that
//! it builds with the other products of the build.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a test that fails says where, and this one has a `main`"
)]

mod benign;
mod case;
mod malicious;
mod packages;
mod tools;

use case::{Case, Judged};
use model::Verdict;
use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

/// How many images run at a time. Most of a detonation is waiting for nothing to happen.
const AT_A_TIME: usize = 3;

fn main() -> ExitCode {
    if let Some(code) = sandbox::warden_main() {
        return code;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&String> = arguments.iter().filter(|word| !word.starts_with('-')).collect();
    let has = |option: &str| arguments.iter().any(|word| word == option);
    let chosen =
        |case: &Case| words.is_empty() || words.iter().any(|word| case.full_name().contains(word.as_str()));
    let mut cases: Vec<Case> = malicious::cases().into_iter().filter(|case| chosen(case)).collect();
    let planned: Vec<Case> = benign::cases().into_iter().filter(|case| chosen(case)).collect();
    if has("--list") {
        cases.iter().chain(&planned).for_each(|case| println!("{}: test", case.full_name()));
        return ExitCode::SUCCESS;
    }
    if let Some(missing) = tools::missing() {
        assert!(std::env::var_os("CI").is_none(), "{missing}, and CI tests with it");
        println!("skipped: all of quality: {missing}");
        return ExitCode::SUCCESS;
    }
    match packages::missing() {
        Some(missing) if !planned.is_empty() => {
            assert!(std::env::var_os("CI").is_none(), "{missing}, and CI tests with it");
            println!("skipped: the honest half of quality: {missing}");
        }
        // What takes longest comes first, so that nothing is waited for in the end.
        _ => drop(cases.splice(0..0, planned)),
    }
    let waiting = Mutex::new(VecDeque::from(cases));
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(case) = waiting.lock().unwrap().pop_front() else { break };
                    let began = Instant::now();
                    let mut judged = case::judge(&case);
                    if judged.proves_nothing() {
                        // A machine that stood still meanwhile says nothing of a service: once more, and no more.
                        println!("{} did not come up, once more\n{}", case.full_name(), judged.details);
                        judged = case::judge(&case);
                    }
                    let failed = judged.wrong.is_some();
                    let said = judged.wrong.clone().unwrap_or_else(|| "ok".to_owned());
                    let line = format!(
                        "{} ... {said} ({}; {}; {:.1?})",
                        case.full_name(),
                        judged.verdict,
                        judged.ids.join(" "),
                        began.elapsed()
                    );
                    let details = if failed || has("--show") { judged.details.as_str() } else { "" };
                    println!("{line}\n{details}");
                    results.lock().unwrap().push((case, judged));
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    print_table(&results);
    ExitCode::from(u8::from(results.iter().any(|(_, judged)| judged.wrong.is_some())))
}

/// One row for each group of cases, as `docs/quality.md` has it.
fn print_table(results: &[(Case, Judged)]) {
    let mut rows: BTreeMap<(bool, &str), [usize; 3]> = BTreeMap::new();
    for (case, judged) in results {
        let column = match judged.verdict {
            Verdict::Malicious => 0,
            Verdict::Suspicious => 1,
            _ => 2,
        };
        rows.entry((case.honest, case.group)).or_default()[column] += 1;
    }
    println!("|   | group | images | malicious | suspicious | not accused |\n|---|---|---|---|---|---|");
    for ((honest, group), [malicious, suspicious, rest]) in rows {
        let half = if honest { "honest" } else { "harmful" };
        let all = malicious + suspicious + rest;
        println!("| {half} | {group} | {all} | {malicious} | {suspicious} | {rest} |");
    }
    let right = results.iter().filter(|(_, judged)| judged.wrong.is_none()).count();
    println!("{right} of {} as expected", results.len());
}
