//! Who is logged in to the console. Sessions are in memory alone: a restart ends them all, and no row and no backup holds
//! one. Of the id that a browser shows only the hash is kept.

use access::Identity;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A session that nobody used for so long has ended.
const IDLE: Duration = Duration::from_secs(30 * 60);
/// However busy it is.
const LONGEST: Duration = Duration::from_hours(12);
/// Sessions at most; the one that was used longest ago gives way.
const MOST: usize = 10_000;
/// Of one person, so that nobody who may log in pushes everybody else out.
const MOST_OF_ONE: usize = 20;

/// What a session is found by: the hash of its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

/// A session as a request needs it.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) key: Key,
    pub(crate) identity: Identity,
    /// What its forms send back, so that no page of another site can send one.
    pub(crate) csrf: String,
}

/// A secret that was made by the last request, to be shown once.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) name: String,
    pub(crate) secret: access::Secret,
}

#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<Key, Held>>);

struct Held {
    identity: Identity,
    csrf: String,
    begun: Instant,
    used: Instant,
    notice: Option<web::Notice>,
    made: Option<Made>,
}

impl Held {
    fn holds(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) < IDLE && now.saturating_duration_since(self.begun) < LONGEST
    }
}

impl Sessions {
    /// Begins a session; the id for the browser. None where the system gives no random numbers.
    pub(crate) fn begin(&self, identity: Identity, now: Instant) -> Option<String> {
        let (id, csrf) = (random()?, random()?);
        let mut all = self.all();
        all.retain(|_, held| held.holds(now));
        if all.values().filter(|held| held.identity == identity).count() >= MOST_OF_ONE {
            give_way(&mut all, |held| held.identity == identity);
        }
        if all.len() >= MOST {
            give_way(&mut all, |_| true);
        }
        let held = Held { identity, csrf, begun: now, used: now, notice: None, made: None };
        all.insert(key(&id), held);
        Some(id)
    }

    /// The session of an id. `used` is false for what a page asks for by itself: a window that was left open keeps no
    /// session alive.
    pub(crate) fn find(&self, id: &str, used: bool, now: Instant) -> Option<Session> {
        let key = key(id);
        let mut all = self.all();
        let held = all.get_mut(&key)?;
        if !held.holds(now) {
            all.remove(&key);
            return None;
        }
        if used {
            held.used = now;
        }
        Some(Session { key, identity: held.identity.clone(), csrf: held.csrf.clone() })
    }

    /// Ends one.
    pub(crate) fn end(&self, key: Key) {
        self.all().remove(&key);
    }

    /// Ends the session of an id, where there is one.
    pub(crate) fn end_of_id(&self, id: &str) {
        self.end(key(id));
    }

    /// Ends all of somebody.
    pub(crate) fn end_of(&self, identity: &Identity) {
        self.all().retain(|_, held| held.identity != *identity);
    }

    /// Leaves a sentence for the next page.
    pub(crate) fn tell(&self, key: Key, done: bool, message: String) {
        if let Some(held) = self.all().get_mut(&key) {
            held.notice = Some(web::Notice { done, message });
        }
    }

    /// The sentence for this page; it is told once.
    pub(crate) fn told(&self, key: Key) -> Option<web::Notice> {
        self.all().get_mut(&key)?.notice.take()
    }

    /// Leaves a secret for the next page of accounts.
    pub(crate) fn keep_secret(&self, key: Key, made: Made) {
        if let Some(held) = self.all().get_mut(&key) {
            held.made = Some(made);
        }
    }

    /// The secret; it is shown once.
    pub(crate) fn take_secret(&self, key: Key) -> Option<Made> {
        self.all().get_mut(&key)?.made.take()
    }

