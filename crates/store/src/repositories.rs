use crate::{Error, Store};
use model::RepositoryName;

/// Where the content of a repository comes from. It is fixed when the repository is made, since a verdict never passes
/// from one origin to another (GHSA-4j4m-fchf-gr9r).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Origin {
    /// People push to it.
    Hosted,
    /// It is filled from another registry.
    Upstream {
        /// The name of the upstream in the configuration.
        upstream: String,
        /// The name of the repository there.
        remote: String,
    },
}

/// A repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository {
    /// Its name.
    pub name: RepositoryName,
    /// Where its content comes from.
    pub origin: Origin,
    /// When it was made.
    pub created: i64,
}

impl Store {
    /// Makes a repository where there is none. [`Error::OriginDiffers`] where there is one with another origin.
    pub async fn create_repository(
        &self,
        name: &RepositoryName,
        origin: &Origin,
    ) -> Result<Repository, Error> {
        let _ = (name, origin);
        todo!()
    }

    /// The repository of a name. Remembered in memory.
    pub async fn repository(&self, name: &RepositoryName) -> Result<Option<Repository>, Error> {
        let _ = name;
        todo!()
    }

    /// The names that come after `last`, at most `n` (and [`crate::MAX_PAGE`]), in lexical order. The caller shows each
    /// principal only what it may see.
    pub async fn repositories(&self, last: Option<&str>, n: usize) -> Result<Vec<RepositoryName>, Error> {
        let _ = (last, n);
        todo!()
    }
}
