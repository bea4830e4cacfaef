use crate::{Digest, RepositoryName, Tag};
use std::fmt;
use std::str::FromStr;

/// A reference to an image in a registry, normalised as Docker does it: `nginx` is
/// `docker.io/library/nginx:latest`.
///
/// Grammar: distribution/reference. Parsing is strict because the parts become URLs and file names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageRef {
    /// Host and optional port, `docker.io` where none was written.
    pub registry: String,
    /// Whether the reference named its registry; `nginx` did not.
    pub registry_written: bool,
    /// Path in the registry, `library/nginx`.
    pub repository: String,
    /// Tag; `latest` where neither tag nor digest was written.
    pub tag: Option<String>,
    /// Pinned digest.
    pub digest: Option<Digest>,
}

/// Why a text is no image reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reference} is not an image reference: {why}")]
pub struct ImageRefError {
    /// The text, escaped.
    pub reference: String,
    /// What is wrong with it.
    pub why: &'static str,
}

impl ImageRef {
    /// The registry's name for people and policies is `docker.io`; its API answers elsewhere.
    pub fn api_host(&self) -> &str {
        if self.registry == "docker.io" { "registry-1.docker.io" } else { &self.registry }
    }

    /// What to ask the registry for: the digest where one is pinned, else the tag.
    pub fn target(&self) -> String {
        match (&self.digest, &self.tag) {
            (Some(digest), _) => digest.to_string(),
            (None, Some(tag)) => tag.clone(),
            (None, None) => "latest".to_owned(),
        }
    }
}

impl FromStr for ImageRef {
    type Err = ImageRefError;

    fn from_str(text: &str) -> Result<Self, ImageRefError> {
        let fail =
            |why| ImageRefError { reference: crate::escape_text(text.get(..300).unwrap_or(text)), why };
        if text.len() > 512 {
            return Err(fail("it is longer than 512 characters"));
        }
        let (name, digest) = match text.split_once('@') {
            Some((name, digest)) => {
                (name, Some(digest.parse::<Digest>().map_err(|_| fail("its digest is malformed"))?))
            }
            None => (text, None),
        };
        let (host, rest) = match name.split_once('/') {
            Some((first, rest))
                if first.contains(['.', ':'])
                    || first == "localhost"
                    || first.contains(char::is_uppercase) =>
            {
                (Some(first), rest)
            }
            _ => (None, name),
        };
        let (path, tag) = match rest.rsplit_once(':') {
            Some((path, tag)) => (path, Some(tag)),
            None => (rest, None),
        };
        if host.is_some_and(|host| !is_host(host)) {
            return Err(fail("its registry is not a host name with an optional port"));
        }
        if tag.is_some_and(|tag| tag.parse::<Tag>().is_err()) {
            return Err(fail("its tag is malformed"));
        }
        if path.parse::<RepositoryName>().is_err() {
            return Err(fail(if path.contains(char::is_uppercase) {
                "its repository name must be lower case"
            } else {
                "its repository name is malformed"
            }));
        }
        let registry = match host {
            None | Some("index.docker.io" | "registry-1.docker.io") => "docker.io",
            Some(host) => host,
        };
        let repository = if registry == "docker.io" && !path.contains('/') {
            format!("library/{path}")
        } else {
            path.to_owned()
        };
        if registry.len() + 1 + repository.len() > 255 {
            return Err(fail("its name is longer than 255 characters"));
        }
        let tag = match (tag, &digest) {
            (Some(tag), _) => Some(tag.to_owned()),
            (None, None) => Some("latest".to_owned()),
            (None, Some(_)) => None,
        };
        Ok(Self { registry: registry.to_owned(), registry_written: host.is_some(), repository, tag, digest })
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => match rest.split_once(']') {
            Some((address, port)) if address.parse::<std::net::Ipv6Addr>().is_ok() => {
                ("v6", port.strip_prefix(':'))
            }
            _ => return false,
        },
        None => match host.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (host, None),
        },
    };
    name.split('.').all(|label| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    }) && port
        .is_none_or(|port| port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok())
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        self.digest.map_or(Ok(()), |digest| write!(f, "@{digest}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: Option<&str>) {
        assert_eq!(text.parse::<ImageRef>().ok().map(|r| r.to_string()).as_deref(), expect, "{text}");
    }

    #[test]
    fn references_are_normalised_as_docker_does() {
        check("nginx", Some("docker.io/library/nginx:latest"));
        check("c43602f9cc95/openjdk:0da242bd93b7f", Some("docker.io/c43602f9cc95/openjdk:0da242bd93b7f"));
        check("index.docker.io/nginx", Some("docker.io/library/nginx:latest"));
        check("localhost:5000/a/b:1", Some("localhost:5000/a/b:1"));
        check("localhost/a", Some("localhost/a:latest"));
        check("[::1]:5000/a", Some("[::1]:5000/a:latest"));
        check("ghcr.io/a/b__c/d--e:v1.0", Some("ghcr.io/a/b__c/d--e:v1.0"));
        let pinned = format!("quay.io/a/b@sha256:{}", "0".repeat(64));
        check(&pinned, Some(&pinned));
    }

    #[test]
    fn what_could_leave_its_place_is_refused() {
        for bad in [
            "",
            "/",
            "a//b",
            "../etc/passwd",
            "a/../b",
            "a/..",
            "Nginx",
            "a:",
            "a:b:c",
            "a@sha256:00",
            "a_/b",
            "a/_b",
            "a..b",
            "host.example:99999/a",
            "-host.example/a",
            "a b",
            "a%2fb",
            "[::1/a",
            "a:-x",
            "a___b",
        ] {
            check(bad, None);
        }
        check(&"a".repeat(300), None);
    }
}
