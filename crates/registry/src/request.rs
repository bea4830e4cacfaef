use crate::caller::Caller;
use crate::quarantine::Place;
use crate::query::Query;
use crate::{Code, Refusal, Registry, caller};
use access::{Action, Permit, authorize, authorize_through};
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
        let principal = self.caller.principal();
        let permit = match &place.upstream {
            None => authorize(principal, &place.repository, action),
            Some(upstream) => authorize_through(principal, &place.repository, upstream, action),
        };
        let scope = Some((&place.repository, action));
        match permit {
            Ok(permit) if self.caller.covers(&place.repository, action) => Ok(permit),
            Ok(_) => Err(caller::challenge(registry, &self.headers, scope, Some("insufficient_scope"))),
            Err(access::Refusal::Authenticate { .. }) => {
                Err(caller::challenge(registry, &self.headers, scope, None))
            }
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// Whether the names of repositories may be listed: those that the caller may pull from.
    pub(crate) fn may_list(&self, registry: &Registry) -> Result<(), Refusal> {
        let principal = self.caller.principal();
        if principal.is_anonymous() && principal.rights().grants.is_empty() {
            return Err(caller::challenge_catalog(registry, &self.headers, None));
        }
        if !self.caller.covers_catalog() {
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
