use super::{FCAP, SUID};
use crate::analyzers::hooks::{Standing, standing};
use crate::analyzers::start::{base_name, hiding, is_interpreter};
use crate::{ImageView, Outcome};
use layers::{Kind, Place};
use model::{Finding, Role, Severity};
use std::collections::HashSet;

/// Most findings of one id.
const MAX_FINDINGS: usize = 32;
const SET_USER: u32 = 0o4000;
const SET_GROUP: u32 = 0o2000;

/// Programs that run as their owner or group.
pub(super) fn set_user(image: &ImageView<'_>, out: &mut Outcome) {
    let mut found: Vec<Finding> = Vec::new();
    let mut shells = None;
    for (path, place) in image.tree.iter() {
        let content = image.tree.content(place);
        let Some(entry) = image.tree.entry(content) else { continue };
        // Without the right to be run, the group's bit means something else.
        if entry.kind != Kind::File || entry.mode & (SET_USER | SET_GROUP) == 0 || entry.mode & 0o111 == 0 {
            continue;
        }
        // A script runs as who starts it: the kernel passes over the bit.
        let program = entry.size > 0 && !is_script(image, content);
        if !program {
            continue;
        }
        let user = entry.mode & SET_USER != 0;
        let rights = match (user, entry.uid) {
            (true, 0) => "root".to_owned(),
            (true, uid) => format!("user {uid}"),
            (false, _) => format!("group {}", entry.gid),
        };
        let name = base_name(&path);
        let shells = shells.get_or_insert_with(|| shells_of(image));
        let shell = is_shell(name) || entry.hashes.is_some_and(|hashes| shells.contains(&hashes.sha256));
        let standing = standing(image, &path, place);
        let vouched = matches!(standing, Standing::Genuine | Standing::Owned);
        if vouched && !shell {
            continue;
        }
        let (severity, role, why) = if shell {
            let severity = if user { SUID.severity } else { Severity::Medium };
            (severity, SUID.role, "and is a shell, an interpreter or a program that runs others")
        } else if is_known(name) && hiding(&path, false).is_none() {
            (
                Severity::Low,
                Role::Context,
                "and belongs to no package; it is called as a helper is that needs it",
            )
        } else if image.ownership.is_empty() {
            // Where nothing is owned at all, being owned by nobody says nothing.
            (Severity::Low, Role::Context, "in an image whose packages are not known")
        } else {
            let severity = if user && entry.uid == 0 { SUID.severity } else { Severity::Medium };
            let why = match standing {
                Standing::Changed => "and is not what its package promised",
                _ => "and belongs to no package",
            };
            (severity, SUID.role, why)
        };
        let why = format!("It runs as {rights} whoever starts it, {why}.");
        let mut finding =
            image.finding_at(&SUID, why, place).with_evidence("mode", &format!("{:04o}", entry.mode), None);
        (finding.severity, finding.role) = (severity, role);
        finding.reachable = out.reaches(image, place).then_some(true);
        found.push(finding);
    }
    // The worst first, so that many harmless ones cannot push it out.
    found.sort_by_key(|finding| std::cmp::Reverse((finding.role, finding.severity)));
    found.truncate(MAX_FINDINGS);
    out.findings.extend(found);
}

fn is_script(image: &ImageView<'_>, content: Place) -> bool {
    image.facts(content).any(|fact| matches!(fact, crate::Fact::Script(script) if !script.shebang.is_empty()))
}

/// Programs that give whoever starts them everything that they may do themselves. BusyBox is none: it gives its
/// rights up before it becomes a shell, and some build systems set the bit on it.
fn is_shell(name: &[u8]) -> bool {
    const OTHERS: [&[u8]; 20] = [
        b"env",
        b"find",
        b"awk",
        b"gawk",
        b"mawk",
        b"vi",
        b"vim",
        b"vim.basic",
        b"nano",
        b"less",
        b"tar",
        b"dd",
        b"cp",
        b"gdb",
        b"strace",
        b"nmap",
        b"expect",
        b"tclsh",
        b"xargs",
        b"git",
    ];
    is_interpreter(name) || OTHERS.contains(&name)
}

