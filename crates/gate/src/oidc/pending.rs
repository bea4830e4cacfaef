use access::oidc::Pending;
use aws_lc_rs::rand;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long somebody has at the provider.
const LIFE: Duration = Duration::from_secs(600);
/// Logins that are under way at most; memory stays bounded whoever begins some.
const MOST: usize = 1000;

/// Logins that were begun, under the cookie of the browser that began them.
#[derive(Default)]
pub(super) struct Begun(Mutex<HashMap<String, (Instant, Login)>>);

/// A login that is under way.
pub(super) struct Login {
    pub(super) pending: Pending,
    /// The page of the console to go to afterwards; none where a token was asked for.
    pub(super) next: Option<String>,
}

impl Begun {
    /// Keeps one, and gives its cookie; none where too many are under way.
    pub(super) fn put(&self, login: Login) -> Option<String> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).ok()?;
        let cookie = model::Digest::sha256(bytes).hex();
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.retain(|_, (since, _)| since.elapsed() < LIFE);
        if begun.len() >= MOST {
            return None;
        }
        begun.insert(cookie.clone(), (Instant::now(), login));
        Some(cookie)
    }

    /// Takes one out: it can be finished once.
    pub(super) fn take(&self, cookie: &str) -> Option<Login> {
        let mut begun = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        begun.remove(cookie).filter(|(since, _)| since.elapsed() < LIFE).map(|(_, login)| login)
    }
}
