//! Impairment: traces wiped, guards stopped, walls of the container climbed, files destroyed.

mod checks;
#[cfg(test)]
mod tests;

use super::acts::{detection, judge};
use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Detection, Role, Severity};

/// Looks for impairment, escapes and destruction.
#[derive(Debug)]
pub struct Impairment;

impl ImageAnalyzer for Impairment {
    fn name(&self) -> &'static str {
        "impair"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        judge(image, out, checks::IDIOMS);
    }
}

const HIGH: (Severity, Role) = (Severity::High, Role::Corroborates);
const MEDIUM: (Severity, Role) = (Severity::Medium, Role::Corroborates);
const LOW: (Severity, Role) = (Severity::Low, Role::Corroborates);

pub(crate) const HISTORY: Detection = detection(
    "S-EVA-HISTWIPE",
    "Shell history wiped",
    LOW,
    &["T1070.003"],
    "A script wipes the history of the shell or keeps it from being written, so that nobody can see what was typed. \
     Hardened bases do so too, which is why it counts little.",
    "Look at what else the script does.",
);

pub(crate) const LOGS: Detection = detection(
    "S-EVA-LOGWIPE",
    "Logs emptied",
    LOW,
    &["T1685.006", "T1070.002"],
    "A script empties the records of who logged in. Builds clean such files up as well; one that does it when the \
     container runs has something to hide.",
    "Look at what else the script does.",
);

pub(crate) const AGENTS: Detection = detection(
    "S-EVA-SECOFF",
    "Security agents stopped",
    (Severity::High, Role::Convicts),
    &["T1685", "T1562.001"],
    "A script stops or removes security agents by name. Two or more of different makers are never on one machine, so \
     whoever names them does not know the machine and wants none of them: that convicts. A single one corroborates.",
    "Do not run the image. Look at whether the agents on its hosts still run.",
);

pub(crate) const SEALED: Detection = detection(
    "S-EVA-CHATTR",
    "File made unchangeable",
    HIGH,
    &["T1222.002"],
    "A script sets the attribute that keeps even the administrator from changing or deleting a schedule, a key, or a \
     program of its own.",
    "Look at which file it protects.",
);

pub(crate) const SANDBOX: Detection = detection(
    "S-EVA-SBXCHECK",
    "Sandbox looked for before the network is used",
    MEDIUM,
    &["T1497.001"],
    "A script looks for signs of a virtual machine or a sandbox, ends or waits where it finds them, and otherwise goes \
     on to run something from the network. Installers look for containers and do not end there.",
    "Run the image where it cannot tell that it is watched, and not elsewhere.",
);

pub(crate) const TIME_GATE: Detection = detection(
    "S-EVA-TIMEGATE",
    "Long wait before the network is used",
    MEDIUM,
    &["T1497.003", "T1480"],
    "A script waits for minutes, or for a date, before it runs anything from the network: longer than a sandbox looks. \
     A wait after the work is done is that of a schedule and not counted.",
    "Run the image in a sandbox that lets time pass faster.",
);

pub(crate) const MEMORY: Detection = detection(
    "S-EVA-MEMFD",
    "Program run from memory",
    HIGH,
    &["T1620"],
    "A script creates a file in memory and runs it. Such a program is on no disk where a scanner could look.",
    "Look at where the bytes of the program come from.",
);

pub(crate) const HIDDEN_PROCESS: Detection = detection(
    "S-EVA-BINDHIDE",
    "Process hidden by a mount",
    HIGH,
    &["T1564.013"],
    "A script mounts something over the directory of a process, so that no tool lists the process any more. There is no \
     other use for it.",
    "Do not run the image.",
);

pub(crate) const RANSOM: Detection = detection(
    "S-IMP-RANSOM",
    "Files encrypted and backups deleted",
    HIGH,
    &["T1486", "T1490"],
    "A script encrypts one file after the other, and deletes backups or leaves a note on how to get the files back. \
     Backup tools encrypt too, and never either of the others.",
    "Do not run the image.",
);

pub(crate) const WIPE: Detection = detection(
    "S-IMP-WIPE",
    "Disks or mounts wiped",
    HIGH,
    &["T1485", "T1561"],
    "A script deletes everything on mounted file systems or overwrites disks.",
    "Do not run the image.",
);

pub(crate) const FLOOD: Detection = detection(
    "S-IMP-DDOS",
    "Hosts flooded",
    (Severity::High, Role::Convicts),
    &["T1498", "T1499"],
    "A script starts a flood against hosts that are written down in it. Tools for load tests have no targets of their \
     own. Several targets convict, one corroborates.",
    "Do not run the image. Tell the owners of the targets.",
);

pub(crate) const RELEASE_AGENT: Detection = detection(
    "S-ESC-RELEASE",
    "Escape through a release agent",
    HIGH,
    &["T1611"],
    "One script mounts a hierarchy of control groups, asks to be notified when a group is released, and writes the agent \
     that the host's kernel then runs, outside of the container. Runtimes and test suites have some of the three.",
    "Do not run the image in a privileged container, or at all.",
);

pub(crate) const KERNEL_HOOK: Detection = detection(
    "S-ESC-COREPAT",
    "Escape through a kernel hook",
    HIGH,
    &["T1611"],
    "A script writes the name of a program into a file of the kernel, which then runs that program on the host: as \
     handler of crashes, of devices or of modules.",
    "Do not run the image in a privileged container, or at all.",
);

pub(crate) const ENGINE: Detection = detection(
    "S-ESC-SOCK",
    "Container started that owns the host",
    HIGH,
    &["T1610", "T1611"],
    "A script asks the container engine for a container with the root of the host's file system. Managers of containers \
     use the engine and do not mount the host.",
    "Do not give the engine's socket to the image.",
);

pub(crate) const ENTERS_HOST: Detection = detection(
    "S-ESC-NSENTER",
    "Host entered",
    HIGH,
    &["T1611"],
    "A script enters the namespaces of the host's first process, changes its root to the host's, or mounts the host's \
     disk. Tools that manage hosts do so openly.",
    "Ask what the image is for, and whether it needs the host.",
);

pub(crate) const MODULE: Detection = detection(
    "S-ESC-KMOD",
    "Kernel module loaded",
    HIGH,
    &["T1547.006"],
    "A script loads a module from a file into the host's kernel. Images of drivers do so openly.",
    "Ask what the image is for, and look at the module.",
);

const DETECTIONS: &[Detection] = &[
    HISTORY,
    LOGS,
    AGENTS,
    SEALED,
    SANDBOX,
    TIME_GATE,
    MEMORY,
    HIDDEN_PROCESS,
    RANSOM,
    WIPE,
    FLOOD,
    RELEASE_AGENT,
    KERNEL_HOOK,
    ENGINE,
    ENTERS_HOST,
    MODULE,
];
