use super::Deed;
use super::commands::{Arg, Place, Reader};
use super::hosts::{HostKind, host, remote};
use super::programs::{after, has};
use memchr::memmem;

pub(super) fn escapes(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
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

pub(super) fn impact(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
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

pub(super) fn spreading(reader: &mut Reader<'_>, name: &[u8], rest: &[Arg], place: &Place<'_>) {
    let open = |arg: &Arg| arg.text.contains(&b'$');
    match name {
        // Without anything to scan it shows its version or its help.
        b"masscan" | b"zmap" | b"zgrab" | b"zgrab2" | b"pnscan" => {
            let asks_about_itself = |arg: &&Arg| {
                matches!(arg.text.as_slice(), b"--version" | b"-V" | b"--help" | b"-h" | b"--echo")
            };
            if !rest.is_empty() && rest.iter().find(asks_about_itself).is_none() {
                reader.push(Deed::Scans, None, place);
            }
        }
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
                    .is_some_and(|at| arg.text.get(at + 1..).is_some_and(|host| host.contains(&b'$')))
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
