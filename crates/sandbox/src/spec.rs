use serde::{Deserialize, Serialize};
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::time::Duration;

/// What is to run, and in what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Spec {
    /// What runs it.
    pub engine: Engine,
    /// Its file system.
    pub root: Root,
    /// The process that it begins with.
    pub start: Start,
    /// Its name among hosts.
    pub hostname: String,
    /// Its network; none leaves it with a loopback only.
    pub network: Option<Network>,
    /// What it may use.
    pub limits: Limits,
    /// What is done about time.
    pub time: TimePolicy,
    /// Files put over the image before the start: a trust store, canaries, baits. They lie in the upper directory.
    pub persona: Vec<Persona>,
    /// Where content that appears is kept, each under its SHA-256; an existing directory of the caller's.
    pub captures: Option<PathBuf>,
    /// What else the guest meets, or does not.
    pub decoys: Decoys,
}

/// Whose kernel takes the guest's calls.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Engine {
    /// The host's, under a tracer of ours.
    #[default]
    Native,
    /// gVisor's, a program in user space: an exploit of the host's kernel has to get through it first.
    Gvisor(crate::Runsc),
}

impl Engine {
    /// As records name it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Gvisor(_) => "gvisor",
        }
    }
}

/// What the guest meets beside the image: things that only somebody with no business there goes for.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Decoys {
    /// Processes that are started together with the first.
    pub beside: Vec<Start>,
    /// Sockets with a name in the guest's tree, at which the parent listens: [`crate::Doors::named`].
    pub sockets: Vec<PathBuf>,
    /// Files of container runtimes that are left out, such as `/.dockerenv`.
    pub left_out: Vec<PathBuf>,
}

/// The guest's file system.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Root {
    /// Directories laid over each other, the lowest last. They are only read.
    pub lower: Vec<PathBuf>,
    /// Whose numbers the lower directories' owners are.
    pub owners: Owners,
    /// Where the guest's writes go.
    pub scratch: Scratch,
}

/// Whose numbers the owners in a directory are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Owners {
    /// The sandbox's: [`crate::Unpack`] wrote the tree.
    Sandbox,
    /// The guest's own, as `debootstrap` or a mounted image has them: needs root, and a file system with idmapped
    /// mounts.
    Guest,
}

/// Where the guest's writes go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scratch {
    /// Memory, at most [`Limits::disk`] bytes. It counts as memory of the guest too.
    Memory,
    /// An empty directory on a disk, or that of a run before: the guest is started a second time. Only the length of
    /// a single file is bounded there.
    Directory(PathBuf),
}

/// A process to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// What the plan calls it.
    pub probe: String,
    /// Program and arguments; a program without a slash is looked for in `PATH` of `env`.
    pub argv: Vec<Vec<u8>>,
    /// `NAME=value`.
    pub env: Vec<Vec<u8>>,
    /// Working directory; made where it is missing, as runtimes do.
    pub cwd: PathBuf,
    /// Whose rights it has.
    pub user: User,
    /// What stands at its standard input.
    pub stdin: Stdin,
}

/// What stands at standard input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stdin {
    /// `/dev/null`, as `docker run` without `-i`.
    Null,
    /// A pipe that stays open and never says anything, as `docker run -i`.
    Open,
}

/// A user of the guest.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct User {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Further groups.
    pub groups: Vec<u32>,
}

/// The guest's end of its network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Address of its card.
    pub mac: [u8; 6],
    /// Its address.
    pub ipv4: Ipv4Addr,
    /// How many bits of it name the network.
    pub prefix4: u8,
    /// Its gateway, in the same network, which is also its name server.
    pub gateway4: Ipv4Addr,
    /// Its address in IPv6.
    pub ipv6: Ipv6Addr,
    /// Its gateway in IPv6.
    pub gateway6: Ipv6Addr,
    /// Whether the kernel's filter has every port answered. Without it, and where the kernel has none, ports are
    /// opened as they are asked for, see [`crate::Run::further_doors`].
    pub filter: bool,
}

impl Default for Network {
    /// As the first container of a fresh Docker host has it, and an address for documentation in IPv6.
    fn default() -> Self {
        Self {
            mac: [0x02, 0x42, 0xac, 0x11, 0x00, 0x02],
            ipv4: Ipv4Addr::new(172, 17, 0, 2),
            prefix4: 16,
            gateway4: Ipv4Addr::new(172, 17, 0, 1),
            ipv6: Ipv6Addr::new(0x2001, 0xdb8, 0x1, 0, 0, 0x242, 0xac11, 2),
            gateway6: Ipv6Addr::new(0x2001, 0xdb8, 0x1, 0, 0, 0, 0, 1),
            filter: true,
        }
    }
}

/// What a run may use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory.
    pub memory: u64,
    /// Processes and threads.
    pub processes: u32,
    /// Hundredths of a processor.
    pub cpu: u32,
    /// Bytes that it may write to its file system.
    pub disk: u64,
    /// How long it may take.
    pub wall: Duration,
    /// How many events it may make.
    pub events: u64,
    /// Bytes of standard output and of standard error that are kept, each.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 2 << 30,
            processes: 512,
            cpu: 200,
            disk: 1 << 30,
            wall: Duration::from_secs(60),
            events: 4_000_000,
            output: 1 << 20,
        }
    }
}

/// What is done about time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimePolicy {
    /// Whether waiting is skipped.
    pub skip: bool,
    /// How long the guest's machine has been up when the run begins.
    pub uptime: Duration,
    /// How far the guest's calendar is ahead of the host's when the run begins, in seconds; negative is behind.
    pub ahead: i64,
}

impl Default for TimePolicy {
    fn default() -> Self {
        Self { skip: true, uptime: Duration::from_secs(11 * 86_400 + 5_003), ahead: 0 }
    }
}

/// A file that the sandbox puts into the guest's tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Persona {
    /// Where, absolute in the guest. Directories on the way are made; links of the image are followed inside its
    /// root only. A file below `/proc` or `/sys` is mounted over the kernel's, read-only: what the guest is told of
    /// its processors and memory.
    pub path: PathBuf,
    /// Mode.
    pub mode: u32,
    /// Owner and group.
    pub owner: (u32, u32),
    /// Content.
    pub bytes: Vec<u8>,
}
