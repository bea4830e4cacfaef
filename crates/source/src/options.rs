use model::{ImageRef, Platform};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How an image is to be opened. Nothing is read from the environment: what is not here is not done.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The one platform of an index that is asked for; all of them where none is named.
    pub platform: Option<Platform>,
    /// Hosts, with their port where it was written, for which a person asked for HTTP without TLS.
    pub plain_http: Vec<String>,
    /// Hosts, besides a registry's own, that may hand out tokens for it and so see its credentials.
    pub token_realms: Vec<String>,
    /// Hosts on private or loopback addresses that a registry may redirect to.
    pub redirect_hosts: Vec<String>,
    /// Asked before the registry itself, in order.
    pub mirrors: Vec<Mirror>,
    /// A configuration file in Docker's format with credentials and credential helpers.
    pub docker_config: Option<PathBuf>,
    /// Passwords that were given for hosts by name, asked before the configuration file.
    pub logins: Vec<Login>,
    /// What whoever made a layout vouches for.
    pub vouched: Option<Vouched>,
    /// Where the local stores of container engines lie.
    pub storage: StorageRoots,
    /// The budget.
    pub limits: Limits,
    /// Set by whoever wants the work to end; every wait and every read looks at it.
    pub cancelled: Arc<AtomicBool>,
}

/// A host that answers for a registry. It is asked as containerd asks it, with `?ns=registry`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The registry that it stands in for, such as `docker.io`.
    pub registry: String,
    /// `https://host[:port][/path]`; `http://` counts as asking for HTTP.
    pub base_url: String,
}

/// A name and a password for one host.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// The registry, `host[:port]` or `docker.io`. No other host is sent the password, but for the token service that may
    /// speak for this one.
    pub registry: String,
    /// The user.
    pub user: String,
    /// His password or token.
    pub password: String,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("registry", &self.registry).finish_non_exhaustive()
    }
}

/// What another part of this program vouches for where it made an OCI layout from content of its own: every blob was held
/// against its digest when it was taken in, and whoever gets it from there holds it against it again. A layout that somebody
/// brings has nothing of this, whatever it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vouched {
    /// The name that the image is pulled by: analyzers that look at names, exceptions and the report see this one.
    pub name: ImageRef,
    /// Whether children of an index may be absent in good order, as nobody gets them from there either.
    pub sparse: bool,
}

/// Where the local stores of container engines lie.
#[derive(Debug, Clone)]
pub struct StorageRoots {
    /// Graph roots of Podman, Buildah and CRI-O; the first that knows the image answers.
    pub containers_storage: Vec<PathBuf>,
    /// Root directory of containerd.
    pub containerd: PathBuf,
    /// Namespaces of containerd, in the order in which they are asked.
    pub containerd_namespaces: Vec<String>,
    /// Data root of the Docker daemon.
    pub docker: PathBuf,
    /// Socket of the Docker daemon, asked where its data root cannot be read.
    pub docker_socket: PathBuf,
}

impl Default for StorageRoots {
    fn default() -> Self {
        Self {
            containers_storage: vec![PathBuf::from("/var/lib/containers/storage")],
            containerd: PathBuf::from("/var/lib/containerd"),
            containerd_namespaces: ["default", "k8s.io", "moby"].map(str::to_owned).to_vec(),
            docker: PathBuf::from("/var/lib/docker"),
            docker_socket: PathBuf::from("/var/run/docker.sock"),
        }
    }
}

/// The budget of opening one image. Sizes are in bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A manifest or index.
    pub manifest: u64,
    /// A configuration.
    pub config: u64,
    /// The answer of a token service.
    pub token: u64,
    /// A layer whose length was not declared.
    pub layer: u64,
    /// All that is written to an unnamed temporary file: an archive that is compressed, or that a daemon
    /// sends.
    pub temporary: u64,
    /// All manifests, indexes and configurations of one reference together.
    pub documents: u64,
    /// Manifests and indexes of one reference.
    pub descriptors: usize,
    /// Indexes in indexes.
    pub index_depth: usize,
    /// Layers of one manifest.
    pub layers: usize,
    /// Members of an archive.
    pub members: usize,
    /// Tries of one request without a byte of progress.
    pub attempts: u32,
    /// Interruptions of one layer that are mended by asking for the rest.
    pub resumptions: u32,
    /// The wait before the second try; it doubles with each further one.
    pub backoff: Duration,
    /// The longest wait that a server may ask for with `Retry-After`.
    pub retry_after: Duration,
    /// Making a connection.
    pub connect: Duration,
    /// One read from a connection.
    pub read: Duration,
    /// The whole of a manifest, a configuration or a token.
    pub document: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            manifest: 4 << 20,
            config: 8 << 20,
            token: 1 << 20,
            layer: 64 << 30,
            temporary: 64 << 30,
            documents: 64 << 20,
            descriptors: 512,
            index_depth: 4,
            layers: 1024,
            members: 65_536,
            attempts: 5,
            resumptions: 32,
            backoff: Duration::from_millis(250),
            retry_after: Duration::from_secs(60),
            connect: Duration::from_secs(15),
            read: Duration::from_secs(30),
            document: Duration::from_secs(120),
        }
    }
}

impl Options {
    pub(crate) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}
