use super::Deed;
use super::commands::{Arg, Place, Reader};
use super::hosts::{HostKind, host, remote};
use super::programs::{after, compiles, has};
use crate::analyzers::start::base_name;
use memchr::memmem;

/// Notes what a command does by itself, whatever it is given and prints.
pub(super) fn command(reader: &mut Reader<'_>, name: &[u8], args: &[Arg], place: &Place<'_>) {
    let rest = args.get(1..).unwrap_or_default();
    verification(reader, name, rest);
    hiding(reader, name, rest, place);
    guards(reader, name, rest, place);
    waiting(reader, name, rest, place);
    escapes(reader, name, rest, place);
    impact(reader, name, rest, place);
    spreading(reader, name, rest, place);
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

fn escapes(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
    match name {
        b"mount" => {
            let kind = after(rest, &[b"-t"]);
            if kind.as_deref() == Some(b"cgroup") && after(rest, &[b"-o"]).is_some() {
                reader.push(Deed::MountsControlGroup, None, place);
            }
            let disk = rest.iter().any(|arg| is_disk(&arg.text));
            if disk {
                reader.push(Deed::EntersHost, None, place);
            }
        }
        b"nsenter" => {
            let first = rest.windows(2).any(|pair| matches!(pair, [option, value] if (option.text == b"-t" || option.text == b"--target") && value.text == b"1"))
                || rest.iter().any(|arg| matches!(arg.text.as_slice(), b"-t1" | b"--target=1" | b"--net=/host/proc/1/ns/net"));
            if first {
                reader.push(Deed::EntersHost, None, place);
            }
        }
        b"chroot" => {
            let root = rest.iter().find(|arg| !arg.text.starts_with(b"-"));
            if root.is_some_and(|root| {
                matches!(
                    root.text.strip_suffix(b"/").unwrap_or(&root.text),
                    b"/host" | b"/hostfs" | b"/mnt/host" | b"/rootfs" | b"/proc/1/root" | b"/host-root"
                )
            }) {
                reader.push(Deed::EntersHost, None, place);
            }
        }
        b"debugfs" if rest.iter().any(|arg| is_disk(&arg.text)) => reader.push(Deed::EntersHost, None, place),
        b"sysctl" => {
            let hook = rest.iter().any(|arg| {
                let text = &arg.text;
                (text.starts_with(b"kernel.core_pattern=|") || text.starts_with(b"kernel.modprobe="))
                    && text.contains(&b'/')
            });
            if hook {
                reader.push(Deed::WritesKernelHook, None, place);
            }
        }
        b"insmod" if !rest.is_empty() => reader.push(Deed::LoadsModule, None, place),
        b"modprobe" if rest.iter().any(|arg| arg.text.ends_with(b".ko")) => {
            reader.push(Deed::LoadsModule, None, place)
        }
        b"docker" | b"podman" | b"nerdctl" | b"ctr" => {
            let starts = has(rest, b"run") || has(rest, b"create");
            let root = rest.iter().any(|arg| is_root_bind(&arg.text));
            if starts && root {
                reader.push(Deed::TakesHost, None, place);
            }
        }
        b"curl" | b"wget" => {
            let body = place.shown.as_slice();
            let creates = memmem::find(body, b"/containers/create").is_some();
            let root = memmem::find(body, b"\"/:/").is_some()
                || memmem::find(body, b"\"Source\":\"/\"").is_some()
                || memmem::find(body, b"\"Source\": \"/\"").is_some();
            if creates && root {
                reader.push(Deed::TakesHost, None, place);
            }
        }
        _ => {}
    }
}

fn is_root_bind(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"--volume=").or_else(|| word.strip_prefix(b"-v")).unwrap_or(word);
    word.starts_with(b"/:/")
        || memmem::find(word, b"source=/,").is_some()
        || memmem::find(word, b"src=/,").is_some()
}

