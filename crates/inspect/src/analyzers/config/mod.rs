//! The configuration: what it asks of a runtime, where that is the shape of a known way out of the container or
//! past its limits.

mod checks;
mod mounts;
mod parse;
#[cfg(test)]
mod tests;

use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Class, Detection, Role, Severity, Stage};

/// Reads the configuration for shapes that only an attack has.
#[derive(Debug)]
pub struct Configuration;

impl ImageAnalyzer for Configuration {
    fn name(&self) -> &'static str {
        "config"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        checks::history(image, out);
        if image.platform.os != "linux" {
            return;
        }
        mounts::open_descriptors(image, out);
        mounts::working_directory(image, out);
        mounts::volumes(image, out);
        mounts::linked_mount_points(image, out);
        checks::labels(image, out);
        checks::user(image, out);
        checks::accounts(image, out);
        checks::checkpoint(image, out);
    }
}

/// The configuration is the image's own, so every detection about it shares these.
const fn about(
    id: &'static str,
    title: &'static str,
    severity: Severity,
    role: Role,
    techniques: &'static [&'static str],
    why: &'static str,
    advice: &'static str,
) -> Detection {
    Detection {
        id,
        title,
        severity,
        role,
        class: Class::Config,
        stage: Stage::Static,
        techniques,
        why,
        advice,
    }
}

const DO_NOT_RUN: &str =
    "Do not run the image anywhere. No honest build writes this; ask who made the image.";

pub(crate) const DESCRIPTOR: Detection = about(
    "S-ESC-WORKDIR",
    "Way out through an open descriptor",
    Severity::Critical,
    Role::Convicts,
    &["T1611"],
    "The image is started in, or reaches through, a descriptor that the runtime holds open: /proc/self/fd/N leads to \
     the host's file system on runtimes with CVE-2024-21626. It has no other use.",
    DO_NOT_RUN,
);

pub(crate) const WORK_LINK: Detection = about(
    "S-ESC-WORKLINK",
    "Working directory through a link that leaves the image",
    Severity::High,
    Role::Corroborates,
    &["T1611"],
    "The working directory passes a symbolic link that climbs above the root. A runtime that resolves it outside the \
     container creates or enters a directory of the host (CVE-2026-55686, CVE-2024-23652).",
    "Look at the link and at the layer that brought it.",
);

pub(crate) const VOLUME: Detection = about(
    "S-ESC-VOLUME",
    "Volume where the system is",
    Severity::High,
    Role::Corroborates,
    &["T1611"],
    "A volume is declared by a path that climbs out of the image, or over the kernel's own file systems. Runtimes \
     that follow such paths copied files of the host into the container (CVE-2022-23648).",
    "Find out what the volume is for. Volumes below /sys/fs/cgroup and /dev/shm are usual and not counted.",
);

pub(crate) const LINKED_MOUNT: Detection = about(
    "S-ESC-DEVLINK",
    "Mount point that is a link",
    Severity::High,
    Role::Corroborates,
    &["T1611"],
    "/dev, /proc or /sys of the image is a symbolic link. A runtime that mounts through it mounts somewhere else \
     (CVE-2026-41579).",
    "Look at the layer that brought the link. Base images ship directories there, or nothing.",
);

pub(crate) const LOGGER: Detection = about(
    "S-CFG-BINARYLOGGER",
    "Label that commands the runtime",
    Severity::Critical,
    Role::Convicts,
    &["T1611"],
    "A label of the image is one that a runtime reads as an order to itself. With a value of binary://… containerd \
     starts a program of the host as root to receive the log (CVE-2026-53488).",
    DO_NOT_RUN,
);

pub(crate) const USER: Detection = about(
    "S-CFG-USEROVERFLOW",
    "User beyond any number",
    Severity::High,
    Role::Corroborates,
    &["T1548"],
    "The configured user or group is negative, larger than any account, or no name at all. Runtimes that wrap the \
     number around start the image as root although it does not look so (CVE-2024-40635), past checks that only \
     refuse zero.",
    "Set a user by a number between 1 and 65534, and refuse the image until it does.",
);

pub(crate) const ACCOUNTS: Detection = about(
    "S-CFG-GIANTGROUP",
    "Account file too large to be one",
    Severity::Medium,
    Role::Corroborates,
    &["T1499"],
    "/etc/passwd or /etc/group is larger than 8 MiB. Runtimes read it whole to find the user, outside the \
     container's memory limit (CVE-2026-47262).",
    "Look at the file; the largest honest ones have a few hundred lines.",
);

pub(crate) const CHECKPOINT: Detection = about(
    "S-CFG-CHECKPOINT",
    "Checkpoint instead of an image",
    Severity::Medium,
    Role::Corroborates,
    &["T1610"],
    "This is a frozen container that a runtime would resume rather than start. What it then runs is in no file that \
     can be read here, and restoring one lets it name images, devices and files of the host (CVE-2026-50195, \
     CVE-2026-53492, CVE-2026-53489).",
    "Refuse checkpoints from anyone but yourself.",
);

pub(crate) const HISTORY: Detection = Detection {
    class: Class::Meta,
    ..about(
        "S-META-HISTMISMATCH",
        "History of another image",
        Severity::Low,
        Role::Context,
        &["T1036"],
        "The history tells of more or fewer layers than there are, so which instruction made which layer is unknown. \
         Builders that squash or reuse layers cause it as well as forgers, which is why it only explains.",
        "Do not rely on the instructions that are shown beside layers of this image.",
    )
};

const DETECTIONS: &[Detection] =
    &[DESCRIPTOR, WORK_LINK, VOLUME, LINKED_MOUNT, LOGGER, USER, ACCOUNTS, CHECKPOINT, HISTORY];
