//! What the guest's calls to the kernel meet first: a filter in the kernel that lets most of them pass, and stops
//! those that the tracer wants to see.
//!
//! The filter answers with `SECCOMP_RET_TRACE` and one of the words below, or has the tracer open a file for the guest,
//! see `trace::opens`. Nothing is refused by the filter alone:
//! a refusal that nobody sees would be silence. A guest may set filters of its own, and the word of the one that
//! was set last is the one that `PTRACE_GETEVENTMSG` shows. So the tracer does not believe that word: it asks
//! the same table with what stands in the registers.

mod architecture;
mod program;

pub use architecture::ARCHITECTURE;
pub(crate) use architecture::{FOREIGN_FROM, ONLY_HERE};
pub(crate) use program::{Instruction, answered, program};

/// The call is one of [`crate::trace::TRACED`]: record it and let it go on.
pub const CALL: u32 = 0x0100;

/// The call came through another door than the 64-bit one (`int 0x80`, x32), so that its number means something
/// else: record it, and answer `ENOSYS` as a kernel without that door does.
pub const FOREIGN: u32 = 0x0200;

/// The call is refused: record it, skip it, and answer with the error number in the low byte.
pub const REFUSE: u32 = 0x0300;

/// How a filter is set some of whose calls are answered by whoever has the descriptor that this opens: a signal does
/// not break off what is being answered.
pub(crate) const LISTENING: libc::c_ulong =
    libc::SECCOMP_FILTER_FLAG_NEW_LISTENER | libc::SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;

/// The error number that a call of this architecture's own door is refused with, where it is.
pub(crate) fn refused(number: u32, arguments: &[u64; 6]) -> Option<u32> {
    let refused = refusals().find(|refused| refused.number == number && refused.when.holds(arguments));
    refused.map(|refused| refused.error)
}

/// A call that is refused, as Docker's own filter refuses it to a container without further rights, or because
/// it would be a way around the tracer or out of the network.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) number: u32,
    pub(crate) when: When,
    pub(crate) error: u32,
}

/// On which low half of an argument it depends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum When {
    Always,
    /// Any of these bits is set in this argument.
    Bits(usize, u32),
    /// The first argument is this, and any of these bits is set in the second.
    FirstAndBits(u32, u32),
    /// This argument is none of these.
    NoneOf(usize, &'static [u32]),
}

impl When {
    fn holds(self, arguments: &[u64; 6]) -> bool {
        let low = |index: usize| arguments.get(index).map_or(0, |argument| *argument as u32);
        match self {
            Self::Always => true,
            Self::Bits(index, bits) => low(index) & bits != 0,
            Self::FirstAndBits(first, bits) => low(0) == first && low(1) & bits != 0,
            Self::NoneOf(index, allowed) => !allowed.contains(&low(index)),
        }
    }
}

/// New namespaces, by `clone`'s flags.
const NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

/// Families of sockets that end in the guest's own network: all others (`AF_VSOCK` reaches the hypervisor) are not
/// bound to it, and are answered as by a kernel that does not have them.
const FAMILIES: &[u32] = &[
    libc::AF_UNSPEC as u32,
    libc::AF_UNIX as u32,
    libc::AF_INET as u32,
    libc::AF_INET6 as u32,
    libc::AF_NETLINK as u32,
    libc::AF_PACKET as u32,
];

/// Personalities that Docker allows: Linux, with or without the old `uname`, and the question for it.
const PERSONALITIES: &[u32] = &[0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

const SET_MODE_FILTER: u32 = 1;
/// A filter whose listener answers has the last word before the tracer's: it could let calls pass unseen.
const NEW_LISTENER: u32 = 1 << 3;

/// All that is refused.
pub(crate) fn refusals() -> impl Iterator<Item = &'static Refused> {
    REFUSED.iter().chain(ONLY_HERE)
}

const fn always(number: libc::c_long, error: i32) -> Refused {
    Refused { number: number as u32, when: When::Always, error: error as u32 }
}

const fn when(number: libc::c_long, when: When, error: i32) -> Refused {
    Refused { number: number as u32, when, error: error as u32 }
}

const REFUSED: &[Refused] = &[
    // What happens in a ring is done by the kernel's own threads, where no tracer stands.
    always(libc::SYS_io_uring_setup, libc::ENOSYS),
    always(libc::SYS_io_uring_enter, libc::ENOSYS),
    always(libc::SYS_io_uring_register, libc::ENOSYS),
    // Its flags lie in memory, where another thread can change them after they were looked at.
    always(libc::SYS_clone3, libc::ENOSYS),
    when(libc::SYS_clone, When::Bits(0, NAMESPACES), libc::EPERM),
    when(libc::SYS_seccomp, When::FirstAndBits(SET_MODE_FILTER, NEW_LISTENER), libc::EINVAL),
    when(libc::SYS_socket, When::NoneOf(0, FAMILIES), libc::EAFNOSUPPORT),
    when(libc::SYS_socketpair, When::NoneOf(0, FAMILIES), libc::EAFNOSUPPORT),
    when(libc::SYS_personality, When::NoneOf(0, PERSONALITIES), libc::EPERM),
    always(libc::SYS_unshare, libc::EPERM),
    always(libc::SYS_setns, libc::EPERM),
    always(libc::SYS_mount, libc::EPERM),
    always(libc::SYS_umount2, libc::EPERM),
    always(libc::SYS_pivot_root, libc::EPERM),
    always(libc::SYS_open_tree, libc::EPERM),
    always(libc::SYS_move_mount, libc::EPERM),
    always(libc::SYS_fsopen, libc::EPERM),
    always(libc::SYS_fsconfig, libc::EPERM),
    always(libc::SYS_fsmount, libc::EPERM),
    always(libc::SYS_fspick, libc::EPERM),
    always(libc::SYS_mount_setattr, libc::EPERM),
    always(libc::SYS_open_by_handle_at, libc::EPERM),
    always(libc::SYS_fanotify_init, libc::EPERM),
    always(libc::SYS_bpf, libc::EPERM),
    always(libc::SYS_perf_event_open, libc::EPERM),
    always(libc::SYS_userfaultfd, libc::EPERM),
    always(libc::SYS_init_module, libc::EPERM),
    always(libc::SYS_finit_module, libc::EPERM),
    always(libc::SYS_delete_module, libc::EPERM),
    always(libc::SYS_kexec_load, libc::EPERM),
    always(libc::SYS_kexec_file_load, libc::EPERM),
    always(libc::SYS_reboot, libc::EPERM),
    always(libc::SYS_swapon, libc::EPERM),
    always(libc::SYS_swapoff, libc::EPERM),
    always(libc::SYS_acct, libc::EPERM),
    always(libc::SYS_quotactl, libc::EPERM),
    always(libc::SYS_quotactl_fd, libc::EPERM),
    always(libc::SYS_syslog, libc::EPERM),
    always(libc::SYS_vhangup, libc::EPERM),
    always(libc::SYS_sethostname, libc::EPERM),
    always(libc::SYS_setdomainname, libc::EPERM),
    always(libc::SYS_settimeofday, libc::EPERM),
    always(libc::SYS_clock_settime, libc::EPERM),
    always(libc::SYS_add_key, libc::EPERM),
    always(libc::SYS_request_key, libc::EPERM),
    always(libc::SYS_keyctl, libc::EPERM),
    always(libc::SYS_mbind, libc::EPERM),
    always(libc::SYS_set_mempolicy, libc::EPERM),
    always(libc::SYS_move_pages, libc::EPERM),
    always(libc::SYS_migrate_pages, libc::EPERM),
];
