//! Calls of the log that no trace point takes apart, as events.

use super::lines::{Line, arguments, number, text};
use super::tracks::{Loss, Tracks};
use events::{Act, Bytes, FileAct, FileOp, KernelCall, NetAct, NetOp, Origin, Peer, bounded};
use std::net::{IpAddr, SocketAddr};

/// Tells of a call. One whose arguments cannot be told apart is told by its name, and is a loss.
pub(super) fn tell(tracks: &mut Tracks, line: &Line<'_>) {
    let Some(process) = tracks.process(line.thread) else {
        // Its birth was lost, or its end was told before: the log comes later than the messages.
        return tracks.lose(Loss::Unclear, 1);
    };
    let told = match line.name {
        "sendto" => return send(tracks, line),
        "listen" => {
            let descriptor = number(line.arguments) as i32;
            let act = NetAct { process, op: NetOp::Listen, descriptor, result: line.result };
            return tracks.tell(Act::Net(act));
        }
        _ => file(tracks, line),
    };
    match told {
        Some(Some((path, op))) => file_act(tracks, line, path, op),
        Some(None) => {
            tracks.lose(Loss::Unclear, 1);
            kernel(tracks, line);
        }
        None => kernel(tracks, line),
    }
}

/// A call that names files; none for other calls, and an empty one where its arguments cannot be told apart.
fn file(tracks: &Tracks, line: &Line<'_>) -> Option<Option<(Vec<u8>, FileOp)>> {
    let thread = line.thread;
    let plain = |argument: &str| text(argument).map(|path| tracks.absolute(thread, path.as_bytes()));
    let at = |directory: &str, argument: &str| {
        let directory = text(directory).unwrap_or_default();
        Some(tracks.below(thread, directory.as_bytes(), text(argument)?.as_bytes()))
    };
    // What a descriptor leads to is already a whole path.
    let descriptor = |argument: &str| text(argument).map(|path| path.as_bytes().to_vec());
    let told = |path: Option<Vec<u8>>, op: FileOp| path.map(|path| (path, op));
    let two = |from: Option<Vec<u8>>, to: Option<Vec<u8>>, op: fn(Bytes) -> FileOp| {
        Some((from?, op(bounded(&to?))))
    };
    let one = || arguments::<1>(line.arguments);
    let some = || arguments::<2>(line.arguments);
    let three = || arguments::<3>(line.arguments);
    Some(match line.name {
        "unlink" => one().and_then(|[a]| told(plain(a), FileOp::Unlink)),
        "rmdir" => one().and_then(|[a]| told(plain(a), FileOp::RemoveDirectory)),
        "chroot" => one().and_then(|[a]| told(plain(a), FileOp::Root)),
        "unlinkat" => three().and_then(|[a, b, flags]| {
            let directory = number(flags) & libc::AT_REMOVEDIR as u64 != 0;
            told(at(a, b), if directory { FileOp::RemoveDirectory } else { FileOp::Unlink })
        }),
        "rename" => some().and_then(|[a, b]| two(plain(a), plain(b), FileOp::Rename)),
        "renameat" => {
            arguments::<4>(line.arguments).and_then(|[a, b, c, d]| two(at(a, b), at(c, d), FileOp::Rename))
        }
        "renameat2" => {
            arguments::<5>(line.arguments).and_then(|[a, b, c, d, _]| two(at(a, b), at(c, d), FileOp::Rename))
        }
        "link" => some().and_then(|[a, b]| two(plain(a), plain(b), FileOp::Link)),
        "linkat" => {
            arguments::<5>(line.arguments).and_then(|[a, b, c, d, _]| two(at(a, b), at(c, d), FileOp::Link))
        }
        "symlink" => some().and_then(|[a, b]| told(plain(b), FileOp::Symlink(bounded(text(a)?.as_bytes())))),
        "symlinkat" => {
            three().and_then(|[a, b, c]| told(at(b, c), FileOp::Symlink(bounded(text(a)?.as_bytes()))))
        }
        "mkdir" => some().and_then(|[a, _]| told(plain(a), FileOp::MakeDirectory)),
        "mkdirat" => three().and_then(|[a, b, _]| told(at(a, b), FileOp::MakeDirectory)),
        "mknod" => three().and_then(|[a, mode, _]| told(plain(a), FileOp::MakeNode(number(mode) as u32))),
        "mknodat" => arguments::<4>(line.arguments)
            .and_then(|[a, b, mode, _]| told(at(a, b), FileOp::MakeNode(number(mode) as u32))),
        "chmod" => some().and_then(|[a, mode]| told(plain(a), mode_of(mode))),
        "fchmod" => some().and_then(|[a, mode]| told(descriptor(a), mode_of(mode))),
        "fchmodat" => three().and_then(|[a, b, mode]| told(at(a, b), mode_of(mode))),
        "chown" | "lchown" => three().and_then(|[a, uid, gid]| told(plain(a), owner(uid, gid))),
        "fchown" => three().and_then(|[a, uid, gid]| told(descriptor(a), owner(uid, gid))),
        "fchownat" => {
            arguments::<5>(line.arguments).and_then(|[a, b, uid, gid, _]| told(at(a, b), owner(uid, gid)))
        }
        "truncate" => some().and_then(|[a, length]| told(plain(a), FileOp::Truncate(number(length)))),
        "ftruncate" => some().and_then(|[a, length]| told(descriptor(a), FileOp::Truncate(number(length)))),
        // gVisor's log does not show which times; that they were set is what is told.
        "utimensat" => arguments::<4>(line.arguments).and_then(|[a, b, _, _]| {
            told(if text(b).is_some() { at(a, b) } else { descriptor(a) }, FileOp::Times(0))
        }),
        "setxattr" => arguments::<5>(line.arguments)
            .and_then(|[a, name, ..]| told(plain(a), FileOp::Attribute(bounded(text(name)?.as_bytes())))),
        "mount" => arguments::<5>(line.arguments).and_then(|[source, target, kind, flags, _]| {
            let optional = |argument| bounded(text(argument).unwrap_or_default().as_bytes());
            told(
                plain(target),
                FileOp::Mount { kind: optional(kind), source: optional(source), flags: number(flags) },
            )
        }),
        "umount2" => some().and_then(|[a, _]| told(plain(a), FileOp::Unmount)),
        "pivot_root" => some().and_then(|[a, _]| told(plain(a), FileOp::Root)),
        _ => return None,
    })
}

