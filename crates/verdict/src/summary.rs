use crate::exceptions::worth_without;
use crate::{Reason, Rule, Weight};
use model::{Coverage, Finding, Gap, thousands};
use std::fmt::Write as _;

/// The verdict and its main reason in one sentence. Findings are sorted and the deciding reason is first.
pub(crate) fn sentence(
    findings: &[Finding],
    gaps: &[Gap],
    reasons: &[Reason],
    coverage: Option<(&Coverage, usize)>,
) -> String {
    let Some(first) = reasons.first() else { return String::new() };
    let mut named = first.findings.iter().filter_map(|&at| findings.get(at));
    let lead = named.next();
    let text = lead.map(name).unwrap_or_default();
    let others = reasons.iter().filter(|reason| reason.rule == first.rule).count().saturating_sub(1);
    let mut out = match first.rule {
        Rule::Convicts => {
            let runs = lead.is_some_and(|finding| finding.reachable == Some(true));
            let way = if runs { ", and the start of the image leads to it" } else { "" };
            format!(
                "Malicious: {text}{way}{}",
                more(others, "more finding convicts", "more findings convict", " it too")
            )
        }
        Rule::ConfirmEachOther => {
            let confirm = named.map(name).collect::<Vec<_>>().join(" and ");
            format!("Malicious: {text}, confirmed by evidence of another kind: {confirm}")
        }
        Rule::Residue => format!(
            "Suspicious: {text}, which a later layer removed: nothing in this image can run it, but it still ships{}",
            more(others, "more such trace was", "more such traces were", " found")
        ),
        Rule::Unconfirmed => format!(
            "Suspicious: {text}; evidence of another kind that would prove it was not found{}",
            more(others, "more finding raises", "more findings raise", " suspicion")
        ),
        Rule::Hints => {
            let others = named.map(name).collect::<Vec<_>>().join(" and ");
            format!("Suspicious: slight signs of different kinds point the same way: {text} and {others}")
        }
        Rule::NotLookedAt => "Incomplete: nothing decides against this image so far".to_owned(),
        Rule::NothingCounts => match findings.iter().find(|finding| Weight::of(finding).counts()) {
            Some(hint) => format!(
                "Nothing counts against this image but a slight sign, which alone is no ground for suspicion: {}",
                name(hint)
            ),
            None => "Nothing counts against this image".to_owned(),
        },
    };
    match findings.iter().filter(|finding| would_count(finding)).count() {
        0 => {}
        1 => out.push_str("; 1 finding is under an exception and does not count"),
        count => {
            let _ =
                write!(out, "; {} findings are under exceptions and do not count", thousands(count as u64));
        }
    }
    match (gaps, coverage) {
        ([], None) if first.rule == Rule::NothingCounts => out.push_str("; everything in it was read"),
        ([], Some((coverage, platforms))) if first.rule == Rule::NothingCounts => {
            let _ = write!(out, "; all {} were read", read(coverage, platforms));
        }
        ([], _) => {}
        ([gap], _) => {
            let _ =
                write!(out, ", but something was not looked at: {} ({})", elide(&gap.what), elide(&gap.why));
        }
        ([gap, ..], _) => {
            let count = thousands(gaps.len() as u64);
            let _ = write!(out, ", but {count} things were not looked at, such as {}", elide(&gap.what));
        }
    }
    out.push('.');
    out
}

/// Whether only an exception keeps a finding from counting.
fn would_count(finding: &Finding) -> bool {
    finding.exception.is_some() && worth_without(finding).counts()
}

fn read(coverage: &Coverage, platforms: usize) -> String {
    format!(
        "{} in {} of {}",
        counted(coverage.files, "file"),
        counted(coverage.layers, "layer"),
        counted(platforms as u64, "platform")
    )
}

fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" })
}

fn more(count: usize, one: &str, many: &str, tail: &str) -> String {
    match count {
        0 => String::new(),
        1 => format!("; 1 {one}{tail}"),
        _ => format!("; {} {many}{tail}", thousands(count as u64)),
    }
}

