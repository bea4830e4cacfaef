use super::{HookFacts, HookKind, Order, What, pth};
use crate::analyzers::start::base_name;

/// Most orders that are kept of one table.
const MAX_ORDERS: usize = 128;
/// Longest text of an order that is kept.
const MAX_TEXT: usize = 4 << 10;
/// Most memory that the orders of one table take.
const MAX_SIZE: usize = 64 << 10;

/// What a table of hooks orders. Reads each byte a fixed number of times.
pub(super) fn table(kind: HookKind, path: &[u8], text: &[u8]) -> HookFacts {
    let mut reading = Reading::default();
    match kind {
        HookKind::Preload => preload(text, &mut reading),
        HookKind::CronTable | HookKind::LooseTable => cron(path, text, &mut reading),
        HookKind::Inittab => inittab(text, &mut reading),
        HookKind::Unit | HookKind::Supervisor | HookKind::GitConfig => settings(kind, text, &mut reading),
        HookKind::PythonPath => pth::lines(text, &mut reading),
        HookKind::PythonSite => pth::module(text, &mut reading),
        HookKind::PamConfig => pam(text, &mut reading),
        HookKind::KernelHook => kernel(path, text, &mut reading),
        HookKind::Sudoers => sudoers(text, &mut reading),
        HookKind::SshKeys => keys(text, &mut reading),
        HookKind::Hosts => hosts(text, &mut reading),
        _ => {}
    }
    reading.0
}

#[derive(Default)]
pub(super) struct Reading(HookFacts, usize);

impl Reading {
    pub(super) fn push(&mut self, line: u32, what: What) {
        let (first, second): (&[u8], &[u8]) = match &what {
            What::Shell(text)
            | What::Library(text)
            | What::Python(_, text)
            | What::LogIn(text)
            | What::Helper(text)
            | What::Key(text, _)
            | What::Sudoer(text) => (text, b""),
            What::Host(name, address) => (name, address),
        };
        self.1 += 64 + first.len() + second.len();
        let long = first.len().max(second.len()) > MAX_TEXT;
        if long || self.0.orders.len() >= MAX_ORDERS || self.1 > MAX_SIZE {
            self.0.cut = true;
        } else {
            self.0.orders.push(Order { line, what });
        }
    }

    fn shell(&mut self, line: u32, text: &[u8]) {
        if !text.is_empty() {
            self.push(line, What::Shell(text.to_vec()));
        }
    }
}

