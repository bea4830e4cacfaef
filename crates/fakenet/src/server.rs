#[cfg(test)]
mod tests;

use crate::recorder::{Recorder, locked};
use crate::talk::Talk;
use crate::{Doors, FakenetError, Watcher, World, datagrams, dispatch, packets, tls};
use events::{Act, Content};
use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, oneshot};

/// Answers the guest behind these doors until [`Server::stop`]. `sink` is called from several threads.
pub fn serve(
    doors: Doors,
    world: World,
    sink: impl Fn(Act) + Send + Sync + 'static,
) -> Result<Server, FakenetError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("fakenet")
        .enable_io()
        .enable_time()
        .build()
        .map_err(FakenetError::Runtime)?;
    let shared = Shared::new(world, Box::new(sink))?;
    let Doors { tcp, udp, raw4, raw6, packets: frames } = doors;
    let mut threads = Vec::new();
    let entered = runtime.enter();
    if let Some(frames) = frames {
        if let Some(file) = &shared.recorder.packets {
            file.real();
        }
        threads.push(packets::watch(frames, Arc::clone(&shared)).map_err(FakenetError::Runtime)?);
    }
    for listener in tcp {
        let wrong = |source| FakenetError::Socket { which: "tcp", source };
        listener.set_nonblocking(true).map_err(wrong)?;
        let listener = tokio::net::TcpListener::from_std(listener).map_err(wrong)?;
        runtime.spawn(accept(listener, Arc::clone(&shared)));
    }
    let raw = Arc::new(datagrams::Raw { raw4, raw6 });
    for socket in udp {
        let thread = datagrams::serve(socket, Arc::clone(&raw), Arc::clone(&shared))
            .map_err(|source| FakenetError::Socket { which: "udp", source })?;
        threads.push(thread);
    }
    drop(entered);
    Ok(Server { runtime, shared, threads })
}

/// Whoever answers the guest.
pub struct Server {
    runtime: Runtime,
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Server {
    /// Answers at a Unix socket as a Docker daemon would: the decoy `docker.sock`.
    pub fn serve_unix(&self, listener: UnixListener) -> Result<(), FakenetError> {
        let wrong = |source| FakenetError::Socket { which: "docker.sock", source };
        listener.set_nonblocking(true).map_err(wrong)?;
        let _entered = self.runtime.enter();
        let listener = tokio::net::UnixListener::from_std(listener).map_err(wrong)?;
        let shared = Arc::clone(&self.shared);
        self.runtime.spawn(async move {
            // A Unix socket has no addresses. These stand for it: no guest can have or ask for port 0.
            let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => take(stream, nowhere, nowhere, &shared),
                    Err(_) => tokio::time::sleep(AFTER_FAILURE).await,
                }
            }
        });
        Ok(())
    }

    /// More listeners, for a network that was made later.
    pub fn add(&self, listener: TcpListener) -> Result<(), FakenetError> {
        let wrong = |source| FakenetError::Socket { which: "tcp", source };
        listener.set_nonblocking(true).map_err(wrong)?;
        let _entered = self.runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(wrong)?;
        self.runtime.spawn(accept(listener, Arc::clone(&self.shared)));
        Ok(())
    }

    /// Ends all flows and says what there was.
    pub fn stop(self) -> Transcript {
        self.shared.stopped.store(true, Ordering::Relaxed);
        self.runtime.shutdown_timeout(Duration::from_secs(2));
        for thread in self.threads {
            // One that panicked has told what it saw until then; nothing of the guest's makes one.
            if thread.join().is_err() {
                self.shared.recorder.lost(1);
            }
        }
        locked(&self.shared.expected).clear();
        datagrams::finish(&self.shared);
        let totals = self.shared.recorder.finish();
        Transcript {
            flows: totals.flows,
            events: totals.events,
            lost: totals.lost,
            sent: totals.sent,
            received: totals.received,
            served: totals.served,
            captured: totals.captured,
            pcapng: self.shared.world.pcapng.clone(),
        }
    }
}

