use crate::{Error, Store};
use access::Permit;
use model::{Digest, RepositoryName, Tag};

/// A tag of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagRow {
    /// Its name.
    pub name: Tag,
    /// What was pushed last.
    pub digest: Digest,
    /// What is served: the last digest of this tag that was released.
    pub approved: Option<Digest>,
    /// When it was pushed last.
    pub updated: i64,
}

impl Store {
    /// The tags that come after `last`, at most `n` (and [`crate::MAX_PAGE`]), in lexical order. A permit to pull sees
    /// those with an approved digest that is released; a permit to read the quarantine sees all. [`Error::NoRepository`]
    /// where there is none.
    pub async fn tags(&self, permit: &Permit, last: Option<&str>, n: usize) -> Result<Vec<TagRow>, Error> {
        let _ = (permit, last, n);
        todo!()
    }

    /// One tag, whatever its standing. It names content and gives none.
    pub async fn tag(&self, repository: &RepositoryName, tag: &Tag) -> Result<Option<TagRow>, Error> {
        let _ = (repository, tag);
        todo!()
    }

    /// Points a tag at a manifest of the repository. What it approved before stays approved until the new one is released.
    pub async fn put_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
        by: &str,
    ) -> Result<(), Error> {
        let _ = (repository, tag, digest, by);
        todo!()
    }

    /// Removes a tag. Whether there was one.
    pub async fn delete_tag(&self, repository: &RepositoryName, tag: &Tag, by: &str) -> Result<bool, Error> {
        let _ = (repository, tag, by);
        todo!()
    }
}
