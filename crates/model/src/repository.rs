use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// Longest name of a repository: with its host it must fit into the 255 characters that clients allow.
const LONGEST_NAME: usize = 255;
/// Longest tag (OCI distribution specification 1.1, "Pulling manifests").
const LONGEST_TAG: usize = 128;

/// The name of a repository in a registry: `library/nginx`, `docker.io/library/nginx`.
///
/// Grammar: OCI distribution specification 1.1. It becomes part of rows, links and messages, and nothing that climbs out of
/// a path passes (CVE-2022-47747).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(String);

/// A tag of a repository: up to 128 letters, digits, `_`, `.` and `-`, of which the first is no `.` and no `-`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

/// Why a text names no repository or no tag.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text} is no {kind}: {why}")]
pub struct NameError {
    /// The text, escaped.
    pub text: String,
    /// What it should have been.
    pub kind: &'static str,
    /// What is wrong with it.
    pub why: &'static str,
}

impl RepositoryName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts between the slashes.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }
}

impl Tag {
    /// The tag as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fail = |why| NameError { text: shown(text), kind: "name of a repository", why };
        if text.len() > LONGEST_NAME {
            return Err(fail("it is longer than 255 characters"));
        }
        if !text.split('/').all(is_component) {
            return Err(fail(
                "its parts are lower-case letters and digits, with single `.`, one or two `_`, or `-` between them",
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

impl FromStr for Tag {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let fail = |why| NameError { text: shown(text), kind: "tag", why };
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
        match text.as_bytes() {
            [] => Err(fail("it is empty")),
            bytes if bytes.len() > LONGEST_TAG => Err(fail("it is longer than 128 characters")),
            [b'.' | b'-', ..] => Err(fail("it begins with a dot or a dash")),
            bytes if bytes.iter().all(inner) => Ok(Self(text.to_owned())),
            _ => Err(fail("it has other characters than letters, digits, `_`, `.` and `-`")),
        }
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut rest = text.as_bytes();
    loop {
        let length = rest.iter().take_while(|byte| word(byte)).count();
        if length == 0 {
            return false;
        }
        rest = &rest[length..];
        rest = match rest {
            [] => return true,
            [b'_', b'_', after @ ..] | [b'.' | b'_', after @ ..] => after,
            [b'-', ..] => &rest[rest.iter().take_while(|byte| **byte == b'-').count()..],
            _ => return false,
        };
    }
}

fn shown(text: &str) -> String {
    crate::escape_text(&text.chars().take(300).collect::<String>())
}

macro_rules! as_text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(RepositoryName);
as_text!(Tag);

#[cfg(test)]
mod tests {
    use super::*;

    fn check_name(text: &str, valid: bool) {
        assert_eq!(text.parse::<RepositoryName>().is_ok(), valid, "{text}");
    }

    fn check_tag(text: &str, valid: bool) {
        assert_eq!(text.parse::<Tag>().is_ok(), valid, "{text}");
    }

    #[test]
    fn names_follow_the_specification() {
        let valid = [
            "a",
            "library/nginx",
            "docker.io/library/x",
            "a__b/c--d/e.f",
            "a_b",
            "a---b",
            "0/1/2",
            "v2/manifests/x",
        ];
        for text in valid {
            check_name(text, true);
        }
        let invalid = [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "a._b", "-a", "a-", ".a", "_a", "a b",
            "a%2fb", "../a", "a/..", "a/./b", "a:b", "a@b", "ä", "a\0",
        ];
        for text in invalid {
            check_name(text, false);
        }
        check_name(&"a".repeat(255), true);
        check_name(&"a".repeat(256), false);
    }

    #[test]
    fn tags_follow_the_specification() {
        for text in ["latest", "1.27", "_x", "A-b.c_d", &"a".repeat(128)] {
            check_tag(text, true);
        }
        for text in ["", ".x", "-x", "a/b", "a:b", "a b", "ä", &"a".repeat(129)] {
            check_tag(text, false);
        }
    }
}
