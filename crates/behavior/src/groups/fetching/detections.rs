use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] =
    &[DROPEXEC, FETCHEXEC, PIPESH, COMPILE, PACKAGES, SHM, CRADLE, DEADDROP, STAGE2GATE, EARLYNET, RECURSE];

pub(super) const DROPEXEC: Detection = Detection {
    id: "D-DLX-DROPEXEC",
    title: "Program run that the image does not hold",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1204.003", "T1059"],
    why: "A program or script ran that is in no layer of the image: it was written while the image ran. No scan at rest \
          can have seen it. Unpackers of honest bundles, build tools and database initialisers do the same.",
    advice: "The program was kept and scanned; look at who wrote it and from where it came.",
};

pub(super) const FETCHEXEC: Detection = Detection {
    id: "D-DLX-FETCHEXEC",
    title: "Downloaded and run",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1105", "T1059"],
    why: "A file was written by a process that had just received it from a host, and was run within a minute. From a \
          bare address, or by a program that no package of the image owns, this is a dropper and convicts. From a named \
          host by an installer of the image it corroborates.",
    advice: "Do not run the image: whoever controls the host decides what runs in it. The downloaded file is kept under \
             the digest in the evidence.",
};

pub(super) const PIPESH: Detection = Detection {
    id: "D-DLX-PIPESH",
    title: "Shell that reads its commands from a download",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1105", "T1059.004"],
    why: "An interpreter read its program from a pipe whose other end spoke to a host. What it ran was never a file, so \
          nothing in the image shows it.",
    advice: "What the host answered is in the run's record. Put what is needed into the image and check it there.",
};

pub(super) const COMPILE: Detection = Detection {
    id: "D-DLX-COMPILE",
    title: "Program compiled at start and run",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1027.004"],
    why: "A compiler or linker of the image wrote a program, and it was run. Attackers bring sources so that no known \
          file is found; images for building do it by trade.",
    advice: "Ask whether this image is meant to build software where it runs.",
};

pub(super) const PACKAGES: Detection = Detection {
    id: "D-DLX-PKG",
    title: "Packages installed at start",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1072"],
    why: "A package manager ran when the image started. What it brings is decided then and not when the image was built.",
    advice: "Install packages when building.",
};

pub(super) const SHM: Detection = Detection {
    id: "D-DLX-SHM",
    title: "Program run from a directory for scratch files",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1059", "T1036.005"],
    why: "A program ran out of /dev/shm, /tmp, /var/tmp or /run, where everyone may write and nobody looks. Some \
          supervisors and bundles unpack themselves there.",
    advice: "Look at who wrote it.",
};

pub(super) const CRADLE: Detection = Detection {
    id: "D-DLX-CRADLE",
    title: "Written, run and removed within seconds",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1070.004", "T1105"],
    why: "A program was written, run and removed within ten seconds, so that nobody finds it afterwards. Configure scripts \
          do so with what they have just compiled, and are left out.",
    advice: "The program was kept; its digest is in the evidence.",
};

pub(super) const DEADDROP: Detection = Detection {
    id: "D-DLX-DEADDROP",
    title: "Host learned from a dead drop",
    severity: Severity::High,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1102.001"],
    why: "A process fetched a text from a public board and then connected to a host that only that text named. So whoever \
          writes there moves the control server without touching the image.",
    advice: "Do not run the image.",
};

pub(super) const STAGE2GATE: Detection = Detection {
    id: "D-DLX-STAGE2GATE",
    title: "Asks again until it is served something else",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1105", "T1497"],
    why: "A process asked the same host for the same file several times under different names for itself. Droppers do so \
          because their servers show the payload only to whom they expect.",
    advice: "Look at what is asked for and by whom.",
};

pub(super) const EARLYNET: Detection = Detection {
    id: "D-DLX-EARLYNET",
    title: "Host contacted before anything else",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1071"],
    why: "The image spoke to a host that nothing in its configuration names, within its first seconds. Checks for updates \
          and telemetry do that too.",
    advice: "See whether the host belongs to whoever made the software.",
};

pub(super) const RECURSE: Detection = Detection {
    id: "D-DLX-RECURSE",
    title: "What it fetched or wrote convicts by itself",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::File,
    stage: Stage::Dynamic,
    techniques: &["T1105"],
    why: "Content that appeared in a run, because the image fetched, unpacked or wrote it, was scanned as a file of the image \
          would be, and something in it convicts alone. An image is what it becomes.",
    advice: "Do not run the image. The content lies in the directory of captures under its digest.",
};
