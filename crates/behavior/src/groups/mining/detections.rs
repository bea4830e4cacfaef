use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] =
    &[STRATUM, SUBMIT, POOLDNS, CPU, RXMEM, RXJIT, AFFINITY, TUNE, DUTY, PROXYTLS, GPU, DEPIN, CONTROL];

pub(super) const STRATUM: Detection = Detection {
    id: "D-MIN-STRATUM",
    title: "Login at a mining pool",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496"],
    why: "A process introduced itself to a mining pool: it logged in, subscribed or authorised an account. Software \
          that serves a pool listens for that and never says it. The port and the name of the host are no part of the \
          evidence. Where the image openly says that it is a miner, it stands on the axis `pua` as well.",
    advice: "Do not run the image. The account in the evidence is where the money goes; search your registry and logs \
             for it.",
};

pub(super) const SUBMIT: Detection = Detection {
    id: "D-MIN-SUBMIT",
    title: "Share submitted to a mining pool",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496"],
    why: "A process took a job that the run's pool handed out and came back with a share for it. That is mining, proven \
          and not guessed: nobody answers such a job by chance.",
    advice: "Do not run the image. Account, worker and program are in the evidence.",
};

pub(super) const POOLDNS: Detection = Detection {
    id: "D-MIN-POOLDNS",
    title: "Known mining pool contacted",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496"],
    why: "A process asked for the address of a host that is known as a mining pool, or connected to it. Images that \
          block such hosts carry their names and never ask for them.",
    advice: "Find out what asks for it; the process and its command line are in the evidence.",
};

pub(super) const CPU: Detection = Detection {
    id: "D-MIN-CPU",
    title: "All processors busy without work",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496"],
    why: "One process kept all processors busy for a minute although nobody asked the image for anything. Start-up work, \
          benchmarks and training do the same, so it needs evidence of another kind.",
    advice: "Look at what the process is and where it came from.",
};

pub(super) const RXMEM: Detection = Detection {
    id: "D-MIN-RXMEM",
    title: "Memory shaped as RandomX needs it",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496"],
    why: "A process asked for memory in exactly the sizes that the RandomX algorithm works on: a cache of 256 MiB, a \
          dataset of 2080 MiB, two MiB for each thread. No other software is known to ask for these sizes together.",
    advice: "Treat the process as a miner until shown otherwise.",
};

pub(super) const AFFINITY: Detection = Detection {
    id: "D-MIN-AFFINITY",
    title: "One pinned idle-class thread for each processor",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496"],
    why: "A process pinned one thread to each processor and lowered their priority as far as it goes, so that they take \
          whatever others leave and are not noticed. Numerical libraries pin threads too, but want priority.",
    advice: "Look at what the process is and where it came from.",
};

pub(super) const TUNE: Detection = Detection {
    id: "D-MIN-TUNE",
    title: "Kernel tuned as miners tune it",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496"],
    why: "A process wrote to what miners set before they start: huge pages, registers of the processor, the watchdog, the \
          governor. Databases and packet processors reserve huge pages too.",
    advice: "Ask whether this image has a reason to tune the machine that it runs on.",
};

pub(super) const DUTY: Detection = Detection {
    id: "D-MIN-DUTY",
    title: "Work that stops when someone looks",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496", "T1497.001"],
    why: "A process used the processors in full, stopped while a program ran that shows processes, and went on \
          afterwards. Only who hides does that.",
    advice: "Do not run the image before it is known what works there.",
};

pub(super) const PROXYTLS: Detection = Detection {
    id: "D-MIN-PROXYTLS",
    title: "Small messages to a bare address while all processors work",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496", "T1573"],
    why: "A process keeps one connection to an address without a name open, exchanges small messages over it every few \
          seconds, and works on all processors meanwhile: what mining through a private proxy looks like from outside.",
    advice: "Find out what the process computes and for whom.",
};

pub(super) const CONTROL: Detection = Detection {
    id: "D-MIN-CC",
    title: "Miner that reports to its owner",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496", "T1071.001"],
    why: "A process sent the status of a miner to a server, with hash rates and the miner's settings, or asked it for \
          orders as such miners do.",
    advice: "Do not run the image. The server in the evidence controls other machines as well.",
};

pub(super) const RXJIT: Detection = Detection {
    id: "D-MIN-RXJIT",
    title: "Small programs made anew on every thread",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496"],
    why: "Several threads of a process that is no known compiler of code at run time made the same small stretch of memory \
          runnable again and again. RandomX writes a new program for every hash.",
    advice: "Look at what the process is and where it came from.",
};

pub(super) const GPU: Detection = Detection {
    id: "D-MIN-GPU",
    title: "Graphics processors asked for",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &["T1496.001", "T1496"],
    why: "A process looked for graphics processors to compute on, and nothing that the image says of itself asks for them. \
          Programs for pictures, films and learning do so too, and say so.",
    advice: "Ask whether this image has a reason to compute on graphics processors.",
};

pub(super) const DEPIN: Detection = Detection {
    id: "D-MIN-DEPIN",
    title: "Bandwidth or points sold to a service",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Net,
    stage: Stage::Dynamic,
    techniques: &["T1496.002", "T1496"],
    why: "A process reported to a service that pays for the use of other people's connections or machines. Images of such \
          services say what they are.",
    advice: "Find out who is paid: the account is usually in the configuration or the command line.",
};
