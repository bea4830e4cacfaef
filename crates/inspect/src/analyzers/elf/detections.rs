use model::{Class, Detection, Role, Severity, Stage};

/// Everything that the structure of programs can tell.
pub(super) const ALL: &[Detection] = &[
    FAMILY,
    RANDOMX,
    ALGORITHMS,
    GPU,
    REMOTE_CONTROL,
    RENAMED,
    STAGER,
    IRC,
    ROOTKIT,
    LOADER,
    MASQUERADE,
    HIDDEN,
    PACKED,
    CHANGED_PACKER,
    RANDOM_CODE,
    POLYGLOT,
    WINDOWS,
    MEMORY_FILE,
    PADDED,
    XZ,
];

/// What all of these have in common.
const FILE: Detection = Detection {
    id: "",
    title: "",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::File,
    stage: Stage::Static,
    techniques: &[],
    why: "",
    advice: "",
};

pub(super) const FAMILY: Detection = Detection {
    id: "S-MIN-FAMILY",
    title: "Mining program",
    role: Role::Convicts,
    techniques: &["T1496.001"],
    why: "A program has the settings of a known family of miners, a table of mining algorithms and a client of mining \
          pools. Scanners and rule sets know such words too, but not as a program has them that uses them. It convicts \
          where all three are there and the start of the image leads to it; with less it corroborates, and the words \
          alone only explain.",
    advice: "Do not run the image unless it is meant to mine. Find out who added the program and which pool and wallet it is given.",
    ..FILE
};

pub(super) const RANDOMX: Detection = Detection {
    id: "S-MIN-RXCONST",
    title: "RandomX in a program",
    techniques: &["T1496.001"],
    why: "A program computes RandomX, the proof of work that is mined on ordinary processors, whatever the program is \
          called and stripped of. It counts where it also speaks to pools, has settings of a miner, or works for \
          several coins; nodes and wallets of Monero have it too, and there it only explains.",
    advice: "Ask whether the image has a reason to verify or to compute blocks of Monero.",
    ..FILE
};

pub(super) const ALGORITHMS: Detection = Detection {
    id: "S-MIN-ALGOS",
    title: "Table of mining algorithms",
    severity: Severity::Medium,
    techniques: &["T1496.001"],
    why: "A program has the names of several mining algorithms, each a word of its own as a table has them. Forks of \
          miners change every name that shows and rarely this table. A password store has one such algorithm, not three.",
    advice: "Find out what the program is and who added it.",
    ..FILE
};

pub(super) const GPU: Detection = Detection {
    id: "S-MIN-GPU",
    title: "Mining on graphics cards",
    techniques: &["T1496.001"],
    why: "A program brings kernels for graphics cards that search for the next block of a coin. Libraries for graphics \
          cards and for machine learning have none of these.",
    advice: "Do not give the image access to graphics cards before it is known who added the program and why.",
    ..FILE
};

pub(super) const REMOTE_CONTROL: Detection = Detection {
    id: "S-MIN-CC",
    title: "Miner under remote control",
    severity: Severity::Critical,
    role: Role::Convicts,
    techniques: &["T1496.001", "T1219"],
    why: "A miner takes its settings and orders from a server of its owner, in some builds any command of a shell. It \
          is a back door that also mines. It convicts where the start of the image leads to it, and corroborates \
          elsewhere.",
    advice: "Do not run the image. Where it ran, treat the machine as one that somebody else controls.",
    ..FILE
};

pub(super) const RENAMED: Detection = Detection {
    id: "S-MIN-RENAMED",
    title: "Miner under another name",
    severity: Severity::Critical,
    role: Role::Convicts,
    techniques: &["T1036.005", "T1496.001"],
    why: "A miner bears the name of a service, an interpreter or a thread of the kernel, or lies where only a quick \
          look takes it for part of the system. Campaigns hide miners from lists of processes in this way; an honest \
          image has no reason to. Where the program has only some parts of a miner, it corroborates.",
    advice: "Do not run the image, and report it to its registry.",
    ..FILE
};

pub(super) const STAGER: Detection = Detection {
    id: "S-DLX-STAGER",
    title: "Tiny program that fetches and runs another",
    techniques: &["T1105", "T1620"],
    why: "A program of a few kilobytes connects to another machine and prepares memory that may be written and run, or \
          makes a file in memory and runs it. It is the first stage of an attack; the minimal programs of honest \
          images wait, reap or forward, and do neither.",
    advice: "Find out who added the program. Treat the address in it as the attacker's.",
    ..FILE
};

pub(super) const IRC: Detection = Detection {
    id: "S-C2-IRC",
    title: "Bot that obeys over IRC",
    role: Role::Convicts,
    techniques: &["T1071"],
    why: "A program speaks IRC and obeys orders to flood others or to run commands. It convicts where it also knows \
          its channel and the start of the image leads to it. Chat programs and their servers speak the protocol and \
          have no such orders.",
    advice: "Do not run the image. Where it ran, look for connections to IRC servers.",
    ..FILE
};

pub(super) const ROOTKIT: Detection = Detection {
    id: "S-EVA-ROOTKITSO",
    title: "Library that hides processes",
    severity: Severity::Critical,
    role: Role::Convicts,
    techniques: &["T1014", "T1574.006"],
    why: "A library stands in for the reading of directories, passes most calls on, and asks what processes are called: \
          loaded into every program it hides some of them. Libraries that change the root or the user for a build \
          stand in for the same calls and never ask for names. With less of this it corroborates.",
    advice: "Look for a /etc/ld.so.preload or a LD_PRELOAD that loads it, and for what it hides.",
    ..FILE
};

