//! Rows and blobs of the gate: repositories, releases, the journal, jobs.
//!
//! Comes in: content with the digest it should have, manifests, decisions, rows. Goes out: the same again, and content
//! for a [`Released`] token, which only [`Store::released`] and [`Store::read_back`] make, for a permit. Never: content
//! without a token (the scanner's door is [`analysis`], closed to `registry`); an answer to a write before it would
//! survive a power loss; a row without its file.
//!
//! Membership in a repository is the source of truth: no other table and no cache makes content appear in a repository
//! that does not hold it (CVE-2024-39897, CVE-2026-35172). What is not released is not there.
#![forbid(unsafe_code)]
#![expect(
    clippy::result_large_err,
    reason = "an error is rare, and its two digests are what a client is told"
)]

mod accounts;
pub mod analysis;
mod blobs;
mod collect;
mod deliveries;
mod error;
mod evidence;
mod exceptions;
mod incoming;
mod jobs;
pub mod journal;
mod logins;
mod manifest;
mod manifests;
mod queue;
mod recover;
mod release;
mod repositories;
mod schema;
mod scrub;
mod settings;
mod sight;
mod store;
mod tags;
mod terms;
mod uploads;

pub use accounts::{Grant, Robot, User};
pub use blobs::{BlobFile, BlobInfo};
pub use collect::Collected;
pub use deliveries::Delivery;
pub use error::Error;
pub use exceptions::{Approval, ExceptionRow, NewException};
pub use incoming::{Incoming, Receiving, Sealed};
pub use jobs::{Job, JobState, JobWatch, NewJob, back_off};
pub use logins::Login;
pub use manifest::{Descriptor, Link, LinkKind, Manifest, ManifestError, ManifestKind, media_type};
pub use manifests::{ManifestInfo, PutManifest, Referrer, Stored};
pub use queue::{OpenJob, Queue, Queued};
pub use recover::Recovered;
pub use release::{ApprovedTag, Decision, Outcome, Released, ReleasedKind, Standing, StandingFilter, State};
pub use repositories::{Origin, Repository};
pub use scrub::Scrubbed;
pub use sight::Sight;
pub use store::{MAX_PAGE, Options, Store, now};
pub use tags::TagRow;
pub use terms::{Match, Term, TermKind};
pub use uploads::{Append, UploadId, UploadStatus};
