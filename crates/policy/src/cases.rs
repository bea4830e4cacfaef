use crate::exceptions::Exceptions;
use crate::file::{Case, date};
use crate::{Effect, Policy, decide};
use model::{Date, escape_text};

/// How a test of a policy file ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseResult {
    /// The name of the test.
    pub name: String,
    /// What came out otherwise than expected; none where the test passed.
    pub failure: Option<String>,
}

/// Runs the tests that stand in a policy file. A policy whose tests fail should not be taken into use.
pub fn run_tests(policy: &Policy) -> Vec<CaseResult> {
    let run = |case: &Case| CaseResult {
        name: escape_text(case.name.get_ref()),
        failure: outcome(policy, case).unwrap_or_else(Some),
    };
    policy.cases.iter().map(run).collect()
}

fn outcome(policy: &Policy, case: &Case) -> Result<Option<String>, String> {
    let today = match &case.today {
        Some(value) => date(value)?,
        None => Date::of_unix_seconds(0),
    };
    let exceptions = Exceptions::of_raw(case.exception.clone()).map_err(|error| error.to_string())?;
    let decision = decide(policy, &case.context, &exceptions, today);
    let right =
        decision.effect == case.expect && case.rule.as_ref().is_none_or(|rule| *rule == decision.rule);
    let expected = |effect: Effect| match &case.rule {
        Some(rule) => format!("{effect} by {}", escape_text(rule)),
        None => effect.to_string(),
    };
    Ok((!right).then(|| {
        format!(
            "expected {}, got {} by {}: {}",
            expected(case.expect),
            decision.effect,
            decision.rule,
            decision.reason
        )
    }))
}
