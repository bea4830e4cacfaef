//! Images: how they stand, by which report, and what a person decides about them.

use super::{Admin, Asked, Fail, Fields};
use crate::Gate;
use crate::config::EventKind;
use crate::core::Task;
use crate::decide::{Effect, Record};
use crate::sign;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use model::{Digest, RepositoryName};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Decision, Standing, StandingFilter};

type Gated = State<Arc<Gate>>;

/// An image in a repository.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Image {
    repository: RepositoryName,
    digest: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Queue {
    state: Option<String>,
    repository: Option<RepositoryName>,
    /// The last entry of the page before: `REPOSITORY@DIGEST`.
    last: Option<String>,
    #[serde(default = "hundred")]
    n: usize,
}

fn hundred() -> usize {
    100
}

/// What lies in quarantine, or stands otherwise.
pub(crate) async fn list(
    State(gate): Gated,
    _: Admin,
    Asked(queue): Asked<Queue>,
) -> Result<Json<Value>, Fail> {
    let named = queue.state.as_deref().unwrap_or("quarantined");
    let state = match named {
        "all" => None,
        named => Some(state(named)?),
    };
    let last = queue.last.as_deref().map(parse_last).transpose()?;
    let filter =
        StandingFilter { repository: queue.repository, state, last, n: queue.n, ..StandingFilter::default() };
    let standings = gate.store.standings(&filter).await?;
    let images: Vec<Value> = standings.iter().map(|(name, standing)| shown(name, standing)).collect();
    Ok(Json(json!({ "images": images })))
}

fn state(name: &str) -> Result<store::State, Fail> {
    use store::State::{Denied, Quarantined, Released, Revoked};
    let all = [Quarantined, Released, Denied, Revoked];
    let found = all.into_iter().find(|state| state.name() == name);
    found.ok_or_else(|| Fail::invalid("state is quarantined, released, denied, revoked or all"))
}

fn parse_last(text: &str) -> Result<(RepositoryName, Digest), Fail> {
    let (name, digest) =
        text.split_once('@').ok_or_else(|| Fail::invalid("last is written REPOSITORY@DIGEST"))?;
    Ok((name.parse().map_err(Fail::invalid)?, digest.parse().map_err(Fail::invalid)?))
}

/// How an image stands.
pub(crate) async fn standing(
    State(gate): Gated,
    _: Admin,
    Asked(image): Asked<Image>,
) -> Result<Json<Value>, Fail> {
    let standing = find(&gate, &image).await?;
    let approvals = gate.store.approvals(&image.repository, &image.digest).await?;
    let tags = gate.store.tags_of(&image.repository, &image.digest).await?;
    let mut shown = shown(&image.repository, &standing);
    shown["approvals"] = approvals
        .iter()
        .map(|approval| {
            json!({
                "by": approval.approver, "reason": approval.reason, "time": crate::webhooks::rfc3339(approval.created),
                "counts": !counting(&standing, std::slice::from_ref(approval)).is_empty(),
            })
        })
        .collect();
    shown["tags"] = tags.iter().map(|row| json!(row.name.as_str())).collect();
    Ok(Json(shown))
}

/// The report that an image was decided by.
pub(crate) async fn report(
    State(gate): Gated,
    _: Admin,
    Asked(image): Asked<Image>,
) -> Result<Response, Fail> {
    let standing = find(&gate, &image).await?;
    let none = || Fail::missing("report of this image");
    let evidence = standing.evidence.ok_or_else(none)?;
    let bytes = gate.store.evidence(&evidence).await?.ok_or_else(none)?;
    // It quotes the image; whoever opens it in a browser must not run it.
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    Ok((headers, bytes).into_response())
}

/// What a person decides, and why.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decided {
    repository: RepositoryName,
    digest: Digest,
    reason: String,
}

impl Decided {
    fn image(&self) -> Image {
        Image { repository: self.repository.clone(), digest: self.digest }
    }
}

/// A reason is a sentence that others can read later.
pub(super) fn reason(text: &str) -> Result<String, Fail> {
    let text = text.trim();
    match text.chars().count() {
        0..10 => Err(Fail::invalid(
            "reason is shorter than 10 characters; write why, for whoever reads it in a year",
        )),
        10..=2000 => Ok(model::escape_text(text)),
        _ => Err(Fail::invalid("reason is longer than 2000 characters")),
    }
}

