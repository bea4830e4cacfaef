//! Ways in: shells that are connected or offered, tunnels, remote control, hidden services.

mod checks;
#[cfg(test)]
mod tests;

use super::acts::{detection, judge};
use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Detection, Role, Severity};

/// Looks for ways in.
#[derive(Debug)]
pub struct Shells;

impl ImageAnalyzer for Shells {
    fn name(&self) -> &'static str {
        "shells"
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

pub(crate) const REVERSE: Detection = detection(
    "S-C2-REVSH",
    "Shell connected to a host",
    (Severity::Critical, Role::Convicts),
    &["T1059.004", "T1071"],
    "A shell's input and output are put on a connection to a host that is written down in the script: whoever sits \
     there types commands in the container. Where only running tells the host, or the start was not seen to lead to the \
     script, it corroborates; in documentation and collections of examples it only explains.",
    "Do not run the image. Treat what has run it as taken over.",
);

pub(crate) const BIND: Detection = detection(
    "S-C2-BINDSH",
    "Shell offered to the network",
    (Severity::High, Role::Corroborates),
    &["T1059.004", "T1571"],
    "A shell is bound to a port, and whoever connects types commands in the container without a password. That a tool \
     which could do so lies in the image is not counted; that it is called so is.",
    "Do not expose the port. Find out who put the line there.",
);

pub(crate) const TUNNEL: Detection = detection(
    "S-C2-TUNNEL",
    "Tunnel to a fixed far end",
    (Severity::Medium, Role::Corroborates),
    &["T1572", "T1090"],
    "A tunnel opens a way from outside into the container's network, past every firewall, and the far end or its token \
     is written down: it is always the same person's way in. The makers' own images leave that to the user.",
    "Ask whose token or server it is.",
);

pub(crate) const REMOTE_CONTROL: Detection = detection(
    "S-C2-RMM",
    "Remote control with a fixed identity",
    (Severity::Medium, Role::Corroborates),
    &["T1219"],
    "A program for remote control is started with an identity or password that is written down, so that one person can \
     reach every container of the image.",
    "Ask whose account it is.",
);

pub(crate) const THROUGH_TOR: Detection = detection(
    "S-C2-TORWRAP",
    "Start wrapped in Tor or a proxy chain",
    (Severity::High, Role::Corroborates),
    &["T1090.003"],
    "What the image starts is run through Tor or a chain of proxies, so that nobody sees whom it talks to. The azurenql \
     images hid the address of their mining pool in this way.",
    "Look at the program behind the wrapper, and ask why it has to hide.",
);

pub(crate) const ONION: Detection = detection(
    "S-C2-ONION",
    "Hidden service contacted",
    (Severity::Medium, Role::Corroborates),
    &["T1090.003"],
    "A script asks a hidden service, or a gateway to one, for something or sends something there. Neither the operator \
     nor the place of such a service can be found.",
    "Look at what is exchanged with it.",
);

pub(crate) const WEB_SHELL: Detection = detection(
    "S-C2-WEBSHELL",
    "Web page that runs what a request says",
    (Severity::High, Role::Corroborates),
    &["T1505.003"],
    "A page hands a parameter of the web request to an interpreter or to a shell: whoever knows its address runs commands \
     on the server. Training images for web security do the same and declare it, so it does not convict alone.",
    "Remove the file, and look at how it came into the image.",
);

const DETECTIONS: &[Detection] = &[REVERSE, BIND, TUNNEL, REMOTE_CONTROL, THROUGH_TOR, ONION, WEB_SHELL];
