//! Calls that have no form of their own: who a process is, what it may do, whom it signals.

use super::calls::{CLONE_WATCHED, Entry, Kind};
use super::kernel::Call;
use super::paths::describe;
use super::task::Later;
use super::{Next, Tracer, arch, memory};
use events::{Act, Bytes, KernelCall, ProcessAct, Source, bounded};

impl Tracer {
    pub(super) fn rights_entry(&mut self, tid: i32, entry: Entry, call: &Call) -> Next {
        let [a, b, ..] = call.arguments;
        let told = self.plain(tid, entry.name, call);
        let later = match entry.kind {
            Kind::Memory => return self.memory_entry(tid, entry, call),
            // It does not exist here, as under Docker: each new thread of a modern C library asks first.
            Kind::Clone if entry.number == libc::SYS_clone3 => return Next::On,
            Kind::Clone => {
                if a as u32 & CLONE_WATCHED == libc::CLONE_UNTRACED as u32 {
                    arch::set_argument(tid, 0, a & !(libc::CLONE_UNTRACED as u64));
                    Later::Register { which: 0, value: a, then: Some(Box::new(Later::Kernel(told))) }
                } else {
                    Later::Kernel(told)
                }
            }
            Kind::Identity => {
                self.restrict(tid);
                Later::Identity(told)
            }
            Kind::Prctl => match a as i32 {
                libc::PR_SET_NAME => Later::Renamed(Bytes::from(memory::text(tid, b).unwrap_or_default())),
                option if READS.contains(&option) => return Next::On,
                _ => {
                    self.restrict(tid);
                    Later::Kernel(told)
                }
            },
            Kind::Ptrace => return self.ptrace_entry(tid, told),
            Kind::Seccomp if !matches!(a, 0 | 1) => return Next::On,
            Kind::Plain if entry.number == libc::SYS_landlock_restrict_self => {
                self.restrict(tid);
                Later::Kernel(told)
            }
            _ => Later::Kernel(told),
        };
        Next::Later(Box::new(later))
    }

    /// A call as it is.
    pub(super) fn plain(&self, tid: i32, name: &str, call: &Call) -> KernelCall {
        let name = if name.is_empty() { format!("syscall {}", call.number) } else { name.to_owned() };
        let [a, b, c, d, ..] = call.arguments;
        let text = |address: u64| memory::text(tid, address).ok().map(|text| bounded(&text));
        let text = match &name[..] {
            "memfd_create" | "sethostname" | "setdomainname" | "swapon" | "swapoff" | "delete_module"
            | "acct" => text(a),
            "init_module" => text(c),
            "finit_module" | "add_key" | "request_key" => text(b),
            "fsopen" => text(a),
            "open_tree" | "fspick" | "mount_setattr" | "name_to_handle_at" => text(b),
            "move_mount" => text(d),
            _ => None,
        };
        let target = match &name[..] {
            "kill" | "tkill" | "tgkill" | "rt_sigqueueinfo" | "rt_tgsigqueueinfo" | "process_vm_readv"
            | "process_vm_writev" => self.aimed_at(a),
            "ptrace" => self.aimed_at(b),
            _ => None,
        };
        KernelCall {
            process: self.tasks.process(tid),
            name: Bytes::from(name.into_bytes()),
            arguments: call.arguments,
            text,
            target,
            result: None,
            refused: false,
        }
    }

    fn aimed_at(&self, pid: u64) -> Option<events::Process> {
        u32::try_from(pid as i32).ok().filter(|&pid| pid > 0).and_then(|pid| self.tasks.by_guest_pid(pid))
    }

    /// A process has one tracer. Who asks to be traced is told what a process without one is told, once.
    fn ptrace_entry(&mut self, tid: i32, mut told: KernelCall) -> Next {
        if told.arguments[0] != u64::from(libc::PTRACE_TRACEME) {
            return Next::Later(Box::new(Later::Kernel(told)));
        }
        let group = self.tasks.group_of(tid);
        let again =
            self.tasks.group_mut(group).is_some_and(|group| std::mem::replace(&mut group.traceme, true));
        let result = if again { i64::from(-libc::EPERM) } else { 0 };
        told.result = Some(result);
        told.refused = true;
        self.tell(Source::Call, Act::Kernel(told));
        Next::Answer(result)
    }

    pub(super) fn identity_done(&mut self, tid: i32, call: KernelCall, result: i64, refused: bool) {
        let process = call.process;
        self.tell(
            Source::Call,
            Act::Kernel(KernelCall { result: Some(result), refused: call.refused || refused, ..call }),
        );
        if result >= 0
            && !refused
            && let Some((uid, euid, egid)) = self.identity(tid)
        {
            self.tell(Source::Call, Act::Process(ProcessAct::Identity { process, uid, euid, egid }));
        }
    }

    pub(super) fn renamed(&mut self, tid: i32, name: Bytes, result: i64) {
        if result == 0 {
            let process = self.tasks.process(tid);
            self.tell(Source::Call, Act::Process(ProcessAct::Renamed { process, name }));
        }
    }

    pub(super) fn duplicated(&mut self, tid: i32, number: u8, result: i64) {
        if result != i64::from(number) {
            return;
        }
        let group = self.tasks.group_of(tid);
        self.copied(group, tid, i32::from(number));
        let descriptor = describe(group, tid, i32::from(number));
        let process = self.tasks.process(group);
        self.tell(Source::Call, Act::Process(ProcessAct::Standard { process, number, descriptor }));
    }

    /// User, effective user and effective group of a task, as the guest numbers them.
    pub(super) fn identity(&self, tid: i32) -> Option<(u32, u32, u32)> {
        let status = std::fs::read_to_string(format!("/proc/{tid}/status")).ok()?;
        let ids = |name: &str| -> Option<(u32, u32)> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            let mut numbers = line.split_whitespace().map(str::parse::<u32>);
            Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
        };
        let (uid, euid) = ids("Uid:")?;
        let (_, egid) = ids("Gid:")?;
        let names = self.names.as_ref()?;
        Some((names.user(uid), names.user(euid), names.group(egid)))
    }
}

/// An id of the host as a process in a user namespace knows it.
pub(super) fn inside(map: &str, id: u32) -> u32 {
    for line in map.lines() {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        if let (Some(Ok(inner)), Some(Ok(outer)), Some(Ok(count))) =
            (numbers.next(), numbers.next(), numbers.next())
            && let Some(offset) = id.checked_sub(outer)
            && offset < count
        {
            return inner.saturating_add(offset);
        }
    }
    65_534
}

/// Options of `prctl` that only ask.
const READS: &[i32] = &[
    libc::PR_GET_NAME,
    libc::PR_GET_DUMPABLE,
    libc::PR_GET_PDEATHSIG,
    libc::PR_CAPBSET_READ,
    libc::PR_GET_SECUREBITS,
    libc::PR_GET_NO_NEW_PRIVS,
    libc::PR_GET_KEEPCAPS,
    libc::PR_GET_TIMERSLACK,
    // PR_SET_VMA: an allocator names its memory.
    0x5356_4d41,
];

#[cfg(test)]
mod tests {
    use super::inside;

    #[test]
    fn ids_are_those_of_the_guest() {
        let check = |map: &str, id: u32, expect: u32| assert_eq!(inside(map, id), expect);
        check("         0     100000      65536\n", 100_000, 0);
        check("0 100000 65536", 100_033, 33);
        check("0 100000 65536", 7, 65_534);
        check("0 0 4294967295", 1000, 1000);
        check("", 0, 65_534);
        check("1000 12345 1", 12_345, 1000);
    }
}
