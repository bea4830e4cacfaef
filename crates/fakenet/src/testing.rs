//! A guest for tests: it speaks over a pipe to any address, or through real sockets on the loopback.

use crate::recorder::locked;
use crate::server::Shared;
use crate::{Doors, HostClock, Server, World, dispatch};
use events::{Act, WireKind};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

pub(crate) type Acts = Arc<Mutex<Vec<Act>>>;

pub(crate) struct Bed {
    pub(crate) shared: Arc<Shared>,
    acts: Acts,
    runtime: tokio::runtime::Runtime,
}

pub(crate) const SEED: [u8; 32] = [7; 32];

pub(crate) fn world() -> World {
    World::new(Arc::new(HostClock), SEED).unwrap()
}

impl Bed {
    pub(crate) fn new() -> Self {
        Self::with(world())
    }

    pub(crate) fn with(world: World) -> Self {
        let acts = Acts::default();
        let sink = Arc::clone(&acts);
        let shared = Shared::new(world, Box::new(move |act| locked(&sink).push(act))).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { shared, acts, runtime }
    }

    /// A guest that connects to an address and does what it does.
    pub(crate) fn guest<F, R>(&self, to: &str, guest: impl FnOnce(DuplexStream) -> F) -> R
    where
        F: Future<Output = R>,
    {
        let to: SocketAddr = to.parse().unwrap();
        let from: SocketAddr = if to.is_ipv4() {
            "10.42.3.17:40000".parse().unwrap()
        } else {
            "[fd00::17]:40000".parse().unwrap()
        };
        self.runtime.block_on(async {
            let (near, far) = tokio::io::duplex(1 << 16);
            let flow = self.shared.recorder.open(from, to, false, self.shared.watcher.again());
            let server = tokio::spawn(dispatch::serve(dispatch::begin(far, flow, Arc::clone(&self.shared))));
            let result = guest(near).await;
            let ended = tokio::time::timeout(Duration::from_secs(10), server).await;
            ended.expect("the talk does not end").expect("an emulator panicked");
            result
        })
    }

    /// A guest that says each text and waits until the answer has the other; all that it was told.
    pub(crate) fn says(&self, to: &str, steps: &[(&[u8], &str)]) -> String {
        self.guest(to, |mut stream| async move {
            let mut all = Vec::new();
            for (text, expect) in steps {
                stream.write_all(text).await.unwrap();
                let mut heard = Vec::new();
                while !String::from_utf8_lossy(&heard).contains(expect) {
                    let mut chunk = [0; 4096];
                    let read = tokio::time::timeout(Duration::from_secs(8), stream.read(&mut chunk)).await;
                    let count = read
                        .unwrap_or_else(|_| panic!("no {expect:?} in {:?}", String::from_utf8_lossy(&heard)));
                    let count = count.unwrap();
                    assert!(count > 0, "closed; no {expect:?} in {:?}", String::from_utf8_lossy(&heard));
                    heard.extend_from_slice(&chunk[..count]);
                }
                all.extend(heard);
            }
            String::from_utf8_lossy(&all).into_owned()
        })
    }

    pub(crate) fn kinds(&self) -> Vec<WireKind> {
        kinds(&self.acts)
    }

    /// All that matters of what was told, one a line.
    pub(crate) fn told(&self) -> Vec<String> {
        told(&self.kinds())
    }

    /// That something was told which has this in its line.
    #[track_caller]
    pub(crate) fn check(&self, expect: &str) {
        let told = self.told();
        assert!(told.iter().any(|line| line.contains(expect)), "no {expect:?} in {told:#?}");
    }
}

pub(crate) fn kinds(acts: &Acts) -> Vec<WireKind> {
    let wire = |act: &Act| match act {
        Act::Wire(wire) => Some(wire.kind.clone()),
        _ => None,
    };
    locked(acts).iter().filter_map(wire).collect()
}

pub(crate) fn told(kinds: &[WireKind]) -> Vec<String> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    kinds
        .iter()
        .filter_map(|kind| {
            Some(match kind {
                WireKind::Protocol(name) => format!("protocol {name}"),
                WireKind::Step { protocol, what } => format!("{protocol}: {}", text(what)),
                WireKind::Dns(dns) => {
                    format!("dns {} {} {:?} {}", text(&dns.name), dns.kind, dns.answers, dns.over)
                }
                WireKind::Http(http) => format!(
                    "http {} {} {} {} {} tls={}",
                    text(&http.method),
                    text(&http.host),
                    text(&http.target),
                    http.status,
                    http.served,
                    http.tls
                ),
                WireKind::Tls(tls) => format!(
                    "tls {:?} accepted={} {}",
                    tls.name.as_ref().map(|name| text(name)),
                    tls.accepted,
                    tls.fingerprint
                ),
                WireKind::Pool(pool) => format!(
                    "pool {:?} {} account={} worker={} agent={} valid={:?}",
                    pool.coin,
                    pool.step,
                    text(&pool.account),
                    text(&pool.worker),
                    text(&pool.agent),
                    pool.valid
                ),
                WireKind::Canary(seen) => format!("canary {} {:?}", seen.canary, seen.coding),
                WireKind::Packets { what, count, .. } => format!("packets {what} {count}"),
                WireKind::Closed { sent, received } => format!("closed {sent} {received}"),
                WireKind::Opened { .. } | WireKind::Said(_) => return None,
            })
        })
        .collect()
}

/// Real sockets on the loopback.
pub(crate) struct Loopback {
    pub(crate) server: Option<Server>,
    pub(crate) acts: Acts,
    pub(crate) tcp: SocketAddr,
    pub(crate) udp: SocketAddr,
}

impl Loopback {
    pub(crate) fn new(world: World) -> Self {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let (at, datagrams) = (tcp.local_addr().unwrap(), udp.local_addr().unwrap());
        let acts = Acts::default();
        let sink = Arc::clone(&acts);
        let doors = Doors { tcp: vec![tcp], udp: vec![udp], ..Doors::default() };
        let server = crate::serve(doors, world, move |act| locked(&sink).push(act)).unwrap();
        Self { server: Some(server), acts, tcp: at, udp: datagrams }
    }

    pub(crate) fn told(&self) -> Vec<String> {
        told(&kinds(&self.acts))
    }

    /// Something is told soon.
    #[track_caller]
    pub(crate) fn check(&self, expect: &str) {
        let until = std::time::Instant::now() + Duration::from_secs(5);
        while std::time::Instant::now() < until {
            if self.told().iter().any(|line| line.contains(expect)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("no {expect:?} in {:#?}", self.told());
    }
}

/// Whether a client is there; loudly, where it is not, and an error where all of them must be.
pub(crate) fn present(program: &str) -> bool {
    let there = run("sh", &["-c", &format!("command -v {program}")]).0;
    if !there {
        let must = run("sh", &["-c", "test -n \"$ROADSTEAD_CI\""]).0;
        assert!(!must, "{program} is missing, and ROADSTEAD_CI is set");
        eprintln!("skipped: {program} is not installed");
    }
    there
}

/// Whether this user has a name. OpenSSH does not work for those who have none.
pub(crate) fn named() -> bool {
    let named = run("id", &["-un"]).0;
    if !named {
        eprintln!("skipped: this user has no name, which OpenSSH wants");
    }
    named
}

/// What a program prints. It has half a minute.
pub(crate) fn run(program: &str, arguments: &[&str]) -> (bool, String) {
    let output = std::process::Command::new("timeout")
        .arg("30")
        .arg(program)
        .args(arguments)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
