use crate::caller::Caller;
use crate::quarantine::Place;
use crate::query::Query;
use crate::{Code, Refusal, Registry, caller};
use access::{Action, Permit, Principal, authorize, authorize_through};
use axum::http::{HeaderMap, Method};

/// A request whose caller and repository are known, and of which nothing is permitted yet. Its body goes beside it to
/// those who take one.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) query: Query,
    pub(crate) caller: Caller,
    /// The repository of the path.
    pub(crate) place: Place,
}

impl Request {
    /// The permit for one action in the repository of the path.
    pub(crate) fn permit(&self, registry: &Registry, action: Action) -> Result<Permit, Refusal> {
        self.permit_in(registry, &self.place, action)
    }

    /// The permit for one action in another repository. `access` decides; a token that was made for less narrows it, and
    /// then the client is told to get another.
    pub(crate) fn permit_in(
        &self,
        registry: &Registry,
        place: &Place,
        action: Action,
    ) -> Result<Permit, Refusal> {
        let permit = self.right_in(place, action);
        let scope = [(&place.repository, action)];
        let covered = |token| may(token, place, action).is_ok();
        match permit {
            Ok(permit) if self.caller.token().is_none_or(covered) => Ok(permit),
            Ok(_) => Err(caller::challenge(registry, &self.headers, &scope, Some("insufficient_scope"))),
            Err(access::Refusal::Authenticate { .. }) => {
                Err(caller::challenge(registry, &self.headers, &scope, None))
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The permit that the caller's rights give, whatever their token is for.
    pub(crate) fn right_in(&self, place: &Place, action: Action) -> Result<Permit, access::Refusal> {
        may(self.caller.principal(), place, action)
    }

    /// Whether the names of repositories may be listed.
    pub(crate) fn may_list(&self, registry: &Registry) -> Result<(), Refusal> {
        let principal = self.caller.principal();
        if principal.is_anonymous() {
            return Err(caller::challenge_catalog(registry, &self.headers, None));
        }
        if !principal.may_list() {
            return Err(Refusal::new(
                Code::Denied,
                format!("{principal} has no right to list repositories; ask an administrator for it"),
            ));
        }
        if !self.caller.token().is_none_or(Principal::may_list) {
            return Err(caller::challenge_catalog(registry, &self.headers, Some("insufficient_scope")));
        }
        Ok(())
    }

    pub(crate) fn deletes(&self, registry: &Registry) -> Result<(), Refusal> {
        if registry.settings.deletes {
            return Ok(());
        }
        Err(Refusal::new(Code::Unsupported, "nothing can be deleted here: the configuration says so"))
    }
}

fn may(principal: &Principal, place: &Place, action: Action) -> Result<Permit, access::Refusal> {
    match &place.upstream {
        None => authorize(principal, &place.repository, action),
        Some(upstream) => authorize_through(principal, &place.repository, upstream, action),
    }
}
