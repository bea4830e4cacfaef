use crate::weight::leads;
use crate::{Reason, Rule, Weight, axes, order, summary};
use model::{Axes, ChainStep, Coverage, Finding, Gap, Verdict};

/// Judges an image. The rules, worst first:
///
/// 1. *Malicious*: one finding convicts. Or two findings of different evidence classes corroborate each
///    other, and one of them is of severity high or above and about something that is still in the image: two
///    weak signs never add up to proof, and neither does a strong sign on a file that nothing can run.
/// 2. *Suspicious*: a corroborating finding of severity medium or above that nothing confirms; or two low
///    ones of different classes; or a conviction whose file a later layer took away.
/// 3. *Incomplete*: no suspicion so far, and a gap. A gap lowers nothing: what is proven stays proven.
/// 4. *Clean*: everything was read and nothing of the above holds. A single low sign is shown and does not
///    count.
///
/// Every rule asks that something exists and none that something is missing, so one more finding never makes
/// a verdict better, and nothing an attacker adds to an image can outweigh what was found in it. A finding under
/// an exception counts for nothing; exceptions come from people and never from an image.
pub fn judge(findings: Vec<Finding>, gaps: Vec<Gap>, chain: Vec<ChainStep>) -> Judgement {
    let mut findings = findings;
    findings.sort_by(order::worst_first);
    findings.dedup();
    let mut gaps = gaps;
    gaps.sort_unstable();
    gaps.dedup();
    let chain = order::chain(chain);
    let (verdict, reasons) = decide(&findings, &gaps);
    let summary = summary::sentence(&findings, &gaps, &reasons, None);
    let axes = axes::axes(&findings);
    Judgement { verdict, summary, findings, gaps, chain, axes, reasons }
}

/// What is said of an image and on what grounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict and its main reason in one sentence.
    pub summary: String,
    /// The findings, worst first, each once.
    pub findings: Vec<Finding>,
    /// What was not looked at, sorted, each once.
    pub gaps: Vec<Gap>,
    /// The chain in the order of its steps, counted from 1.
    pub chain: Vec<ChainStep>,
    /// What stands beside the verdict.
    pub axes: Axes,
    /// Why the verdict is what it is, the deciding reason first; never empty.
    pub reasons: Vec<Reason>,
}

impl Judgement {
    /// Says in the summary how much was read, and holds the verdict against it: bytes or events that are
    /// missing from the count without any gap that names them become a gap themselves.
    pub fn with_coverage(mut self, coverage: &Coverage, platforms: usize) -> Self {
        if self.gaps.is_empty() {
            self.gaps.extend(unexplained(coverage));
        }
        let (verdict, reasons) = decide(&self.findings, &self.gaps);
        self.verdict = verdict;
        self.summary = summary::sentence(&self.findings, &self.gaps, &reasons, Some((coverage, platforms)));
        self.reasons = reasons;
        self
    }
}

fn unexplained(coverage: &Coverage) -> Option<Gap> {
    let missing = coverage.bytes.saturating_sub(coverage.bytes_read);
    if missing > 0 {
        let why =
            format!("{} bytes of layers were not read and nothing says which", model::thousands(missing));
        return Some(Gap::new("coverage", why));
    }
    (coverage.events_dropped > 0).then(|| {
        let lost = model::thousands(coverage.events_dropped);
        Gap::new(
            "runs in the sandbox",
            format!("{lost} events were lost; what they would have shown is unknown"),
        )
    })
}

/// The verdict on sorted findings and gaps, and every reason for it, the deciding one first.
pub(crate) fn decide(findings: &[Finding], gaps: &[Gap]) -> (Verdict, Vec<Reason>) {
    let mut reasons = convictions(findings);
    reasons.extend(confirmation(findings));
    let mut verdict = Verdict::Malicious;
    if reasons.is_empty() {
        reasons.extend(suspicions(findings));
        verdict = Verdict::Suspicious;
    }
    if reasons.is_empty() {
        verdict = if gaps.is_empty() { Verdict::Clean } else { Verdict::Incomplete };
    }
    if !gaps.is_empty() {
        reasons.push(Reason::new(Rule::NotLookedAt, Vec::new()));
    } else if reasons.is_empty() {
        reasons.push(Reason::new(Rule::NothingCounts, Vec::new()));
    }
    (verdict, reasons)
}

