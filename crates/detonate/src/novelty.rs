//! Tells whether a guest still does anything that it has not done before.

use events::{Act, FileOp, NetOp, Peer, ProcessAct, WireKind};
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::mem::discriminant;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Deeds that are remembered. Who does more different things is always new.
const MOST: usize = 200_000;

/// What was done so far, and when something was last done for the first time.
pub(crate) struct Novelty(Mutex<(HashSet<u64>, Instant)>);

impl Default for Novelty {
    fn default() -> Self {
        Self(Mutex::new((HashSet::new(), Instant::now())))
    }
}

impl Novelty {
    pub(crate) fn see(&self, act: &Act) {
        let Some(deed) = deed(act) else { return };
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0.len() >= MOST || state.0.insert(deed) {
            state.1 = Instant::now();
        }
    }

    pub(crate) fn last(&self) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
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
            (discriminant(&file.op), &file.path, file.result < 0).hash(&mut hash);
            if let FileOp::Rename(to) | FileOp::Link(to) = &file.op {
                to.hash(&mut hash);
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

#[cfg(test)]
mod tests {
    use super::*;
    use events::{Bytes, FileAct, Origin, Process};

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
    }
}
