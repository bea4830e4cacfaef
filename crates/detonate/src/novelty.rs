//! Tells whether a guest still does anything, and anything that it has not done before.

use events::{Act, FileOp, HostAct, NetOp, Origin, Peer, Process, ProcessAct, WireKind};
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Deeds that are remembered. Who does more different things is always new.
const MOST: usize = 200_000;

/// How many looks in a row must show that nobody computes.
const LOOKS: u32 = 2;

/// How far apart two looks of the tracer are at least: it looks once a second, at all processes at once.
const LOOK: Duration = Duration::from_millis(500);

/// What was done so far, when something was last done for the first time, and when anything was.
pub(crate) struct Novelty(Mutex<State>);

struct State {
    deeds: HashSet<u64>,
    used: HashMap<Process, u64>,
    /// Nanoseconds of processors that were used since something new was done.
    computed: u64,
    new: Instant,
    any: Instant,
    looked: Instant,
    idle_looks: u32,
}

impl Default for Novelty {
    fn default() -> Self {
        Self(Mutex::new(State::new(Instant::now())))
    }
}

impl Novelty {
    pub(crate) fn see(&self, act: &Act) {
        let deed = deed(act);
        self.lock().see(act, deed, Instant::now());
    }

    /// When something was last done that had not been done before.
    pub(crate) fn last(&self) -> Instant {
        self.lock().new
    }

    /// Whether the guest has computed since then, rather than waited.
    pub(crate) fn computes(&self) -> bool {
        self.lock().computes(Instant::now())
    }

    /// How long the guest has neither done anything nor computed; none as long as that was not looked at often enough.
    pub(crate) fn idle(&self) -> Option<Duration> {
        self.lock().idle(Instant::now())
    }

    /// How long the guest has done nothing; it may have computed.
    pub(crate) fn silent(&self) -> Duration {
        self.lock().any.elapsed()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn new(now: Instant) -> Self {
        let (deeds, used) = Default::default();
        Self { deeds, used, computed: 0, new: now, any: now, looked: now, idle_looks: 0 }
    }

    fn see(&mut self, act: &Act, deed: Option<u64>, now: Instant) {
        match (act, deed) {
            (Act::Host(HostAct::Used { process, user, system, .. }), _) => {
                self.looked_at(*process, user.saturating_add(*system), now);
            }
            // It takes several looks before this means something.
            (Act::Host(HostAct::Hidden { .. }), _) => self.active(now),
            (_, None) => {}
            (_, Some(deed)) => {
                self.active(now);
                if self.deeds.len() >= MOST || self.deeds.insert(deed) {
                    (self.new, self.computed) = (now, 0);
                }
            }
        }
    }

    fn active(&mut self, now: Instant) {
        self.any = now;
        self.idle_looks = 0;
    }

    fn looked_at(&mut self, process: Process, used: u64, now: Instant) {
        if now.duration_since(self.looked) >= LOOK {
            self.looked = now;
            self.idle_looks += 1;
        }
        // Beyond what is remembered every process counts as one that computes.
        let known = self.used.len() < MOST || self.used.contains_key(&process);
        let before = if known { self.used.insert(process, used).unwrap_or(0) } else { 0 };
        let more = used.saturating_sub(before);
        if more > 0 || !known {
            self.active(now);
        }
        self.computed = self.computed.saturating_add(more);
    }

    /// A tenth of the time or more.
    fn computes(&self, now: Instant) -> bool {
        Duration::from_nanos(self.computed) >= now.duration_since(self.new) / 10
    }

    fn idle(&self, now: Instant) -> Option<Duration> {
        (self.idle_looks >= LOOKS).then(|| now.duration_since(self.any))
    }
}

/// A deed without who does it and when: what a loop does again and again has one and the same.
fn deed(act: &Act) -> Option<u64> {
    let mut hash = DefaultHasher::new();
    discriminant(act).hash(&mut hash);
    match act {
        Act::Process(ProcessAct::Exec(exec)) => (&exec.program, &exec.arguments).hash(&mut hash),
        Act::Process(act) => discriminant(act).hash(&mut hash),
        Act::File(file) => {
            let own = file.origin == Origin::Written || matches!(file.op, FileOp::Open { create: true, .. });
            (discriminant(&file.op), place(&file.path, own), file.result < 0).hash(&mut hash);
            if let FileOp::Rename(to) | FileOp::Link(to) = &file.op {
                place(to, true).hash(&mut hash);
            }
        }
        Act::Net(net) => {
            (discriminant(&net.op), net.result < 0).hash(&mut hash);
            match &net.op {
                NetOp::Connect { to: Peer::Inet(to), .. } | NetOp::SendTo { to: Peer::Inet(to), .. } => {
                    to.hash(&mut hash)
                }
                NetOp::Connect { to: Peer::Unix(path), .. } => path.hash(&mut hash),
                _ => {}
            }
        }
        Act::Kernel(call) => (&call.name, call.refused).hash(&mut hash),
        Act::Wire(wire) => {
            (discriminant(&wire.kind), wire.to).hash(&mut hash);
            match &wire.kind {
                WireKind::Dns(dns) => dns.name.hash(&mut hash),
                WireKind::Http(http) => (&http.host, &http.target).hash(&mut hash),
                WireKind::Step { what, .. } => what.hash(&mut hash),
                _ => {}
            }
        }
        Act::Host(_) => return None,
    }
    Some(hash.finish())
}

/// A path without what differs each time: of a file that the run made only the directory, since its name may be made
/// up, and no numbers, since they may be those of processes.
fn place(path: &[u8], own: bool) -> Vec<u8> {
    let end = path.iter().rposition(|&byte| byte == b'/').filter(|_| own).unwrap_or(path.len());
    path.iter().take(end).filter(|byte| !byte.is_ascii_digit()).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Bytes, FileAct};