pub(super) const LOADER: Detection = Detection {
    id: "S-EVA-LOADER",
    title: "Libraries from a directory of everybody",
    techniques: &["T1574"],
    why: "The start of the image leads to a program that looks for its libraries, or for its loader, in a directory \
          for temporary files or a hidden one that exists in the image. Whoever may write there runs code as this \
          program. Paths of builds that do not exist any more only explain.",
    advice: "Look what lies in the directory. Build the program without that path.",
    ..FILE
};

pub(super) const MASQUERADE: Detection = Detection {
    id: "S-EVA-MASQ",
    title: "Program under the name of a service",
    techniques: &["T1036.005"],
    why: "A program has the name of a thread of the kernel, which never has a file, or of a well-known service of which \
          nothing in it speaks, and no package promised it. In a list of processes nobody looks twice at such names.",
    advice: "Look what the program is and which layer brought it.",
    ..FILE
};

pub(super) const HIDDEN: Detection = Detection {
    id: "S-EVA-HIDDENEXE",
    title: "Program in a hidden place",
    severity: Severity::Medium,
    techniques: &["T1564.001"],
    why: "A program that no package owns lies in a hidden directory of the system, in a directory for devices, or under \
          a name made to be overlooked. In other hidden or temporary directories it is a weaker sign. Directories that \
          tools are known to use are not counted.",
    advice: "Look what the program is and which layer brought it.",
    ..FILE
};

pub(super) const PACKED: Detection = Detection {
    id: "S-EVA-UPX",
    title: "Packed program",
    severity: Severity::Low,
    role: Role::Context,
    techniques: &["T1027.002"],
    why: "A program is packed with UPX. Many honest programs are, to be smaller; the program inside was unpacked and \
          looked at like any other, without running it.",
    advice: "Nothing, where the program itself is known.",
    ..FILE
};

pub(super) const CHANGED_PACKER: Detection = Detection {
    id: "S-EVA-UPXMOD",
    title: "Packed against unpacking",
    techniques: &["T1027.002"],
    why: "A program is packed so that it cannot simply be unpacked: UPX with its marks wiped, or a tool that encrypts \
          what it packs. Size is no reason for that; being looked at is.",
    advice: "Ask its publisher for the program as it was before, and compare.",
    ..FILE
};

pub(super) const RANDOM_CODE: Detection = Detection {
    id: "S-EVA-ENTROPY",
    title: "Encrypted code",
    severity: Severity::Medium,
    techniques: &["T1027"],
    why: "What a program runs is as random as encrypted or compressed data, and the program has no section headers or \
          takes nothing from libraries: its true code comes out only when it runs. It counts where the start of the \
          image leads to it. Archives that are appended to a program or embedded as data are not measured.",
    advice: "Ask its publisher what packs it and why.",
    ..FILE
};

pub(super) const POLYGLOT: Detection = Detection {
    id: "S-EVA-POLYGLOT",
    title: "Program behind the name of a picture",
    techniques: &["T1027.003", "T1036.008"],
    why: "A file that by its name is shown or read is a program, a script or an archive, or has a program appended. \
          Campaigns fetch their payloads as pictures, as filters let pictures pass. In directories of test data it \
          only explains, as programs that read such files are tested with them.",
    advice: "Look which script unpacks or runs it.",
    ..FILE
};

pub(super) const WINDOWS: Detection = Detection {
    id: "S-EVA-PEINLINUX",
    title: "Programs for Windows",
    severity: Severity::Low,
    role: Role::Context,
    techniques: &[],
    why: "The image is for Linux and has programs for Windows. Most are parts of tools for several systems; some are \
          what the image hands to others. Managed code, boot loaders and the launchers of Python's installers are not \
          counted.",
    advice: "Remove what the image does not need.",
    ..FILE
};

pub(super) const MEMORY_FILE: Detection = Detection {
    id: "S-EVA-MEMFD",
    title: "Program that runs files from memory",
    techniques: &["T1620"],
    why: "A program that the start of the image leads to, and that no package promised, makes files that exist in \
          memory alone and runs them, so that what it runs lies in no layer. Runtimes of containers and service \
          managers do so with themselves; off the way from the start it only explains.",
    advice: "Watch what the program runs, in a sandbox.",
    ..FILE
};

pub(super) const PADDED: Detection = Detection {
    id: "S-EVA-PAD",
    title: "Program padded to a large size",
    severity: Severity::Medium,
    techniques: &["T1027.001"],
    why: "A program ends in more than fifty megabytes of nothing. Scanners skip files above a size, and that is what \
          such a tail is for. Data and models lie in files of their own.",
    advice: "Look at what comes before the padding.",
    ..FILE
};

pub(super) const XZ: Detection = Detection {
    id: "S-PKG-XZSIG",
    title: "Back door of xz",
    severity: Severity::Critical,
    role: Role::Convicts,
    techniques: &["T1195.002"],
    why: "The code of a library has the function that xz 5.6.0 and 5.6.1 were given to let their author into every \
          machine with an SSH server. Detectors hold these bytes as data; here they are code.",
    advice: "Rebuild the image on a base with another version of xz. Where an SSH server ran on it, treat the machine as lost.",
    ..FILE
};
