mod change;

use crate::judge::decide;
use crate::summary::name;
use crate::weight::leads;
use crate::{Reason, Rule, Weight, exceptions, order};
use model::{ChainStep, Class, Finding, Report, Verdict};
use std::collections::BTreeMap;

/// Explains a report: why its verdict is what it is, what each finding was worth and why, where the findings
/// stand in the chain, and what would change the verdict.
///
/// A report may come from a file, so nothing in it is taken for granted: its findings are judged again, and
/// [`Explanation::contradiction`] says where the written verdict differs.
pub fn explain(report: &Report) -> Explanation {
    let mut findings = report.findings.clone();
    findings.sort_by(order::worst_first);
    findings.dedup();
    let (verdict, reasons) = decide(&findings, &report.gaps);
    let steps = order::chain(report.chain.clone());
    let steps = steps.into_iter().map(|step| StepExplanation { findings: known_by(&step, &findings), step });
    let company = Company::of(&findings);
    Explanation {
        verdict,
        contradiction: (verdict != report.verdict).then_some(report.verdict),
        steps: steps.collect(),
        smallest: change::smallest(verdict, &findings),
        would_change: change::sentences(verdict, &findings, &report.gaps),
        findings: findings.iter().map(|finding| in_company(finding, &company)).collect(),
        reasons,
    }
}

/// A report, explained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The verdict, judged again from what the report holds.
    pub verdict: Verdict,
    /// The verdict that the report says, where it is another: the report was altered, or an older version
    /// with other rules wrote it.
    pub contradiction: Option<Verdict>,
    /// The grounds, the deciding one first; their indices point into `findings`.
    pub reasons: Vec<Reason>,
    /// The chain, walked step by step.
    pub steps: Vec<StepExplanation>,
    /// Every finding with what it was worth, worst first.
    pub findings: Vec<FindingExplanation>,
    /// The smallest set of findings without which the verdict would be better, as indices into `findings`; empty
    /// where no finding makes it what it is.
    pub smallest: Vec<usize>,
    /// What would change the verdict, one sentence each.
    pub would_change: Vec<String>,
}

/// One step of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepExplanation {
    /// The step.
    pub step: ChainStep,
    /// The findings that know of it, as indices into the explanation's findings.
    pub findings: Vec<usize>,
}

/// One finding with what it was worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingExplanation {
    /// The finding.
    pub finding: Finding,
    /// What it was worth in this image.
    pub weight: Weight,
    /// Why it counted or did not, in a sentence; escaped as the finding's own texts are.
    pub why: String,
}

/// Explains what a finding is worth among all findings of its image, itself included.
pub fn explain_finding(finding: &Finding, among: &[Finding]) -> FindingExplanation {
    in_company(finding, &Company::of(among))
}

fn in_company(finding: &Finding, company: &Company<'_>) -> FindingExplanation {
    let weight = Weight::of(finding);
    let why = match weight {
        Weight::Convicts => "It decides alone.".to_owned(),
        Weight::Residue => {
            let tail = match company.confirmation(finding) {
                Some(other) => format!("; it still confirms the other kind of evidence: {}", name(other)),
                None => " and it only raises suspicion".to_owned(),
            };
            format!("It would decide alone, but a later layer removed the file, so nothing can run it{tail}.")
        }
        Weight::Corroborates | Weight::Hint => match company.confirmation(finding) {
            Some(other) => format!(
                "It counts together with evidence of another kind, {}: {}.",
                other.class.name(),
                name(other)
            ),
            None => alone(finding, weight, company),
        },
        Weight::Context if finding.controls().next().is_some() => {
            "It does not count here and explains what else was found.".to_owned()
        }
        Weight::Context => "It explains what else was found and never counts.".to_owned(),
        Weight::Excepted => excepted(finding),
    };
    let why = with_notes(why, finding);
    FindingExplanation { finding: finding.clone(), weight, why }
}

/// What controls and axes have to do with a finding.
fn with_notes(mut why: String, finding: &Finding) -> String {
    for note in finding.controls() {
        why.push_str(&format!(" Control {note}."));
    }
    if let Some(axis) = finding.axis {
        why.push_str(&format!(" It stands beside the verdict, on the axis {}.", axis.name()));
    }
    why
}