    fn all(&self) -> MutexGuard<'_, HashMap<Key, Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the one that was used longest ago of those that are meant.
fn give_way(all: &mut HashMap<Key, Held>, meant: impl Fn(&Held) -> bool) {
    let oldest =
        all.iter().filter(|(_, held)| meant(held)).min_by_key(|(_, held)| held.used).map(|(key, _)| *key);
    if let Some(oldest) = oldest {
        all.remove(&oldest);
    }
}

/// 256 bits, in hexadecimal.
fn random() -> Option<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).ok()?;
    Some(model::Digest::sha256(bytes).hex())
}

fn key(id: &str) -> Key {
    let hash = digest(&SHA256, id.as_bytes());
    Key(<[u8; 32]>::try_from(hash.as_ref()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who(name: &str) -> Identity {
        name.parse().unwrap()
    }

    /// Whether a session that was begun now, and used after these minutes each, is there after some more.
    fn check(used: &[u64], after: u64, expect: bool) {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let id = sessions.begin(who("user:a"), start).unwrap();
        let at = |minutes: u64| start + Duration::from_secs(minutes * 60);
        for minutes in used {
            let _ = sessions.find(&id, true, at(*minutes));
        }
        assert_eq!(sessions.find(&id, true, at(after)).is_some(), expect, "{used:?} {after}");
    }

    #[test]
    fn a_session_ends_by_itself() {
        check(&[], 29, true);
        check(&[], 30, false);
        check(&[20, 40], 69, true);
        check(&[20, 40], 70, false);
        // What has ended does not come back, and nothing lasts for ever.
        check(&[31], 32, false);
        let busy: Vec<u64> = (0..48).map(|turn| turn * 15).collect();
        check(&busy, 719, true);
        check(&busy, 720, false);
    }

    #[test]
    fn what_a_page_asks_for_by_itself_keeps_no_session_alive() {
        let (sessions, start) = (Sessions::default(), Instant::now());
        let id = sessions.begin(who("user:a"), start).unwrap();
        let minutes = |count: u64| start + Duration::from_secs(count * 60);
        assert!(sessions.find(&id, false, minutes(29)).is_some());
        assert!(sessions.find(&id, false, minutes(31)).is_none());
    }

    #[test]
    fn an_id_opens_one_session_and_nothing_else_does() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let a = sessions.begin(who("user:a"), now).unwrap();
        let b = sessions.begin(who("user:b"), now).unwrap();
        assert!(a.len() == 64 && a != b);
        let found = sessions.find(&a, true, now).unwrap();
        assert_eq!(found.identity, who("user:a"));
        assert!(found.csrf.len() == 64 && found.csrf != a);
        for id in ["", "0", &a[..63], &a.to_uppercase(), &found.csrf] {
            assert!(sessions.find(id, true, now).is_none(), "{id}");
        }
        sessions.end_of(&who("user:a"));
        assert!(sessions.find(&a, true, now).is_none() && sessions.find(&b, true, now).is_some());
        sessions.end(sessions.find(&b, true, now).unwrap().key);
        assert!(sessions.find(&b, true, now).is_none());
    }

    #[test]
    fn whoever_logs_in_often_pushes_out_themselves() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let other = sessions.begin(who("user:b"), now).unwrap();
        let ids: Vec<String> = (0..100)
            .map(|turn| sessions.begin(who("user:a"), now + Duration::from_millis(turn)).unwrap())
            .collect();
        let there = |id: &String| sessions.find(id, false, now + Duration::from_secs(1)).is_some();
        assert!(there(&other));
        assert_eq!(ids.iter().filter(|id| there(id)).count(), MOST_OF_ONE);
        assert!(ids[80..].iter().all(there));
    }

    #[test]
    fn a_sentence_is_told_once() {
        let (sessions, now) = (Sessions::default(), Instant::now());
        let id = sessions.begin(who("user:a"), now).unwrap();
        let key = sessions.find(&id, true, now).unwrap().key;
        assert!(sessions.told(key).is_none());
        sessions.tell(key, true, "done".to_owned());
        assert_eq!(sessions.told(key).map(|notice| notice.message).as_deref(), Some("done"));
        assert!(sessions.told(key).is_none());
    }
}
