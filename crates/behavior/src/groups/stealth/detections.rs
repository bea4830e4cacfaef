use model::{Class, Detection, Role, Severity, Stage};

pub(in crate::groups) const ALL: &[Detection] = &[
    MEMFDEXEC,
    DELEXEC,
    CROSSVIEW,
    BINDPROC,
    ARGV0,
    SELFDEL,
    UTIMES,
    KILLSEC,
    LOGHIST,
    PROBE,
    DIVERGE,
    TIMEGATE,
    ANONEXEC,
    PRELOADCHILD,
    DAEMON,
    COVERAGE,
];

const fn proc(
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
        class: Class::Proc,
        stage: Stage::Dynamic,
        techniques,
        why,
        advice,
    }
}

pub(super) const MEMFDEXEC: Detection = proc(
    "D-EVA-MEMFDEXEC",
    "Program run from memory",
    Severity::Critical,
    Role::Convicts,
    &["T1620"],
    "A process ran a program that exists in memory only and was never a file. Virtual machines keep memory of that kind \
     and never run it as a program; whoever does wants no file to be found.",
    "Do not run the image. The program was kept under the digest in the evidence.",
);

pub(super) const DELEXEC: Detection = proc(
    "D-EVA-DELEXEC",
    "Program without a file",
    Severity::High,
    Role::Corroborates,
    &["T1070.004"],
    "A process runs a program whose file is gone. Updaters leave such processes behind for a moment; malware removes its \
     file at once.",
    "The program was kept; see what it is.",
);

pub(super) const CROSSVIEW: Detection = proc(
    "D-EVA-CROSSVIEW",
    "Process hidden from the image itself",
    Severity::Critical,
    Role::Convicts,
    &["T1014"],
    "A process that the host sees does not appear where the image looks for processes. Something in the image hides it.",
    "Do not run the image.",
);

pub(super) const BINDPROC: Detection = proc(
    "D-EVA-BINDPROC",
    "Process covered by a mount",
    Severity::Critical,
    Role::Convicts,
    &["T1564.013"],
    "A process tried to mount something over a process's directory in /proc, so that tools show another process in its \
     place, or none.",
    "Do not run the image.",
);

pub(super) const ARGV0: Detection = proc(
    "D-EVA-ARGV0",
    "Process under the name of another",
    Severity::High,
    Role::Corroborates,
    &["T1036.005", "T1036.011"],
    "A process calls itself as a thread of the kernel or a program of the system does, and its program is another. \
     Servers rename their workers too, but keep their own name in front.",
    "Look at the program and not at the name.",
);

pub(super) const SELFDEL: Detection = proc(
    "D-EVA-SELFDEL",
    "Start removed itself",
    Severity::High,
    Role::Corroborates,
    &["T1070.004"],
    "A program or script of the image removed its own file after it had been started. Installers tidy up; an image's \
     start has no reason to.",
    "The file is still in its layer; read it there.",
);

pub(super) const UTIMES: Detection = proc(
    "D-EVA-UTIMES",
    "Program dated back",
    Severity::Medium,
    Role::Corroborates,
    &["T1070.006"],
    "A process wrote a program and gave it a date long past, so that it looks as if it had always been there. Unpackers \
     restore dates by trade.",
    "See what wrote it.",
);

pub(super) const KILLSEC: Detection = proc(
    "D-EVA-KILLSEC",
    "Defences taken down",
    Severity::High,
    Role::Convicts,
    &["T1685", "T1562.001", "T1686", "T1562.004"],
    "A process stopped security agents, switched off mandatory access control, or emptied the rules of the firewall. An \
     image has no agents of its own: whoever does that expects to be elsewhere.",
    "Do not run the image.",
);

pub(super) const LOGHIST: Detection = proc(
    "D-EVA-LOGHIST",
    "Logs or histories emptied",
    Severity::Medium,
    Role::Corroborates,
    &["T1685.006", "T1070.002", "T1070.003"],
    "A process emptied or removed logs of the system or the history of a shell while the image ran.",
    "See what did it and what it did before.",
);

pub(super) const PROBE: Detection = proc(
    "D-EVA-PROBE",
    "Looked for a sandbox and stopped",
    Severity::Medium,
    Role::Corroborates,
    &["T1497.001"],
    "A process read what tells a sandbox from a machine (maker, processor, network addresses, traces of tools), and \
     ended within seconds without having done anything. Software that adjusts itself to the machine goes on afterwards.",
    "Look at the runs under other profiles.",
);

pub(super) const DIVERGE: Detection = Detection {
    class: Class::Drift,
    ..proc(
        "D-EVA-DIVERGE",
        "Harm only where no sandbox shows",
        Severity::Critical,
        Role::Convicts,
        &["T1497"],
        "The image did harm in a run in which the traces of a sandbox were hidden, and behaved in one that differed in \
         nothing else. It looks for who is watching.",
        "Do not run the image.",
    )
};

pub(super) const TIMEGATE: Detection = Detection {
    class: Class::Drift,
    ..proc(
        "D-EVA-TIMEGATE",
        "Harm only after a long wait",
        Severity::High,
        Role::Convicts,
        &["T1497.003"],
        "The image did harm only after the clock had been moved on by hours or days. It waits until nobody watches.",
        "Do not run the image.",
    )
};

pub(super) const ANONEXEC: Detection = proc(
    "D-EVA-ANONEXEC",
    "Code made in memory",
    Severity::Medium,
    Role::Corroborates,
    &["T1620", "T1055"],
    "A program that is no known compiler of code at run time asked for memory that it may both write and run. Loaders of \
     hidden code need that.",
    "See what the program is.",
);

pub(super) const PRELOADCHILD: Detection = proc(
    "D-EVA-PRELOADCHILD",
    "Library forced into children",
    Severity::High,
    Role::Corroborates,
    &["T1574.006"],
    "A process starts others with a library forced into them that was written while the image ran, or that hides files. \
     Allocators and wrappers that come with the image are not meant.",
    "See what the library does.",
);

pub(super) const DAEMON: Detection = proc(
    "D-EVA-DAEMON",
    "Process detached itself",
    Severity::Low,
    Role::Context,
    &["T1036.009"],
    "A process left its parent and its session and went on alone, as services of old do.",
    "Look at what goes on.",
);

pub(super) const COVERAGE: Detection = Detection {
    id: "D-EVA-COVERAGE",
    title: "Programs of the image that no run reached",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Proc,
    stage: Stage::Dynamic,
    techniques: &[],
    why: "The image brings programs that no package owns and that no run started. What they do was not seen, and nothing is \
          said of it.",
    advice: "Read this as the limit of the verdict, not as a sign of harm.",
};