/// What the shells and interpreters of the image hash to, so that a copy under another name is known.
fn shells_of(image: &ImageView<'_>) -> HashSet<[u8; 32]> {
    const NAMES: [&str; 16] = [
        "sh", "bash", "dash", "ash", "zsh", "ksh", "mksh", "python3", "python", "perl", "ruby", "node",
        "php", "lua", "env", "find",
    ];
    let directories = ["bin", "usr/bin", "usr/local/bin"];
    let paths =
        directories.iter().flat_map(|directory| NAMES.iter().map(move |name| format!("{directory}/{name}")));
    let files = paths.filter_map(|path| image.tree.resolve(path.as_bytes()).ok());
    files
        .filter(|(path, _)| !matches!(base_name(path), b"busybox" | b"toybox"))
        .filter_map(|(_, place)| image.tree.entry(image.tree.content(place))?.hashes)
        .map(|hashes| hashes.sha256)
        .collect()
}

/// Helpers that need the bit and are brought along by programs that are no packages: those of the distributions
/// when they are built from source, and of browsers and sandboxes.
fn is_known(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 38] = [
        b"su",
        b"sudo",
        b"doas",
        b"mount",
        b"umount",
        b"passwd",
        b"chsh",
        b"chfn",
        b"gpasswd",
        b"newgrp",
        b"login",
        b"expiry",
        b"chage",
        b"wall",
        b"write",
        b"crontab",
        b"at",
        b"ping",
        b"ping6",
        b"traceroute",
        b"mtr-packet",
        b"ssh-keysign",
        b"ssh-agent",
        b"unix_chkpwd",
        b"pam_timestamp_check",
        b"pkexec",
        b"polkit-agent-helper-1",
        b"dbus-daemon-launch-helper",
        b"newuidmap",
        b"newgidmap",
        b"fusermount",
        b"fusermount3",
        b"bwrap",
        b"chrome-sandbox",
        b"chromium-sandbox",
        b"busybox",
        b"bbsuid",
        b"starter-suid",
    ];
    NAMES.contains(&name)
}

/// Capabilities by number that come close to being root (`linux/capability.h`).
const STRONG: [(u32, &str); 12] = [
    (1, "dac_override"),
    (2, "dac_read_search"),
    (3, "fowner"),
    (6, "setgid"),
    (7, "setuid"),
    (8, "setpcap"),
    (16, "sys_module"),
    (17, "sys_rawio"),
    (19, "sys_ptrace"),
    (21, "sys_admin"),
    (31, "setfcap"),
    (39, "bpf"),
];

/// Files with capabilities of their own.
pub(super) fn capabilities(image: &ImageView<'_>, out: &mut Outcome) {
    let mut count = 0;
    for (layer, number) in image.layers.iter().zip(0_u32..) {
        for (index, name, value) in layer.facts.entries.xattrs() {
            let Ok(entry) = u32::try_from(index) else { continue };
            let place = Place { layer: number, entry };
            if name != b"security.capability" || count >= MAX_FINDINGS || !image.tree.is_live(place) {
                continue;
            }
            let Some(permitted) = permitted(value) else { continue };
            let strong: Vec<&str> =
                STRONG.iter().filter(|(bit, _)| permitted >> bit & 1 == 1).map(|(_, name)| *name).collect();
            let Some(view) = image.tree.entry(place) else { continue };
            let vouched = matches!(standing(image, view.path, place), Standing::Genuine | Standing::Owned);
            if strong.is_empty() || vouched {
                continue;
            }
            count += 1;
            let listed = strong.join(", ");
            let why = format!("It may do what {listed} allows whoever starts it, and no package owns it.");
            let mut finding =
                image.finding_at(&FCAP, why, place).with_evidence("capabilities", &listed, None);
            // What maps the users of containers without root is built from source in images that hold them.
            if image.ownership.is_empty() || matches!(base_name(view.path), b"newuidmap" | b"newgidmap") {
                (finding.role, finding.severity) = (Role::Context, Severity::Low);
            }
            out.findings.push(finding);
        }
    }
}

/// The permitted set of a `security.capability` attribute in one of its three revisions; none for what the kernel
/// does not take either.
pub(super) fn permitted(value: &[u8]) -> Option<u64> {
    let word = |at: usize| Some(u32::from_le_bytes(*value.get(at..)?.first_chunk()?));
    match (word(0)? >> 24, value.len()) {
        (1, 12) => Some(u64::from(word(4)?)),
        (2, 20) | (3, 24) => Some(u64::from(word(4)?) | u64::from(word(12)?) << 32),
        _ => None,
    }
}
