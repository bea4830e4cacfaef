use crate::{Error, Store};
use model::{Digest, RepositoryName};
use serde_json::Value;

/// An exception that a person asks for.
#[derive(Debug, Clone, PartialEq)]
pub struct NewException {
    /// What it is about, as `policy` writes it: findings, digests, repositories.
    pub scope: Value,
    /// Why.
    pub reason: String,
    /// Who asks.
    pub created_by: String,
    /// When it ends. There is none without an end.
    pub expires: i64,
}

/// An exception, asked for or approved.
#[derive(Debug, Clone, PartialEq)]
pub struct ExceptionRow {
    /// Its number.
    pub id: i64,
    /// What it is about.
    pub scope: Value,
    /// Why.
    pub reason: String,
    /// Who asked.
    pub created_by: String,
    /// When.
    pub created: i64,
    /// Who approved, and when: never who asked.
    pub approved: Option<(String, i64)>,
    /// When it ends.
    pub expires: i64,
    /// When it was withdrawn.
    pub withdrawn: Option<i64>,
}

impl ExceptionRow {
    /// Whether it holds at a time: approved, not withdrawn, not at its end.
    pub fn holds(&self, at: i64) -> bool {
        self.approved.is_some() && self.withdrawn.is_none() && at < self.expires
    }
}

/// That a person wants a held image to be released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    /// Who.
    pub approver: String,
    /// Why.
    pub reason: String,
    /// When.
    pub created: i64,
}

impl Store {
    /// Asks for an exception; it holds when somebody else approves it.
    pub async fn create_exception(&self, new: &NewException) -> Result<ExceptionRow, Error> {
        let _ = new;
        todo!()
    }

    /// Approves an exception. `false` where there is none that waits, or where `by` is who asked for it.
    pub async fn approve_exception(&self, id: i64, by: &str) -> Result<bool, Error> {
        let _ = (id, by);
        todo!()
    }

    /// Withdraws an exception. Whether there was one.
    pub async fn withdraw_exception(&self, id: i64, by: &str) -> Result<bool, Error> {
        let _ = (id, by);
        todo!()
    }

    /// All exceptions, or those that hold at a time.
    pub async fn exceptions(&self, holding_at: Option<i64>) -> Result<Vec<ExceptionRow>, Error> {
        let _ = holding_at;
        todo!()
    }

    /// Notes an approval of a held image, once for each person; gives all of the image.
    pub async fn approve(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        by: &str,
        reason: &str,
    ) -> Result<Vec<Approval>, Error> {
        let _ = (repository, digest, by, reason);
        todo!()
    }

    /// The approvals of an image.
    pub async fn approvals(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Vec<Approval>, Error> {
        let _ = (repository, digest);
        todo!()
    }
}
