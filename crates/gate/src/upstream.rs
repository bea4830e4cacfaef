//! Registries that are pulled through: which there are, what may be asked of them, and how.
use access::Pattern;
use model::{Digest, ImageRef, RepositoryName, Tag};
use registry::Place;
use source::{Login, Options, Remote, Repository};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// One registry that is pulled through.
#[derive(Debug, Clone, Default)]
pub struct Upstream {
    /// Where it answers, in the order in which the addresses are asked.
    pub urls: Vec<String>,
    /// User and password for the hosts of these addresses, and for no others.
    pub login: Option<(String, String)>,
    /// Repositories that may be pulled; all where it is empty.
    pub allow: Vec<Pattern>,
    /// Repositories that may not, whatever `allow` says.
    pub deny: Vec<Pattern>,
    /// Further hosts that may hand out tokens for it.
    pub token_realms: Vec<String>,
    /// Hosts on private addresses that it may redirect to.
    pub redirect_hosts: Vec<String>,
    /// Keys by one of which its images have to be signed; signatures are not looked for where there are none.
    pub signature_keys: Vec<attest::TrustedKey>,
    /// How long its content must have been known here, where that is another time than in general.
    pub minimum_age: Option<Duration>,
}

/// All of them, by name.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    by_name: BTreeMap<access::Upstream, Upstream>,
    /// Names of this server: a namespace that means itself is none.
    own: Vec<String>,
}

/// A repository of an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Far {
    pub(crate) upstream: access::Upstream,
    /// Its name there.
    pub(crate) remote: RepositoryName,
}

/// What a mirror is asked for that has no such upstream. No repository is ever made under this name.
pub(crate) const NOWHERE: &str = "unknown-namespace";

impl Upstreams {
    /// The upstreams, and the names by which clients call this server.
    pub fn new(by_name: BTreeMap<access::Upstream, Upstream>, own: Vec<String>) -> Self {
        Self { by_name, own }
    }

    pub(crate) fn get(&self, name: &access::Upstream) -> Option<&Upstream> {
        self.by_name.get(name)
    }

    /// Where a repository lies: below the name of an upstream, or in the namespace that a mirror's client names. One
    /// repository has one name here, however it is asked for.
    pub(crate) fn place(&self, name: &RepositoryName, namespace: Option<&str>) -> Place {
        let namespace =
            namespace.filter(|namespace| !self.own.iter().any(|own| own.eq_ignore_ascii_case(namespace)));
        if let Some(namespace) = namespace {
            return match self.named(namespace) {
                Some(upstream) => placed(upstream, name, true).unwrap_or_else(nowhere),
                // What is hosted here must never stand for what lies in a registry that is not known.
                None => nowhere(),
            };
        }
        let (first, rest) = name.as_str().split_once('/').unwrap_or((name.as_str(), ""));
        let far = self.named(first).and_then(|upstream| Some((upstream, rest.parse().ok()?)));
        far.and_then(|(upstream, rest)| placed(upstream, &rest, false)).unwrap_or_else(|| Place::hosted(name))
    }

    /// The repository of an upstream that a name here stands for.
    pub(crate) fn far(&self, repository: &RepositoryName) -> Option<Far> {
        let (first, rest) = repository.as_str().split_once('/')?;
        Some(Far { upstream: self.named(first)?.clone(), remote: rest.parse().ok()? })
    }

    fn named(&self, name: &str) -> Option<&access::Upstream> {
        self.by_name.keys().find(|upstream| upstream.as_str() == name)
    }
}

fn placed(upstream: &access::Upstream, remote: &RepositoryName, namespace_used: bool) -> Option<Place> {
    // Docker's short names: `nginx` is `library/nginx` there and nowhere else.
    let short = upstream.as_str() == "docker.io" && !remote.as_str().contains('/');
    let library = if short { "library/" } else { "" };
    let repository = format!("{upstream}/{library}{remote}").parse().ok()?;
    Some(Place { repository, upstream: Some(upstream.clone()), namespace_used })
}

fn nowhere() -> Place {
    match NOWHERE.parse() {
        Ok(repository) => Place { repository, upstream: None, namespace_used: false },
        Err(_) => unreachable!("the name is a constant that follows the grammar"),
    }
}

impl Upstream {
    /// Why a repository may not be pulled, where it may not.
    pub(crate) fn refusal(&self, far: &Far) -> Option<String> {
        let Far { upstream, remote } = far;
        if let Some(pattern) = self.deny.iter().find(|pattern| pattern.names(remote)) {
            return Some(format!("{remote} of {upstream} is on the list of what is not pulled ({pattern})"));
        }
        let allowed = self.allow.is_empty() || self.allow.iter().any(|pattern| pattern.names(remote));
        (!allowed).then(|| format!("{remote} of {upstream} is not on the list of what may be pulled"))
    }

    /// The repository, to be asked with this patience.
    pub(crate) fn remote(&self, far: &Far, patience: Patience) -> Result<Remote, source::Error> {
        Remote::new(&self.urls, &far.remote, &self.options(patience)?)
    }

    /// The repository, to read what lies beside an image.
    pub(crate) fn beside(
        &self,
        far: &Far,
        image: &Digest,
        patience: Patience,
    ) -> Result<Box<dyn Repository>, source::Error> {
        source::repository_at(&self.urls, &far.remote, image, &self.options(patience)?)
    }

