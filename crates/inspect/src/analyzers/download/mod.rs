//! Downloads that become code: fetched and given to an interpreter, or saved, made executable and run.

mod checks;
#[cfg(test)]
mod tests;

use super::acts::{detection, judge};
use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Detection, Role, Severity};

/// Looks for downloads that become code.
#[derive(Debug)]
pub struct Downloads;

impl ImageAnalyzer for Downloads {
    fn name(&self) -> &'static str {
        "download"
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

pub(crate) const PIPE: Detection = detection(
    "S-DLX-PIPE",
    "Download run at once",
    (Severity::High, Role::Convicts),
    &["T1105", "T1059.004"],
    "What the image runs fetches a text from a host and gives it to an interpreter. What it does is decided by that \
     host, later, and differently for everyone. From a bare public address, a hidden service, a paste, or without any \
     protection on the way, it convicts: no publisher ships software like that.",
    "Do not run the image. Look at what the address serves, and who put the line there.",
);

pub(crate) const HIST: Detection = detection(
    "S-DLX-HIST",
    "Download run during the build",
    (Severity::Low, Role::Context),
    &["T1105", "T1059.004"],
    "An instruction of the history gave a download to an interpreter. Installers of well-known tools are used in this \
     way everywhere, so it only explains, except where the host is a bare address, a hidden service or a paste, or \
     nothing on the way was protected.",
    "Prefer packages and checked downloads in builds.",
);

pub(crate) const RAW_ADDRESS: Detection = detection(
    "S-DLX-RAWIP",
    "Program from a bare address",
    (Severity::High, Role::Corroborates),
    &["T1105"],
    "Code that is run comes from a public address without a name, or from a port on which nobody serves downloads. \
     Campaigns use rented machines; publishers have names and certificates.",
    "Find out whose machine it is, and what it serves.",
);

pub(crate) const DEAD_DROP: Detection = detection(
    "S-DLX-DEADDROP",
    "Program from an anonymous drop",
    (Severity::Medium, Role::Corroborates),
    &["T1102", "T1105"],
    "Code that is run comes from a service where anybody leaves content without saying who he is: a paste, the files \
     of a chat, a tunnel, a peer-to-peer gateway.",
    "Look at what lies there, and since when.",
);

pub(crate) const SAVE_AND_RUN: Detection = detection(
    "S-DLX-CHMODRUN",
    "Download saved and run",
    (Severity::High, Role::Corroborates),
    &["T1105", "T1222.002"],
    "A script fetches a file, makes it executable and runs it. Nothing of that program is in the image, so no scan of \
     the image can see it. Where the script checks a signature or checksum of a file from a named host over a protected \
     connection, it only explains. From a bare public address, a hidden service or a paste it convicts, as a download \
     does that is piped into an interpreter: the difference is one line.",
    "Look at what the address serves. Put programs into the image when it is built, and check them there.",
);

pub(crate) const ONE_LINER: Detection = detection(
    "S-DLX-ONELINER",
    "Code fetched and evaluated",
    (Severity::High, Role::Corroborates),
    &["T1059.006", "T1059.007", "T1105"],
    "A script asks a host with the means of its own language and evaluates the answer as code. It is the same as a \
     download piped into a shell, written so that a search for curl does not find it. From a bare public address, a \
     hidden service or a paste it convicts.",
    "Look at what the address serves, and who put the line there.",
);

pub(crate) const COMPILE: Detection = detection(
    "S-DLX-COMPILE",
    "Download compiled at the start",
    (Severity::Medium, Role::Corroborates),
    &["T1027.004", "T1105"],
    "What the image starts fetches source code and compiles it in the container. A program that comes into being there \
     has no name and no checksum that a list could hold.",
    "Look at the source it fetches. Build when the image is built.",
);

pub(crate) const PACKAGES: Detection = detection(
    "S-DLX-PKGRUN",
    "Packages installed at the start",
    (Severity::Low, Role::Context),
    &["T1072"],
    "What the image starts installs packages. What runs is then not what was scanned; development images do so by \
     design.",
    "Install when the image is built.",
);

pub(crate) const UNCHECKED: Detection = detection(
    "S-DLX-NOVERIFY",
    "Code from an unchecked connection",
    (Severity::Medium, Role::Corroborates),
    &["T1105", "T1557"],
    "Code that is run comes over a connection whose certificate is deliberately not checked. Whoever stands on the way \
     decides what runs, and the host needs no certificate of its own.",
    "Remove the option that turns the check off.",
);

pub(crate) const ON_BUILD: Detection = detection(
    "S-DLX-ONBUILD",
    "Download run in other people's builds",
    (Severity::Medium, Role::Corroborates),
    &["T1195.002", "T1105"],
    "An ONBUILD instruction fetches code and runs it whenever somebody builds an image from this one: with the secrets \
     and the network of the machine that builds.",
    "Do not build from the image before it is known what the address serves.",
);

pub(crate) const HEALTH: Detection = detection(
    "S-DLX-HEALTH",
    "Download run by the health check",
    (Severity::High, Role::Corroborates),
    &["T1105", "T1053"],
    "The health check fetches code and runs it, again and again while the container lives: a schedule that nobody looks \
     at. Honest checks ask the container itself.",
    "Do not run the image. Look at what the address serves.",
);

pub(crate) const INIT_DIRECTORY: Detection = detection(
    "S-DLX-INITDIR",
    "Download run by an initialisation script",
    (Severity::Medium, Role::Corroborates),
    &["T1546", "T1105"],
    "A script in a directory from which images of well-known software run everything at their start fetches code and \
     runs it. It needs no change to the software's own entrypoint.",
    "Compare the directory with that of the original image.",
);

const DETECTIONS: &[Detection] = &[
    PIPE,
    HIST,
    RAW_ADDRESS,
    DEAD_DROP,
    SAVE_AND_RUN,
    ONE_LINER,
    COMPILE,
    PACKAGES,
    UNCHECKED,
    ON_BUILD,
    HEALTH,
    INIT_DIRECTORY,
];
