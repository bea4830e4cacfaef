use crate::exceptions::RawException;
use crate::expression::Expression;
use crate::{Context, Effect, Pattern};
use model::{Date, RepositoryName, escape_text};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::str::FromStr;
use toml::Spanned;

/// What a policy file begins with.
pub const SCHEMA: &str = "roadstead.policy/v1";

/// The policy that is built in, as it is written.
pub(crate) const BUILT_IN: &str = include_str!("default.toml");

/// A policy that was read whole. It holds until another one is given.
#[derive(Debug)]
pub struct Policy {
    pub(crate) rules: Vec<Rule>,
    pub(crate) minimum_age_hours: u64,
    pub(crate) two_persons: bool,
    pub(crate) cases: Vec<Case>,
    detonate: Detonate,
    detonations: Vec<Detonation>,
    trusted_bases: Vec<Pattern>,
    data_images: Vec<Pattern>,
    identity: String,
}

/// One rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) when: Expression,
    pub(crate) effect: Effect,
    pub(crate) reason: String,
    pub(crate) repositories: Vec<Pattern>,
    pub(crate) dry_run: bool,
    /// Where it stands in the file; none for the built-in rules.
    pub(crate) line: Option<usize>,
}

/// What is run in the sandbox before it is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Detonate {
    /// Nothing.
    Never,
    /// What comes from an upstream.
    Public,
    /// Everything.
    Always,
}

/// Why a text is no policy. The gate does not start with it, and goes on with the one it has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy, line {line}: {why}")]
pub struct PolicyError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

/// More than a person keeps in mind.
const MOST_RULES: usize = 200;
/// The most steps of all conditions together: some seconds for the largest image that is decided about.
const MOST_STEPS: u64 = 40_000_000;
const LONGEST_FILE: usize = 1024 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    schema: Spanned<String>,
    extends: Option<Spanned<String>>,
    #[serde(default)]
    dry_run: bool,
    detonate: Option<Detonate>,
    #[serde(default)]
    minimum_age_hours: u64,
    #[serde(default)]
    trusted_bases: Vec<Pattern>,
    #[serde(default)]
    data_images: Vec<Pattern>,
    #[serde(default)]
    exceptions: ExceptionSettings,
    #[serde(default)]
    detonation: Vec<Detonation>,
    #[serde(default)]
    rule: Vec<RawRule>,
    #[serde(default)]
    test: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ExceptionSettings {
    #[serde(default = "yes")]
    two_persons: bool,
}

impl Default for ExceptionSettings {
    fn default() -> Self {
        Self { two_persons: true }
    }
}

fn yes() -> bool {
    true
}

/// Where something else is run than elsewhere. The first that names the repository counts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detonation {
    repositories: Vec<Pattern>,
    detonate: Detonate,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawRule {
    name: Spanned<String>,
    when: Spanned<String>,
    effect: Effect,
    reason: String,
    #[serde(default)]
    repositories: Option<Vec<Pattern>>,
    #[serde(default)]
    dry_run: bool,
}

/// A test that stands in the policy file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) name: Spanned<String>,
    pub(crate) context: Context,
    pub(crate) expect: Effect,
    pub(crate) rule: Option<String>,
    #[serde(default)]
    pub(crate) exception: Vec<RawException>,
    pub(crate) today: Option<toml::Value>,
}

impl FromStr for Policy {
    type Err = PolicyError;

    /// Reads a policy. Whatever is not known, cannot be parsed or could take too long is an error here, not when an
    /// image comes (CVE-2025-29778).
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let at = |span: Range<usize>, why: String| PolicyError { line: line_of(text, span.start), why };
        if text.len() > LONGEST_FILE {
            return Err(at(0..0, format!("it is longer than {LONGEST_FILE} bytes")));
        }
        let file: File = toml::from_str(text)
            .map_err(|error| at(error.span().unwrap_or(0..0), escape_text(error.message())))?;
        if file.schema.get_ref() != SCHEMA {
            return Err(at(file.schema.span(), format!("the schema is not {SCHEMA}")));
        }
        let extends = match &file.extends {
            None => false,
            Some(name) if name.get_ref() == "default" => true,
            Some(name) => return Err(at(name.span(), "only \"default\" can be extended".to_owned())),
        };
        if file.rule.len() > MOST_RULES {
            return Err(at(0..0, format!("it has more than {MOST_RULES} rules")));
        }
        let mut rules: Vec<Rule> = Vec::with_capacity(file.rule.len());
        for raw in file.rule {
            let span = raw.name.span();
            let mut rule = read(raw, text)?;
            if rules.iter().any(|known| known.name == rule.name) {
                return Err(at(span, format!("two rules have the name {}", rule.name)));
            }
            rule.dry_run |= file.dry_run;
            rules.push(rule);
        }
        if rules.is_empty() && !extends {
            return Err(at(
                0..0,
                "it has no rules; write extends = \"default\" to keep the built-in ones".to_owned(),
            ));
        }
        // A policy that is only tried out decides nothing, and what decides then is not nothing either.
        if extends || file.dry_run {
            for rule in built_in()?.rules {
                if rules.iter().any(|known| known.name == rule.name) {
                    return Err(at(
                        0..0,
                        format!("the rule {} has the name of a built-in one; rename it", rule.name),
                    ));
                }
                rules.push(rule);
            }
        }
        let steps = rules.iter().fold(0, |sum: u64, rule| sum.saturating_add(rule.when.steps));
        if steps > MOST_STEPS {
            let why =
                format!("its conditions could take {steps} steps together, and {MOST_STEPS} are the most");
            return Err(at(0..0, format!("{why}; have fewer of them go through all findings")));
        }
        Ok(Self {
            rules,
            minimum_age_hours: file.minimum_age_hours,
            two_persons: file.exceptions.two_persons,
            cases: file.test,
            detonate: file.detonate.unwrap_or(Detonate::Public),
            detonations: file.detonation,
            trusted_bases: file.trusted_bases,
            data_images: file.data_images,
            identity: format!("{text}\0{}", if extends || file.dry_run { BUILT_IN } else { "" }),
        })
    }
}

