use crate::context::{Context, Fact};
use crate::file::{FLOOR, Rule, date};
use crate::{Pattern, PolicyError};
use model::{Date, Digest, Role, escape_text};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::str::FromStr;

/// The exceptions that people gave: their word that what a rule says of an image is known and accepted, until a day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exceptions {
    list: Vec<Exception>,
}

/// One exception. It is pinned to a content, or to a rule with a place in repositories: nothing wider can be written.
///
/// It lifts a rule only where every finding that counts is covered by one, and every gap is named by one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exception {
    /// A name of its own, which decisions and the journal show.
    pub id: String,
    /// The rule that it is for.
    pub rule: Option<String>,
    /// The digest of the image, or SHA-256 of one file.
    pub content: Option<Digest>,
    /// The repositories that it is for.
    pub repositories: Option<Pattern>,
    /// The path of the finding that it is for, as reports show it.
    pub path: Option<String>,
    /// The gap that it is for, as reports name it.
    pub gap: Option<String>,
    /// Why it is accepted; escaped.
    pub reason: String,
    /// Who asked for it: `user:alice`.
    pub created_by: String,
    /// Who else agreed.
    pub approved_by: Option<String>,
    /// The last day on which it holds.
    pub expires: Date,
}

/// What became of an exception in a decision. Those for other repositories are not named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExceptionUse {
    /// Its id.
    pub id: String,
    /// Whether it held.
    pub state: ExceptionState,
}

/// Whether an exception held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExceptionState {
    /// It lifted a rule, alone or with others.
    Used,
    /// It holds, and no rule was lifted by it.
    Unused,
    /// Its last day is over.
    Expired,
    /// The policy asks for a second person, and there is none.
    Unapproved,
}

/// Why an exception is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExceptionError {
    /// The text cannot be read.
    #[error("the exceptions cannot be read: {0}")]
    Syntax(String),
    /// One of them cannot be meant so.
    #[error("exception {id}: {why}")]
    Exception {
        /// Its id, escaped.
        id: String,
        /// What is wrong with it.
        why: String,
    },
    /// More than anybody has looked at.
    #[error("there are {0} exceptions; {MOST} are the most")]
    Many(usize),
}

const MOST: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exception: Vec<RawException>,
}

/// As people write it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RawException {
    id: String,
    rule: Option<String>,
    content: Option<String>,
    repositories: Option<Pattern>,
    path: Option<String>,
    gap: Option<String>,
    reason: String,
    created_by: String,
    approved_by: Option<String>,
    expires: toml::Value,
}

impl FromStr for Exceptions {
    type Err = ExceptionError;

    /// Reads a list of `[[exception]]` tables in TOML.
    fn from_str(text: &str) -> Result<Self, ExceptionError> {
        let file: File =
            toml::from_str(text).map_err(|error| ExceptionError::Syntax(escape_text(&error.to_string())))?;
        Self::of_raw(file.exception)
    }
}

impl Exceptions {
    /// Exceptions that were kept. Each is checked again, as a row may have been changed.
    pub fn new(list: Vec<Exception>) -> Result<Self, ExceptionError> {
        if list.len() > MOST {
            return Err(ExceptionError::Many(list.len()));
        }
        let mut ids = BTreeSet::new();
        for exception in &list {
            exception.check()?;
            if !ids.insert(exception.id.as_str()) {
                return Err(exception.wrong("another one has the same id"));
            }
        }
        Ok(Self { list })
    }

    pub(crate) fn of_raw(list: Vec<RawException>) -> Result<Self, ExceptionError> {
        Self::new(list.into_iter().map(RawException::read).collect::<Result<_, _>>()?)
    }

