use model::RepositoryName;

/// What a permit allows in one repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    /// Read what was released.
    Pull,
    /// Bring content in.
    Push,
    /// Remove content.
    Delete,
    /// Read content before it is decided: its pusher, and scanners.
    QuarantineRead,
}

/// That a principal may do one thing in one repository. Only this crate makes one, after it has looked at who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Permit {
    principal: String,
    repository: RepositoryName,
    action: Action,
}

impl Permit {
    #[allow(dead_code, reason = "used by what decides")]
    pub(crate) fn mint(principal: impl Into<String>, repository: RepositoryName, action: Action) -> Self {
        Self { principal: principal.into(), repository, action }
    }

    /// Who asks.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// In which repository.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// To do what.
    pub fn action(&self) -> Action {
        self.action
    }

    /// A permit nobody asked for, for the tests of other crates: the feature `testing` is for dev-dependencies alone.
    #[cfg(feature = "testing")]
    pub fn for_tests(principal: &str, repository: &RepositoryName, action: Action) -> Self {
        Self::mint(principal, repository.clone(), action)
    }
}