/// What was found and where, in the middle of a sentence: `known miner at /usr/lib/.x/ld (md5 4873e560…)`.
pub(crate) fn name(finding: &Finding) -> String {
    let mut out = uncapitalised(&elide(&finding.title));
    if let Some(path) = &finding.path {
        let _ = write!(out, " at {}", elide(path));
    }
    let hash = finding.evidence.iter().find(|piece| matches!(piece.kind.as_str(), "md5" | "sha1" | "sha256"));
    if let Some(hash) = hash {
        let start: String = hash.value.chars().take(8).collect();
        let _ = write!(out, " ({} {start}…)", hash.kind);
    }
    out
}

/// Lowers a first capital unless the word is an abbreviation: `SSH key`, `A-record`.
fn uncapitalised(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(first), Some(second)) if first.is_uppercase() && second.is_lowercase() => {
            first.to_lowercase().chain(text.chars().skip(1)).collect()
        }
        _ => text.to_owned(),
    }
}

/// Cuts the middle out of a text that is too long for a sentence: names can be thousands of characters long.
/// The ending stays, because it is what a file name hides behind its length.
fn elide(text: &str) -> String {
    const KEEP: usize = 60;
    let count = text.chars().count();
    if count <= 2 * KEEP {
        return text.to_owned();
    }
    text.chars().take(KEEP).chain(['…']).chain(text.chars().skip(count - KEEP)).collect()
}

#[cfg(test)]
mod tests {
    use crate::judge;
    use crate::judge::tests::finding;
    use model::{Class, Coverage, Finding, Gap, Role, Severity};

    fn check(findings: Vec<Finding>, gaps: &[(&str, &str)], expect: &str) {
        let gaps = gaps.iter().map(|(what, why)| Gap::new(what, why)).collect();
        let coverage = Coverage { layers: 5, files: 3120, ..Coverage::default() };
        assert_eq!(judge(findings, gaps, Vec::new()).with_coverage(&coverage, 1).summary, expect);
    }

    fn miner(role: Role, severity: Severity) -> Finding {
        finding("S-MIN-HASH", role, severity, Class::File).at_path(b"usr/lib/.x/ld").with_evidence(
            "md5",
            "4873e560df68ad96c3de08164b139b09",
            None,
        )
    }

    fn name(severity: Severity) -> Finding {
        let mut finding = finding("S-META-HEXNS", Role::Corroborates, severity, Class::Name);
        finding.title = "Machine-made publisher name".to_owned();
        finding
    }

    #[test]
    fn one_sentence_says_it() {
        let reached = Finding { reachable: Some(true), ..miner(Role::Convicts, Severity::Critical) };
        check(
            vec![reached.clone()],
            &[],
            "Malicious: known miner at /usr/lib/.x/ld (md5 4873e560…), and the start of the image leads to it.",
        );
        check(
            vec![reached, miner(Role::Convicts, Severity::High)],
            &[],
            "Malicious: known miner at /usr/lib/.x/ld (md5 4873e560…), and the start of the image leads to it; \
             1 more finding convicts it too.",
        );
        check(
            vec![miner(Role::Corroborates, Severity::High), name(Severity::Medium)],
            &[("layer 3", "cut short")],
            "Malicious: known miner at /usr/lib/.x/ld (md5 4873e560…), confirmed by evidence of another kind: \
             machine-made publisher name, but something was not looked at: layer 3 (cut short).",
        );
        check(
            vec![miner(Role::Convicts, Severity::Critical).removed_by(5)],
            &[],
            "Suspicious: known miner at /usr/lib/.x/ld (md5 4873e560…), which a later layer removed: nothing in \
             this image can run it, but it still ships.",
        );
        check(
            vec![],
            &[("layer 3", "x"), ("layer 4", "y")],
            "Incomplete: nothing decides against this image so far, but 2 things were not looked at, such as \
             layer 3.",
        );
        check(
            vec![],
            &[],
            "Nothing counts against this image; all 3,120 files in 5 layers of 1 platform were read.",
        );
        check(
            vec![name(Severity::Low)],
            &[],
            "Nothing counts against this image but a slight sign, which alone is no ground for suspicion: \
             machine-made publisher name; all 3,120 files in 5 layers of 1 platform were read.",
        );
    }

    #[test]
    fn a_long_name_leaves_a_sentence_and_its_ending() {
        let mut long = miner(Role::Convicts, Severity::Critical);
        long.path = Some(format!("/{}.elf", "a".repeat(10_000)));
        let summary = judge(vec![long], Vec::new(), Vec::new()).summary;
        assert!(summary.chars().count() < 250 && summary.contains("aa.elf (md5"), "{summary}");
    }
}
