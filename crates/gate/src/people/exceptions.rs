//! Exceptions from the policy: each with a reason, an end, and two persons.

use super::{Admin, Fail, reason, sees};
use crate::Gate;
use access::Principal;
use model::{Date, Digest, RepositoryName};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::{ExceptionRow, NewException};

/// A year, in milliseconds.
const LONGEST: i64 = 366 * 86_400_000;
/// Exceptions that may wait for an administrator, of one person who is none: nobody buries the others under theirs.
const WAITING: usize = 20;

/// What an exception is about, as the policy reads it: a content, or a rule with a place in repositories.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scope {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) repositories: Option<policy::Pattern>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) gap: Option<String>,
}

impl Scope {
    /// Refuses here what the policy could not use: an exception that lifts nothing is one that nobody notices.
    fn check(&self, reason: &str, by: &str, expires: i64) -> Result<Value, Fail> {
        let exception = policy::Exception {
            id: "new".to_owned(),
            rule: self.rule.clone(),
            content: self.content,
            repositories: self.repositories.clone(),
            path: self.path.clone(),
            gap: self.gap.clone(),
            reason: reason.to_owned(),
            created_by: by.to_owned(),
            approved_by: None,
            expires: Date::of_unix_seconds(u64::try_from(expires / 1000).unwrap_or(0)),
        };
        policy::Exceptions::new(vec![exception]).map_err(Fail::invalid)?;
        serde_json::to_value(self).map_err(Fail::invalid)
    }
}

/// Asks for an exception until a moment, in milliseconds since 1970. It holds when an administrator who is somebody else
/// approves. Who is no administrator asks for one repository, whose images they see.
pub(crate) async fn ask(
    gate: &Gate,
    by: &Principal,
    scope: &Scope,
    why: &str,
    expires: i64,
) -> Result<ExceptionRow, Fail> {
    let reason = reason(why)?;
    if expires <= store::now() {
        return Err(Fail::invalid("expires is in the past"));
    }
    if expires > store::now() + LONGEST {
        return Err(Fail::invalid("an exception ends within a year; ask again then"));
    }
    if !by.is_admin() {
        of_their_own(gate, by, scope).await?;
    }
    let scope = scope.check(&reason, by.as_str(), expires)?;
    let new = NewException { scope, reason, created_by: by.as_str().to_owned(), expires };
    Ok(gate.store.create_exception(&new).await?)
}

async fn of_their_own(gate: &Gate, by: &Principal, scope: &Scope) -> Result<(), Fail> {
    let named = scope.repositories.as_ref().map(ToString::to_string).unwrap_or_default();
    let none = || Fail::invalid("repositories: name one repository that you may pull from or push to");
    // A pattern is the name of no repository.
    let name: RepositoryName = named.parse().map_err(|_| none())?;
    let repository = gate.store.repository(&name).await?.filter(|repository| sees(by, repository));
    repository.ok_or_else(none)?;
    let now = store::now();
    let waits = |row: &&ExceptionRow| row.created_by == by.as_str() && row.waits(now);
    if gate.store.exceptions(None).await?.iter().filter(waits).count() >= WAITING {
        return Err(Fail::conflict(format!(
            "{WAITING} exceptions that you asked for wait for an administrator; have them look at those first"
        )));
    }
    Ok(())
}

/// Approves an exception that somebody else asked for.
pub(crate) async fn approve(gate: &Gate, by: &Admin, id: i64) -> Result<(), Fail> {
    if !gate.store.approve_exception(id, by.name()).await? {
        return Err(Fail::conflict(
            "there is no such exception that waits, or it was you who asked for it; somebody else has to approve",
        ));
    }
    gate.judge_again();
    Ok(())
}

/// Withdraws an exception.
pub(crate) async fn withdraw(gate: &Gate, by: &Admin, id: i64) -> Result<(), Fail> {
    if !gate.store.withdraw_exception(id, by.name()).await? {
        return Err(Fail::missing(format!("exception {id} that holds")));
    }
    gate.judge_again();
    Ok(())
}