fn excepted(finding: &Finding) -> String {
    let Some(exception) = &finding.exception else { return String::new() };
    let else_ = match exceptions::worth_without(finding) {
        Weight::Convicts => "it would decide alone",
        Weight::Residue | Weight::Corroborates => "it would raise suspicion",
        Weight::Hint => "it would count together with others",
        Weight::Context | Weight::Excepted => "it would not count either",
    };
    format!(
        "An exception of {} for {} is in force until {}: {}. Without the exception {else_}.",
        exception.author,
        exception.scope(),
        exception.expires,
        exception.reason.trim_end_matches('.')
    )
}

/// What stands beside a finding, by class. Made once for an image, whose findings may be very many.
#[derive(Default)]
struct Company<'f>(BTreeMap<Class, Classmates<'f>>);

#[derive(Default)]
struct Classmates<'f> {
    /// How many count.
    counting: usize,
    /// Whether one of them is a hint.
    hints: bool,
    /// The first that counts and does not convict.
    first: Option<&'f Finding>,
    /// The first that may be the strong half of a confirmation.
    lead: Option<&'f Finding>,
}

impl<'f> Company<'f> {
    fn of(findings: &'f [Finding]) -> Self {
        let mut company = Self::default();
        for finding in findings {
            let weight = Weight::of(finding);
            if !weight.counts() {
                continue;
            }
            let mates = company.0.entry(finding.class).or_default();
            mates.counting += 1;
            mates.hints |= weight == Weight::Hint;
            if weight != Weight::Convicts {
                mates.first = mates.first.or(Some(finding));
            }
            if leads(finding) {
                mates.lead = mates.lead.or(Some(finding));
            }
        }
        company
    }

    fn others(&self, class: Class) -> impl Iterator<Item = &Classmates<'f>> {
        self.0.iter().filter(move |&(&other, _)| other != class).map(|(_, mates)| mates)
    }

    /// A finding of another class with which this one convicts.
    fn confirmation(&self, finding: &Finding) -> Option<&'f Finding> {
        let strong = leads(finding);
        self.others(finding.class).find_map(|mates| if strong { mates.first } else { mates.lead })
    }
}

fn alone(finding: &Finding, weight: Weight, company: &Company<'_>) -> String {
    let class = finding.class;
    let others: usize = company.others(class).map(|mates| mates.counting).sum();
    let mates = company.0.get(&class).map_or(0, |mates| mates.counting);
    let effect = match weight {
        Weight::Hint if company.others(class).any(|mates| mates.hints) => {
            "It raises suspicion only together with a slight sign of another kind"
        }
        Weight::Hint => "It is a slight sign, which alone does not count",
        _ => "It raises suspicion and does not decide",
    };
    let because = match (others, mates) {
        (0, 0 | 1) => "nothing else was found that counts".to_owned(),
        (0, _) => {
            format!("all that counts is of the same kind, {}, and says the same thing again", class.name())
        }
        _ => format!(
            "no other kind of evidence than {} confirms it with high severity on either side",
            class.name()
        ),
    };
    format!("{effect}: {because}.")
}

/// The findings that a step names: those on the longest path that it speaks of, else all of the id.
fn known_by(step: &ChainStep, findings: &[Finding]) -> Vec<usize> {
    let Some(id) = &step.finding else { return Vec::new() };
    let spoken_of = |finding: &Finding| match &finding.path {
        Some(path) if step.what.contains(path.as_str()) => path.len(),
        _ => 0,
    };
    let named = || findings.iter().enumerate().filter(|(_, finding)| &finding.id == id);
    let longest = named().map(|(_, finding)| spoken_of(finding)).max().unwrap_or(0);
    named().filter(|(_, finding)| longest == 0 || spoken_of(finding) == longest).map(|(at, _)| at).collect()
}

