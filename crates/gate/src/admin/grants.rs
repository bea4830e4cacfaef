//! What users may do where. Robots have their rights in themselves.

use super::{Admin, Asked, Fail, Fields};
use crate::Gate;
use crate::people::grants::{self, Granted};
use access::{Action, Identity, Pattern, Upstreams};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

type Gated = State<Arc<Gate>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Whose {
    principal: Option<Identity>,
}

/// All grants, or those of somebody.
pub(crate) async fn list(
    State(gate): Gated,
    _: Admin,
    Asked(whose): Asked<Whose>,
) -> Result<Json<Value>, Fail> {
    let principal = whose.principal.map(|identity| identity.to_string());
    let grants = gate.store.grants(principal.as_deref()).await?;
    let shown = grants.iter().map(|grant| {
        json!({
            "principal": grant.principal,
            "repositories": grant.scope,
            "actions": grant.actions,
            "created_by": grant.created_by,
            "created": crate::webhooks::rfc3339(grant.created),
        })
    });
    Ok(Json(json!({ "grants": shown.collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewGrant {
    principal: Identity,
    repositories: Pattern,
    actions: Vec<Action>,
    #[serde(default)]
    upstreams: Vec<Upstreams>,
    /// May list the names of all repositories.
    #[serde(default)]
    catalog: bool,
}

/// Grants, in place of what was granted to the same one for the same repositories.
pub(crate) async fn put(
    State(gate): Gated,
    admin: Admin,
    Fields(fields): Fields<NewGrant>,
) -> Result<StatusCode, Fail> {
    let NewGrant { principal, repositories, actions, upstreams, catalog } = fields;
    let granted = Granted { actions, upstreams, catalog };
    grants::put(&gate, &admin, &principal, &repositories, &granted).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    principal: Identity,
    repositories: Pattern,
}

/// Takes a grant back.
pub(crate) async fn remove(
    State(gate): Gated,
    admin: Admin,
    Asked(which): Asked<Which>,
) -> Result<StatusCode, Fail> {
    grants::revoke(&gate, &admin, &which.principal, &which.repositories).await?;
    Ok(StatusCode::NO_CONTENT)
}
