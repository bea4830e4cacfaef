use crate::{Authority, Canaries};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What the guest is to believe, and how much of it is kept.
pub struct World {
    /// The guest's wall clock. HTTP dates, certificates, NTP and tokens follow it.
    pub clock: Arc<dyn Clock>,
    /// Secrets that nobody should send anywhere; some of them are handed out here.
    pub canaries: Canaries,
    /// Who the guest is told that it is.
    pub persona: Persona,
    /// Who signs the certificates.
    pub authority: Arc<Authority>,
    /// Which names exist.
    pub names: Names,
    /// Content that is served for certain requests instead of what would be made up.
    pub stages: Vec<Stage>,
    /// Bounds.
    pub limits: Limits,
    /// Where bodies are kept, by SHA-256. Without it they are only hashed.
    pub captures: Option<PathBuf>,
    /// Where packets are written, with the keys to what is encrypted in them.
    pub pcapng: Option<PathBuf>,
}

impl World {
    /// A world with a new authority and nothing written to disk.
    pub fn new(clock: Arc<dyn Clock>, seed: [u8; 32]) -> Result<Self, crate::AuthorityError> {
        Ok(Self {
            authority: Arc::new(Authority::new(clock.now())?),
            clock,
            canaries: Canaries::new(seed),
            persona: Persona::default(),
            names: Names::ResolveAll,
            stages: Vec::new(),
            limits: Limits::default(),
            captures: None,
            pcapng: None,
        })
    }
}

/// The guest's wall clock.
pub trait Clock: Send + Sync {
    /// What a guest that asks the kernel is told now.
    fn now(&self) -> SystemTime;

    /// Whole seconds since 1970.
    fn seconds(&self) -> u64 {
        self.now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Keeps the clock from jumping until what it gives is dropped: an answer is owed, and a guest whose clock jumped
    /// meanwhile would believe that nobody answers. Never held for longer than an answer takes by itself.
    fn hold(&self) -> Box<dyn Send> {
        Box::new(())
    }
}

/// The host's own clock.
pub struct HostClock;

impl Clock for HostClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }
}

/// The host's clock and a number of nanoseconds that another part moves.
#[derive(Default)]
pub struct Shifted(pub Arc<AtomicU64>);

impl Clock for Shifted {
    fn now(&self) -> SystemTime {
        SystemTime::now() + Duration::from_nanos(self.0.load(Ordering::Relaxed))
    }
}

/// Which names exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Names {
    /// All of them.
    ResolveAll,
    /// Those of services that every image may know; others do not exist. What generates names, or tells a sandbox
    /// from the world by asking for nonsense, shows itself in this pass.
    OnlyPlausible {
        /// Names, and domains of names, that exist besides: what stands in the image.
        also: Vec<String>,
    },
}

/// Who the guest is told that it is.
#[derive(Debug, Clone)]
pub struct Persona {
    /// Host name, as the guest's kernel tells it.
    pub hostname: String,
    /// Its own address.
    pub address: std::net::Ipv4Addr,
    /// Twelve digits of the AWS account.
    pub account: String,
    /// Region of the cloud.
    pub region: String,
    /// Id of the machine, `i-…`.
    pub instance: String,
    /// Role whose credentials the metadata service gives out.
    pub role: String,
    /// Name of the Google project.
    pub project: String,
    /// Namespace of the pod.
    pub namespace: String,
    /// Name of the service account.
    pub service_account: String,
    /// Name of the node.
    pub node: String,
}

impl Default for Persona {
    fn default() -> Self {
        Self {
            hostname: "web-7c9d8f6b5-x2x9q".into(),
            address: std::net::Ipv4Addr::new(10, 42, 3, 17),
            account: "418295067312".into(),
            region: "eu-central-1".into(),
            instance: "i-0b52e61b9a7f4c03d".into(),
            role: "eks-nodegroup-prod".into(),
            project: "prod-platform-318207".into(),
            namespace: "production".into(),
            service_account: "web".into(),
            node: "ip-10-42-3-4.eu-central-1.compute.internal".into(),
        }
    }
}

/// Content for a request: what an image is known to fetch, as a test or a person gives it.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The host, or a part of it; empty for any.
    pub host: String,
    /// How the path begins.
    pub path: String,
    /// What is served.
    pub bytes: Vec<u8>,
    /// As which type.
    pub media_type: String,
}

/// Bounds. Reaching one becomes an event, and the run is incomplete.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at the same time.
    pub connections: usize,
    /// Connections and datagram flows in all that are told of one by one.
    pub flows: u64,
    /// Events in all.
    pub events: u64,
    /// Bytes of one direction of one flow that are told as said.
    pub said: u64,
    /// Bytes of one flow that are searched for canaries.
    pub watched: u64,
    /// Bytes of one body that are kept.
    pub body: u64,
    /// Bytes of all bodies together.
    pub bodies: u64,
    /// Requests over one connection.
    pub requests: u64,
    /// Bytes of one line or frame of a protocol.
    pub frame: usize,
    /// How long a guest may be silent on a connection.
    pub idle: Duration,
    /// How long a connection may last.
    pub connection: Duration,
    /// Bytes of the packet file.
    pub packets: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Each takes a descriptor, and a process usually has 1024.
            connections: 512,
            flows: 100_000,
            events: 300_000,
            said: 256 << 10,
            watched: 64 << 20,
            body: 16 << 20,
            bodies: 256 << 20,
            requests: 20_000,
            frame: 1 << 20,
            idle: Duration::from_secs(120),
            connection: Duration::from_secs(900),
            packets: 256 << 20,
        }
    }
}
