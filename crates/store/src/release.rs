use crate::{Error, Store};
use access::Permit;
use bytes::Bytes;
use model::{Digest, RepositoryName, Tag};
use serde_json::Value;
use std::sync::Arc;

/// That one content of one repository may be read by whoever holds this. Made by [`Store::released`],
/// [`Store::read_back`] and [`Store::approved_tag`] alone, for a permit, at the moment of asking: do not keep it.
#[derive(Debug)]
pub struct Released {
    repository: RepositoryName,
    digest: Digest,
    size: u64,
    kind: ReleasedKind,
    /// The bytes, where they are a manifest's that is kept in memory.
    bytes: Option<Bytes>,
}

/// As what content is in its repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleasedKind {
    /// A blob: a configuration or a layer.
    Blob,
    /// A manifest, with its Content-Type.
    Manifest {
        /// Its Content-Type.
        media_type: Arc<str>,
    },
}

impl Released {
    /// The repository that the content was released in.
    pub fn repository(&self) -> &RepositoryName {
        &self.repository
    }

    /// The digest that the manifest named it by.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is a blob or a manifest.
    pub fn kind(&self) -> &ReleasedKind {
        &self.kind
    }
}

/// How a digest stands in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Not decided, or held.
    Quarantined,
    /// May be read.
    Released,
    /// Was refused.
    Denied,
    /// Was released, and is not any more.
    Revoked,
}

/// How a digest stands in a repository, and why.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    /// The root manifest.
    pub digest: Digest,
    /// How it stands.
    pub state: State,
    /// What was decided, as the gate wrote it.
    pub decision: Option<Value>,
    /// The report it was decided by, in the evidence.
    pub evidence: Option<Digest>,
    /// The rules it was decided by.
    pub rules: Option<Digest>,
    /// When this digest was first seen in this repository.
    pub first_seen: i64,
    /// When it was decided.
    pub decided: Option<i64>,
}

/// What the gate decided, as it stands in the journal.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// The decision itself: effect, rule, reason, digests of report, rules, feeds and policy.
    pub body: Value,
    /// The report, in the evidence.
    pub evidence: Option<Digest>,
    /// The rules.
    pub rules: Option<Digest>,
    /// Who decided: `policy`, or a person.
    pub by: String,
}

/// What a release or its end changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Outcome {
    /// The journal's entry.
    pub entry: i64,
    /// How many digests the root releases.
    pub released: usize,
    /// What the root names and the repository does not hold: not released, and not served when it comes later, until the
    /// root is released again.
    pub missing: Vec<Digest>,
    /// Other roots whose release ended, as they reach what was denied or revoked.
    pub ended: Vec<Digest>,
}

/// A tag as a permit to pull sees it.
#[derive(Debug)]
pub struct ApprovedTag {
    /// What is served, where anything is approved.
    pub released: Option<Released>,
    /// What was pushed last.
    pub newest: Digest,
    /// When.
    pub updated: i64,
}

impl ApprovedTag {
    /// Whether something newer than what is served is held.
    pub fn newer_is_held(&self) -> bool {
        self.released.as_ref().is_some_and(|released| released.digest != self.newest)
    }
}

/// Which standings to list.
#[derive(Debug, Clone, Default)]
pub struct StandingFilter {
    /// Of this repository only.
    pub repository: Option<RepositoryName>,
    /// In this state only.
    pub state: Option<State>,
    /// Those whose rules are others than these: what a change of rules must look at again.
    pub rules_other_than: Option<Digest>,
    /// After this one.
    pub last: Option<(RepositoryName, Digest)>,
    /// At most this many.
    pub n: usize,
}

impl Store {
    /// The release check. A token where the permit is to pull, the permit's repository holds the digest, and a released
    /// root of that repository reaches it; in all other cases none.
    pub async fn released(&self, permit: &Permit, digest: &Digest) -> Result<Option<Released>, Error> {
        let _ = (permit, digest);
        todo!()
    }

    /// A token for content that is not decided yet, for a permit to read the quarantine. None for what a denied or revoked
    /// manifest reaches, unless a released one does as well.
    pub async fn read_back(&self, permit: &Permit, digest: &Digest) -> Result<Option<Released>, Error> {
        let _ = (permit, digest);
        todo!()
    }

    /// What a tag serves to a permit to pull. `None` where there is no such tag.
    pub async fn approved_tag(&self, permit: &Permit, tag: &Tag) -> Result<Option<ApprovedTag>, Error> {
        let _ = (permit, tag);
        todo!()
    }

    /// The bytes of a manifest (or of a small blob), from memory where they are there.
    pub async fn bytes(&self, released: &Released) -> Result<Bytes, Error> {
        let _ = released;
        todo!()
    }

    /// How a digest stands in a repository; `None` where it was never there.
    pub async fn standing(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<Standing>, Error> {
        let _ = (repository, digest);
        todo!()
    }

    /// Standings, by repository and digest.
    pub async fn standings(&self, filter: &StandingFilter) -> Result<Vec<(RepositoryName, Standing)>, Error> {
        let _ = filter;
        todo!()
    }

    /// Releases a root manifest with all that it reaches in its repository, and approves it for the tags that point to it.
    /// [`Error::Blocked`] where it reaches something that is itself denied or revoked.
    pub async fn release(
        &self,
        repository: &RepositoryName,
        root: &Digest,
        decision: Decision,
    ) -> Result<Outcome, Error> {
        let _ = (repository, root, decision);
        todo!()
    }

    /// Denies a digest (a manifest, or a blob). Every release that reaches it ends; these roots are quarantined again.
    pub async fn deny(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        decision: Decision,
    ) -> Result<Outcome, Error> {
        let _ = (repository, digest, decision);
        todo!()
    }

    /// Takes a release back. As [`Store::deny`], with the state revoked.
    pub async fn revoke(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        decision: Decision,
    ) -> Result<Outcome, Error> {
        let _ = (repository, digest, decision);
        todo!()
    }

    /// Holds a digest: it is quarantined, with the decision that says why. Ends its own release, and no denial of others.
    pub async fn hold(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        decision: Decision,
    ) -> Result<Outcome, Error> {
        let _ = (repository, digest, decision);
        todo!()
    }
}

impl State {
    /// As the row has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Released => "released",
            Self::Denied => "denied",
            Self::Revoked => "revoked",
        }
    }
}

pub(crate) struct Checks;