impl Explanation {
    /// The findings that the deciding reason rests on.
    pub fn deciding(&self) -> impl Iterator<Item = &FindingExplanation> {
        let rule = self.reasons.first().map(|reason| reason.rule);
        self.reasons
            .iter()
            .filter(move |reason| Some(reason.rule) == rule && reason.rule != Rule::NothingCounts)
            .flat_map(|reason| &reason.findings)
            .filter_map(|&at| self.findings.get(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::{judge, tests::finding};
    use model::{Axes, Coverage, Gap, ImageSummary, Role, Severity, Stage, Timing, Tool};

    fn report(findings: Vec<Finding>, gaps: Vec<Gap>, chain: Vec<ChainStep>) -> Report {
        let judgement = judge(findings, gaps, chain);
        Report {
            schema: model::REPORT_SCHEMA.to_owned(),
            tool: Tool { version: String::new(), rules: String::new(), feeds: Vec::new() },
            image: ImageSummary { reference: String::new(), digest: None, platforms: vec![], layers: vec![] },
            verdict: judgement.verdict,
            summary: judgement.summary,
            axes: Axes::default(),
            findings: judgement.findings,
            chain: judgement.chain,
            gaps: judgement.gaps,
            exceptions: Vec::new(),
            detonation: None,
            coverage: Coverage::default(),
            timing_ms: Timing::default(),
        }
    }

    fn check(findings: Vec<Finding>, gaps: usize, why: &[&str], change: &str) {
        let gaps = (0..gaps).map(|at| Gap::new(format!("layer {at}"), "cut short")).collect();
        let explanation = explain(&report(findings, gaps, Vec::new()));
        let said: Vec<_> = explanation.findings.iter().map(|explained| explained.why.as_str()).collect();
        assert_eq!(said, why);
        assert!(explanation.would_change.iter().any(|text| text == change), "{:?}", explanation.would_change);
        assert_eq!(explanation.contradiction, None);
    }

    fn file(role: Role, severity: Severity) -> Finding {
        finding("S-FILE", role, severity, Class::File)
    }

    #[test]
    fn each_finding_says_what_it_was_worth() {
        let hint = finding("S-NAME", Role::Corroborates, Severity::Low, Class::Name);
        check(
            vec![file(Role::Convicts, Severity::Critical), hint.clone()],
            0,
            &[
                "It decides alone.",
                "It is a slight sign, which alone does not count: no other kind of evidence \
               than NAME confirms it with high severity on either side.",
            ],
            "Without this finding the verdict would be clean: S-FILE known miner.",
        );
        check(
            vec![file(Role::Corroborates, Severity::High), hint],
            1,
            &[
                "It counts together with evidence of another kind, NAME: known miner.",
                "It counts together with evidence of another kind, FILE: known miner.",
            ],
            "Without this finding the verdict would be incomplete: S-FILE known miner.",
        );
        check(
            vec![file(Role::Corroborates, Severity::High)],
            0,
            &["It raises suspicion and does not decide: nothing else was found that counts."],
            "Without this finding the verdict would be clean: S-FILE known miner.",
        );
        check(
            vec![file(Role::Convicts, Severity::High).removed_by(4)],
            1,
            &[
                "It would decide alone, but a later layer removed the file, so nothing can run it and it only \
               raises suspicion.",
            ],
            "If no later layer had removed the file, the verdict would be malicious: S-FILE known miner.",
        );
        check(
            vec![file(Role::Context, Severity::High)],
            1,
            &["It explains what else was found and never counts."],
            "If all that was not looked at were read and nothing found in it, the verdict would be clean.",
        );
    }

    #[test]
    fn two_independent_convictions_fall_only_together() {
        let mut others =
            vec![file(Role::Convicts, Severity::Critical), file(Role::Corroborates, Severity::High)];
        others.push(finding("S-NAME", Role::Corroborates, Severity::Medium, Class::Name));
        let explanation = explain(&report(others, Vec::new(), Vec::new()));
        assert_eq!(
            explanation.would_change,
            [
                "Only without all 2 of these findings would the verdict be better, suspicious: S-FILE known miner; \
                 S-FILE known miner."
            ]
        );
        assert_eq!(explanation.deciding().count(), 1);
    }

    #[test]
    fn an_altered_verdict_is_contradicted() {
        let mut altered = report(vec![file(Role::Convicts, Severity::Critical)], Vec::new(), Vec::new());
        altered.verdict = Verdict::Clean;
        let explanation = explain(&altered);
        assert_eq!(
            (explanation.verdict, explanation.contradiction),
            (Verdict::Malicious, Some(Verdict::Clean))
        );
    }

    #[test]
    fn a_step_finds_the_finding_on_its_own_file() {
        let at = |path: &[u8]| file(Role::Convicts, Severity::Critical).at_path(path);
        let step = |what: &str, finding: Option<&str>| ChainStep {
            step: 1,
            stage: Stage::Static,
            what: what.to_owned(),
            finding: finding.map(str::to_owned),
        };
        let mut chain =
            vec![step("/ab is a miner", Some("S-FILE")), step("start", None), step("x", Some("S-FILE"))];
        for (at, step) in chain.iter_mut().enumerate() {
            step.step = at + 1;
        }
        let explanation = explain(&report(vec![at(b"a"), at(b"ab")], Vec::new(), chain));
        let known: Vec<_> = explanation.steps.into_iter().map(|step| step.findings).collect();
        assert_eq!(known, [vec![1], vec![], vec![0, 1]]);
    }
}
