//! Calls that name a file.

use super::calls::Entry;
use super::kernel::Call;
use super::memory::{self, Unreadable};
use super::origin::hash;
use super::paths::descriptor_link;
use super::task::Later;
use super::{Next, Tracer};
use events::{Act, FileAct, FileOp, Origin, Source, bounded};
use rustix::fs::FileType;

impl Tracer {
    pub(super) fn file_entry(&mut self, tid: i32, entry: Entry, call: &Call) -> Next {
        let [a, b, c, ..] = call.arguments;
        let decoded = match entry.number {
            libc::SYS_open => self.decode_open(tid, libc::AT_FDCWD, a, b),
            libc::SYS_openat => self.decode_open(tid, a as i32, b, c),
            _ => self.decode(tid, entry, call).map(|(path, op)| (path, op, false)),
        };
        let (path, mut op, absent) = match decoded {
            Ok(decoded) => decoded,
            // The kernel reads it again, so that the call may well go on: it is told by its name.
            Err(Unreadable) => {
                self.unreadable(tid);
                return Next::Later(Box::new(Later::Kernel(self.plain(tid, entry.name, call))));
            }
        };
        self.before(&path, &op, call, entry);
        let origin = self.origins.named(&path);
        let process = self.tasks.process(tid);
        if absent {
            let result = i64::from(-libc::ENOENT);
            self.file_done(tid, FileAct { process, op, path: bounded(&path), origin, result }, result);
            return Next::Answer(result);
        }
        match &mut op {
            // What the flag asks for is made only where there was nothing.
            FileOp::Open { write: true, create, .. } if *create => {
                *create = self.open_in_guest(&path, rustix::fs::OFlags::PATH).is_none();
            }
            FileOp::MakeNode(_) => self.opens.careful = true,
            // From before it happens: whoever shares the root may be faster than what is told of it.
            FileOp::Root => self.chrooted = true,
            FileOp::Rename(to) if self.read_in_guest(to).is_some() => {
                let origin = self.origins.named(to);
                let act = FileAct { process, op: FileOp::Replaced, path: to.clone(), origin, result: 0 };
                self.tell(Source::Call, Act::File(act));
            }
            _ => {}
        }
        Next::Later(Box::new(Later::File(FileAct { process, op, path: bounded(&path), origin, result: 0 })))
    }

    /// What `open` and `openat` ask for, and whether that is not there.
    fn decode_open(
        &mut self,
        tid: i32,
        directory: i32,
        address: u64,
        flags: u64,
    ) -> Result<(Vec<u8>, FileOp, bool), Unreadable> {
        let text = memory::text(tid, address)?;
        let absent = self.is_absent(tid, &text, flags);
        Ok((self.absolute(tid, directory, &text), open(flags), absent))
    }

