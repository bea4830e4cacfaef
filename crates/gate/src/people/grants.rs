//! What users may do where. Robots have their rights in themselves.

use super::{Admin, Fail};
use crate::Gate;
use crate::accounts::written;
use access::{Action, Identity, Pattern, Upstreams};

/// What is granted in the repositories that a pattern names.
#[derive(Default)]
pub(crate) struct Granted {
    pub(crate) actions: Vec<Action>,
    pub(crate) upstreams: Vec<Upstreams>,
    /// The names of all repositories may be listed.
    pub(crate) catalog: bool,
}

/// Grants, in place of what was granted to the same one for the same repositories.
pub(crate) async fn put(
    gate: &Gate,
    by: &Admin,
    principal: &Identity,
    repositories: &Pattern,
    granted: &Granted,
) -> Result<(), Fail> {
    if !matches!(principal, Identity::User(_) | Identity::Oidc { .. }) {
        return Err(Fail::invalid("grants are for users; a robot has its own, and anonymous is configured"));
    }
    let grant = store::Grant {
        principal: principal.to_string(),
        scope: repositories.to_string(),
        actions: written(&granted.actions, &granted.upstreams, granted.catalog),
        created_by: by.name().to_owned(),
        created: store::now(),
    };
    gate.store.put_grant(&grant).await?;
    gate.end_sessions(principal);
    Ok(())
}

/// Takes a grant back.
pub(crate) async fn revoke(
    gate: &Gate,
    by: &Admin,
    principal: &Identity,
    repositories: &Pattern,
) -> Result<(), Fail> {
    let (who, scope) = (principal.to_string(), repositories.to_string());
    if !gate.store.delete_grant(&who, &scope, by.name()).await? {
        return Err(Fail::missing(format!("grant of {scope} to {who}")));
    }
    gate.end_sessions(principal);
    Ok(())
}