/// The lines of a text with their numbers, without blanks around them.
pub(super) fn numbered(text: &[u8]) -> impl Iterator<Item = (u32, &[u8])> {
    (1_u32..).zip(text.split(|&byte| byte == b'\n')).map(|(number, line)| (number, line.trim_ascii()))
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

/// What follows this many words of a line.
pub(super) fn after_words(line: &[u8], count: usize) -> &[u8] {
    let mut rest = line;
    for _ in 0..count {
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        rest = rest.get(end..).unwrap_or_default().trim_ascii_start();
    }
    rest
}

fn preload(text: &[u8], reading: &mut Reading) {
    for (number, line) in numbered(text) {
        // The loader reads to the `#`, and takes blanks and colons for the same.
        let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
        for library in line.split(|byte| byte.is_ascii_whitespace() || *byte == b':') {
            if !library.is_empty() {
                reading.push(number, What::Library(library.to_vec()));
            }
        }
    }
}

/// Libraries that a script puts into the programs that it starts, where it spells them out.
pub(crate) fn forced_libraries(text: &[u8]) -> HookFacts {
    let mut reading = Reading::default();
    if memchr::memmem::find(text, b"LD_PRELOAD=").is_none() {
        return reading.0;
    }
    for (number, line) in numbered(text).filter(|(_, line)| !line.starts_with(b"#")) {
        let Some(at) = memchr::memmem::find(line, b"LD_PRELOAD=") else { continue };
        let value = line.get(at + 11..).unwrap_or_default();
        let value = value.strip_prefix(b"\"").or_else(|| value.strip_prefix(b"'")).unwrap_or(value);
        let end = value.iter().position(|byte| byte.is_ascii_whitespace() || b"\"';&|)".contains(byte));
        let value = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
        for library in value.split(|&byte| byte == b':').filter(|library| !library.is_empty()) {
            // What a variable holds is known only when the script runs.
            if !library.contains(&b'$') && !library.contains(&b'`') && reading.0.orders.len() < MAX_ORDERS {
                reading.push(number, What::Library(library.to_vec()));
            }
        }
    }
    reading.0
}

fn cron(path: &[u8], text: &[u8], reading: &mut Reading) {
    let has_user = has_user(path);
    let anacron = base_name(path) == b"anacrontab";
    for (number, line) in numbered(text) {
        let at = match line.first() {
            Some(b'@') if anacron => 3,
            Some(b'@') => 1 + usize::from(has_user),
            Some(b'0'..=b'9') if anacron => 3,
            Some(b'0'..=b'9' | b'*' | b'-') => 5 + usize::from(has_user),
            _ => continue,
        };
        reading.shell(number, before_percent(after_words(line, at)));
    }
}

/// Whether the lines of a table name the user of the command: those of a user's own table do not.
pub(super) fn has_user(path: &[u8]) -> bool {
    path.starts_with(b"etc/cron.d/") || path == b"etc/crontab"
}

/// cron gives what follows a `%` to the command's input.
fn before_percent(command: &[u8]) -> &[u8] {
    let mut before = 0;
    let end = command.iter().position(|&byte| std::mem::replace(&mut before, byte) != b'\\' && byte == b'%');
    command.get(..end.unwrap_or(command.len())).unwrap_or_default().trim_ascii()
}

fn inittab(text: &[u8], reading: &mut Reading) {
    for (number, line) in numbered(text).filter(|(_, line)| !line.starts_with(b"#")) {
        if let Some(process) = line.splitn(4, |&byte| byte == b':').nth(3) {
            let process = process.trim_ascii_start();
            let process =
                process.strip_prefix(b"-").or_else(|| process.strip_prefix(b"+")).unwrap_or(process);
            reading.shell(number, process);
        }
    }
}

/// Files of `[section]` and `name = value`: units, supervisord, git.
fn settings(kind: HookKind, text: &[u8], reading: &mut Reading) {
    let mut section: &[u8] = b"";
    let mut continued: Option<(u32, Vec<u8>)> = None;
    for (number, line) in numbered(text) {
        let (number, line) = match continued.take() {
            Some((first, mut before)) if before.len() <= MAX_TEXT => {
                before.push(b' ');
                before.extend_from_slice(line);
                (first, std::borrow::Cow::Owned(before))
            }
            Some((first, before)) => (first, std::borrow::Cow::Owned(before)),
            None => (number, std::borrow::Cow::Borrowed(line)),
        };
        if kind == HookKind::Unit && line.ends_with(b"\\") {
            let mut line = line.into_owned();
            line.pop();
            continued = Some((number, line));
            continue;
        }
        if line.starts_with(b"#") || line.starts_with(b";") {
            continue;
        }
        if line.starts_with(b"[") {
            let end = line.iter().position(|&byte| byte == b']').unwrap_or(line.len());
            // The borrow of a joined line ends here; a section's head is never one.
            section = match &line {
                std::borrow::Cow::Borrowed(line) => line.get(1..end).unwrap_or_default(),
                std::borrow::Cow::Owned(_) => b"",
            };
            continue;
        }
        let Some(at) = memchr::memchr(b'=', &line) else { continue };
        let name = line.get(..at).unwrap_or_default().trim_ascii();
        let value = line.get(at + 1..).unwrap_or_default().trim_ascii();
        match kind {
            HookKind::Unit if name.starts_with(b"Exec") && !value.is_empty() => {
                let marks = value.iter().take_while(|byte| b"-@:+!|".contains(byte)).count();
                reading.shell(number, value.get(marks..).unwrap_or_default());
            }
            HookKind::Supervisor
                if name == b"command"
                    && (section.starts_with(b"program:") || section.starts_with(b"eventlistener:")) =>
            {
                let comment = memchr::memmem::find(value, b" ;");
                reading.shell(number, value.get(..comment.unwrap_or(value.len())).unwrap_or_default());
            }
            HookKind::GitConfig if runs_programs(section, name) => {
                let value =
                    value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
                reading.push(number, What::Helper(value.to_vec()));
            }
            _ => {}
        }
    }
}

/// Settings of git by which a directory of hooks, or a program, runs in every repository.
fn runs_programs(section: &[u8], name: &[u8]) -> bool {
    let names: [(&[u8], &[u8]); 4] = [
        (b"core", b"hookspath"),
        (b"core", b"fsmonitor"),
        (b"core", b"sshcommand"),
        (b"init", b"templatedir"),
    ];
    names.iter().any(|known| section.eq_ignore_ascii_case(known.0) && name.eq_ignore_ascii_case(known.1))
}

fn pam(text: &[u8], reading: &mut Reading) {
    for (number, line) in numbered(text).filter(|(_, line)| !line.starts_with(b"#")) {
        let mut rest = words(line).skip_while(|word| base_name(word) != b"pam_exec.so").skip(1);
        if let Some(program) = rest.find(|word| word.starts_with(b"/")) {
            reading.push(number, What::LogIn(program.to_vec()));
        }
    }
}

fn kernel(path: &[u8], text: &[u8], reading: &mut Reading) {
    let binfmt = memchr::memmem::find(path, b"binfmt.d/").is_some();
    let rules = path.ends_with(b".rules");
    for (number, line) in numbered(text).filter(|(_, line)| !line.starts_with(b"#")) {
        if rules {
            for key in [b"RUN".as_slice(), b"PROGRAM", b"IMPORT{program}"] {
                for at in memchr::memmem::find_iter(line, key).take(8) {
                    let rest = line.get(at + key.len()..).unwrap_or_default();
                    let value = rest.iter().position(|&byte| byte == b'"').filter(|&at| at <= 16);
                    let value = value.and_then(|at| rest.get(at + 1..)).unwrap_or_default();
                    let end = value.iter().position(|&byte| byte == b'"' || byte == b' ');
                    let program = value.get(..end.unwrap_or(value.len())).unwrap_or_default();
                    if program.starts_with(b"/") {
                        reading.push(number, What::Helper(program.to_vec()));
                    }
                }
            }
        } else if binfmt {
            let interpreter = line.first().and_then(|&mark| line.split(move |&byte| byte == mark).nth(6));
            if let Some(interpreter) = interpreter.filter(|path| path.starts_with(b"/")) {
                reading.push(number, What::Helper(interpreter.to_vec()));
            }
        } else if matches!(words(line).next(), Some(b"install" | b"remove")) {
            let program = words(line).nth(2).filter(|word| word.starts_with(b"/"));
            // `install NAME /bin/true` is how a module is kept out.
            let program = program.filter(|word| !matches!(base_name(word), b"true" | b"false"));
            if let Some(program) = program {
                reading.push(number, What::Helper(program.to_vec()));
            }
        }
    }
}

fn sudoers(text: &[u8], reading: &mut Reading) {
    // `#1000` is the user of that number and no comment.
    let comment = |line: &[u8]| line.starts_with(b"#") && !line.get(1).is_some_and(u8::is_ascii_digit);
    for (number, line) in numbered(text).filter(|(_, line)| !comment(line)) {
        let Some(at) = memchr::memmem::find(line, b"NOPASSWD:") else { continue };
        let mut commands = line.get(at + 9..).unwrap_or_default().split(|&byte| byte == b',');
        let everything = commands.any(|command| {
            // Further tags may stand before the command: `NOPASSWD: SETENV: ALL`.
            command.rsplit(|&byte| byte == b':').next().unwrap_or_default().trim_ascii() == b"ALL"
        });
        if let Some(who) = words(line).next().filter(|who| everything && !who.starts_with(b"Defaults")) {
            reading.push(number, What::Sudoer(who.to_vec()));
        }
    }
}

/// The other half of this key is published with Vagrant, for boxes of which every user makes an own one.
const VAGRANT: &[u8] = b"AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ\
6oXevct1YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPy\
Uecp4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hruc\
XzcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ==";

fn keys(text: &[u8], reading: &mut Reading) {
    for (number, line) in numbered(text).filter(|(_, line)| !line.starts_with(b"#")) {
        let words: Vec<&[u8]> = words(line).take(64).collect();
        let Some(at) = words.iter().position(|word| word.starts_with(b"AAAA")) else { continue };
        let key = words.get(at).copied().unwrap_or_default();
        let kind = at.checked_sub(1).and_then(|at| words.get(at)).copied().unwrap_or_default();
        let end = key.get(key.len().saturating_sub(16)..).unwrap_or_default();
        let comment = words.get(at + 1..).unwrap_or_default().join(b" ".as_slice());
        let mut shown = [kind, b" ...", end, b" ", &comment].concat();
        shown.truncate(160);
        reading.push(number, What::Key(shown, key == VAGRANT));
    }
}

/// Hosts that runtimes and package managers ask for software.
const SOURCES: [&[u8]; 27] = [
    b"docker.io",
    b"registry-1.docker.io",
    b"auth.docker.io",
    b"index.docker.io",
    b"production.cloudflare.docker.com",
    b"hub.docker.com",
    b"download.docker.com",
    b"quay.io",
    b"ghcr.io",
    b"gcr.io",
    b"registry.k8s.io",
    b"mcr.microsoft.com",
    b"public.ecr.aws",
    b"deb.debian.org",
    b"security.debian.org",
    b"archive.ubuntu.com",
    b"security.ubuntu.com",
    b"ports.ubuntu.com",
    b"dl-cdn.alpinelinux.org",
    b"mirrors.fedoraproject.org",
    b"mirrorlist.centos.org",
    b"pypi.org",
    b"files.pythonhosted.org",
    b"registry.npmjs.org",
    b"rubygems.org",
    b"proxy.golang.org",
    b"github.com",
];

fn hosts(text: &[u8], reading: &mut Reading) {
    for (number, line) in numbered(text) {
        let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
        let mut words = words(line);
        let Some(address) = words.next() else { continue };
        for name in words {
            let name = name.strip_suffix(b".").unwrap_or(name);
            if SOURCES.iter().any(|source| name.eq_ignore_ascii_case(source)) {
                reading.push(number, What::Host(name.to_ascii_lowercase(), address.to_vec()));
            }
        }
    }
}
