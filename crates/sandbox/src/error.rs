use serde::{Deserialize, Serialize};

/// Why a run could not be begun, or not be ended cleanly.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The warden could not be started.
    #[error("cannot start the sandbox's warden: {step}")]
    Spawn {
        /// What failed.
        step: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// A step of making the sandbox failed.
    #[error("cannot make the sandbox: {0}")]
    Step(Failure),
    /// The warden ended without a word.
    #[error(
        "the sandbox's warden ended before the guest started; is there memory left, and is /proc mounted?"
    )]
    Gone,
    /// The run is over, so that nothing can be started in it.
    #[error("the run is over: nothing more can be started in it")]
    Over,
    /// Something of the run may be left.
    #[error("the run ended, but processes or control groups of it may be left: look for {0}")]
    Remains(String),
    /// What a side said cannot be understood: two versions of the program talk to each other.
    #[error("the warden's answer cannot be understood; was the program replaced while it ran?")]
    Garbled,
}

/// A step that the kernel refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{step}: {}{}", std::io::Error::from_raw_os_error(*errno), advice(step, *errno))]
pub struct Failure {
    /// Which step, as a sentence continues after `cannot make the sandbox:`.
    pub step: String,
    /// The kernel's reason.
    pub errno: i32,
}

impl Failure {
    pub(crate) fn new(step: impl Into<String>, errno: rustix::io::Errno) -> Self {
        Self { step: step.into(), errno: errno.raw_os_error() }
    }
}

/// Names the step that a result belongs to.
pub(crate) trait Step<T> {
    fn step(self, step: &str) -> Result<T, Failure>;
}

impl<T> Step<T> for rustix::io::Result<T> {
    fn step(self, step: &str) -> Result<T, Failure> {
        self.map_err(|errno| Failure::new(step, errno))
    }
}

impl<T> Step<T> for std::io::Result<T> {
    fn step(self, step: &str) -> Result<T, Failure> {
        self.map_err(|error| {
            Failure::new(step, rustix::io::Errno::from_io_error(&error).unwrap_or(rustix::io::Errno::IO))
        })
    }
}

/// What to do about it, where that is known.
fn advice(step: &str, errno: i32) -> &'static str {
    match (step, errno) {
        (step, libc::EPERM | libc::ENOSPC | libc::ENOSYS) if step.contains("user namespace") => {
            "; allow user namespaces (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, \
             kernel.apparmor_restrict_unprivileged_userns) or run as root"
        }
        (step, libc::EPERM) if step.contains("/proc") => {
            "; inside of a container parts of /proc are masked: run it with --security-opt systempaths=unconfined"
        }
        (step, libc::EPERM | libc::EACCES) if step.contains("ptrace") => {
            "; allow tracing (sysctl kernel.yama.ptrace_scope at most 2)"
        }
        (step, libc::ENODEV | libc::EINVAL) if step.contains("overlay") => {
            "; the kernel needs overlayfs in user namespaces (Linux 5.11 or newer), and a scratch directory that is \
             not on an overlay itself"
        }
        (step, libc::EPERM | libc::EINVAL) if step.contains("idmapped") => {
            "; owners of the tree can only be mapped as root and on ext4, xfs, btrfs, tmpfs and the like: \
             unpack the image instead"
        }
        _ => "",
    }
}
