use crate::{Principal, Upstream};
use model::RepositoryName;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// That somebody may do one thing in one repository. Its fields are private and [`authorize`] alone makes it, so a
/// function that takes a permit cannot be reached without a decision of this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    principal: Principal,
    repository: RepositoryName,
    action: Action,
    upstream: Option<Upstream>,
}

/// What can be done in a repository.
///
/// `push` writes blobs and manifests and gives names that are free; `overwrite` moves a tag that exists. They are two
/// rights because whoever may add an image must not thereby be able to replace the one that others run
/// (CVE-2026-31801). Docker clients can only ask for `pull`, `push` and `delete`: a token for `push` carries
/// `overwrite` and `quarantine-read` where its owner has them, one for `pull` carries `quarantine-read`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Read what was released.
    Pull,
    /// Write blobs and manifests, and give a tag that is not there yet.
    Push,
    /// Point a tag that exists to another digest.
    Overwrite,
    /// Take away tags, manifests and blobs.
    Delete,
    /// Read what one brought oneself before it is decided.
    QuarantineRead,
}

/// Why nothing was permitted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nobody said who asks. The answer is 401 with a challenge.
    #[error("nobody is logged in, and {action} in {repository} is not open to everybody; log in first")]
    Authenticate {
        /// The repository that was asked for.
        repository: RepositoryName,
        /// What was asked for.
        action: Action,
    },
    /// Whoever asks is known and has no such right. The answer is 403.
    #[error("{who} has no right to {action} in {repository}; ask an administrator for a grant")]
    Forbidden {
        /// Who asked.
        who: String,
        /// The repository that was asked for.
        repository: RepositoryName,
        /// What was asked for.
        action: Action,
    },
    /// The right to the repository is there, the one to the upstream behind it is not. The answer is 403.
    #[error(
        "{who} has no right to use the upstream {upstream} behind {repository}; ask an administrator for a grant"
    )]
    Upstream {
        /// Who asked.
        who: String,
        /// The repository that was asked for.
        repository: RepositoryName,
        /// The upstream that it stands for.
        upstream: Upstream,
    },
    /// Content of an upstream comes from there only: a push would give it another provenance. The answer is 403.
    #[error(
        "{repository} stands for the upstream {upstream} and takes no pushes; push to a repository of your own"
    )]
    Mirror {
        /// The repository that was asked for.
        repository: RepositoryName,
        /// The upstream that it stands for.
        upstream: Upstream,
    },
}

/// Permits an action in a repository that is hosted here, or says why not. What no grant allows is refused.
pub fn authorize(
    principal: &Principal,
    repository: &RepositoryName,
    action: Action,
) -> Result<Permit, Refusal> {
    if !principal.may(repository, action) {
        return Err(refusal(principal, repository, action));
    }
    Ok(Permit { principal: principal.clone(), repository: repository.clone(), action, upstream: None })
}

/// As [`authorize`] for a repository that stands for an upstream: whoever reads it needs the right to use the upstream
/// besides, also where its content is here already, and nobody but the gate itself writes to it.
pub fn authorize_through(
    principal: &Principal,
    repository: &RepositoryName,
    upstream: &Upstream,
    action: Action,
) -> Result<Permit, Refusal> {
    let permit = authorize(principal, repository, action)?;
    let (repository, upstream) = (repository.clone(), upstream.clone());
    if !principal.may_use(&repository, &upstream) {
        return Err(if principal.is_anonymous() {
            Refusal::Authenticate { repository, action }
        } else {
            Refusal::Upstream { who: principal.to_string(), repository, upstream }
        });
    }
    if matches!(action, Action::Push | Action::Overwrite) && !principal.is_gate() {
        return Err(Refusal::Mirror { repository, upstream });
    }
    Ok(Permit { upstream: Some(upstream), ..permit })
}

fn refusal(principal: &Principal, repository: &RepositoryName, action: Action) -> Refusal {
    let repository = repository.clone();
    if principal.is_anonymous() {
        Refusal::Authenticate { repository, action }
    } else {
        Refusal::Forbidden { who: principal.to_string(), repository, action }
    }
}

impl Permit {
    /// Who may, as the journal writes it: `user:alice`.
    pub fn principal(&self) -> &str {
        self.principal.as_str()
    }

    /// Who may, with their rights.
    pub fn holder(&self) -> &Principal {
        &self.principal
    }

    /// In which repository.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// What.
    pub fn action(&self) -> Action {
        self.action
    }

    /// The upstream that it may use besides. A repository that stands for an upstream gives nothing to a permit
    /// without it.
    pub fn upstream(&self) -> Option<&Upstream> {
        self.upstream.as_ref()
    }

    /// A permit nobody asked for, for the tests of other crates: the feature `testing` is for dev-dependencies alone.
    #[cfg(feature = "testing")]
    pub fn for_tests(principal: &str, repository: &RepositoryName, action: Action) -> Self {
        let principal = Principal::for_tests(principal);
        Self { principal, repository: repository.clone(), action, upstream: None }
    }

    /// As [`Self::for_tests`] with the right to an upstream.
    #[cfg(feature = "testing")]
    pub fn with_upstream_for_tests(self, upstream: &Upstream) -> Self {
        Self { upstream: Some(upstream.clone()), ..self }
    }
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Pull, Self::Push, Self::Overwrite, Self::Delete, Self::QuarantineRead];

    /// The name used in grants, tokens and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Overwrite => "overwrite",
            Self::Delete => "delete",
            Self::QuarantineRead => "quarantine-read",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Action {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|action| action.name() == text).ok_or(())
    }
}

#[cfg(test)]
mod tests;
