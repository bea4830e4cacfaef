use crate::Reference;
use access::{Permit, Principal, Upstream};
use futures_util::future::BoxFuture;
use model::{Digest, RepositoryName};
use serde_json::Value;
use store::Stored;

/// What stands between a request and content that is not released: the gate. The registry asks it where names lie and what
/// to answer, and tells it what came in; it never gets content from it, only digests, which the store then gives a token
/// for or does not.
pub trait Quarantine: Send + Sync + 'static {
    /// Where a repository lies, by its name and the namespace that a mirror's client sends in `ns`. Asked for each
    /// request, so it looks at the configuration alone.
    fn place(&self, name: &RepositoryName, namespace: Option<&str>) -> Place;

    /// Somebody who may pull asks for a manifest that the store does not release, or by a tag of an upstream. May wait, but
    /// not as long as clients do (containerd: 30 seconds).
    fn arrive<'a>(&'a self, arrival: Arrival<'a>) -> BoxFuture<'a, Standing>;

    /// A manifest was pushed and lies in quarantine. The client waits for this, so it queues and returns.
    fn arrived<'a>(&'a self, pushed: Pushed<'a>) -> BoxFuture<'a, ()>;

    /// Whether a name stands for something to whoever may pull it: an upstream answers for repositories that it was never
    /// asked for. Asked where the store knows no such repository.
    fn serves(&self, place: &Place) -> bool {
        place.upstream.is_some()
    }
}

/// Where a repository lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Its name in the store, which permits and tokens speak of: `docker.io/library/x` for `library/x` of `ns=docker.io`.
    pub repository: RepositoryName,
    /// The upstream that it stands for; none where it is hosted here.
    pub upstream: Option<Upstream>,
    /// Whether the namespace was made use of, which the answer then says in `OCI-Namespace`.
    pub namespace_used: bool,
}

impl Place {
    /// A repository that is hosted here.
    pub fn hosted(name: &RepositoryName) -> Self {
        Self { repository: name.clone(), upstream: None, namespace_used: false }
    }
}

/// A manifest that is asked for and not released.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Who may pull it once it is: a permit to pull in its repository.
    pub permit: &'a Permit,
    /// Which.
    pub reference: &'a Reference,
    /// Whether only its headers are asked for.
    pub head: bool,
}

/// What to answer to an [`Arrival`].
#[derive(Debug, Clone, PartialEq)]
pub enum Standing {
    /// This digest, with a sentence for whoever pulls where something newer is held. The store is asked for the token: that it
    /// stands here gives nothing away.
    Released(Digest, Option<String>),
    /// It is being looked at, or a person has to decide.
    Held {
        /// How far it is.
        message: String,
        /// Seconds after which to ask again.
        retry_after: u64,
        /// A page that tells more.
        page: Option<String>,
    },
    /// It was refused.
    Denied {
        /// Which rule said so, of which file in which layer.
        message: String,
        /// The same for programs.
        detail: Value,
    },
    /// There is no such content.
    Unknown,
    /// Nobody can say: the upstream or the gate's own parts do not answer. Nothing is served.
    Unavailable {
        /// What does not answer.
        message: String,
        /// Seconds after which to ask again.
        retry_after: u64,
    },
}

/// A manifest that was pushed.
#[derive(Debug, Clone, Copy)]
pub struct Pushed<'a> {
    /// Who pushed it: a permit to push in its repository.
    pub permit: &'a Permit,
    /// What became of it in the store.
    pub stored: &'a Stored,
    /// The tags that were given with it.
    pub tags: &'a [model::Tag],
}

/// Who has an account, and what they may do: implemented by the gate over its store, so that a right that is taken away
/// is gone with the next request.
pub trait Accounts: Send + Sync + 'static {
    /// Whoever proves to be `name`. [`None`] for a wrong name, a wrong secret and a disabled account alike, after the same time.
    fn login<'a>(
        &'a self,
        name: &'a str,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<Option<Principal>, Unavailable>>;

    /// The rights that somebody has now, of whom a token was verified; [`None`] where the account is gone or disabled.
    fn principal<'a>(
        &'a self,
        identity: &'a access::Identity,
    ) -> BoxFuture<'a, Result<Option<Principal>, Unavailable>>;

    /// What is open to everybody: [`Principal::anonymous`] with nothing, unless the configuration says otherwise.
    fn anonymous(&self) -> Principal;
}

/// Who asks cannot be found out now, so nobody is let in.
#[derive(Debug, Clone, thiserror::Error)]
#[error("accounts cannot be read now: {0}")]
pub struct Unavailable(pub String);
