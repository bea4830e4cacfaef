//! Ways up: files that run with more rights than who starts them has, and images that ask for more than a container
//! should get.

mod checks;
mod programs;
#[cfg(test)]
mod tests;

use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Class, Detection, Role, Severity, Stage};

/// Looks for ways up.
#[derive(Debug)]
pub struct Privilege;

impl ImageAnalyzer for Privilege {
    fn name(&self) -> &'static str {
        "privilege"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        if image.platform.os != "linux" {
            return;
        }
        programs::set_user(image, out);
        programs::capabilities(image, out);
        checks::sudo(image, out);
        checks::run_flags(image, out);
    }
}

pub(crate) const SUID: Detection = Detection {
    id: "S-ESC-SUID",
    title: "Program that lends its rights",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1548.001"],
    why: "A program runs as its owner whoever starts it, and belongs to no package, or is a shell or an interpreter \
          under whatever name. A back door to root is made so. The programs of distributions that need it come as \
          packages; a few helpers of browsers and sandboxes are known where they lie.",
    advice: "Remove the bit, or the program. Run the container with no-new-privileges.",
};

pub(crate) const FCAP: Detection = Detection {
    id: "S-ESC-FCAP",
    title: "Program with capabilities of its own",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1548"],
    why: "A file that no package owns carries capabilities that come close to being root: to become any user, to pass \
          over permissions, to look into other processes, to load modules. Binding low ports, sending pings and \
          locking memory are not meant.",
    advice: "Remove the attribute (setcap -r), or find out what needs it.",
};

pub(crate) const SUDO: Detection = Detection {
    id: "S-ESC-SUDO",
    title: "User who may become root",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Config,
    stage: Stage::Static,
    techniques: &["T1548.003"],
    why: "The user that the image runs as may run everything as root without a password, so that it does not matter \
          that the user is not root. Images to develop in are made so.",
    advice: "Do not count the user as a protection. Run the container with no-new-privileges.",
};

pub(crate) const RUN_FLAGS: Detection = Detection {
    id: "S-ESC-RUNFLAGS",
    title: "Image that asks for the host",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Meta,
    stage: Stage::Static,
    techniques: &["T1610"],
    why: "A label of the image gives a command that runs it with the rights of the host: privileged, in the host's \
          processes, with the host's file system or the engine's socket. Images that watch a host need that, and what \
          is run so is trusted with the host.",
    advice: "Give it only what it needs, or run it on no host that matters.",
};

const DETECTIONS: &[Detection] = &[SUID, FCAP, SUDO, RUN_FLAGS];
