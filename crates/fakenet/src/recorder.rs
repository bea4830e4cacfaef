use crate::captures::Captures;
use crate::pcapng::Packets;
use crate::{FakenetError, Limits, Seen, Watcher, World};
use events::{Act, CanarySeen, ConnectionId, Content, HostAct, LostWhy, Said, WireAct, WireKind, bounded};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Where all that is seen goes through, and is counted.
pub(crate) struct Recorder {
    sink: Box<dyn Fn(Act) + Send + Sync>,
    limits: Limits,
    pub(crate) captures: Captures,
    pub(crate) packets: Option<Packets>,
    events: AtomicU64,
    flows: AtomicU64,
    lost: AtomicU64,
    sent: AtomicU64,
    received: AtomicU64,
    full: AtomicBool,
    served: Mutex<BTreeMap<[u8; 32], (Content, String)>>,
    captured: Mutex<Vec<Content>>,
}

/// How many different served bodies are remembered. Each has an id of its own, so a guest that asks in a loop makes
/// as many as it asks for.
const MOST_SERVED: usize = 20_000;

/// Numbers of a whole run.
pub(crate) struct Totals {
    pub(crate) flows: u64,
    pub(crate) events: u64,
    pub(crate) lost: u64,
    pub(crate) sent: u64,
    pub(crate) received: u64,
    pub(crate) served: Vec<(Content, String)>,
    pub(crate) captured: Vec<Content>,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    pub(crate) fn new(world: &World, sink: Box<dyn Fn(Act) + Send + Sync>) -> Result<Self, FakenetError> {
        if let Some(path) = &world.captures {
            std::fs::create_dir_all(path)
                .map_err(|source| FakenetError::Captures { path: path.clone(), source })?;
        }
        let packets = match &world.pcapng {
            Some(path) => Some(
                Packets::create(path, world.limits.packets)
                    .map_err(|source| FakenetError::Captures { path: path.clone(), source })?,
            ),
            None => None,
        };
        Ok(Self {
            sink,
            limits: world.limits.clone(),
            captures: Captures::new(world.captures.clone(), world.limits.bodies),
            packets,
            events: AtomicU64::new(0),
            flows: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            full: AtomicBool::new(false),
            served: Mutex::default(),
            captured: Mutex::default(),
        })
    }

    /// Tells of something, unless the run has told too much already. What convicts is told in any case: a guest must
    /// not be able to bury it.
    pub(crate) fn tell(&self, act: Act) {
        let matters = matches!(
            &act,
            Act::Wire(WireAct { kind: WireKind::Canary(_) | WireKind::Pool(_), .. }) | Act::Host(_)
        );
        let most = if matters { self.limits.events.saturating_mul(2) } else { self.limits.events };
        // What is not told takes no place of what will be.
        let room = |told: u64| (told < most).then_some(told + 1);
        if self.events.fetch_update(Relaxed, Relaxed, room).is_ok() {
            (self.sink)(act);
        } else {
            self.lost(1);
            if !self.full.swap(true, Relaxed) {
                (self.sink)(Act::Host(HostAct::Limit { what: "events of the network".into() }));
            }
        }
    }

    /// Something was not told, or not looked at.
    pub(crate) fn lost(&self, count: u64) {
        self.lost.fetch_add(count, Relaxed);
    }

    /// Keeps a body.
    pub(crate) fn keep(&self, bytes: &[u8]) -> Content {
        let beginning = bytes.get(..self.limits.body as usize).unwrap_or(bytes);
        if beginning.len() < bytes.len() {
            self.tell(Act::Host(HostAct::Lost { why: LostWhy::Content, count: 1 }));
        }
        let capture = self.captures.keep(beginning);
        if capture.new {
            locked(&self.captured).push(capture.content.clone());
            let content = capture.content.clone();
            self.tell(Act::Host(HostAct::Captured { content, path: None, given: None }));
        }
        if capture.lost {
            self.tell(Act::Host(HostAct::Lost { why: LostWhy::Content, count: 1 }));
        }
        capture.content
    }

    /// Remembers what was served, so that it is known when it is met again as a file.
    pub(crate) fn serving(&self, bytes: &[u8], what: &str) -> Content {
        let content = self.captures.keep(bytes).content;
        let mut served = locked(&self.served);
        if served.len() < MOST_SERVED {
            served.insert(content.sha256, (content.clone(), what.to_owned()));
        }
        content
    }

    /// A new flow.
    pub(crate) fn open(
        self: &Arc<Self>,
        from: SocketAddr,
        to: SocketAddr,
        datagram: bool,
        watcher: Watcher,
    ) -> Arc<Flow> {
        let flow = self.make(from, to, watcher, true);
        flow.tell(WireKind::Opened { datagram });
        flow
    }