    fn options(&self, patience: Patience) -> Result<Options, source::Error> {
        let mut options = Options {
            token_realms: self.token_realms.clone(),
            redirect_hosts: self.redirect_hosts.clone(),
            cancelled: patience.cancelled,
            ..Options::default()
        };
        if let Some((user, password)) = &self.login {
            for url in &self.urls {
                let registry = Remote::registry_name(url)?;
                options.logins.push(Login { registry, user: user.clone(), password: password.clone() });
            }
        }
        if let Some(time) = patience.quick {
            options.limits.attempts = 2;
            options.limits.connect = time.min(options.limits.connect);
            options.limits.read = time.min(options.limits.read);
            options.limits.document = time.min(options.limits.document);
            options.limits.retry_after = Duration::ZERO;
        }
        if let Some(idle) = patience.idle {
            options.limits.read = idle;
        }
        Ok(options)
    }
}

/// How long an upstream may take.
#[derive(Debug, Clone, Default)]
pub(crate) struct Patience {
    /// For all of a short question, where it is one.
    pub(crate) quick: Option<Duration>,
    /// Without a byte of progress.
    pub(crate) idle: Option<Duration>,
    /// Ends it from outside.
    pub(crate) cancelled: Arc<AtomicBool>,
}

/// The name by which people know an image: what analyzers that look at names are given.
pub(crate) fn reference(
    repository: &RepositoryName,
    far: Option<&Far>,
    base_url: &str,
    tag: Option<&Tag>,
    digest: &Digest,
) -> ImageRef {
    let host = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split('/').next().filter(|host| !host.is_empty()).unwrap_or("localhost").to_owned()
    };
    let (registry, repository) = match far {
        Some(far) => (far.upstream.as_str().to_owned(), far.remote.as_str().to_owned()),
        None => (host(base_url), repository.as_str().to_owned()),
    };
    ImageRef {
        registry,
        registry_written: true,
        repository,
        tag: tag.map(|tag| tag.as_str().to_owned()),
        digest: Some(*digest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstreams() -> Upstreams {
        let some = ["docker.io", "ghcr.io"].map(|name| (name.parse().unwrap(), Upstream::default()));
        Upstreams::new(some.into(), vec!["gate.example".to_owned()])
    }

    fn check(name: &str, namespace: Option<&str>, expect: (&str, Option<&str>, bool)) {
        let place = upstreams().place(&name.parse().unwrap(), namespace);
        let found = (
            place.repository.as_str(),
            place.upstream.as_ref().map(|name| name.as_str()),
            place.namespace_used,
        );
        assert_eq!(found, expect, "{name} {namespace:?}");
    }

    #[test]
    fn one_repository_has_one_name() {
        let hub = Some("docker.io");
        check("docker.io/library/nginx", None, ("docker.io/library/nginx", hub, false));
        check("docker.io/nginx", None, ("docker.io/library/nginx", hub, false));
        check("nginx", Some("docker.io"), ("docker.io/library/nginx", hub, true));
        check("library/nginx", Some("docker.io"), ("docker.io/library/nginx", hub, true));
        check("ghcr.io/x", None, ("ghcr.io/x", Some("ghcr.io"), false));
        check("x", Some("ghcr.io"), ("ghcr.io/x", Some("ghcr.io"), true));
        check("team/app", None, ("team/app", None, false));
        check("docker.io/team/app", Some("gate.example"), ("docker.io/team/app", hub, false));
        // Hosted content does not stand for that of a registry that is not known, and no name is stretched to one that is.
        check("team/app", Some("quay.io"), (NOWHERE, None, false));
        check("team/app", Some("../x"), (NOWHERE, None, false));
        check("docker.io", None, ("docker.io", None, false));
        check("docker.iox/a", None, ("docker.iox/a", None, false));
    }

    fn check_refusal(remote: &str, expect: Option<&str>) {
        let patterns = |list: &[&str]| list.iter().map(|text| text.parse().unwrap()).collect();
        let upstream = Upstream {
            allow: patterns(&["library/*", "team/**"]),
            deny: patterns(&["team/secret/**"]),
            ..Upstream::default()
        };
        let far = Far { upstream: "docker.io".parse().unwrap(), remote: remote.parse().unwrap() };
        let refusal = upstream.refusal(&far);
        match expect {
            Some(part) => assert!(refusal.unwrap().contains(part), "{remote}"),
            None => assert_eq!(refusal, None, "{remote}"),
        }
    }

    #[test]
    fn lists_say_what_may_be_pulled() {
        check_refusal("library/nginx", None);
        check_refusal("team/a/b", None);
        check_refusal("team/secret/x", Some("team/secret/**"));
        check_refusal("evil/nginx", Some("not on the list"));
        check_refusal("library/nginx/x", Some("not on the list"));
        check_refusal("libraryx/nginx", Some("not on the list"));
    }

    #[test]
    fn images_are_known_by_their_own_names() {
        let digest: Digest = format!("sha256:{}", "0".repeat(64)).parse().unwrap();
        let far = upstreams().far(&"docker.io/library/x".parse().unwrap());
        let name: RepositoryName = "docker.io/library/x".parse().unwrap();
        let tag: Tag = "1".parse().unwrap();
        let named =
            |far: Option<&Far>, tag| reference(&name, far, "https://gate.example/", tag, &digest).to_string();
        assert_eq!(named(far.as_ref(), Some(&tag)), format!("docker.io/library/x:1@{digest}"));
        assert_eq!(named(None, None), format!("gate.example/docker.io/library/x@{digest}"));
    }
}
