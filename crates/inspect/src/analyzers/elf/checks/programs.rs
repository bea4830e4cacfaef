use super::super::detections::{
    CHANGED_PACKER, IRC, LOADER, MASQUERADE, MEMORY_FILE, PACKED, PADDED, RANDOM_CODE, ROOTKIT, STAGER, XZ,
};
use super::super::parse::Group;
use super::super::{ElfFacts, Packer, Structure, Traits};
use super::{Conclusion, Subject};
use crate::ImageView;
use crate::analyzers::program::ProgramFacts;
use model::{Role, Severity};

pub(super) fn look(image: &ImageView<'_>, subject: &Subject<'_>, conclusions: &mut Vec<Conclusion>) {
    if matches!(subject.structure, Some(Structure::Backdoored)) {
        conclusions.push(Conclusion::of(&XZ, "One of its object files has the code of the back door."));
    }
    conclusions.extend(masquerade(image, subject));
    let Some(elf) = subject.elf() else { return };
    if elf.traits.has(Traits::XZ_BACKDOOR) {
        conclusions.push(Conclusion::of(&XZ, "Its code has the first function of the back door."));
    }
    conclusions.extend(rootkit(elf));
    conclusions.extend(irc(subject, elf));
    // What follows is only asked of files that no package promised: the same traits have honest reasons.
    let odd = [
        packed(subject, elf),
        stager(subject, elf),
        memory_file(subject, elf),
        loader(image, subject, elf),
        random_code(subject, elf),
        padded(elf),
    ];
    let mut odd = odd.into_iter().flatten().peekable();
    if odd.peek().is_some() && !subject.is_promised(image) {
        conclusions.extend(odd);
    }
}

/// Whether it is packed and what it contains is unknown.
pub(super) fn is_unread(subject: &Subject<'_>) -> bool {
    subject.elf().is_some_and(|elf| elf.traits.has(Traits::NOT_UNPACKED))
}

fn packed(subject: &Subject<'_>, elf: &ElfFacts) -> Option<Conclusion> {
    Some(match elf.packer? {
        Packer::Upx => {
            let why = "It is packed with UPX; what it unpacks to was looked at like any other program.";
            Conclusion::of(&PACKED, why)
        }
        Packer::UpxChanged => {
            let why = "It is packed with UPX, and the marks are changed by which UPX itself would unpack it.";
            Conclusion::of(&CHANGED_PACKER, why)
        }
        Packer::Ezuri => {
            let why = "It decrypts a program into memory and runs it there, as ezuri makes them.";
            Conclusion::of(&CHANGED_PACKER, why)
        }
        Packer::Shc => {
            let why = "It is a shell script, encrypted and made into a program by shc.";
            let conclusion = Conclusion::of(&CHANGED_PACKER, why);
            // Vendors hide the scripts of their products in this way.
            if subject.reached { conclusion } else { conclusion.context() }
        }
    })
}

fn stager(subject: &Subject<'_>, elf: &ElfFacts) -> Option<Conclusion> {
    if !elf.traits.has(Traits::STAGER) || subject.is_library() && !subject.reached {
        return None;
    }
    let what = if elf.traits.has(Traits::RUNS_FROM_MEMORY) {
        "makes a file in memory and runs it"
    } else {
        "connects to another machine and prepares memory in which to run what it gets"
    };
    let mut conclusion = Conclusion::of(&STAGER, format!("It is tiny, and all it does is that it {what}."));
    if elf.traits.has(Traits::WRITE_AND_RUN) {
        conclusion = conclusion.with("field", "segment that may be written and run");
    }
    Some(if subject.reached { conclusion } else { conclusion.weakened(Role::Corroborates, Severity::Medium) })
}

