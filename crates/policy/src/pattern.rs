use model::{RepositoryName, escape_text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Names repositories component by component: `team/app` is one, `team/*` all with one more component, `team/**` all
/// below, `**` all. Grants are written in the same way. It is never compared as the beginning of a text, so that
/// `docker.io/**` does not name `docker.io.evil.example/x`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(String);

/// Why a text is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} is no pattern of repositories: {why}")]
pub struct PatternError {
    /// The text, escaped.
    pub text: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl Pattern {
    /// Whether it names the repository.
    pub fn names(&self, repository: &RepositoryName) -> bool {
        let mut components = repository.components();
        for part in self.0.split('/') {
            match (part, components.next()) {
                (_, None) => return false,
                ("**", Some(_)) => return true,
                ("*", Some(_)) => {}
                (part, Some(component)) if part == component => {}
                _ => return false,
            }
        }
        components.next().is_none()
    }

    /// Whether it names every repository.
    pub fn is_everything(&self) -> bool {
        self.0 == "**"
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let fail = |why| PatternError { text: escape_text(&text.chars().take(300).collect::<String>()), why };
        if text.len() > 255 {
            return Err(fail("it is longer than 255 characters"));
        }
        let mut parts = text.split('/').peekable();
        while let Some(part) = parts.next() {
            match part {
                "*" => {}
                "**" if parts.peek().is_none() => {}
                "**" => return Err(fail("`**` stands for everything that follows and can only be last")),
                _ if part.contains('*') => return Err(fail("a `*` stands for a whole component")),
                _ if part.parse::<RepositoryName>().is_ok() => {}
                _ => {
                    return Err(fail(
                        "its parts are components of repository names, `*`, or `**` at the end",
                    ));
                }
            }
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Serialize for Pattern {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, names: &[&str], others: &[&str]) {
        let parsed: Pattern = pattern.parse().unwrap();
        for (list, expect) in [(names, true), (others, false)] {
            for name in list {
                assert_eq!(parsed.names(&name.parse().unwrap()), expect, "{pattern} {name}");
            }
        }
    }

    #[test]
    fn repositories_are_named_by_component() {
        check("team/app", &["team/app"], &["team", "team/app/x", "team/apps", "xteam/app"]);
        check("team/*", &["team/app"], &["team", "team/app/x", "teams/app"]);
        check("team/**", &["team/app", "team/app/x"], &["team", "teams/app"]);
        check("docker.io/**", &["docker.io/library/nginx"], &["docker.io.evil.example/x", "docker.io"]);
        check("**", &["a", "a/b"], &[]);
        for text in ["", "a*", "**/a", "a/**/b", "A", "/a", "a/", "..", "a b"] {
            assert!(text.parse::<Pattern>().is_err(), "{text}");
        }
    }
}
