use super::commands::{Arg, Place, Reader};
use super::programs::{after, compiles, has};
use super::{Deed, harm};
use crate::analyzers::start::base_name;
use memchr::memmem;

/// Notes what a command does by itself, whatever it is given and prints.
pub(super) fn command(reader: &mut Reader<'_>, name: &[u8], args: &[Arg], place: &Place<'_>) {
    let rest = args.get(1..).unwrap_or_default();
    verification(reader, name, rest);
    hiding(reader, name, rest, place);
    guards(reader, name, rest, place);
    waiting(reader, name, rest, place);
    harm::escapes(reader, name, rest, place);
    harm::impact(reader, name, rest, place);
    harm::spreading(reader, name, rest, place);
    match name {
        b"mkfifo" => {
            reader.fifos.extend(rest.iter().map(|arg| reader.path(&arg.text, place)).collect::<Vec<_>>())
        }
        b"mknod" if has(rest, b"p") => {
            let path = rest.first().map(|arg| reader.path(&arg.text, place));
            reader.fifos.extend(path);
        }
        b"gcc" | b"g++" | b"cc" | b"c++" | b"clang" | b"tcc" | b"rustc" | b"make" | b"cmake" => {
            compiles(reader, rest, place)
        }
        b"go" | b"cargo" if has(rest, b"build") || has(rest, b"run") || has(rest, b"install") => {
            compiles(reader, rest, place)
        }
        b"apt-get" | b"apt" | b"apk" | b"yum" | b"dnf" | b"microdnf" | b"pip" | b"pip3" | b"npm" | b"gem"
        | b"zypper" | b"pacman"
            if has(rest, b"install") || has(rest, b"add") || has(rest, b"-S") || has(rest, b"-Sy") =>
        {
            reader.push(Deed::Installs, None, place);
        }
        _ => {}
    }
}

fn verification(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg]) {
    let checks = match name {
        b"sha256sum" | b"sha512sum" | b"sha1sum" | b"shasum" | b"b2sum" => rest.iter().any(|arg| {
            arg.text == b"--check"
                || arg.text.starts_with(b"-") && !arg.text.starts_with(b"--") && arg.text.contains(&b'c')
        }),
        b"gpg" | b"gpg2" => has(rest, b"--verify"),
        b"gpgv" | b"signify" => true,
        b"minisign" => rest.iter().any(|arg| arg.text.starts_with(b"-V")),
        b"cosign" => rest.first().is_some_and(|arg| arg.text.starts_with(b"verify")),
        _ => false,
    };
    if checks {
        reader.verify();
    }
}

/// A variable is set in front of a command or on a line of its own.
pub(super) fn assigned(reader: &mut Reader<'_>, name: &[u8], value: &[u8], place: &Place<'_>) {
    match (name, value) {
        (b"HISTFILE", b"/dev/null" | b"") | (b"HISTSIZE" | b"HISTFILESIZE", b"0") => {
            reader.push(Deed::WipesHistory, None, place);
        }
        (b"NODE_TLS_REJECT_UNAUTHORIZED" | b"PYTHONHTTPSVERIFY", b"0") => reader.unchecked = true,
        _ => {}
    }
}

/// Something is written into a file.
pub(super) fn written(reader: &mut Reader<'_>, path: &[u8], place: &Place<'_>) {
    let hooks: [&[u8]; 5] = [
        b"/proc/sys/kernel/core_pattern",
        b"/proc/sys/kernel/modprobe",
        b"/sys/kernel/uevent_helper",
        b"/proc/sys/fs/binfmt_misc/register",
        b"/proc/sys/kernel/hotplug",
    ];
    // The interpreter formats that emulators register are an everyday thing.
    if hooks.iter().any(|hook| path.ends_with(hook)) && !path.ends_with(b"binfmt_misc/register") {
        let piped = memchr::memchr(b'|', &place.shown).is_some() || !path.ends_with(b"core_pattern");
        if piped {
            reader.push(Deed::WritesKernelHook, None, place);
        }
    }
    let name = base_name(path).to_ascii_uppercase();
    let asks: [&[u8]; 5] = [b"DECRYPT", b"RANSOM", b"RECOVER_FILES", b"RESTORE_FILES", b"HOW_TO_RECOVER"];
    if asks.iter().any(|word| memmem::find(&name, word).is_some()) {
        reader.push(Deed::LeavesNote, None, place);
    }
    if path.ends_with(b"/release_agent") {
        reader.push(Deed::WritesReleaseAgent, None, place);
    }
    if path.ends_with(b"/notify_on_release") {
        reader.push(Deed::NotifiesOnRelease, None, place);
    }
    if is_log(path) && truncates(&place.shown) {
        reader.push(Deed::WipesLogs, None, place);
    }
    if is_history(path) {
        reader.push(Deed::WipesHistory, None, place);
    }
}