/// Approves a held image. As many as `policy.approvals` says have to. Who pushed it does not count: an approval is somebody
/// else's look at it. It is for what is known of the image now, its age included: what is found out later is approved anew.
pub(crate) async fn approve(
    State(gate): Gated,
    admin: Admin,
    Fields(decided): Fields<Decided>,
) -> Result<(StatusCode, Json<Value>), Fail> {
    let reason = reason(&decided.reason)?;
    let image = decided.image();
    let standing = find(&gate, &image).await?;
    if let Some(why) = not_to_approve(&standing) {
        return Err(Fail::conflict(why));
    }
    let manifest = gate.store.manifest(&image.repository, &image.digest).await?;
    if manifest.is_some_and(|manifest| manifest.pushed_by == admin.name()) {
        return Err(Fail::denied("it was you who pushed it; somebody else has to approve"));
    }
    let approvals = gate.store.approve(&image.repository, &image.digest, admin.name(), &reason).await?;
    let counting = counting(&standing, &approvals).len();
    let missing = gate.config.policy.approvals.saturating_sub(counting);
    if missing == 0 {
        gate.core.reconsider(&image.repository, &image.digest).await?;
    }
    Ok((StatusCode::ACCEPTED, Json(json!({ "approvals": counting, "missing": missing }))))
}

/// Why an approval would change nothing.
fn not_to_approve(standing: &Standing) -> Option<&'static str> {
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
fn counting(standing: &Standing, approvals: &[store::Approval]) -> Vec<crate::decide::Approver> {
    let record = standing.decision.as_ref().and_then(Record::read);
    record.map(|record| record.counting(approvals)).unwrap_or_default()
}

/// Denies an image, whatever the policy says, until somebody has it looked at again.
pub(crate) async fn deny(
    State(gate): Gated,
    admin: Admin,
    Fields(decided): Fields<Decided>,
) -> Result<Json<Value>, Fail> {
    condemn(&gate, &admin, decided, EventKind::Denied).await
}

/// Takes a release back. It holds when the answer is given.
pub(crate) async fn revoke(
    State(gate): Gated,
    admin: Admin,
    Fields(decided): Fields<Decided>,
) -> Result<Json<Value>, Fail> {
    condemn(&gate, &admin, decided, EventKind::Revoked).await
}

async fn condemn(gate: &Gate, admin: &Admin, decided: Decided, kind: EventKind) -> Result<Json<Value>, Fail> {
    let reason = reason(&decided.reason)?;
    let image = decided.image();
    let standing = find(gate, &image).await?;
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
        by: admin.name().to_owned(),
    };
    let (repository, digest) = (&image.repository, &image.digest);
    let outcome = match kind {
        EventKind::Revoked => gate.store.revoke(repository, digest, decision(&record)).await?,
        _ => gate.store.deny(repository, digest, decision(&record)).await?,
    };
    // What was signed with the release ends with it: a signature that can be pulled is believed.
    let companions = before.filter(|record| record.rule != Record::SIGNATURE).map(|record| record.companions);
    for companion in companions.unwrap_or_default() {
        match gate.store.revoke(repository, &companion, decision(&sign::beside(&record, digest))).await {
            Ok(_) | Err(store::Error::NoManifest { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    gate.core.tell(kind, &Task::new(image.repository.clone(), image.digest), &reason);
    Ok(Json(json!({ "entry": outcome.entry, "ended": outcome.ended })))
}

/// Has an image looked at again. What is released stays so meanwhile.
pub(crate) async fn rescan(
    State(gate): Gated,
    _: Admin,
    Fields(image): Fields<Image>,
) -> Result<(StatusCode, Json<Value>), Fail> {
    find(&gate, &image).await?;
    let job = gate.core.reconsider(&image.repository, &image.digest).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "job": job.id() }))))
}

async fn find(gate: &Gate, image: &Image) -> Result<Standing, Fail> {
    let standing = gate.store.standing(&image.repository, &image.digest).await?;
    standing.ok_or_else(|| Fail::missing(format!("image {}@{}", image.repository, image.digest)))
}

fn shown(repository: &RepositoryName, standing: &Standing) -> Value {
    let time = crate::webhooks::rfc3339;
    json!({
        "repository": repository,
        "digest": standing.digest,
        "state": standing.state.name(),
        "decision": standing.decision,
        "report": standing.evidence,
        "rules": standing.rules,
        "first_seen": time(standing.first_seen),
        "decided": standing.decided.map(time),
    })
}