    /// The exceptions, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &Exception> {
        self.list.iter()
    }

    /// Those that lift the rule from the image, or none where something is left that nobody excepted.
    pub(crate) fn lifting(&self, rule: &Rule, image: &Context, asked: &Asked) -> Option<Vec<usize>> {
        let looks_at = |names: &[&str]| names.iter().any(|name| rule.when.looks_at.contains(name));
        self.covering(&rule.name, &looks_at, image, asked)
    }

    /// Those that lift the floor under all rules from an image that is malicious, under the name of the built-in rule. Two
    /// persons have to have agreed, whatever a policy asks for, and where no finding is told it is by the content.
    pub(crate) fn clearing(&self, image: &Context, today: Date) -> Option<Vec<usize>> {
        let asked = Asked { today, two_persons: true };
        let used = self.covering(FLOOR, &|names| names.contains(&"verdict"), image, &asked)?;
        let pinned = |at: &usize| self.list.get(*at).is_some_and(|one| one.content.is_some());
        (image.findings.iter().any(Fact::counts) || used.iter().any(pinned)).then_some(used)
    }

    fn covering(
        &self,
        rule: &str,
        looks_at: &dyn Fn(&[&str]) -> bool,
        image: &Context,
        asked: &Asked,
    ) -> Option<Vec<usize>> {
        let valid: Vec<(usize, &Exception)> =
            self.list.iter().enumerate().filter(|(_, exception)| asked.state(exception).is_none()).collect();
        let mut used = Vec::new();
        let mut cover = |covers: &dyn Fn(&Exception) -> bool| match valid.iter().find(|(_, one)| covers(one))
        {
            Some((at, _)) => {
                used.push(*at);
                true
            }
            None => false,
        };
        let mut nothing = true;
        // The verdict stands on findings and gaps, so a rule about it is lifted by nothing less than all of them.
        if looks_at(&["verdict", "findings"]) {
            for fact in image.findings.iter().filter(|fact| fact.counts()) {
                nothing = false;
                if !cover(&|one| one.covers_finding(rule, image, fact)) {
                    return None;
                }
            }
        }
        if looks_at(&["verdict", "gaps"]) {
            for gap in &image.gaps {
                nothing = false;
                if !cover(&|one| one.covers_gap(rule, image, &gap.what)) {
                    return None;
                }
            }
        }
        // Without a gap of a name, nobody can have named it.
        if image.verdict == model::Verdict::Incomplete && image.gaps.is_empty() && looks_at(&["verdict"]) {
            return None;
        }
        if nothing && !cover(&|one| one.covers_image(rule, image)) {
            return None;
        }
        used.sort_unstable();
        used.dedup();
        Some(used)
    }

    /// What became of those that are for this image.
    pub(crate) fn uses(&self, image: &Context, used: &BTreeSet<usize>, asked: &Asked) -> Vec<ExceptionUse> {
        let here = |one: &Exception| match (&one.repositories, one.content) {
            (Some(repositories), _) => repositories.names(&image.repository),
            (None, content) => {
                content.is_some()
                    && (content == image.digest || image.findings.iter().any(|fact| fact.content == content))
            }
        };
        let listed = self.list.iter().enumerate().filter(|(at, one)| used.contains(at) || here(one));
        let listed = listed.map(|(at, one)| ExceptionUse {
            id: one.id.clone(),
            state: match asked.state(one) {
                Some(state) => state,
                None if used.contains(&at) => ExceptionState::Used,
                None => ExceptionState::Unused,
            },
        });
        listed.collect()
    }
}

/// What exceptions are held against.
pub(crate) struct Asked {
    pub(crate) today: Date,
    pub(crate) two_persons: bool,
}

impl Asked {
    /// Why it does not hold.
    fn state(&self, exception: &Exception) -> Option<ExceptionState> {
        if exception.expires < self.today {
            Some(ExceptionState::Expired)
        } else if self.two_persons && exception.approved_by.is_none() {
            Some(ExceptionState::Unapproved)
        } else {
            None
        }
    }
}

impl Exception {
    fn is_for(&self, rule: &str, image: &Context) -> bool {
        self.rule.as_ref().is_none_or(|name| name == rule)
            && self.repositories.as_ref().is_none_or(|pattern| pattern.names(&image.repository))
    }

