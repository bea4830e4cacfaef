use crate::grant::{GrantError, as_text, shown};
use crate::{Action, Grant, Pattern, Rights, Upstream};
use model::RepositoryName;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Who asks, with everything that they were granted. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal(Arc<Inner>);

#[derive(Debug, PartialEq, Eq)]
struct Inner {
    identity: Identity,
    /// The identity as it is written, which every request asks for.
    written: String,
    rights: Rights,
}

/// Who somebody is. Written `anonymous`, `gate`, `user:alice`, `robot:ci` or `oidc:SUBJECT@ISSUER`, in tokens and in
/// the journal alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// Nobody said who they are.
    Anonymous,
    /// The gate itself, which brings content of upstreams.
    Gate,
    /// A person with an account here.
    User(AccountName),
    /// A program with a secret.
    Robot(AccountName),
    /// A person whom an identity provider vouches for.
    Oidc {
        /// The provider.
        issuer: String,
        /// The provider's id for the person, which never changes; names and addresses do.
        subject: String,
    },
}

/// The name of a user or a robot: up to 64 lower-case letters, digits, `.`, `_` and `-`, of which the first is a letter or a
/// digit. One spelling for one account: no case, no Unicode, no spaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName(String);

impl Principal {
    /// Somebody with their rights, as they were read where accounts are kept. For [`Identity::Anonymous`] and
    /// [`Identity::Gate`] the rights are not what is given here, but [`Self::anonymous`] and [`Self::gate`].
    pub fn new(identity: Identity, rights: Rights) -> Self {
        match identity {
            Identity::Anonymous => Self::anonymous(rights.grants),
            Identity::Gate => Self::gate(),
            Identity::User(_) | Identity::Robot(_) | Identity::Oidc { .. } => Self::made(identity, rights),
        }
    }

    /// Nobody, with what the configuration opens to everybody: nothing, where it says nothing. Whatever is given,
    /// everybody can pull at most.
    pub fn anonymous(mut grants: Vec<Grant>) -> Self {
        for grant in &mut grants {
            grant.actions.retain(|action| *action == Action::Pull);
        }
        let rights = Rights { grants, ..Rights::default() };
        Self::made(Identity::Anonymous, rights)
    }

    /// The gate itself when it brings content of upstreams: it writes everywhere and reads nothing, so that this
    /// identity cannot be used to give content away.
    pub fn gate() -> Self {
        let everywhere = Grant {
            repositories: Pattern::everything(),
            actions: vec![Action::Push, Action::Overwrite],
            upstreams: vec![crate::Upstreams::All],
        };
        let rights = Rights { grants: vec![everywhere], ..Rights::default() };
        Self::made(Identity::Gate, rights)
    }

    fn made(identity: Identity, rights: Rights) -> Self {
        let written = identity.to_string();
        Self(Arc::new(Inner { identity, written, rights }))
    }

    /// Somebody under any name, for the tests of other crates.
    #[cfg(feature = "testing")]
    pub(crate) fn for_tests(name: &str) -> Self {
        let identity = name.parse().or_else(|_| Identity::of_login(name)).unwrap_or(Identity::Anonymous);
        Self(Arc::new(Inner { identity, written: name.to_owned(), rights: Rights::default() }))
    }

    /// Who it is, as tokens and the journal write it: `user:alice`.
    pub fn as_str(&self) -> &str {
        &self.0.written
    }

    /// Who it is.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// What they were granted.
    pub fn rights(&self) -> &Rights {
        &self.0.rights
    }

    /// Whether nobody said who asks.
    pub fn is_anonymous(&self) -> bool {
        self.0.identity == Identity::Anonymous
    }

    /// Whether they may administer.
    pub fn is_admin(&self) -> bool {
        self.0.rights.admin
    }

    /// Whether they may list all repositories.
    pub fn may_list(&self) -> bool {
        self.0.rights.admin || self.0.rights.catalog
    }

    pub(crate) fn is_gate(&self) -> bool {
        self.0.identity == Identity::Gate
    }

    pub(crate) fn may(&self, repository: &RepositoryName, action: Action) -> bool {
        self.0.rights.may(repository, action)
    }

    pub(crate) fn may_use(&self, repository: &RepositoryName, upstream: &Upstream) -> bool {
        self.0.rights.may_use(repository, upstream)
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.written)
    }
}

impl fmt::Display for Identity {
    /// Parses back to the same; what an identity provider named is escaped when it is taken in.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => formatter.write_str("anonymous"),
            Self::Gate => formatter.write_str("gate"),
            Self::User(name) => write!(formatter, "user:{name}"),
            Self::Robot(name) => write!(formatter, "robot:{name}"),
            Self::Oidc { issuer, subject } => write!(formatter, "oidc:{subject}@{issuer}"),
        }
    }
}

impl FromStr for Identity {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let fail = |why| GrantError { text: shown(text), kind: "identity", why };
        match text.split_once(':') {
            None if text == "anonymous" => Ok(Self::Anonymous),
            None if text == "gate" => Ok(Self::Gate),
            Some(("user", name)) => Ok(Self::User(name.parse()?)),
            Some(("robot", name)) => Ok(Self::Robot(name.parse()?)),
            // An issuer is a URL without `@`, a subject may have one.
            Some(("oidc", rest)) => match rest.rsplit_once('@') {
                Some((subject, issuer)) => Self::oidc(issuer, subject).ok_or_else(|| {
                    fail("subject or issuer are empty, longer than 255 characters, or have hidden characters")
                }),
                None => Err(fail("it has no issuer")),
            },
            _ => Err(fail("it is written anonymous, user:NAME, robot:NAME or oidc:SUBJECT@ISSUER")),
        }
    }
}

impl Identity {
    /// Somebody whom a provider vouches for; none where a part is empty, too long or hides characters.
    pub fn oidc(issuer: &str, subject: &str) -> Option<Self> {
        let sane = |text: &str| !text.is_empty() && text.len() <= 255 && !text.chars().any(model::is_hidden);
        (sane(issuer) && sane(subject) && !issuer.contains('@'))
            .then(|| Self::Oidc { issuer: issuer.to_owned(), subject: subject.to_owned() })
    }

    /// Who logs in under the name that a client sent: `ci` is a user and `robot+ci` a robot, as a colon cannot
    /// stand in a name of Basic authentication.
    pub fn of_login(name: &str) -> Result<Self, GrantError> {
        match name.strip_prefix("robot+") {
            Some(robot) => robot.parse().map(Self::Robot),
            None => name.parse().map(Self::User),
        }
    }
}

impl AccountName {
    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccountName {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let fail = |why| GrantError { text: shown(text), kind: "name of an account", why };
        let word = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        match text.as_bytes() {
            [] => Err(fail("it is empty")),
            bytes if bytes.len() > 64 => Err(fail("it is longer than 64 characters")),
            [first, ..] if !word(first) => Err(fail("it does not begin with a lower-case letter or a digit")),
            bytes if bytes.iter().all(|byte| word(byte) || b"._-".contains(byte)) => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(fail("it has other characters than lower-case letters, digits, `.`, `_` and `-`")),
        }
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

as_text!(AccountName, Identity);

#[cfg(test)]
mod tests;