fn mode_of(mode: &str) -> FileOp {
    FileOp::Mode(number(mode) as u32 & 0o7777)
}

fn owner(uid: &str, gid: &str) -> FileOp {
    FileOp::Owner(number(uid) as u32, number(gid) as u32)
}

fn file_act(tracks: &mut Tracks, line: &Line<'_>, path: Vec<u8>, op: FileOp) {
    let Some(process) = tracks.process(line.thread) else { return };
    let mut origin = tracks.tree.named(&path);
    if line.result < 0 {
        origin = if origin == Origin::Image { Origin::Unknown } else { origin };
    } else {
        match &op {
            FileOp::Rename(to) => {
                tracks.tree.wrote(to);
                tracks.moved(&path, to);
            }
            FileOp::Link(to) => tracks.tree.wrote(to),
            FileOp::Unlink => tracks.removed(&path),
            FileOp::Symlink(_) | FileOp::MakeNode(_) | FileOp::MakeDirectory | FileOp::Truncate(_) => {
                tracks.tree.wrote(&path);
                origin = Origin::Written;
            }
            FileOp::Mode(_) | FileOp::Owner(..) | FileOp::Times(_) | FileOp::Attribute(_)
                // Known as the image's, or as what the guest wrote: then it stays that.
                if !tracks.tree.is_written(&path) =>
            {
                tracks.tree.touched(&path);
            }
            // Paths begin somewhere else from now on, and gVisor does not say for whom.
            FileOp::Root => tracks.lose(Loss::Unclear, 1),
            _ => {}
        }
    }
    tracks.tell(Act::File(FileAct { process, op, path: bounded(&path), origin, result: line.result }));
}

/// A datagram to somebody: `0x3 socket:[1], 0x48d01e, 0x8, 0x0, 0x7ead {Family: AF_INET, Addr: 8.8.8.8, Port: 53}, 0x10`.
fn send(tracks: &mut Tracks, line: &Line<'_>) {
    let Some(process) = tracks.process(line.thread) else { return };
    let Some((_, address)) = line.arguments.split_once(" {Family: AF_INET") else { return };
    let part = |name: &str| {
        address.split_once(name).map(|(_, rest)| rest.split([',', '}']).next().unwrap_or_default())
    };
    let ip: Option<IpAddr> = part("Addr: ").and_then(|ip| ip.parse().ok());
    let port: Option<u16> = part("Port: ").and_then(|port| port.parse().ok());
    let (Some(ip), Some(port)) = (ip, port) else { return tracks.lose(Loss::Unclear, 1) };
    let op =
        NetOp::SendTo { to: Peer::Inet(SocketAddr::new(ip, port)), bytes: line.result.max(0).unsigned_abs() };
    let descriptor = number(line.arguments) as i32;
    tracks.tell(Act::Net(NetAct { process, op, descriptor, result: line.result }));
}

fn kernel(tracks: &mut Tracks, line: &Line<'_>) {
    let Some(process) = tracks.process(line.thread) else { return };
    let mut words = line.arguments.split(", ");
    let arguments = [(); 6].map(|()| words.next().map_or(0, number));
    let target = match line.name {
        "kill" | "tkill" | "tgkill" | "process_vm_readv" | "process_vm_writev" => arguments.first(),
        "ptrace" => arguments.get(1),
        _ => None,
    };
    let target = target.and_then(|target| tracks.leader(*target as i32));
    let call = KernelCall {
        process,
        name: bounded(line.name.as_bytes()),
        arguments,
        text: text(line.arguments.split(", ").next().unwrap_or_default())
            .map(|text| bounded(text.as_bytes())),
        target,
        result: Some(line.result),
        refused: line.result == i64::from(-libc::ENOSYS),
    };
    tracks.tell(Act::Kernel(call));
}