    fn covers_finding(&self, rule: &str, image: &Context, fact: &Fact) -> bool {
        if self.gap.is_some() || !self.is_for(rule, image) {
            return false;
        }
        match (self.content, &self.path) {
            (Some(content), path) => {
                let pinned = image.digest == Some(content) || fact.content == Some(content);
                pinned && path.as_ref().is_none_or(|path| *path == fact.path)
            }
            // Whoever can push could put anything at the path; what convicts is pinned by its content only.
            (None, Some(path)) => *path == fact.path && fact.role != Role::Convicts,
            (None, None) => fact.path.is_empty() && fact.role != Role::Convicts,
        }
    }

    fn covers_gap(&self, rule: &str, image: &Context, what: &str) -> bool {
        self.is_for(rule, image)
            && self.gap.as_deref() == Some(what)
            && self.content.is_none_or(|content| image.digest == Some(content))
    }

    fn covers_image(&self, rule: &str, image: &Context) -> bool {
        self.is_for(rule, image)
            && self.path.is_none()
            && self.gap.is_none()
            && self.content.is_none_or(|content| image.digest == Some(content))
    }

    fn check(&self) -> Result<(), ExceptionError> {
        let word =
            |text: &str| !text.trim().is_empty() && text.len() <= 1000 && !text.chars().any(model::is_hidden);
        let named = [("id", &self.id), ("reason", &self.reason), ("created-by", &self.created_by)];
        let optional = [
            ("rule", &self.rule),
            ("path", &self.path),
            ("gap", &self.gap),
            ("approved-by", &self.approved_by),
        ];
        let optional = optional.into_iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
        for (name, text) in named.into_iter().chain(optional) {
            if !word(text) {
                return Err(
                    self.wrong(&format!("its {name} is empty, longer than 1000 bytes, or hides characters"))
                );
            }
        }
        if self.path.as_ref().is_some_and(|path| !path.starts_with('/')) {
            return Err(self.wrong("its path does not begin with a slash"));
        }
        if self.path.is_some() && self.gap.is_some() {
            return Err(self.wrong("it is for a path and for a gap; write two"));
        }
        if self.content.is_none() {
            if self.rule.is_none() || self.repositories.is_none() {
                return Err(self.wrong("it is for no content, and not for a rule in repositories; give content, or rule and repositories"));
            }
            if self.repositories.as_ref().is_some_and(Pattern::is_everything) {
                return Err(self.wrong("it is for all repositories; that is no exception, change the rule"));
            }
        }
        let same = |other: &String| other.trim().eq_ignore_ascii_case(self.created_by.trim());
        if self.approved_by.as_ref().is_some_and(same) {
            return Err(self.wrong("who asked for it cannot approve it"));
        }
        Ok(())
    }

    fn wrong(&self, why: &str) -> ExceptionError {
        let id = escape_text(&self.id.chars().take(100).collect::<String>());
        ExceptionError::Exception { id, why: why.to_owned() }
    }
}

impl RawException {
    fn read(self) -> Result<Exception, ExceptionError> {
        let id = escape_text(&self.id.chars().take(100).collect::<String>());
        let wrong = |why: String| ExceptionError::Exception { id: id.clone(), why };
        let content = self
            .content
            .as_deref()
            .map(|text| text.parse::<Digest>().map_err(|error| wrong(format!("its content: {error}"))));
        let content = content.transpose()?;
        let expires = date(&self.expires).map_err(|why| wrong(format!("expires: {why}")))?;
        let escaped = |text: Option<String>| text.as_deref().map(escape_text);
        Ok(Exception {
            id: self.id,
            rule: self.rule,
            content,
            repositories: self.repositories,
            path: escaped(self.path),
            gap: escaped(self.gap),
            reason: escape_text(self.reason.trim()),
            created_by: self.created_by,
            approved_by: self.approved_by,
            expires,
        })
    }
}

impl From<ExceptionError> for PolicyError {
    fn from(error: ExceptionError) -> Self {
        Self { line: 1, why: error.to_string() }
    }
}

#[cfg(test)]
mod tests;
