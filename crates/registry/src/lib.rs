//! An OCI distribution registry that gives out released content only.
//!
//! Comes in: requests of the OCI distribution specification 1.1 and its successor, each from somebody or from nobody.
//! Goes out: content for which [`store::Released`] vouches, lists of what the caller may read, refusals that say what to do.
//! Never: bytes by another way than `serve::content`; a decision of its own on what may be read (`access` permits, the
//! store releases, the [`Quarantine`] answers for the rest); a redirect; trust in a User-Agent or any other claim of a
//! client.
#![forbid(unsafe_code)]

mod body;
mod caller;
mod errors;
mod handler;
mod listen;
mod metrics;
mod quarantine;
mod query;
mod range;
mod request;
mod route;
mod routes;
mod serve;
mod settings;

pub use caller::LoginRefusal;
pub use errors::{Code, Refusal};
pub use handler::router;
pub use listen::{Listening, connection, listen};
pub use metrics::Metrics;
pub use quarantine::{Accounts, Arrival, Place, Pushed, Quarantine, Standing, Unavailable};
pub use route::{Reference, Route, RouteError};
pub use settings::Settings;

use access::{Minter, Verifier};
use caller::Logins;
use std::sync::Arc;
use store::Store;

/// Everything that answering takes. A clone is the same registry.
#[derive(Clone)]
pub struct Registry {
    pub(crate) store: Store,
    pub(crate) accounts: Arc<dyn Accounts>,
    pub(crate) quarantine: Arc<dyn Quarantine>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) metrics: Metrics,
    pub(crate) logins: Arc<Logins>,
    pub(crate) minter: Arc<Minter>,
    pub(crate) verifier: Arc<Verifier>,
}

impl Registry {
    /// Puts the parts together. The minter makes tokens for the service that the settings name, and whoever takes rights
    /// away cuts tokens off at the verifier.
    pub fn new(
        store: Store,
        accounts: Arc<dyn Accounts>,
        quarantine: Arc<dyn Quarantine>,
        minter: Minter,
        verifier: Arc<Verifier>,
        settings: Settings,
        metrics: Metrics,
    ) -> Self {
        let logins = Arc::new(Logins::new(&settings));
        Self {
            store,
            accounts,
            quarantine,
            settings: Arc::new(settings),
            metrics,
            logins,
            minter: Arc::new(minter),
            verifier,
        }
    }

    /// Who a name and a password are, for a door beside the registry's own: within the same bounds, so that whoever guesses
    /// has not twice as many tries at two doors.
    ///
    /// # Errors
    /// Where tries are used up, one of the two is wrong, or accounts cannot be read.
    pub async fn log_in(
        &self,
        name: &str,
        password: &str,
        address: std::net::IpAddr,
    ) -> Result<access::Principal, LoginRefusal> {
        caller::prove(self, name, password, address).await
    }

    /// Forgets who logged in by Basic authentication: for when a password was changed.
    pub fn forget_logins(&self) {
        self.logins.forget();
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Registry").field("settings", &self.settings).finish_non_exhaustive()
    }
}
