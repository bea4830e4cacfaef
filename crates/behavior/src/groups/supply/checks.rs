use super::detections::ARCHDIFF;
use crate::Outcome;
use crate::groups::Run;
use std::collections::BTreeSet;

/// Nothing of this shows in one run.
pub(in crate::groups) fn judge(_: &Run<'_>, _: &mut Outcome) {}

/// The same run of two platforms.
pub(in crate::groups) fn compare(runs: &[Run<'_>], out: &mut Outcome) {
    let mut found = Vec::new();
    for (at, run) in runs.iter().enumerate() {
        for other in &runs[at + 1..] {
            let comparable = run.run.name == other.run.name
                && run.run.profile == other.run.profile
                && !run.run.platform.is_empty()
                && !other.run.platform.is_empty()
                && run.run.platform != other.run.platform;
            if !comparable {
                continue;
            }
            let (one, two) = (hosts(run), hosts(other));
            let only: Vec<&String> = one.symmetric_difference(&two).take(5).collect();
            if !only.is_empty() {
                let list: Vec<&str> = only.iter().map(|host| host.as_str()).collect();
                let words = format!(
                    "{} and {} spoke to different hosts: {}",
                    run.run.platform,
                    other.run.platform,
                    list.join(", ")
                );
                found.push(run.finding(&ARCHDIFF, words).with_evidence("host", list[0], None));
            }
        }
    }
    out.findings.append(&mut found);
}

/// The hosts that a run spoke to by name. Bare addresses may be drawn by lot.
fn hosts(run: &Run<'_>) -> BTreeSet<String> {
    run.record.flows().filter(|flow| !flow.is_bare()).map(|flow| flow.host().to_lowercase()).collect()
}