fn is_disk(path: &[u8]) -> bool {
    let disks: [&[u8]; 6] = [b"/dev/sd", b"/dev/vd", b"/dev/xvd", b"/dev/nvme", b"/dev/hd", b"/dev/mmcblk"];
    let path = path.strip_prefix(b"of=").unwrap_or(path);
    disks.iter().any(|disk| path.starts_with(disk))
}

fn impact(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
    match name {
        b"rm" => {
            let recursive = rest.iter().any(|arg| {
                arg.text.starts_with(b"-")
                    && (arg.text.contains(&b'r') || arg.text.contains(&b'R'))
                    && !arg.text.starts_with(b"--one")
            });
            let everything = rest.iter().any(|arg| {
                matches!(
                    arg.text.as_slice(),
                    b"/" | b"/*"
                        | b"/home"
                        | b"/home/*"
                        | b"/mnt/*"
                        | b"/host/*"
                        | b"/host"
                        | b"/data/*"
                        | b"/var/lib/docker"
                )
            });
            if recursive
                && (everything && has(rest, b"--no-preserve-root")
                    || rest.iter().any(|arg| {
                        matches!(
                            arg.text.as_slice(),
                            b"/" | b"/*" | b"/host/*" | b"/host" | b"/home/*" | b"/mnt/*"
                        )
                    }))
            {
                reader.push(Deed::Wipes, None, place);
            }
            if recursive && rest.iter().any(|arg| is_backup(&arg.text)) {
                reader.push(Deed::DeletesBackups, None, place);
            }
        }
        b"dd" => {
            let zeros = rest.iter().any(|arg| {
                matches!(arg.text.as_slice(), b"if=/dev/zero" | b"if=/dev/urandom" | b"if=/dev/random")
            });
            if zeros && rest.iter().any(|arg| arg.text.starts_with(b"of=") && is_disk(&arg.text)) {
                reader.push(Deed::Wipes, None, place);
            }
        }
        b"shred" | b"wipefs" | b"blkdiscard" if rest.iter().any(|arg| is_disk(&arg.text)) => {
            reader.push(Deed::Wipes, None, place)
        }
        b"openssl" | b"gpg" | b"age" | b"7z" | b"zip" | b"ccrypt" => {
            let secret = match name {
                b"openssl" => {
                    has(rest, b"enc") && !has(rest, b"-d")
                        || has(rest, b"smime")
                        || has(rest, b"rsautl") && has(rest, b"-encrypt")
                }
                b"gpg" => {
                    has(rest, b"-c")
                        || has(rest, b"--symmetric")
                        || has(rest, b"-e")
                        || has(rest, b"--encrypt")
                }
                b"age" | b"ccrypt" => !has(rest, b"-d"),
                _ => rest
                    .iter()
                    .any(|arg| arg.text.starts_with(b"-p") && arg.text.len() > 2 || arg.text == b"-P"),
            };
            // One after the other: the file is a variable of a loop or what a search found.
            let each =
                rest.iter().any(|arg| memmem::find(&arg.text, b"$").is_some() || arg.text.starts_with(b"{}"));
            if secret && each {
                reader.push(Deed::Encrypts, None, place);
            }
        }
        b"vssadmin" | b"wbadmin" if has(rest, b"delete") => reader.push(Deed::DeletesBackups, None, place),
        b"zfs" | b"btrfs" | b"lvremove" | b"snapper"
            if has(rest, b"destroy") || has(rest, b"delete") || name == b"lvremove" =>
        {
            reader.push(Deed::DeletesBackups, None, place);
        }
        b"hping3" if has(rest, b"--flood") => {
            let target = rest
                .iter()
                .rev()
                .map(|arg| host(&arg.text))
                .find(|remote| matches!(remote.kind, HostKind::Name | HostKind::Address));
            if target.is_some() {
                reader.push(Deed::Floods, target.as_ref(), place);
            }
        }
        b"slowloris" | b"slowhttptest" | b"goldeneye" | b"bombardier" | b"hammer.py" | b"slowloris.py"
        | b"mhddos" => {
            let target = rest
                .iter()
                .find_map(|arg| remote(&arg.text))
                .filter(|remote| matches!(remote.kind, HostKind::Name | HostKind::Address));
            if target.is_some() && !matches!(name, b"bombardier") {
                reader.push(Deed::Floods, target.as_ref(), place);
            }
        }
        _ => {}
    }
}

