use crate::Action;
use model::{RepositoryName, escape_text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// What somebody may do in the repositories that a pattern names. There is nothing that takes a right away: what no
/// grant gives is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Which repositories.
    pub repositories: Pattern,
    /// What may be done there.
    pub actions: Vec<Action>,
    /// The upstreams that may be used through these repositories. None where the field is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upstreams: Vec<Upstreams>,
}

/// Everything that somebody was granted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rights {
    /// May do everything, and give rights to others.
    #[serde(default)]
    pub admin: bool,
    /// May list the names of all repositories.
    #[serde(default)]
    pub catalog: bool,
    /// What may be done where.
    #[serde(default)]
    pub grants: Vec<Grant>,
}

/// Names repositories component by component: `team/app` is one, `team/*` all with one more component, `team/**` all
/// below, `**` all. It is never compared as the beginning of a text, so `docker.io/**` does not name
/// `docker.io.evil.example/x` (Trow's prefix match).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Part {
    Exact(String),
    /// One component.
    One,
    /// One component or more; stands last.
    Rest,
}

/// The name of an upstream in the configuration: `docker.io`, `ghcr`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Upstream(String);

/// One upstream or, written `*`, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Upstreams {
    /// Every upstream that is configured.
    All,
    /// This one.
    One(Upstream),
}

/// Why a text is no pattern or no name of an upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} is no {kind}: {why}")]
pub struct GrantError {
    /// The text, escaped.
    pub text: String,
    /// What it should have been.
    pub kind: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Rights {
    /// Whether the action is allowed in the repository.
    pub fn may(&self, repository: &RepositoryName, action: Action) -> bool {
        self.admin || self.on(repository).any(|grant| grant.actions.contains(&action))
    }

    /// Whether the upstream may be used through the repository.
    pub fn may_use(&self, repository: &RepositoryName, upstream: &Upstream) -> bool {
        self.admin || self.on(repository).flat_map(|grant| &grant.upstreams).any(|named| named.name(upstream))
    }

    /// The upstreams that may be used through the repository.
    pub fn upstreams<'a>(&'a self, repository: &'a RepositoryName) -> impl Iterator<Item = &'a Upstreams> {
        self.on(repository).flat_map(|grant| &grant.upstreams)
    }

    fn on<'a>(&'a self, repository: &'a RepositoryName) -> impl Iterator<Item = &'a Grant> {
        self.grants.iter().filter(|grant| grant.repositories.names(repository))
    }
}

impl Pattern {
    /// The pattern that names one repository.
    pub fn exact(repository: &RepositoryName) -> Self {
        Self(repository.components().map(|component| Part::Exact(component.to_owned())).collect())
    }

    /// The pattern `**`, that names all repositories.
    pub fn everything() -> Self {
        Self(vec![Part::Rest])
    }

    /// Whether it names the repository.
    pub fn names(&self, repository: &RepositoryName) -> bool {
        let mut components = repository.components();
        for part in &self.0 {
            let Some(component) = components.next() else { return false };
            match part {
                Part::Exact(name) if name == component => {}
                Part::Exact(_) => return false,
                Part::One => {}
                Part::Rest => return true,
            }
        }
        components.next().is_none()
    }
}

impl FromStr for Pattern {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let fail = |why| GrantError { text: shown(text), kind: "pattern of repositories", why };
        if text.len() > 255 {
            return Err(fail("it is longer than 255 characters"));
        }
        let count = text.split('/').count();
        let part = |(at, component): (usize, &str)| match component {
            "*" => Ok(Part::One),
            "**" if at + 1 == count => Ok(Part::Rest),
            "**" => Err(fail("`**` stands for everything that follows and can only be last")),
            _ if component.contains('*') => Err(fail("a `*` stands for a whole component")),
            _ if component.parse::<RepositoryName>().is_ok() => Ok(Part::Exact(component.to_owned())),
            _ => Err(fail("its parts are components of repository names, `*`, or `**` at the end")),
        };
        text.split('/').enumerate().map(part).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, part) in self.0.iter().enumerate() {
            if at > 0 {
                formatter.write_str("/")?;
            }
            formatter.write_str(match part {
                Part::Exact(name) => name,
                Part::One => "*",
                Part::Rest => "**",
            })?;
        }
        Ok(())
    }
}

impl Upstream {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Upstreams {
    fn name(&self, upstream: &Upstream) -> bool {
        match self {
            Self::All => true,
            Self::One(one) => one == upstream,
        }
    }
}

impl FromStr for Upstream {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let fail = |why| GrantError { text: shown(text), kind: "name of an upstream", why };
        if text.is_empty() || text.len() > 100 {
            return Err(fail("it has 1 to 100 characters"));
        }
        let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let bytes = text.as_bytes();
        if !bytes.iter().all(|byte| word(*byte) || b".-_".contains(byte)) {
            return Err(fail("it has other characters than lower-case letters, digits, `.`, `-` and `_`"));
        }
        if !bytes.first().is_some_and(|byte| word(*byte)) {
            return Err(fail("it begins with a lower-case letter or a digit"));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Upstreams {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        if text == "*" { Ok(Self::All) } else { text.parse().map(Self::One) }
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Display for Upstreams {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => formatter.write_str("*"),
            Self::One(one) => formatter.write_str(&one.0),
        }
    }
}

pub(crate) fn shown(text: &str) -> String {
    escape_text(&text.chars().take(300).collect::<String>())
}

macro_rules! as_text {
    ($($name:ty),*) => {$(
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
pub(crate) use as_text;

as_text!(Pattern, Upstream, Upstreams);

#[cfg(test)]
mod tests;