    /// Something to tell of packets by, which is neither opened nor closed.
    pub(crate) fn unannounced(
        self: &Arc<Self>,
        from: SocketAddr,
        to: SocketAddr,
        watcher: Watcher,
    ) -> Arc<Flow> {
        self.make(from, to, watcher, false)
    }

    fn make(
        self: &Arc<Self>,
        from: SocketAddr,
        to: SocketAddr,
        watcher: Watcher,
        announced: bool,
    ) -> Arc<Flow> {
        let number = self.flows.fetch_add(1, Relaxed) + 1;
        Arc::new(Flow {
            id: ConnectionId(number),
            from,
            to,
            recorder: Arc::clone(self),
            told: number <= self.limits.flows,
            sent: AtomicU64::new(0),
            received: AtomicU64::new(0),
            watcher: Mutex::new(watcher),
            seen: Mutex::default(),
            announced,
        })
    }

    /// At the end: what was lost becomes an event, and the numbers are handed out.
    pub(crate) fn finish(&self) -> Totals {
        let lost = self.lost.load(Relaxed);
        if lost > 0 {
            (self.sink)(Act::Host(HostAct::Lost { why: LostWhy::Wire, count: lost }));
        }
        if let Some(packets) = &self.packets {
            packets.flush();
        }
        Totals {
            flows: self.flows.load(Relaxed),
            events: self.events.load(Relaxed),
            lost,
            sent: self.sent.load(Relaxed),
            received: self.received.load(Relaxed),
            served: locked(&self.served).values().cloned().collect(),
            captured: std::mem::take(&mut locked(&self.captured)),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }
}

/// One flow between the guest and us.
pub(crate) struct Flow {
    pub(crate) id: ConnectionId,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) recorder: Arc<Recorder>,
    told: bool,
    announced: bool,
    sent: AtomicU64,
    received: AtomicU64,
    watcher: Mutex<Watcher>,
    seen: Mutex<Vec<(String, events::Coding)>>,
}

impl Flow {
    /// Tells of something on this flow.
    pub(crate) fn tell(&self, kind: WireKind) {
        let matters = matches!(kind, WireKind::Canary(_) | WireKind::Pool(_) | WireKind::Packets { .. });
        if !self.told && !matters {
            return self.recorder.lost(1);
        }
        self.recorder.tell(Act::Wire(WireAct { connection: self.id, from: self.from, to: self.to, kind }));
    }

    /// A step of a protocol.
    pub(crate) fn step(&self, protocol: &str, what: impl AsRef<[u8]>) {
        self.tell(WireKind::Step { protocol: protocol.to_owned(), what: bounded(what.as_ref()) });
    }

    /// Bytes went over the wire: counted.
    pub(crate) fn count(&self, guest: bool, bytes: u64) {
        let (own, all) =
            if guest { (&self.sent, &self.recorder.sent) } else { (&self.received, &self.recorder.received) };
        own.fetch_add(bytes, Relaxed);
        all.fetch_add(bytes, Relaxed);
    }

    /// Bytes were said at this offset of a direction: told, as far as so much is told.
    pub(crate) fn said(&self, guest: bool, decrypted: bool, offset: u64, bytes: &[u8]) {
        if offset >= self.recorder.limits.said {
            return;
        }
        let length = bytes.len() as u64;
        self.tell(WireKind::Said(Said { guest, decrypted, offset, length, bytes: bounded(bytes) }));
    }

    /// Looks for canaries in what the guest sent next.
    pub(crate) fn watch(&self, bytes: &[u8]) {
        let found = locked(&self.watcher).feed(bytes);
        self.leaving(found);
    }

    /// Looks for canaries in something whole: a body without its framing, a header.
    pub(crate) fn watch_whole(&self, bytes: &[u8]) {
        let mut watcher = locked(&self.watcher).again();
        let mut found = watcher.feed(bytes);
        found.extend(watcher.feed_bare(bytes));
        self.leaving(found);
    }

    /// Canaries were seen leaving; each coding of each is told once a flow.
    pub(crate) fn leaving(&self, found: Vec<Seen>) {
        for Seen { canary, coding, offset } in found {
            let mut seen = locked(&self.seen);
            if seen.iter().any(|(name, how)| *name == canary && *how == coding) {
                continue;
            }
            seen.push((canary.clone(), coding));
            drop(seen);
            self.tell(WireKind::Canary(CanarySeen { canary, coding, offset }));
        }
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        let (sent, received) = (self.sent.load(Relaxed), self.received.load(Relaxed));
        if locked(&self.watcher).overran() {
            self.recorder.lost(1);
        }
        if self.announced {
            self.tell(WireKind::Closed { sent, received });
        }
    }
}