fn of_weight(findings: &[Finding], weight: Weight) -> impl Iterator<Item = usize> + '_ {
    findings.iter().enumerate().filter(move |(_, finding)| Weight::of(finding) == weight).map(|(at, _)| at)
}

fn convictions(findings: &[Finding]) -> Vec<Reason> {
    of_weight(findings, Weight::Convicts).map(|at| Reason::new(Rule::Convicts, vec![at])).collect()
}

/// The first strong finding on something that is still there for which another class has a word too, with
/// the first finding of each such class.
fn confirmation(findings: &[Finding]) -> Option<Reason> {
    let mut tried = Vec::new();
    for (at, lead) in findings.iter().enumerate() {
        // All that lead in one class are confirmed by the same others, so the first stands for them.
        if !leads(lead) || tried.contains(&lead.class) {
            continue;
        }
        tried.push(lead.class);
        let confirm = first_of_each_other_class(findings, lead);
        if !confirm.is_empty() {
            return Some(Reason::new(Rule::ConfirmEachOther, [vec![at], confirm].concat()));
        }
    }
    None
}

fn suspicions(findings: &[Finding]) -> Vec<Reason> {
    let mut reasons: Vec<_> =
        of_weight(findings, Weight::Residue).map(|at| Reason::new(Rule::Residue, vec![at])).collect();
    reasons
        .extend(of_weight(findings, Weight::Corroborates).map(|at| Reason::new(Rule::Unconfirmed, vec![at])));
    if reasons.is_empty()
        && let Some(at) = of_weight(findings, Weight::Hint).next()
        && let Some(lead) = findings.get(at)
    {
        let others = first_of_each_other_class(findings, lead);
        if !others.is_empty() {
            reasons.push(Reason::new(Rule::Hints, [vec![at], others].concat()));
        }
    }
    reasons
}