/// Whether what is written into a file is run without anybody calling it: schedules and the start of shells.
pub(super) fn runs_later(path: &[u8]) -> bool {
    let schedules: [&[u8]; 3] = [b"/etc/cron", b"/var/spool/cron/", b"/etc/periodic/"];
    let names: [&[u8]; 6] = [b".bashrc", b".bash_profile", b".profile", b".zshrc", b"rc.local", b"profile"];
    schedules.iter().any(|schedule| path.starts_with(schedule))
        || names.contains(&base_name(path))
        || path.starts_with(b"/etc/profile.d/")
}

/// How many words of a line of a schedule stand before the command: the times, and the user where there is one.
pub(super) fn schedule_len(args: &[Arg]) -> usize {
    let is_time = |arg: &Arg| {
        !arg.text.is_empty() && arg.text.iter().all(|byte| byte.is_ascii_digit() || b"*/,-".contains(byte))
    };
    let times = match args.first() {
        Some(first) if first.text.starts_with(b"@") && args.len() > 1 => 1,
        Some(first) if is_time(first) && args.len() > 5 && args.iter().take(5).all(is_time) => 5,
        _ => return 0,
    };
    times + usize::from(args.get(times).is_some_and(|user| user.text == b"root") && args.len() > times + 1)
}

fn truncates(command: &[u8]) -> bool {
    matches!(command, b"" | b":" | b"true" | b"echo" | b"echo -n" | b"cat /dev/null" | b"echo  " | b"printf ")
        || command.starts_with(b"echo  ")
}

fn is_log(path: &[u8]) -> bool {
    let logs: [&[u8]; 8] = [
        b"/var/log/wtmp",
        b"/var/log/btmp",
        b"/var/log/lastlog",
        b"/var/log/auth.log",
        b"/var/log/secure",
        b"/var/run/utmp",
        b"/var/log/audit/audit.log",
        b"/var/log/messages",
    ];
    logs.contains(&path)
}

fn is_history(path: &[u8]) -> bool {
    matches!(base_name(path), b".bash_history" | b".ash_history" | b".zsh_history")
}

fn hiding(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
    let any = |what: fn(&[u8]) -> bool| rest.iter().any(|arg| what(&arg.text));
    match name {
        b"history" if has(rest, b"-c") || has(rest, b"-cw") => reader.push(Deed::WipesHistory, None, place),
        b"unset" if has(rest, b"HISTFILE") => reader.push(Deed::WipesHistory, None, place),
        b"set" if rest.len() >= 2 && has(rest, b"+o") && has(rest, b"history") => {
            reader.push(Deed::WipesHistory, None, place);
        }
        b"export" | b"declare" | b"readonly" => {
            for arg in rest {
                if let Some(at) = memchr::memchr(b'=', &arg.text) {
                    let (variable, value) = arg.text.split_at(at);
                    assigned(reader, variable, value.get(1..).unwrap_or_default(), place);
                }
            }
        }
        b"rm" | b"shred" | b"truncate" | b"ln" | b"unlink" => {
            if any(is_history) {
                reader.push(Deed::WipesHistory, None, place);
            }
            if any(is_log) && name != b"ln" {
                reader.push(Deed::WipesLogs, None, place);
            }
        }
        b"chattr" => {
            let seals = any(|text| text.starts_with(b"+") && (text.contains(&b'i') || text.contains(&b'a')));
            let kept = any(|text| {
                let parts: [&[u8]; 8] = [
                    b"cron",
                    b".ssh",
                    b"authorized_keys",
                    b"/etc/passwd",
                    b"/etc/shadow",
                    b"ld.so.preload",
                    b"/etc/systemd",
                    b"/bin/",
                ];
                parts.iter().any(|part| memmem::find(text, part).is_some())
                    || text.starts_with(b"/tmp/")
                    || text.starts_with(b"/var/tmp/")
                    || text.starts_with(b"/dev/shm/")
            });
            if seals && kept {
                reader.push(Deed::Seals, None, place);
            }
        }
        b"mount" => {
            let binds = has(rest, b"--bind")
                || has(rest, b"-B")
                || after(rest, &[b"-o"]).is_some_and(|options| memmem::find(&options, b"bind").is_some());
            let process = rest.last().is_some_and(|target| is_process(&target.text));
            if binds && process {
                reader.push(Deed::HidesProcess, None, place);
            }
        }
        _ => {}
    }
}

