use crate::decide::would_allow;
use crate::file::line_of;
use crate::{Context, Policy, run_tests};
use model::{Gap, RepositoryName, Verdict};

/// Something about a policy file that a person should know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Counted from 1.
    pub line: usize,
    /// Whether the policy can be used.
    pub weight: Weight,
    /// What it is.
    pub what: String,
}

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It can be used, and may not do what was meant.
    Warning,
    /// It cannot be used.
    Error,
}

/// Looks through a policy file: whether it can be read, whether its tests pass, and whether it lets in what a gate is
/// there to keep out.
pub fn lint(text: &str) -> Vec<Diagnostic> {
    let policy: Policy = match text.parse() {
        Ok(policy) => policy,
        Err(crate::PolicyError { line, why }) => {
            return vec![Diagnostic { line, weight: Weight::Error, what: why }];
        }
    };
    let mut found = Vec::new();
    for (case, result) in policy.cases.iter().zip(run_tests(&policy)) {
        if let Some(failure) = result.failure {
            let line = line_of(text, case.name.span().start);
            found.push(Diagnostic {
                line,
                weight: Weight::Error,
                what: format!("the test {} fails: {failure}", result.name),
            });
        }
    }
    let warn = |line, what| Diagnostic { line, weight: Weight::Warning, what };
    for (what, image) in probes() {
        let Some(name) = would_allow(&policy, &image) else { continue };
        let line = policy.rules.iter().find(|rule| rule.name == name).and_then(|rule| rule.line);
        let what = match image.verdict {
            Verdict::Malicious => format!("the rule {name} allows {what}, which is denied all the same"),
            _ => format!("the rule {name} lets in {what}"),
        };
        found.push(warn(line.unwrap_or(1), what));
    }
    for (at, rule) in policy.rules.iter().enumerate() {
        let always = rule.when.looks_at.is_empty() && rule.repositories.is_empty() && !rule.dry_run;
        let holds = always && rule.when.holds(&cel::Context::default()) == Ok(true);
        if let (true, Some(next)) = (holds, policy.rules.get(at + 1)) {
            let what = format!(
                "the rule {} always holds, so that {} and what follows never decide",
                rule.name, next.name
            );
            found.push(warn(rule.line.unwrap_or(1), what));
        }
    }
    if policy.cases.is_empty() {
        found.push(warn(1, "it has no tests; write one for each of its rules".to_owned()));
    }
    found
}

/// Images that a gate is there to keep out.
fn probes() -> Vec<(&'static str, Context)> {
    let Ok(repository) = "probe/probe".parse::<RepositoryName>() else { return Vec::new() };
    let mut probes = Vec::new();
    for upstream in ["", "docker.io"] {
        let probe = |verdict| Context {
            upstream: upstream.to_owned(),
            first_seen_hours: 100_000,
            detonated: true,
            ..Context::new(repository.clone(), verdict)
        };
        probes.push(("an image that is malicious", probe(Verdict::Malicious)));
        probes.push(("an image that is suspicious", probe(Verdict::Suspicious)));
        let gaps = vec![Gap::new("layer 1", "a probe")];
        probes.push(("an image that was not read whole", Context { gaps, ..probe(Verdict::Incomplete) }));
    }
    probes
}

#[cfg(test)]
mod tests;