fn memory_file(subject: &Subject<'_>, elf: &ElfFacts) -> Option<Conclusion> {
    if !elf.traits.has(Traits::RUNS_FROM_MEMORY) || subject.is_library() {
        return None;
    }
    let why = "It can make a file that exists in memory alone, and run it.";
    let conclusion = Conclusion::of(&MEMORY_FILE, why).with("symbol", "memfd_create");
    // Runtimes of containers and service managers do so to protect themselves; they are not what an image starts.
    // Interpreters offer both calls to scripts, which are looked at for themselves.
    Some(if subject.reached && !elf.traits.has(Traits::HOST) { conclusion } else { conclusion.context() })
}

fn loader(image: &ImageView<'_>, subject: &Subject<'_>, elf: &ElfFacts) -> Option<Conclusion> {
    // Libraries that were built below /tmp and never cleaned remember it; so only programs that are started count.
    if !subject.reached || elf.loads_from.is_empty() {
        return None;
    }
    let present = elf.loads_from.iter().any(|path| {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        image.tree.resolve(path).is_ok() || image.tree.implied().any(|(implied, _)| implied == path)
    });
    let why = "It loads its libraries, or its loader, from where anybody may put others.";
    let conclusion = elf
        .loads_from
        .iter()
        .fold(Conclusion::of(&LOADER, why), |one, path| one.with("path", String::from_utf8_lossy(path)));
    Some(if present { conclusion } else { conclusion.context() })
}

/// Bits for each byte, in hundredths, above which code is no code: compilers write about six.
const RANDOM: u16 = 740;

fn random_code(subject: &Subject<'_>, elf: &ElfFacts) -> Option<Conclusion> {
    if elf.entropy <= RANDOM || elf.packer.is_some() {
        return None;
    }
    let bits = f64::from(elf.entropy) / 100.0;
    let why = format!("What it runs is as random as encrypted data: {bits:.1} bits for each byte.");
    let mut conclusion = Conclusion::of(&RANDOM_CODE, why);
    for (oddity, what) in ODDITIES {
        if elf.traits.has(oddity) {
            conclusion = conclusion.with("field", what);
        }
    }
    // Kernels and firmware carry themselves compressed; an image does not start them.
    Some(if subject.reached { conclusion } else { conclusion.context() })
}

const ODDITIES: [(Traits, &str); 7] = [
    (Traits::NO_SECTIONS, "no section headers"),
    (Traits::NO_IMPORTS, "no imports"),
    (Traits::WRITE_AND_RUN, "a segment that may be written and run"),
    (Traits::ENTRY_ASTRAY, "an entry point where nothing may be run"),
    (Traits::ENTRY_LAST, "an entry point in the last segment"),
    (Traits::OVERLAPS, "overlapping segments"),
    (Traits::BEYOND_FILE, "a segment beyond the end of the file"),
];

/// More silence at the end than any linker leaves.
const PADDING: u64 = 50_000_000;

fn padded(elf: &ElfFacts) -> Option<Conclusion> {
    (elf.tail > PADDING).then(|| {
        let why = format!("Its last {} bytes say nothing.", model::thousands(elf.tail));
        Conclusion::of(&PADDED, why)
    })
}

/// A library that stands in for the reading of directories and asks what processes are called. Whatever else it
/// claims to be, it hides processes, so nothing that it contains besides excuses it.
fn rootkit(elf: &ElfFacts) -> Option<Conclusion> {
    let exports = |name| elf.symbols.exports(name);
    let stands_in = exports("readdir") || exports("readdir64");
    if !stands_in || !elf.symbols.imports("dlsym") {
        return None;
    }
    let names = elf.literals.count(Group::ProcessName) > 0;
    let opens = elf.literals.count(Group::Descriptor) > 0
        || elf.symbols.imports("dirfd")
        || elf.symbols.imports("readlink");
    let preload = elf.literals.has(b"ld.so.preload");
    let connections = elf.literals.has(b"/proc/net/tcp");
    let enters = ["accept", "pam_authenticate", "pam_open_session", "pcap_loop"].into_iter().any(exports);
    let (role, why) = match () {
        () if names && opens => (
            Role::Convicts,
            "It stands in for the reading of directories, finds out which of them it is, and asks for the names of \
             processes: it hides some of them.",
        ),
        () if preload && (connections || enters) => (
            Role::Convicts,
            "It stands in for the reading of directories, knows the file that has libraries loaded into every program, \
             and looks at connections or lets somebody in: it hides itself and its owner.",
        ),
        () if names || connections || preload => (
            Role::Corroborates,
            "It stands in for the reading of directories and looks at processes, at connections or at what is loaded into every program.",
        ),
        () => return None,
    };
    let severity = if role == Role::Convicts { Severity::Critical } else { Severity::High };
    let groups = [Group::ProcessName, Group::Descriptor, Group::Concealment];
    let texts = groups.into_iter().flat_map(|group| elf.literals.texts(group));
    let conclusion = Conclusion::of(&ROOTKIT, why).weakened(role, severity).with("symbol", "readdir");
    Some(conclusion.with_texts(texts))
}

