//! Logins in the journal. Changes of accounts and decisions are written by the store, in the transaction of the change.

use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use store::Store;

/// An account that logs in again within this time is not written again: clients do so with every pull.
const QUIET: Duration = Duration::from_secs(600);
/// Refused logins are written this often at most, with how many there were: whoever guesses passwords must not be able
/// to fill the disk with entries that are never removed.
const REFUSED: Duration = Duration::from_secs(10);
const MOST: usize = 10_000;

/// Writes logins.
#[derive(Clone)]
pub(crate) struct Audit {
    store: Store,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    seen: HashMap<String, Instant>,
    refused: u64,
    written: Option<Instant>,
}

impl Audit {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, state: Arc::default() }
    }

    /// Somebody proved who they are.
    pub(crate) async fn logged_in(&self, who: &str) {
        let fresh = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.seen.len() >= MOST {
                state.seen.clear();
            }
            let before = state.seen.insert(who.to_owned(), Instant::now());
            before.is_none_or(|before| before.elapsed() >= QUIET)
        };
        if fresh {
            self.write("login", json!({ "who": who })).await;
        }
    }

    /// Somebody did not. The name is what they wrote.
    pub(crate) async fn refused(&self, name: &str) {
        let name: String = name.chars().take(64).collect();
        tracing::warn!(name = model::escape_text(&name), "a login was refused");
        let count = {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.refused += 1;
            if state.written.is_some_and(|written| written.elapsed() < REFUSED) {
                return;
            }
            state.written = Some(Instant::now());
            std::mem::take(&mut state.refused)
        };
        self.write("login-refused", json!({ "name": model::escape_text(&name), "count": count })).await;
    }

    /// Something that a person did and no change of the store tells.
    pub(crate) async fn write(&self, kind: &str, body: serde_json::Value) {
        if let Err(error) = self.store.record(kind, body).await {
            tracing::error!(error = model::error_chain(&error), kind, "the journal cannot be written");
        }
    }
}
