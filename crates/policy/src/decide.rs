use crate::exceptions::Asked;
use crate::expression::scope;
use crate::file::{FLOOR, LIMITS, NO_RULE, Rule};
use crate::variables::{Seen, beyond};
use crate::{Context, ExceptionUse, Exceptions, Policy, message};
use model::{Date, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// What becomes of an image, from the worst to the best.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// It does not come in.
    Deny,
    /// It waits for a person, for time, or for another look.
    Hold,
    /// It is released.
    Allow,
}

/// What was decided, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// What becomes of the image.
    pub effect: Effect,
    /// The rule that said so; `no-rule` and `limits` where none did.
    pub rule: String,
    /// Why, as the rule says.
    pub reason: String,
    /// Why, for the developer who pulled or pushed: rule, findings with their places, what to do. Escaped.
    pub message: String,
    /// What rules that are tried out would have decided.
    pub dry_run: Vec<DryRun>,
    /// Rules that held and were lifted by exceptions.
    pub lifted: Vec<String>,
    /// What became of the exceptions that are for this image.
    pub exceptions: Vec<ExceptionUse>,
    /// Whether it is malicious and no exception covers that: then nobody's word but an exception's releases it.
    #[serde(default)]
    pub barred: bool,
}

/// What a rule that is tried out would have decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DryRun {
    /// The rule.
    pub rule: String,
    /// Its effect; deny where it could not be evaluated.
    pub effect: Effect,
    /// Why.
    pub reason: String,
}

/// Decides about an image. A pure function: the same context, policy, exceptions and day give the same decision.
///
/// The first rule that holds decides, unless exceptions lift it. A rule that cannot be evaluated denies. Where no rule
/// holds, the image is held. Under all of them is a floor: an image that is malicious is released by no rule, but where
/// exceptions cover all that counts, each with a reason, an end and two persons, whatever the policy asks of others.
pub fn decide(policy: &Policy, image: &Context, exceptions: &Exceptions, today: Date) -> Decision {
    let asked = Asked { today, two_persons: policy.two_persons };
    let mut course = Course::default();
    let (mut effect, mut rule, mut reason) = by_rules(policy, image, exceptions, &asked, &mut course);
    let barred = is_barred(image, exceptions, today, &mut course);
    if barred && effect == Effect::Allow {
        reason = format!(
            "the image is proven harmful, and no rule lets that in, though {rule} would; it takes an exception for \
             its content with a reason, an end and two persons"
        );
        (effect, rule) = (Effect::Deny, FLOOR);
    }
    let message = message::message(image, effect, rule, &reason);
    Decision {
        effect,
        rule: rule.to_owned(),
        reason,
        message,
        dry_run: course.dry_run,
        exceptions: exceptions.uses(image, &course.used, &asked),
        lifted: course.lifted,
        barred,
    }
}

/// What the rules say, without the floor under them.
fn by_rules<'a>(
    policy: &'a Policy,
    image: &Context,
    exceptions: &Exceptions,
    asked: &Asked,
    course: &mut Course,
) -> (Effect, &'a str, String) {
    match beyond(image) {
        Some(why) => (Effect::Deny, LIMITS, format!("the image is larger than can be decided about: {why}")),
        None => first(policy, image, exceptions, asked, course),
    }
}

/// The rule that would let an image in were there no floor; none where no rule would.
pub(crate) fn would_allow<'a>(policy: &'a Policy, image: &Context) -> Option<&'a str> {
    let asked = Asked { today: Date::of_unix_seconds(0), two_persons: policy.two_persons };
    let mut course = Course::default();
    let (effect, rule, _) = by_rules(policy, image, &Exceptions::default(), &asked, &mut course);
    (effect == Effect::Allow).then_some(rule)
}

/// Whether the floor is under the image. Where exceptions lift it, they are used.
fn is_barred(image: &Context, exceptions: &Exceptions, today: Date, course: &mut Course) -> bool {
    if image.verdict != Verdict::Malicious {
        return false;
    }
    let Some(by) = exceptions.clearing(image, today) else { return true };
    course.used.extend(by);
    if !course.lifted.iter().any(|name| name == FLOOR) {
        course.lifted.push(FLOOR.to_owned());
    }
    false
}

/// What happened on the way to the rule that decides.
#[derive(Default)]
struct Course {
    lifted: Vec<String>,
    dry_run: Vec<DryRun>,
    used: BTreeSet<usize>,
}

fn first<'a>(
    policy: &'a Policy,
    image: &Context,
    exceptions: &Exceptions,
    asked: &Asked,
    course: &mut Course,
) -> (Effect, &'a str, String) {
    let mut names = scope(&Seen { context: image, policy, lifted: &[] });
    for rule in policy.rules.iter().filter(|rule| rule.is_for(&image.repository)) {
        let (effect, reason) = match rule.when.holds(&names) {
            Ok(false) => continue,
            Ok(true) => (rule.effect, rule.reason.clone()),
            Err(why) => (
                Effect::Deny,
                format!(
                    "the condition of the rule could not be evaluated, and cannot decide means deny: {why}"
                ),
            ),
        };
        if rule.dry_run {
            course.dry_run.push(DryRun { rule: rule.name.clone(), effect, reason });
            continue;
        }
        let failed = effect != rule.effect || reason != rule.reason;
        if effect != Effect::Allow && !failed && lift(rule, image, exceptions, asked, course) {
            names = scope(&Seen { context: image, policy, lifted: &course.lifted });
            continue;
        }
        return (effect, &rule.name, reason);
    }
    (Effect::Hold, NO_RULE, "no rule of the policy decides about the image".to_owned())
}

fn lift(rule: &Rule, image: &Context, exceptions: &Exceptions, asked: &Asked, course: &mut Course) -> bool {
    let Some(by) = exceptions.lifting(rule, image, asked) else { return false };
    course.used.extend(by);
    course.lifted.push(rule.name.clone());
    true
}

impl Effect {
    /// The lower-case name used in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Hold => "hold",
            Self::Allow => "allow",
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