/// `/proc/NUMBER`, also where only running tells the number.
fn is_process(path: &[u8]) -> bool {
    path.strip_prefix(b"/proc/").is_some_and(|rest| {
        let rest = rest.strip_suffix(b"/").unwrap_or(rest);
        !rest.is_empty()
            && !rest.contains(&b'/')
            && (rest.starts_with(b"$") || rest.iter().all(u8::is_ascii_digit))
    })
}

/// Agents that watch hosts, by what their services, packages and processes are called.
const AGENTS: [&[u8]; 14] = [
    b"aegis",
    b"aliyun-service",
    b"aliyundun",
    b"cloudmonitor",
    b"qcloud",
    b"yunjing",
    b"barad_agent",
    b"falcon-sensor",
    b"auditd",
    b"falcosecurity",
    b"wazuh-agent",
    b"ds_agent",
    b"clamav-daemon",
    b"sentinelone",
];

fn guards(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
    let stops = match name {
        b"systemctl" | b"service" | b"initctl" | b"rc-service" => {
            has(rest, b"stop") || has(rest, b"disable") || has(rest, b"mask") || has(rest, b"kill")
        }
        b"pkill" | b"killall" | b"kill" => true,
        b"rm" => rest.iter().any(|arg| arg.text.starts_with(b"-") && arg.text.contains(&b'r')),
        b"apt-get" | b"apt" => has(rest, b"remove") || has(rest, b"purge"),
        b"yum" | b"dnf" => has(rest, b"remove") || has(rest, b"erase"),
        b"rpm" => has(rest, b"-e"),
        b"dpkg" => has(rest, b"-r") || has(rest, b"-P"),
        b"chkconfig" => has(rest, b"off"),
        _ => memmem::find(name, b"uninstall").is_some() || name == b"stopsrv.sh" || name == b"uninst.sh",
    };
    if stops || matches!(base_name(name), b"uninstall.sh") {
        let words = place.shown.to_ascii_lowercase();
        for (number, agent) in (0_u8..).zip(AGENTS) {
            if memmem::find(&words, agent).is_some() {
                reader.push(Deed::StopsAgent(number), None, place);
            }
        }
    }
    let lowers = match name {
        b"setenforce" => has(rest, b"0") || has(rest, b"Permissive"),
        b"ufw" => has(rest, b"disable"),
        b"iptables" => rest.first().is_some_and(|arg| arg.text == b"-F") && rest.len() == 1,
        _ => false,
    };
    if lowers {
        reader.push(Deed::LowersGuard, None, place);
    }
}

fn waiting(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
    let signs: [&[u8]; 9] = [
        b"/.dockerenv",
        b"/sys/class/dmi/id/",
        b"dmidecode",
        b"systemd-detect-virt",
        b"virt-what",
        b"gVisor",
        b"hypervisor",
        b"VirtualBox",
        b"/sys/hypervisor",
    ];
    let looks = matches!(
        name,
        b"[" | b"[["
            | b"test"
            | b"grep"
            | b"egrep"
            | b"cat"
            | b"dmidecode"
            | b"systemd-detect-virt"
            | b"virt-what"
            | b"dmesg"
    );
    if looks && signs.iter().any(|sign| memmem::find(&place.shown, sign).is_some()) {
        reader.looked = Some(place.line);
        reader.push(Deed::LooksForSandbox, None, place);
    }
    let seconds = rest.first().filter(|_| name == b"sleep").map(|arg| seconds(&arg.text));
    let close = reader.looked.is_some_and(|line| place.line.saturating_sub(line) <= 3);
    if close && (name == b"exit" || seconds.is_some_and(|seconds| seconds >= 60)) {
        reader.push(Deed::Leaves, None, place);
    }
    if seconds.is_some_and(|seconds| (300..10_000_000).contains(&seconds)) {
        reader.push(Deed::Waits, None, place);
    }
    // A comparison with a date far in seconds since 1970: nothing before that day.
    if matches!(name, b"[" | b"[[" | b"test")
        && rest.iter().any(|arg| {
            arg.text.len() == 10 && arg.text.starts_with(b"1") && arg.text.iter().all(u8::is_ascii_digit)
        })
        && rest.iter().any(|arg| matches!(arg.text.as_slice(), b"-gt" | b"-lt" | b"-ge" | b"-le"))
    {
        reader.push(Deed::Waits, None, place);
    }
}

/// The seconds of `300`, `5m`, `2h`, `1d`; none are zero.
fn seconds(text: &[u8]) -> u64 {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = std::str::from_utf8(text.get(..digits).unwrap_or_default())
        .ok()
        .and_then(|text| text.parse::<u64>().ok());
    let unit = match text.get(digits..) {
        Some(b"m") => 60,
        Some(b"h") => 3600,
        Some(b"d") => 86_400,
        _ => 1,
    };
    number.unwrap_or(0).saturating_mul(unit)
}