fn built_in() -> Result<Policy, PolicyError> {
    let mut policy: Policy = BUILT_IN.parse()?;
    policy.rules.iter_mut().for_each(|rule| rule.line = None);
    Ok(policy)
}

fn read(raw: RawRule, text: &str) -> Result<Rule, PolicyError> {
    let fail = |span: Range<usize>, why: String| PolicyError { line: line_of(text, span.start), why };
    let (name_span, when_span) = (raw.name.span(), raw.when.span());
    let name = raw.name.into_inner();
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if name.is_empty() || name.len() > 64 || !name.bytes().all(word) {
        let why = "the name of a rule has 1 to 64 lower-case letters, digits and dashes";
        return Err(fail(name_span, why.to_owned()));
    }
    if RESERVED.contains(&name.as_str()) {
        return Err(fail(name_span, format!("the name {name} is for what no rule decides; rename it")));
    }
    if raw.reason.trim().is_empty() || raw.reason.len() > 1000 {
        return Err(fail(
            name_span,
            format!("the reason of the rule {name} is empty or longer than 1000 bytes"),
        ));
    }
    if raw.repositories.as_ref().is_some_and(Vec::is_empty) {
        let why = format!("the rule {name} is for no repository; leave the field out to have it for all");
        return Err(fail(name_span, why));
    }
    let when = Expression::read(raw.when.get_ref())
        .map_err(|why| fail(when_span, format!("the condition of the rule {name}: {why}")))?;
    Ok(Rule {
        line: Some(line_of(text, name_span.start)),
        name,
        when,
        effect: raw.effect,
        reason: escape_text(raw.reason.trim()),
        repositories: raw.repositories.unwrap_or_default(),
        dry_run: raw.dry_run,
    })
}

/// Names under which decisions stand that no rule made.
pub(crate) const NO_RULE: &str = "no-rule";
pub(crate) const LIMITS: &str = "limits";
/// The rule under all others: what is malicious no rule releases. Built-in policies write it out under the same name, so
/// that an exception is for both.
pub(crate) const FLOOR: &str = "malicious";
const RESERVED: [&str; 2] = [NO_RULE, LIMITS];

pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes().iter().take(offset).filter(|byte| **byte == b'\n').count() + 1
}

impl Policy {
    /// The policy that is built in, with the minimum age that the configuration asks for.
    pub fn built_in(minimum_age_hours: u64) -> Result<Self, PolicyError> {
        Ok(Self { minimum_age_hours, identity: format!("{BUILT_IN}\0{minimum_age_hours}"), ..built_in()? })
    }

    /// The text of the built-in policy, for people to begin their own with.
    pub fn built_in_text() -> &'static str {
        BUILT_IN
    }

    /// Whether an image in this repository has to be run. `public` says that it came from an upstream. An image of
    /// a repository among the trusted bases is run where everything is.
    pub fn detonates(&self, repository: &RepositoryName, public: bool) -> bool {
        let special = self.detonations.iter().find(|special| names(&special.repositories, repository));
        match special.map_or(self.detonate, |special| special.detonate) {
            Detonate::Never => false,
            Detonate::Public => public && (special.is_some() || !self.is_trusted_base(repository)),
            Detonate::Always => true,
        }
    }

    /// Whether images of the repository may be data with nothing to run. Those that name a program to start are run all the
    /// same.
    pub fn is_data(&self, repository: &RepositoryName) -> bool {
        names(&self.data_images, repository)
    }

    /// Whether the repository is one of those whose images are trusted as bases of others.
    pub fn is_trusted_base(&self, repository: &RepositoryName) -> bool {
        names(&self.trusted_bases, repository)
    }

    /// Everything that a decision depends on beside context, exceptions and day. Its digest goes into the journal.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The names of the rules, in their order.
    pub fn rules(&self) -> impl Iterator<Item = &str> {
        self.rules.iter().map(|rule| rule.name.as_str())
    }
}

impl Rule {
    pub(crate) fn is_for(&self, repository: &RepositoryName) -> bool {
        self.repositories.is_empty() || names(&self.repositories, repository)
    }
}

fn names(patterns: &[Pattern], repository: &RepositoryName) -> bool {
    patterns.iter().any(|pattern| pattern.names(repository))
}

/// A date, with or without quotes; TOML has dates of its own.
pub(crate) fn date(value: &toml::Value) -> Result<Date, String> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Datetime(date) => date.to_string(),
        other => other.to_string(),
    };
    text.parse().map_err(|error: model::DateError| error.to_string())
}

#[cfg(test)]
mod tests;