/// A bot: it speaks IRC, knows its channel, and obeys orders to flood others. Chat programs have the first alone.
fn irc(subject: &Subject<'_>, elf: &ElfFacts) -> Option<Conclusion> {
    let messages = elf.literals.count(Group::IrcMessage);
    let orders = elf.literals.count(Group::BotOrder);
    // Two of the words are said by servers too.
    let common = ["KILLALL", "UNKNOWN"].iter().filter(|word| elf.literals.has(word.as_bytes())).count();
    if messages < 3 || orders < 3 || orders - common < 2 {
        return None;
    }
    let channel = elf.traits.has(Traits::CHANNEL);
    let knows = if channel { ", knows its channel," } else { "" };
    let why = format!("It speaks IRC{knows} and obeys {orders} orders of a bot.");
    let conclusion = Conclusion::of(&IRC, why).with_texts(elf.literals.texts(Group::BotOrder));
    let convicts = channel && subject.reached;
    Some(if convicts { conclusion } else { conclusion.weakened(Role::Corroborates, Severity::High) })
}

/// A program with the name of a thread of the kernel, which has no file, or of a service that it shows no trace of.
fn masquerade(image: &ImageView<'_>, subject: &Subject<'_>) -> Option<Conclusion> {
    let Some(ProgramFacts::Elf(program)) = subject.program else { return None };
    let name = subject.name();
    if program.kind == 1 || subject.is_library() || name.ends_with(b".so") || name.ends_with(b".ko") {
        return None;
    }
    let why = if is_kernel_thread(name) {
        "It has the name of a thread of the kernel, and such threads have no file."
    } else {
        let (_, marks) = SERVICES.iter().find(|(service, _)| match service.strip_suffix('*') {
            Some(start) => name.starts_with(start.as_bytes()),
            None => service.as_bytes() == name,
        })?;
        let cut = subject.elf().is_some_and(|elf| elf.traits.has(Traits::CUT));
        let agrees =
            subject.elf().is_some_and(|elf| marks.iter().any(|mark| elf.literals.has(mark.as_bytes())));
        if cut || agrees {
            return None;
        }
        "It has the name of a well-known service, and nothing in it speaks of that service."
    };
    (!subject.is_promised(image)).then(|| Conclusion::of(&MASQUERADE, why))
}

/// Names of threads of the kernel, with brackets or without.
pub(super) fn is_kernel_thread(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"[").unwrap_or(name);
    KERNEL_THREADS.iter().any(|thread| name.starts_with(thread.as_bytes()))
}

const KERNEL_THREADS: [&str; 9] = [
    "kauditd",
    "kblockd",
    "kcompactd",
    "kdevtmpfs",
    "khugepaged",
    "ksoftirqd",
    "kswapd",
    "kthreadd",
    "kworker",
];

/// Services, and what is written in each program of that name that is one.
const SERVICES: [(&str, &[&str]); 6] = [
    ("sshd", &["OpenSSH", "dropbear"]),
    ("crond", &["crontab"]),
    ("dbus-daemon", &["D-Bus"]),
    ("rsyslogd", &["rsyslog"]),
    ("systemd", &["systemd"]),
    ("systemd-*", &["systemd"]),
];
