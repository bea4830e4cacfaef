//! What people decide over images.

use super::{Admin, Fail, reason};
use crate::Gate;
use crate::config::EventKind;
use crate::core::Task;
use crate::decide::{Approver, Effect, Record};
use crate::sign;
use model::{Digest, RepositoryName};
use serde::Deserialize;
use store::{Decision, Outcome, Standing};

/// An image in a repository.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Image {
    pub(crate) repository: RepositoryName,
    pub(crate) digest: Digest,
}

/// What an approval came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Approved {
    /// Approvals that count.
    pub(crate) have: usize,
    /// How many more it takes.
    pub(crate) missing: usize,
}

/// How an image stands.
pub(crate) async fn find(gate: &Gate, image: &Image) -> Result<Standing, Fail> {
    let standing = gate.store.standing(&image.repository, &image.digest).await?;
    standing.ok_or_else(|| Fail::missing(format!("image {}@{}", image.repository, image.digest)))
}

/// Approves a held image. As many as `policy.approvals` says have to. Who pushed it does not count: an approval is somebody
/// else's look at it. It is for what is known of the image now, its age included: what is found out later is approved anew.
pub(crate) async fn approve(gate: &Gate, by: &Admin, image: &Image, why: &str) -> Result<Approved, Fail> {
    let reason = reason(why)?;
    let standing = find(gate, image).await?;
    if let Some(why) = not_to_approve(&standing) {
        return Err(Fail::conflict(why));
    }
    let manifest = gate.store.manifest(&image.repository, &image.digest).await?;
    if manifest.is_some_and(|manifest| manifest.pushed_by == by.name()) {
        return Err(Fail::denied("it was you who pushed it; somebody else has to approve"));
    }
    let approvals = gate.store.approve(&image.repository, &image.digest, by.name(), &reason).await?;
    let have = counting(&standing, &approvals).len();
    let missing = gate.config.policy.approvals.saturating_sub(have);
    if missing == 0 {
        gate.core.reconsider(&image.repository, &image.digest).await?;
    }
    Ok(Approved { have, missing })
}

/// Why an approval would change nothing.
pub(crate) fn not_to_approve(standing: &Standing) -> Option<&'static str> {
    use store::State::{Denied, Quarantined, Released, Revoked};
    match standing.state {
        Released => return Some("the image is released already"),
        Denied | Revoked => {
            return Some(
                "the image is refused, and an approval releases what is held; have it looked at again, or ask for an exception",
            );
        }
        Quarantined => {}
    }
    match standing.decision.as_ref().and_then(Record::read) {
        None => Some("the image was not looked at yet; approve it when it is known what speaks against it"),
        Some(record) if record.barred => Some(
            "the image is proven harmful, which no approval releases; it takes an exception for its content with two persons",
        ),
        Some(record) if record.since.is_none() => Some(
            "the analysis of the image failed, so that nothing is known that could be approved; have it looked at again",
        ),
        Some(_) => None,
    }
}

/// The approvals that are for what is known now.
pub(crate) fn counting(standing: &Standing, approvals: &[store::Approval]) -> Vec<Approver> {
    let record = standing.decision.as_ref().and_then(Record::read);
    record.map(|record| record.counting(approvals)).unwrap_or_default()
}

/// Denies an image, whatever the policy says, until somebody has it looked at again.
pub(crate) async fn deny(gate: &Gate, by: &Admin, image: &Image, why: &str) -> Result<Outcome, Fail> {
    condemn(gate, by, image, why, EventKind::Denied).await
}

/// Takes a release back. It holds when this returns.
pub(crate) async fn revoke(gate: &Gate, by: &Admin, image: &Image, why: &str) -> Result<Outcome, Fail> {
    condemn(gate, by, image, why, EventKind::Revoked).await
}

async fn condemn(
    gate: &Gate,
    by: &Admin,
    image: &Image,
    why: &str,
    kind: EventKind,
) -> Result<Outcome, Fail> {
    let reason = reason(why)?;
    let standing = find(gate, image).await?;
    if kind == EventKind::Revoked && standing.state != store::State::Released {
        return Err(Fail::conflict("the image is not released; deny it instead"));
    }
    let before = standing.decision.as_ref().and_then(Record::read);
    let reference = format!("{}@{}", image.repository, image.digest);
    let record = Record {
        effect: Effect::Deny,
        rule: "person".to_owned(),
        message: reason.clone(),
        failed: false,
        until: None,
        // What was approved before is no word against this one.
        ground: None,
        since: None,
        approvals: Vec::new(),
        ..before.clone().unwrap_or_else(|| Record::failed(reference, ""))
    };
    let decision = |record: &Record| Decision {
        body: record.body(),
        evidence: standing.evidence,
        rules: standing.rules,
        by: by.name().to_owned(),
        ..Decision::default()
    };
    let (repository, digest) = (&image.repository, &image.digest);
    let outcome = match kind {
        EventKind::Revoked => gate.store.revoke(repository, digest, decision(&record)).await?,
        _ => gate.store.deny(repository, digest, decision(&record)).await?,
    };
    // What was signed with the release ends with it: a signature that can be pulled is believed.
    let companions = before.filter(|record| record.rule != Record::SIGNATURE).map(|record| record.companions);
    for companion in companions.unwrap_or_default() {
        let ended = Decision { companion: true, ..decision(&sign::beside(&record, digest)) };
        match gate.store.revoke(repository, &companion, ended).await {
            Ok(_) | Err(store::Error::NoManifest { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    gate.core.tell(kind, &Task::new(image.repository.clone(), image.digest), &reason);
    Ok(outcome)
}

/// Has an image looked at again; the number of the job. What is released stays so meanwhile.
pub(crate) async fn look_again(gate: &Gate, _: &Admin, image: &Image) -> Result<i64, Fail> {
    find(gate, image).await?;
    Ok(gate.core.reconsider(&image.repository, &image.digest).await?.id())
}