fn is_backup(path: &[u8]) -> bool {
    let lower = path.to_ascii_lowercase();
    memmem::find(&lower, b"backup").is_some()
        || memmem::find(&lower, b"snapshot").is_some()
        || lower.ends_with(b".bak")
        || lower.ends_with(b"/*.bak")
}

fn spreading(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
    let open = |arg: &Arg| arg.text.contains(&b'$');
    match name {
        b"masscan" | b"zmap" | b"zgrab" | b"zgrab2" | b"pnscan" => reader.push(Deed::Scans, None, place),
        b"nmap" | b"rustscan" | b"naabu" => {
            let ports: [&[u8]; 6] = [b"2375", b"2376", b"6379", b"6443", b"10250", b"5432"];
            let wide = rest.iter().any(|arg| {
                open(arg)
                    || memmem::find(&arg.text, b"/16").is_some()
                    || memmem::find(&arg.text, b"/8").is_some()
            });
            if wide && ports.iter().any(|port| memmem::find(&place.shown, port).is_some()) {
                reader.push(Deed::Scans, None, place);
            }
        }
        b"docker" => {
            // A remote engine whose address only running tells: it was found, not configured.
            let engine = after(rest, &[b"-H", b"--host"])
                .or_else(|| rest.iter().find_map(|arg| arg.text.strip_prefix(b"-H").map(<[u8]>::to_vec)));
            if engine.is_some_and(|engine| engine.contains(&b'$') && memmem::find(&engine, b":237").is_some())
                && (has(rest, b"run") || has(rest, b"exec"))
            {
                reader.push(Deed::Spreads, None, place);
            }
        }
        b"redis-cli" => {
            let found = after(rest, &[b"-h"]).is_some_and(|host| host.contains(&b'$'));
            let lower = place.shown.to_ascii_lowercase();
            if found
                && memmem::find(&lower, b"config set dir").is_some()
                && (memmem::find(&lower, b"cron").is_some() || memmem::find(&lower, b".ssh").is_some())
            {
                reader.push(Deed::Spreads, None, place);
            }
        }
        b"ssh" | b"sshpass" => {
            // Unknown keys accepted, an address from a list, and a command that fetches.
            let blind = rest.iter().any(|arg| memmem::find(&arg.text, b"StrictHostKeyChecking=no").is_some());
            let target = rest.iter().find(|arg| {
                memchr::memchr(b'@', &arg.text)
                    .is_some_and(|at| arg.text.get(at + 1..).is_some_and(|host| host.starts_with(b"$")))
            });
            let runs = rest.last().is_some_and(|arg| {
                (memmem::find(&arg.text, b"curl ").is_some() || memmem::find(&arg.text, b"wget ").is_some())
                    && memchr::memchr(b'|', &arg.text).is_some()
            });
            if blind && target.is_some() && runs {
                reader.push(Deed::Spreads, None, place);
            }
        }
        b"curl" | b"wget" => {
            let found = rest.iter().find(|arg| memmem::find(&arg.text, b"://$").is_some());
            let kubelet = found.is_some_and(|arg| {
                memmem::find(&arg.text, b":10250/run").is_some()
                    || memmem::find(&arg.text, b":10250/exec").is_some()
            });
            let engine =
                found.is_some_and(|arg| memmem::find(&arg.text, b":2375/containers/create").is_some());
            if kubelet || engine {
                reader.push(Deed::Spreads, None, place);
            }
        }
        b"kubectl" if has(rest, b"auth") && has(rest, b"can-i") && has(rest, b"--list") => {
            reader.push(Deed::AsksCluster, None, place)
        }
        b"peirates" | b"kubeletctl" | b"kube-hunter" | b"kdigger" | b"cdk"
            if !rest.is_empty() || name != b"cdk" =>
        {
            reader.push(Deed::AsksCluster, None, place);
        }
        _ => {}
    }
}