    fn check(acts: &[(u32, &str, i64)], expect: usize) {
        let mut deeds: Vec<u64> = acts
            .iter()
            .filter_map(|(process, path, result)| {
                let path = Bytes::from(path.as_bytes().to_vec());
                let op = FileOp::Unlink;
                let origin = Origin::Image;
                deed(&Act::File(FileAct { process: Process(*process), op, path, origin, result: *result }))
            })
            .collect();
        deeds.sort_unstable();
        deeds.dedup();
        assert_eq!(deeds.len(), expect);
    }

    #[test]
    fn who_does_it_is_nothing_new_and_what_is_done_is() {
        check(&[(1, "/a", 0), (2, "/a", 0), (3, "/a", 5)], 1);
        check(&[(1, "/a", 0), (1, "/b", 0), (1, "/a", -2)], 3);
        check(&[(1, "/proc/17/stat", 0), (1, "/proc/233/stat", 0)], 1);
        assert_eq!(place(b"/tmp/worker-x7f3a", true), place(b"/tmp/worker-q11", true));
        assert_ne!(place(b"/tmp/a", true), place(b"/var/a", true));
    }

    /// Looks each second at a process that has used so many milliseconds by then.
    fn looks(used: &[u64], idle: Option<u64>, computes: bool) {
        let began = Instant::now();
        let mut state = State::new(began);
        let mut now = began;
        for used in used {
            now += Duration::from_secs(1);
            let (process, user) = (Process(1), used * 1_000_000);
            let look = HostAct::Used { process, user, system: 0, threads: 1, resident: 0 };
            state.see(&Act::Host(look), None, now);
        }
        let found = (state.idle(now).map(|idle| idle.as_secs()), state.computes(now));
        assert_eq!(found, (idle, computes), "{used:?}");
    }

    #[test]
    fn who_waits_is_idle_and_who_computes_is_not() {
        looks(&[0], None, false);
        looks(&[0, 0, 0], Some(3), false);
        looks(&[900, 900, 900, 900], Some(3), true);
        looks(&[900, 1800, 2700], None, true);
        looks(&[10, 20, 30], None, false);
        looks(&[10, 10, 20, 20, 20], Some(2), false);
    }
}
