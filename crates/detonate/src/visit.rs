//! Speaks to the ports that the guest listens at, as a neighbour would: a program that does harm only when somebody
//! connects has somebody connecting.

use crate::merge::Inlet;
use events::{Act, ConnectionId, NetOp, Peer, Process, Source, WireAct, WireKind};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::Scope;
use std::time::Duration;

/// How long the other side may take for a greeting and for an answer.
const GREETING: Duration = Duration::from_millis(700);
const ANSWER: Duration = Duration::from_secs(2);
/// The most that is read of an answer.
const MOST: u64 = 64 << 10;
/// The most addresses that are remembered as listened at.
const MOST_PORTS: usize = 256;
/// Numbers of our own connections, beyond those that the network gives.
const OURS: u64 = 1 << 48;

/// Who listens where, and what is left to speak to it with.
pub(crate) struct Visits {
    state: Mutex<State>,
}

struct State {
    sockets: Vec<OwnedFd>,
    bound: BTreeMap<(Process, i32), SocketAddr>,
    listening: BTreeSet<SocketAddr>,
    waiting: VecDeque<SocketAddr>,
    made: u64,
    speaking: usize,
}

impl Visits {
    pub(crate) fn new(sockets: Vec<OwnedFd>) -> Self {
        Self {
            state: Mutex::new(State {
                sockets,
                bound: BTreeMap::new(),
                listening: BTreeSet::new(),
                waiting: VecDeque::new(),
                made: 0,
                speaking: 0,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at what the guest did for a new place where it listens.
    pub(crate) fn see(&self, act: &Act) {
        let Act::Net(act) = act else { return };
        if act.result < 0 {
            return;
        }
        let key = (act.process, act.descriptor);
        match &act.op {
            NetOp::Bind(Peer::Inet(at)) => {
                let mut state = self.lock();
                if state.bound.len() < 4 * MOST_PORTS {
                    state.bound.insert(key, *at);
                }
            }
            NetOp::Listen => {
                let mut state = self.lock();
                // A child may listen at what its parent bound.
                let by_descriptor = || state.bound.iter().rev().find(|((_, number), _)| *number == key.1);
                let at = state.bound.get(&key).or_else(|| by_descriptor().map(|(_, at)| at)).copied();
                if let Some(at) = at
                    && at.port() != 0
                    && state.listening.len() < MOST_PORTS
                    && state.listening.insert(at)
                {
                    state.waiting.push_back(at);
                }
            }
            _ => {}
        }
    }

    /// A socket that leads into the guest's network.
    pub(crate) fn socket(&self) -> Option<OwnedFd> {
        self.lock().sockets.pop()
    }

    /// The ports at which the guest listened.
    pub(crate) fn served(&self) -> Vec<u16> {
        let ports: BTreeSet<u16> = self.lock().listening.iter().map(SocketAddr::port).collect();
        ports.into_iter().collect()
    }

    /// Speaks to every place that was not spoken to yet.
    pub(crate) fn make<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, inlet: &Inlet) {
        let mut state = self.lock();
        while let Some(at) = state.waiting.pop_front() {
            let (Some(first), Some(second)) = (state.sockets.pop(), state.sockets.pop()) else { return };
            let number = OURS + state.made;
            state.made += 1;
            state.speaking += 1;
            let inlet = inlet.clone();
            scope.spawn(move || {
                speak(at, first, second, number, &inlet);
                self.lock().speaking -= 1;
            });
        }
    }

    /// Whether somebody is spoken to, or is about to be.
    pub(crate) fn go_on(&self) -> bool {
        let state = self.lock();
        state.speaking > 0 || !(state.waiting.is_empty() || state.sockets.len() < 2)
    }
}

/// Where a listener is reached from inside the guest's network.
fn reached(at: SocketAddr) -> Option<SocketAddr> {
    let ip = match at.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::new(172, 17, 0, 2),
        IpAddr::V4(ip) => ip,
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv4Addr::new(172, 17, 0, 2),
        IpAddr::V6(_) => return None,
    };
    Some((ip, at.port()).into())
}

/// Two connections: one that waits for a greeting and asks for a page, and one that types a command.
fn speak(at: SocketAddr, first: OwnedFd, second: OwnedFd, number: u64, inlet: &Inlet) {
    let Some(to) = reached(at) else { return };
    if let Some(mut talk) = connect(first, to) {
        let greeting = hear(&mut talk, GREETING);
        if greeting.is_empty() {
            let page = format!(
                "GET / HTTP/1.1\r\nHost: {to}\r\nUser-Agent: Mozilla/5.0\r\nConnection: close\r\n\r\n"
            );
            let _ = talk.write_all(page.as_bytes());
            hear(&mut talk, ANSWER);
        }
    }
    if let Some(mut talk) = connect(second, to) {
        let from = talk.local_addr().unwrap_or(to);
        hear(&mut talk, Duration::from_millis(200));
        let _ = talk.write_all(b"id\n");
        let answer = hear(&mut talk, ANSWER);
        // A shell, and nothing else, answers with who it is.
        if let Some(line) = answer.split(|byte| *byte == b'\n').find(|line| is_identity(line)) {
            let what = events::bounded(&[b"id: ", line].concat());
            let kind = WireKind::Step { protocol: "shell".to_owned(), what };
            let act = WireAct { connection: ConnectionId(number), from, to, kind };
            inlet.seen(Source::Wire, Act::Wire(act));
            let _ = talk.write_all(b"exit\n");
        }
    }
}

fn is_identity(line: &[u8]) -> bool {
    let found = |part: &[u8]| line.windows(part.len()).any(|window| window == part);
    found(b"uid=") && found(b"gid=")
}

fn connect(socket: OwnedFd, to: SocketAddr) -> Option<TcpStream> {
    rustix::net::connect(&socket, &to).ok()?;
    let talk = TcpStream::from(socket);
    talk.set_write_timeout(Some(ANSWER)).ok()?;
    Some(talk)
}

/// What comes within a time, or until something came and a short while nothing more.
fn hear(talk: &mut TcpStream, within: Duration) -> Vec<u8> {
    let mut heard = Vec::new();
    let mut bytes = [0; 4096];
    let until = std::time::Instant::now() + within;
    let mut wait = within;
    while !wait.is_zero() && (heard.len() as u64) < MOST && talk.set_read_timeout(Some(wait)).is_ok() {
        match talk.read(&mut bytes) {
            Ok(read) if read > 0 => heard.extend_from_slice(bytes.get(..read).unwrap_or_default()),
            _ => break,
        }
        let left = until.saturating_duration_since(std::time::Instant::now());
        wait = left.min(Duration::from_millis(300));
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;
    use events::NetAct;

    fn check(acts: &[(NetOp, i32, i64)], expect: &[u16]) {
        let visits = Visits::new(Vec::new());
        for (op, descriptor, result) in acts {
            let act =
                NetAct { process: Process(1), op: op.clone(), descriptor: *descriptor, result: *result };
            visits.see(&Act::Net(act));
        }
        assert_eq!(visits.served(), expect);
    }

    #[test]
    fn who_binds_and_listens_serves() {
        let bind = |at: &str| NetOp::Bind(Peer::Inet(at.parse().unwrap()));
        check(&[(bind("0.0.0.0:80"), 3, 0), (NetOp::Listen, 3, 0)], &[80]);
        check(&[(bind("0.0.0.0:80"), 3, 0), (NetOp::Listen, 4, 0)], &[]);
        check(&[(bind("0.0.0.0:80"), 3, -98), (NetOp::Listen, 3, 0)], &[]);
        check(&[(bind("[::]:443"), 5, 0), (NetOp::Listen, 5, 0), (NetOp::Listen, 5, 0)], &[443]);
    }

    #[test]
    fn only_a_shell_says_who_it_is() {
        assert!(is_identity(b"uid=0(root) gid=0(root)"));
        assert!(!is_identity(b"HTTP/1.1 400 Bad Request"));
    }
}