/// What there was. The rest is in the events.
#[derive(Debug)]
pub struct Transcript {
    /// Flows, told or not.
    pub flows: u64,
    /// Events, told or not.
    pub events: u64,
    /// What was not told or not looked at. More than nothing makes the run incomplete.
    pub lost: u64,
    /// Bytes that the guest sent.
    pub sent: u64,
    /// Bytes that it was sent.
    pub received: u64,
    /// What was served, with what it is: met again as a file, it came from here.
    pub served: Vec<(Content, String)>,
    /// Bodies that were kept.
    pub captured: Vec<Content>,
    /// The packet file.
    pub pcapng: Option<PathBuf>,
}

/// What all flows share.
pub(crate) struct Shared {
    pub(crate) world: World,
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) watcher: Watcher,
    pub(crate) tls: tls::Acceptor,
    /// Connections that another one announced: FTP data.
    pub(crate) expected: Mutex<HashMap<SocketAddr, oneshot::Sender<Talk>>>,
    pub(crate) datagrams: Mutex<datagrams::Flows>,
    pub(crate) names: Mutex<crate::protocols::dns::Streams>,
    pub(crate) host_key: crate::protocols::ssh::HostKey,
    connections: Arc<Semaphore>,
    served: AtomicU64,
    pub(crate) stopped: AtomicBool,
}

impl Shared {
    pub(crate) fn new(world: World, sink: Box<dyn Fn(Act) + Send + Sync>) -> Result<Arc<Self>, FakenetError> {
        let recorder = Arc::new(Recorder::new(&world, sink)?);
        Ok(Arc::new(Self {
            tls: tls::Acceptor::new(&world, &recorder),
            watcher: world.canaries.watcher(),
            host_key: crate::protocols::ssh::HostKey::new(),
            connections: Arc::new(Semaphore::new(world.limits.connections)),
            recorder,
            world,
            expected: Mutex::default(),
            datagrams: Mutex::default(),
            names: Mutex::default(),
            served: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }))
    }

    /// A number that no other served body has.
    pub(crate) fn serial(&self) -> u64 {
        self.served.fetch_add(1, Ordering::Relaxed)
    }
}

const AFTER_FAILURE: Duration = Duration::from_millis(20);

async fn accept(listener: tokio::net::TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                let Ok(to) = stream.local_addr() else { continue };
                let _ = stream.set_nodelay(true);
                take(stream, plain(from), plain(to), &shared);
            }
            // A guest that went away takes nothing with it. Out of descriptors is another matter: others wait
            // unheard.
            Err(error) => {
                if error.kind() != io::ErrorKind::ConnectionAborted {
                    shared.recorder.lost(1);
                }
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// IPv4 inside of IPv6 is IPv4.
pub(crate) fn plain(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}

fn take<S: crate::stream::Stream + 'static>(
    stream: S,
    from: SocketAddr,
    to: SocketAddr,
    shared: &Arc<Shared>,
) {
    let flow = shared.recorder.open(from, to, false, shared.watcher.again());
    let Ok(permit) = Arc::clone(&shared.connections).try_acquire_owned() else {
        flow.step("fakenet", "closed unheard: too many connections");
        shared.recorder.lost(1);
        return;
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        let _permit = permit;
        let longest = shared.world.limits.connection;
        let recorder = Arc::clone(&shared.recorder);
        let talk = dispatch::begin(stream, Arc::clone(&flow), shared);
        let mut talking = tokio::spawn(dispatch::serve(talk));
        match tokio::time::timeout(longest, &mut talking).await {
            Ok(Ok(())) => {}
            // Nothing of the guest's should make an emulator panic. If it does, the run says that it missed something.
            Ok(Err(_)) => recorder.lost(1),
            Err(_) => {
                talking.abort();
                flow.step("fakenet", "closed: it lasted too long");
                recorder.lost(1);
            }
        }
    });
}

/// What an emulator's conversation ends with. Most end by the guest's going away.
pub(crate) type Ended = io::Result<()>;