    fn decode(&self, tid: i32, entry: Entry, call: &Call) -> Result<(Vec<u8>, FileOp), Unreadable> {
        let [a, b, c, d, _, _] = call.arguments;
        let here = libc::AT_FDCWD;
        let at = |directory: u64, path| self.path(tid, directory as i32, path);
        let plain = |path| self.path(tid, here, path);
        let descriptor = |number: u64| Ok(descriptor_link(tid, number as i32).unwrap_or_default());
        let text = |address| memory::text(tid, address).map(|text| bounded(&text));
        // An empty path with the flag for it means the descriptor itself.
        let at_or_itself = |directory: u64, address: u64| {
            if address == 0 || memory::text(tid, address)?.is_empty() {
                descriptor(directory)
            } else {
                at(directory, address)
            }
        };
        Ok(match entry.number {
            libc::SYS_openat2 => (at(a, b)?, open(memory::word(tid, c)?)),
            libc::SYS_creat => (plain(a)?, open((libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as u64)),
            libc::SYS_rename => (plain(a)?, FileOp::Rename(bounded(&plain(b)?))),
            libc::SYS_renameat | libc::SYS_renameat2 => (at(a, b)?, FileOp::Rename(bounded(&at(c, d)?))),
            libc::SYS_link => (plain(a)?, FileOp::Link(bounded(&plain(b)?))),
            libc::SYS_linkat => (at_or_itself(a, b)?, FileOp::Link(bounded(&at(c, d)?))),
            libc::SYS_symlink => (plain(b)?, FileOp::Symlink(text(a)?)),
            libc::SYS_symlinkat => (at(b, c)?, FileOp::Symlink(text(a)?)),
            libc::SYS_unlink => (plain(a)?, FileOp::Unlink),
            libc::SYS_unlinkat if c & libc::AT_REMOVEDIR as u64 != 0 => (at(a, b)?, FileOp::RemoveDirectory),
            libc::SYS_unlinkat => (at(a, b)?, FileOp::Unlink),
            libc::SYS_rmdir => (plain(a)?, FileOp::RemoveDirectory),
            libc::SYS_mkdir => (plain(a)?, FileOp::MakeDirectory),
            libc::SYS_mkdirat => (at(a, b)?, FileOp::MakeDirectory),
            libc::SYS_mknod => (plain(a)?, FileOp::MakeNode(b as u32)),
            libc::SYS_mknodat => (at(a, b)?, FileOp::MakeNode(c as u32)),
            libc::SYS_chmod => (plain(a)?, FileOp::Mode(b as u32)),
            libc::SYS_fchmod => (descriptor(a)?, FileOp::Mode(b as u32)),
            libc::SYS_chown | libc::SYS_lchown => (plain(a)?, FileOp::Owner(b as u32, c as u32)),
            libc::SYS_fchown => (descriptor(a)?, FileOp::Owner(b as u32, c as u32)),
            libc::SYS_fchownat => (at_or_itself(a, b)?, FileOp::Owner(c as u32, d as u32)),
            libc::SYS_truncate => (plain(a)?, FileOp::Truncate(b)),
            libc::SYS_ftruncate => (descriptor(a)?, FileOp::Truncate(b)),
            libc::SYS_utime => (plain(a)?, FileOp::Times(seconds(tid, b, 8))),
            libc::SYS_utimes => (plain(a)?, FileOp::Times(seconds(tid, b, 16))),
            libc::SYS_futimesat => (at_or_itself(a, b)?, FileOp::Times(seconds(tid, c, 16))),
            libc::SYS_utimensat => (at_or_itself(a, b)?, FileOp::Times(seconds(tid, c, 16))),
            libc::SYS_setxattr | libc::SYS_lsetxattr => (plain(a)?, FileOp::Attribute(text(b)?)),
            libc::SYS_fsetxattr => (descriptor(a)?, FileOp::Attribute(text(b)?)),
            libc::SYS_mount => {
                let optional = |address| if address == 0 { Ok(bounded(b"")) } else { text(address) };
                (plain(b)?, FileOp::Mount { kind: optional(c)?, source: optional(a)?, flags: d })
            }
            libc::SYS_umount2 => (plain(a)?, FileOp::Unmount),
            libc::SYS_chroot | libc::SYS_pivot_root => (plain(a)?, FileOp::Root),
            _ if entry.name == "setxattrat" => (at_or_itself(a, b)?, FileOp::Attribute(text(d)?)),
            // `fchmodat` and `fchmodat2`.
            _ => (at_or_itself(a, b)?, FileOp::Mode(c as u32)),
        })
    }

    /// What must be kept before the call goes on, because it is gone afterwards.
    fn before(&mut self, path: &[u8], op: &FileOp, call: &Call, entry: Entry) {
        if !matches!(op, FileOp::Open { write: false, create: false, .. })
            && let Some(pause) = self.time.unsettled()
        {
            std::thread::sleep(pause);
        }
        if matches!(op, FileOp::Open { write: true, .. })
            && !self.opens.careful
            && let Some(found) = self.open_in_guest(path, rustix::fs::OFlags::PATH)
        {
            // Who waits at such a pipe for a reader must not be told of one that goes at once.
            let kind = rustix::fs::fstat(found).map(|found| FileType::from_raw_mode(found.st_mode));
            self.opens.careful = kind == Ok(FileType::Fifo);
        }
        match op {
            FileOp::Unlink | FileOp::Truncate(_) => self.keep_before_loss(path),
            FileOp::Rename(to) => {
                let to = to.to_vec();
                self.keep_before_loss(&to);
            }
            FileOp::Open { write: true, .. } => {
                let flags = match entry.number {
                    libc::SYS_open => call.arguments[1],
                    libc::SYS_openat => call.arguments[2],
                    _ => libc::O_TRUNC as u64,
                };
                if flags & libc::O_TRUNC as u64 != 0 {
                    self.keep_before_loss(path);
                }
            }
            FileOp::Open { .. } if path.starts_with(b"/proc/uptime") => self.refresh_uptime(),
            _ => {}
        }
    }

    pub(super) fn file_done(&mut self, tid: i32, act: FileAct, result: i64) {
        self.file_led(tid, act, result, None);
    }

    /// The same where it is known to what opening led.
    pub(super) fn file_led(&mut self, tid: i32, mut act: FileAct, result: i64, led: Option<Vec<u8>>) {
        act.result = result;
        if result < 0 {
            if result == i64::from(-libc::ENOENT) && matches!(act.op, FileOp::Open { .. }) {
                self.absent.note(hash(&act.path));
            }
            if act.origin == Origin::Image {
                act.origin = Origin::Unknown;
            }
            return self.tell(Source::Call, Act::File(act));
        }
        let path = act.path.to_vec();
        let mut second = None;
        match &act.op {
            FileOp::Open { write, create, .. } => {
                let (write, create) = (*write, *create);
                let group = self.tasks.group_of(tid);
                let descriptor = i32::try_from(result).unwrap_or(-1);
                // A name may be a link: where it led is what the descriptor says, whatever the memory held.
                let led = led.or_else(|| descriptor_link(tid, descriptor)).unwrap_or_else(|| path.clone());
                if write && led.starts_with(b"/") && self.origins.named(&led) != Origin::Kernel {
                    self.origins.wrote(&led);
                    act.origin = Origin::Written;
                    self.reopened(group, descriptor, Some(led.clone()));
                } else {
                    self.reopened(group, descriptor, None);
                }
                if led != path && (write || create || !only_merged(&path, &led)) {
                    let origin = self.origins.named(&led);
                    second = Some(FileAct { path: bounded(&led), origin, ..act.clone() });
                }
            }
            FileOp::Rename(to) | FileOp::Link(to) => {
                let to = to.to_vec();
                if self.origins.is_planted(&path) || self.origins.named(&path) != Origin::Kernel {
                    self.origins.wrote(&to);
                }
            }
            FileOp::Symlink(_) | FileOp::MakeNode(_) | FileOp::MakeDirectory | FileOp::Truncate(_) => {
                self.origins.wrote(&path);
                act.origin = Origin::Written;
            }
            FileOp::Mode(_) | FileOp::Owner(..) | FileOp::Times(_) | FileOp::Attribute(_) => {
                self.origins.touched(&path);
            }
            _ => {}
        }
        self.tell(Source::Call, Act::File(act));
        if let Some(second) = second {
            self.tell(Source::Call, Act::File(second));
        }
    }
}

/// Whether two names differ only by `/lib`, `/bin` and their like being links into `/usr`, as on every merged
/// system.
fn only_merged(asked: &[u8], led: &[u8]) -> bool {
    led.strip_prefix(b"/usr") == Some(asked)
        || [&b"/lib"[..], b"/usr/lib", b"/lib64"].iter().any(|top| asked.starts_with(top))
            && led.starts_with(b"/usr/lib")
        || asked.starts_with(b"/proc/self") && led.starts_with(b"/proc/")
}

pub(crate) fn open(flags: u64) -> FileOp {
    let flags = flags as i32;
    let mode = flags & libc::O_ACCMODE;
    FileOp::Open {
        read: mode != libc::O_WRONLY && flags & libc::O_PATH == 0,
        write: mode != libc::O_RDONLY && flags & libc::O_PATH == 0,
        create: flags & libc::O_CREAT != 0,
    }
}

/// The time of change that is set: the second of two, or now.
fn seconds(tid: i32, address: u64, offset: u64) -> i64 {
    if address == 0 {
        return 0;
    }
    memory::word(tid, address.wrapping_add(offset)).map_or(0, u64::cast_signed)
}

impl Tracer {
    /// Memory becomes a program's, or large.
    pub(super) fn memory_entry(&mut self, tid: i32, entry: Entry, call: &Call) -> Next {
        let [_, _, protection, flags, descriptor, _] = call.arguments;
        let executable = protection as i32 & libc::PROT_EXEC != 0;
        let file = entry.number == libc::SYS_mmap && flags as i32 & libc::MAP_ANONYMOUS == 0;
        if file && executable {
            let descriptor = descriptor as i32;
            let Some((name, origin)) = self.origin_of_descriptor(tid, descriptor) else { return Next::On };
            if !matches!(origin, Origin::Image | Origin::Kernel) {
                let place = format!("/proc/{tid}/fd/{descriptor}");
                self.keep_executed(&name, &place, origin);
            }
            let process = self.tasks.process(tid);
            let act = FileAct { process, op: FileOp::MapExecutable, path: bounded(&name), origin, result: 0 };
            if origin == Origin::Image {
                // Every program does it many times: whether it succeeds is not waited for.
                self.tell(Source::Call, Act::File(act));
                return Next::On;
            }
            return Next::Later(Box::new(Later::File(act)));
        }
        if file {
            return Next::On;
        }
        // Nobody waits for what it returns: the stop at its end is saved, as compilers on the spot do it often.
        let mut told = self.plain(tid, entry.name, call);
        told.result = Some(0);
        if entry.number == libc::SYS_mmap {
            return Next::Later(Box::new(Later::Kernel(told)));
        }
        self.tell(Source::Call, Act::Kernel(told));
        Next::On
    }
}
