use crate::judge::decide;
use crate::summary::name;
use crate::weight::leads;
use crate::{Weight, exceptions};
use model::{Class, Finding, Gap, Verdict};
use std::collections::BTreeMap;

/// What would change the verdict, one sentence each: the smallest set of findings without which it would be
/// better, what would confirm what is not confirmed, and what exceptions and unread parts have to do with it.
pub(super) fn sentences(verdict: Verdict, findings: &[Finding], gaps: &[Gap]) -> Vec<String> {
    let mut changes = Vec::new();
    let needed = smallest(verdict, findings);
    if !needed.is_empty() {
        changes.push(without(&needed, findings, gaps));
    }
    changes.extend(confirmed(verdict, findings));
    match verdict {
        Verdict::Malicious => {}
        Verdict::Suspicious => {
            changes.push("A finding that decides alone would make the verdict malicious.".to_owned());
        }
        Verdict::Incomplete => changes.push(
            "If all that was not looked at were read and nothing found in it, the verdict would be clean."
                .to_owned(),
        ),
        Verdict::Clean => changes.push(
            "A finding that decides alone would make the verdict malicious, one that needs confirmation \
             suspicious, and anything unread incomplete."
                .to_owned(),
        ),
    }
    changes.extend(unexcepted(verdict, findings, gaps));
    if !gaps.is_empty() && verdict > Verdict::Incomplete {
        changes
            .push("Reading what was not looked at can make the verdict worse and never better.".to_owned());
    }
    changes
}

/// The smallest set of findings without which the verdict would be better, as indices; empty where findings do
/// not make it what it is.
pub(super) fn smallest(verdict: Verdict, findings: &[Finding]) -> Vec<usize> {
    match verdict {
        Verdict::Malicious => {
            // Each conviction is enough, so all must go; then every confirmation must be broken.
            let mut needed = positions(findings, |finding| Weight::of(finding) == Weight::Convicts);
            needed.extend(unconfirming(findings));
            needed.sort_unstable();
            needed
        }
        Verdict::Suspicious => {
            let mut needed = positions(findings, |finding| Weight::of(finding).raises_suspicion());
            let hints = positions(findings, |finding| Weight::of(finding) == Weight::Hint);
            // Slight signs of one class may stay; the class that has most of them stays.
            let most = largest_class(findings, &hints);
            needed.extend(
                hints.into_iter().filter(|&at| findings.get(at).map(|finding| finding.class) != most),
            );
            needed.sort_unstable();
            needed
        }
        Verdict::Incomplete | Verdict::Clean => Vec::new(),
    }
}

fn positions(findings: &[Finding], holds: impl Fn(&Finding) -> bool) -> Vec<usize> {
    findings.iter().enumerate().filter(|(_, finding)| holds(finding)).map(|(at, _)| at).collect()
}

fn largest_class(findings: &[Finding], of: &[usize]) -> Option<Class> {
    let mut counts: BTreeMap<Class, usize> = BTreeMap::new();
    for finding in of.iter().filter_map(|&at| findings.get(at)) {
        *counts.entry(finding.class).or_default() += 1;
    }
    counts.into_iter().max_by_key(|&(class, count)| (count, std::cmp::Reverse(class))).map(|(class, _)| class)
}

/// The smallest set without which no strong finding is confirmed by another class: either all that may lead, or
/// all that counts outside of one class.
fn unconfirming(findings: &[Finding]) -> Vec<usize> {
    let partners = positions(findings, |finding| {
        let weight = Weight::of(finding);
        weight.counts() && weight != Weight::Convicts
    });
    let strong = positions(findings, leads);
    let class_of = |at: &usize| findings.get(*at).map(|finding| finding.class);
    let outside = |class| partners.iter().filter(|at| class_of(at) != class).count();
    if strong.iter().all(|at| outside(class_of(at)) == 0) {
        return Vec::new();
    }
    let kept = strong.iter().map(class_of).min_by_key(|&class| outside(class));
    match kept {
        Some(class) if outside(class) < strong.len() => {
            partners.into_iter().filter(|at| class_of(at) != class).collect()
        }
        _ => strong,
    }
}

fn without(needed: &[usize], findings: &[Finding], gaps: &[Gap]) -> String {
    let left: Vec<_> = findings
        .iter()
        .enumerate()
        .filter(|(at, _)| needed.binary_search(at).is_err())
        .map(|(_, finding)| finding.clone())
        .collect();
    let verdict = decide(&left, gaps).0;
    let listed = |most| {
        let named = needed.iter().filter_map(|&at| findings.get(at)).take(most).map(named);
        named.collect::<Vec<_>>().join("; ")
    };
    match needed.len() {
        1 => format!("Without this finding the verdict would be {verdict}: {}.", listed(1)),
        count if count <= NAMED => format!(
            "Only without all {count} of these findings would the verdict be better, {verdict}: {}.",
            listed(count)
        ),
        count => format!(
            "Only without all {} of these findings would the verdict be better, {verdict}: {}; and {} more.",
            model::thousands(count as u64),
            listed(NAMED),
            model::thousands((count - NAMED) as u64)
        ),
    }
}

