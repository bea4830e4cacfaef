//! Images: how they stand, by which report, and what a person decides about them.

use super::{Admin, Asked, Fail, Fields};
use crate::Gate;
use crate::people::images::{self, Image, counting, find};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use model::{Digest, RepositoryName};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use store::{Outcome, Standing, StandingFilter};

type Gated = State<Arc<Gate>>;

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

/// Approves a held image.
pub(crate) async fn approve(
    State(gate): Gated,
    admin: Admin,
    Fields(decided): Fields<Decided>,
) -> Result<(StatusCode, Json<Value>), Fail> {
    let approved = images::approve(&gate, &admin, &decided.image(), &decided.reason).await?;
    let body = json!({ "approvals": approved.have, "missing": approved.missing });
    Ok((StatusCode::ACCEPTED, Json(body)))
}

/// Denies an image, whatever the policy says, until somebody has it looked at again.
pub(crate) async fn deny(
    State(gate): Gated,
    admin: Admin,
    Fields(decided): Fields<Decided>,
) -> Result<Json<Value>, Fail> {
    images::deny(&gate, &admin, &decided.image(), &decided.reason).await.map(|outcome| ended(&outcome))
}

/// Takes a release back. It holds when the answer is given.
pub(crate) async fn revoke(
    State(gate): Gated,
    admin: Admin,
    Fields(decided): Fields<Decided>,
) -> Result<Json<Value>, Fail> {
    images::revoke(&gate, &admin, &decided.image(), &decided.reason).await.map(|outcome| ended(&outcome))
}

fn ended(outcome: &Outcome) -> Json<Value> {
    Json(json!({ "entry": outcome.entry, "ended": outcome.ended }))
}

/// Has an image looked at again. What is released stays so meanwhile.
pub(crate) async fn rescan(
    State(gate): Gated,
    admin: Admin,
    Fields(image): Fields<Image>,
) -> Result<(StatusCode, Json<Value>), Fail> {
    let job = images::look_again(&gate, &admin, &image).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "job": job }))))
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