/// The indices of the first counting finding of each class other than that of `lead`. A conviction needs no
/// confirmation and gives none here: it has decided already.
fn first_of_each_other_class(findings: &[Finding], lead: &Finding) -> Vec<usize> {
    let mut classes = vec![lead.class];
    let mut indices = Vec::new();
    for (at, finding) in findings.iter().enumerate() {
        let weight = Weight::of(finding);
        if weight.counts() && weight != Weight::Convicts && !classes.contains(&finding.class) {
            classes.push(finding.class);
            indices.push(at);
        }
    }
    indices
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use model::{Class, Exception, Role, Severity, Stage};

    pub(crate) fn finding(id: &str, role: Role, severity: Severity, class: Class) -> Finding {
        Finding {
            id: id.to_owned(),
            title: "Known miner".to_owned(),
            severity,
            role,
            class,
            stage: Stage::Static,
            techniques: Vec::new(),
            platform: "linux/amd64".to_owned(),
            layer: None,
            path: None,
            content: None,
            reachable: None,
            evidence: Vec::new(),
            explanation: String::new(),
            axis: None,
            exception: None,
        }
    }

    pub(crate) fn exception() -> Exception {
        Exception {
            finding: "S-FILE".to_owned(),
            sha256: None,
            path: Some("/x".to_owned()),
            image: Some("registry.example/app".to_owned()),
            reason: "our own backup".to_owned(),
            author: "ops".to_owned(),
            expires: "2027-01-01".parse().unwrap(),
        }
    }

    /// Findings in short: role (`A`, `B`, `C`), severity (`c`, `h`, `m`, `l`), class, `-` where removed.
    pub(crate) fn findings(short: &str) -> Vec<Finding> {
        let words = short.split_whitespace().enumerate();
        words
            .map(|(at, word)| {
                let role = match &word[..1] {
                    "A" => Role::Convicts,
                    "B" => Role::Corroborates,
                    _ => Role::Context,
                };
                let severity = match &word[1..2] {
                    "c" => Severity::Critical,
                    "h" => Severity::High,
                    "m" => Severity::Medium,
                    _ => Severity::Low,
                };
                let class = match word[2..].trim_end_matches('-') {
                    "FILE" => Class::File,
                    "NAME" => Class::Name,
                    "CONFIG" => Class::Config,
                    other => panic!("class {other}"),
                };
                let finding = finding(&format!("S-{at}"), role, severity, class);
                if word.ends_with('-') { finding.removed_by(9) } else { finding }
            })
            .collect()
    }

    fn check(short: &str, gaps: usize, expect: Verdict, rule: Rule) {
        let gaps = (0..gaps).map(|at| Gap::new(format!("layer {at}"), "cut short")).collect();
        let judgement = judge(findings(short), gaps, Vec::new());
        assert_eq!(judgement.verdict, expect, "{short}");
        assert_eq!(judgement.reasons[0].rule, rule, "{short}");
    }

    #[test]
    fn the_rules_hold_in_their_order() {
        use Verdict::{Clean, Incomplete, Malicious, Suspicious};
        check("", 0, Clean, Rule::NothingCounts);
        check("", 1, Incomplete, Rule::NotLookedAt);
        check("CcFILE CcNAME", 0, Clean, Rule::NothingCounts);
        check("CcFILE", 1, Incomplete, Rule::NotLookedAt);
        check("AcFILE", 0, Malicious, Rule::Convicts);
        check("AlFILE", 1, Malicious, Rule::Convicts);
        check("BhFILE", 0, Suspicious, Rule::Unconfirmed);
        check("BmFILE", 1, Suspicious, Rule::Unconfirmed);
        check("BlFILE", 0, Clean, Rule::NothingCounts);
        check("BlFILE", 1, Incomplete, Rule::NotLookedAt);
        check("BhFILE BhFILE BcFILE", 0, Suspicious, Rule::Unconfirmed);
        check("BhFILE BmNAME", 0, Malicious, Rule::ConfirmEachOther);
        check("BhFILE BlNAME", 0, Malicious, Rule::ConfirmEachOther);
        check("BmFILE BmNAME BmCONFIG", 0, Suspicious, Rule::Unconfirmed);
        check("BlFILE BlNAME", 0, Suspicious, Rule::Hints);
        check("BlFILE BlFILE", 0, Clean, Rule::NothingCounts);
        check("BhFILE CcNAME", 0, Suspicious, Rule::Unconfirmed);
    }

    #[test]
    fn residue_never_convicts_alone_and_never_leads() {
        use Verdict::{Malicious, Suspicious};
        check("AcFILE-", 0, Suspicious, Rule::Residue);
        check("AcFILE- BmNAME", 0, Suspicious, Rule::Residue);
        check("AcFILE- AcNAME-", 0, Suspicious, Rule::Residue);
        check("BhFILE- BmNAME", 0, Suspicious, Rule::Unconfirmed);
        check("AcFILE- BhNAME", 0, Malicious, Rule::ConfirmEachOther);
        check("AcFILE- AcFILE", 0, Malicious, Rule::Convicts);
    }

    #[test]
    fn the_worst_stands_first_and_nothing_twice() {
        let mut input = findings("CcFILE BlFILE BhNAME AhFILE AcFILE AcFILE- BmCONFIG");
        input.push(input[3].clone());
        let ids: Vec<_> = judge(input, Vec::new(), Vec::new()).findings.into_iter().map(|f| f.id).collect();
        assert_eq!(ids, ["S-4", "S-3", "S-5", "S-2", "S-6", "S-1", "S-0"]);
    }

    #[test]
    fn the_chain_is_counted_anew_and_shared_steps_stand_once() {
        let step =
            |step, what: &str| ChainStep { step, stage: Stage::Static, what: what.into(), finding: None };
        let chain = judge(vec![], vec![], vec![step(7, "c"), step(2, "a"), step(2, "a"), step(3, "b")]).chain;
        assert_eq!(chain, [step(1, "a"), step(2, "b"), step(3, "c")]);
    }

    #[test]
    fn what_the_count_misses_is_a_gap_even_where_nobody_named_it() {
        let all = Coverage { layers: 5, files: 3120, bytes: 10, bytes_read: 10, ..Coverage::default() };
        let clean = judge(vec![], vec![], vec![]);
        assert_eq!(clean.clone().with_coverage(&all, 1).verdict, Verdict::Clean);
        for short in [Coverage { bytes_read: 9, ..all.clone() }, Coverage { events_dropped: 1, ..all }] {
            let judged = clean.clone().with_coverage(&short, 1);
            assert_eq!((judged.verdict, judged.gaps.len()), (Verdict::Incomplete, 1));
        }
    }
}
