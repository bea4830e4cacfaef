use std::collections::{BTreeMap, BTreeSet};

/// What is known of an image beside what its runs showed. All of it comes from the image's configuration, the
/// plan, or a person; nothing from the guest.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// The platform that ran, `linux/amd64`.
    pub platform: String,
    /// Hosts that the image's configuration names, or that a person said it may talk to.
    pub configured_hosts: BTreeSet<String>,
    /// Ports that the image declares or was seen to serve by design.
    pub exposed_ports: BTreeSet<u16>,
    /// What the image openly says it is: `miner`, `scanner`, `vpn`, `tor`, `dind`, `ssh`, … as control G5 reads it.
    pub declared: BTreeSet<String>,
    /// Hosts among those that the runs asked for that a list of mining pools knows; lower case.
    pub pool_hosts: BTreeSet<String>,
    /// Documents that were planted to be found, by their paths.
    pub baits: Vec<Vec<u8>>,
    /// When the first run began by the guest's clock, in seconds since the epoch.
    pub began: i64,
    /// How many processors the guest was told of.
    pub processors: u32,
    /// Content that convicts at rest, by its SHA-256, with the detection that does: what of the runs' captures was
    /// scanned.
    pub condemned: BTreeMap<[u8; 32], String>,
    /// Programs of the image that no package owns, by their paths.
    pub unowned: Vec<Vec<u8>>,
}

/// The name of the run that starts the image as its configuration says.
pub const AS_CONFIGURED: &str = "as configured";
/// The name of the run that starts the same container again.
pub const SECOND_START: &str = "second start";

/// What stands behind the name of a run that differs from the one before it in hiding the sandbox's traces.
pub const HIDDEN_PROFILE: &str = ", sandbox hidden";
/// What stands behind the name of a run that differs from the one before it in a clock that was moved on.
pub const LATER: &str = ", later";

/// What is known of one run.
#[derive(Debug, Clone, Default)]
pub struct RunContext {
    /// Its name in the plan: `as configured`, `probe python3`, `second start`, …
    pub name: String,
    /// Whether it only asks an interpreter or a shell to do nothing, so that whatever happens is a hook's doing.
    pub neutral: bool,
    /// The profile it ran under; two runs that differ in nothing else are compared.
    pub profile: String,
    /// The platform, where an image has several.
    pub platform: String,
}