/// Findings that one sentence names.
const NAMED: usize = 5;

fn named(finding: &Finding) -> String {
    format!("{} {}", finding.id, name(finding))
}

/// What would confirm what is not confirmed: the strongest such finding stands for all.
fn confirmed(verdict: Verdict, findings: &[Finding]) -> Option<String> {
    if verdict >= Verdict::Malicious {
        return None;
    }
    let lead = findings.iter().find(|finding| Weight::of(finding).counts())?;
    let (class, this) = (lead.class.name(), named(lead));
    Some(match Weight::of(lead) {
        Weight::Residue => {
            format!("If no later layer had removed the file, the verdict would be malicious: {this}.")
        }
        _ if leads(lead) => format!(
            "One more finding that counts, of any other class than {class}, would confirm this one and make the \
             verdict malicious: {this}."
        ),
        Weight::Hint if verdict < Verdict::Suspicious => format!(
            "One more slight sign, of any other class than {class}, would make the verdict suspicious: {this}."
        ),
        _ => format!(
            "A finding of high severity, of any other class than {class}, would be confirmed by this one and make \
             the verdict malicious: {this}."
        ),
    })
}

/// What the verdict would be if no exception were in force.
fn unexcepted(verdict: Verdict, findings: &[Finding], gaps: &[Gap]) -> Option<String> {
    let counts = |finding: &&Finding| finding.exception.is_some();
    let count = findings.iter().filter(counts).count();
    if count == 0 {
        return None;
    }
    let mut bare: Vec<_> =
        findings.iter().map(|finding| Finding { exception: None, ..finding.clone() }).collect();
    bare.sort_by(crate::order::worst_first);
    let without = decide(&bare, gaps).0;
    let heaviest = findings.iter().filter(counts).max_by_key(|finding| exceptions::worth_without(finding))?;
    let named = if count == 1 { named(heaviest) } else { format!("{} and others", named(heaviest)) };
    Some(if without == verdict {
        format!("Without exceptions the verdict would be the same, {verdict}: {named}.")
    } else {
        format!("Without exceptions the verdict would be {without}: {named}.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::findings;
    use crate::{judge, judge::tests::exception};

    /// The positions, in the order worst first, of the smallest set.
    fn check(short: &str, expect: &[usize]) {
        let judged = judge(findings(short), Vec::new(), Vec::new());
        assert_eq!(smallest(judged.verdict, &judged.findings), expect, "{short}");
    }

    #[test]
    fn the_set_is_the_smallest() {
        check("", &[]);
        check("BlFILE", &[]);
        check("AcFILE", &[0]);
        check("AcFILE AcNAME BmCONFIG", &[0, 1]);
        check("BhFILE BhFILE BmNAME", &[2]);
        check("BhFILE BmNAME BmNAME BmCONFIG", &[0]);
        // The order is NAME, FILE, FILE, NAME: either class may go, and both are as large.
        check("BhFILE BhFILE BhNAME BmNAME", &[1, 2]);
        check("AcFILE BhFILE BmNAME", &[0, 1]);
        check("BhFILE BhFILE", &[0, 1]);
        check("AcFILE-", &[0]);
        check("BmFILE BlNAME BlNAME BlCONFIG", &[0, 3]);
    }

    #[test]
    fn the_law_behind_the_sentence() {
        // Every subset of these shapes: the named set changes the verdict, and no smaller one does.
        let all = ["AcFILE", "BhFILE", "BhNAME", "BmFILE", "BmCONFIG", "BlNAME", "BlCONFIG", "AcFILE-"];
        for choice in 0_u32..256 {
            let chosen = (0..8).filter(|bit| choice >> bit & 1 == 1).map(|bit| all[bit]);
            let short = chosen.collect::<Vec<_>>().join(" ");
            let judged = judge(findings(&short), Vec::new(), Vec::new());
            let needed = smallest(judged.verdict, &judged.findings).len();
            let count = judged.findings.len();
            let better = |left: u32| {
                let kept = judged.findings.iter().enumerate().filter(|(at, _)| left >> at & 1 == 1);
                let kept: Vec<_> = kept.map(|(_, finding)| finding.clone()).collect();
                decide(&kept, &[]).0 < judged.verdict
            };
            let least = (0_u32..1 << count)
                .filter(|&left| better(left))
                .map(|left| count - left.count_ones() as usize)
                .min();
            assert_eq!(needed, least.unwrap_or(0), "{short}");
        }
    }

    #[test]
    fn what_an_exception_keeps_down_is_said() {
        let mut held = findings("AcFILE");
        held[0].exception = Some(exception());
        let judged = judge(held, Vec::new(), Vec::new());
        let said = sentences(judged.verdict, &judged.findings, &[]);
        assert!(
            said.contains(&"Without exceptions the verdict would be malicious: S-0 known miner.".to_owned()),
            "{said:?}"
        );
    }
}
