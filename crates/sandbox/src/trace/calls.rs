//! Which calls to the kernel stop the guest, and what each of them is. What is not here passes without a stop.

use libc::c_long;

/// What a call is, as far as the tracer goes about it in its own way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Exec,
    ExecAt,
    /// A file is named: see `files`.
    File,
    /// A file is asked about; its times are shown.
    Look,
    /// A socket is used.
    Net,
    /// Standard input is read: what an interpreter is given to run may come through it.
    Read,
    /// A descriptor is put at a number.
    Duplicate,
    /// Rights are changed.
    Identity,
    /// A call that is told as it is.
    Plain,
    /// `mmap` and `mprotect`, where they make memory that can run or is large.
    Memory,
    Clone,
    Prctl,
    Ptrace,
    /// A signal is sent.
    Signal,
    Seccomp,
    /// It waits for a time at most.
    Wait,
    /// It tells the time.
    Clock,
    /// It sets or reads a timer.
    Timer,
    /// It tells the processors that a process may run on.
    Processors,
}

/// A call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) number: c_long,
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// What an argument must be for a call to be of interest. The kernel's filter can look at numbers, not at what they
/// point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Test {
    /// Bits, of which at least one is set in the lower half.
    Any(u32),
    /// Not zero in all 64 bits.
    Given,
    /// The lower half is this number, under a mask.
    Is(u32, u32),
    /// The lower half is a number above zero with its sign.
    Positive,
    /// At least this, in all 64 bits.
    AtLeast(u64),
    /// The lower half is at most this.
    AtMost(u32),
}

/// A test of the argument with this number.
pub(super) type When = (u8, Test);

/// Calls that are of interest only where all tests of one of their rows hold. All others of
/// `TRACED` always are.
pub(super) const NARROWED: &[(c_long, &[&[When]])] = &[
    (
        libc::SYS_mmap,
        &[
            &[(2, Test::Any(EXEC))],
            &[(3, Test::Any(libc::MAP_HUGETLB as u32))],
            // The dataset of a RandomX miner and its cache; one scratchpad of it for each thread.
            &[(1, Test::AtLeast(256 << 20))],
            &[(1, Test::Is(2 << 20, u32::MAX)), (3, Test::Any(libc::MAP_ANONYMOUS as u32))],
        ],
    ),
    (libc::SYS_mprotect, &[&[(2, Test::Any(EXEC))]]),
    (libc::SYS_pkey_mprotect, &[&[(2, Test::Any(EXEC))]]),
    (libc::SYS_madvise, &[&[(2, Test::Is(libc::MADV_HUGEPAGE as u32, u32::MAX))]]),
    (libc::SYS_clone, &[&[(0, Test::Any(CLONE_WATCHED))]]),
    (libc::SYS_read, &[&[(0, Test::Is(0, u32::MAX))]]),
    (libc::SYS_dup2, &[&[(1, Test::AtMost(2))]]),
    (libc::SYS_dup3, &[&[(1, Test::AtMost(2))]]),
    (libc::SYS_sendto, &[&[(4, Test::Given)]]),
    (
        libc::SYS_setsockopt,
        &[
            &[
                (1, Test::Is(libc::SOL_SOCKET as u32, u32::MAX)),
                (2, Test::Is(libc::SO_ATTACH_FILTER as u32, u32::MAX)),
            ],
            &[
                (1, Test::Is(libc::SOL_SOCKET as u32, u32::MAX)),
                (2, Test::Is(libc::SO_ATTACH_BPF as u32, u32::MAX)),
            ],
            &[
                (1, Test::Is(libc::SOL_SOCKET as u32, u32::MAX)),
                (2, Test::Is(libc::SO_MARK as u32, u32::MAX)),
            ],
            &[(1, Test::Is(libc::SOL_PACKET as u32, u32::MAX))],
            &[(1, Test::Is(libc::SOL_IP as u32, u32::MAX)), (2, Test::Is(libc::IP_HDRINCL as u32, u32::MAX))],
            &[
                (1, Test::Is(libc::SOL_IP as u32, u32::MAX)),
                (2, Test::Is(libc::IP_TRANSPARENT as u32, u32::MAX)),
            ],
        ],
    ),
    // FUTEX_WAIT, FUTEX_LOCK_PI, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI and FUTEX_LOCK_PI2 with a time.
    (
        libc::SYS_futex,
        &[
            &[(1, Test::Is(0, 0x7f)), (3, Test::Given)],
            &[(1, Test::Is(6, 0x7f)), (3, Test::Given)],
            &[(1, Test::Is(9, 0x7f)), (3, Test::Given)],
            &[(1, Test::Is(11, 0x7f)), (3, Test::Given)],
            &[(1, Test::Is(13, 0x7f)), (3, Test::Given)],
        ],
    ),
    (libc::SYS_poll, &[&[(2, Test::Positive)]]),
    (libc::SYS_epoll_wait, &[&[(3, Test::Positive)]]),
    (libc::SYS_epoll_pwait, &[&[(3, Test::Positive)]]),
    (libc::SYS_ppoll, &[&[(2, Test::Given)]]),
    (libc::SYS_select, &[&[(4, Test::Given)]]),
    (libc::SYS_pselect6, &[&[(4, Test::Given)]]),
    (libc::SYS_epoll_pwait2, &[&[(3, Test::Given)]]),
    (libc::SYS_rt_sigtimedwait, &[&[(2, Test::Given)]]),
    (libc::SYS_semtimedop, &[&[(3, Test::Given)]]),
    (libc::SYS_futex_waitv, &[&[(3, Test::Given)]]),
    (FUTEX_WAIT, &[&[(4, Test::Given)]]),
    (libc::SYS_io_getevents, &[&[(4, Test::Given)]]),
    (IO_PGETEVENTS, &[&[(4, Test::Given)]]),
    (libc::SYS_mq_timedsend, &[&[(4, Test::Given)]]),
    (libc::SYS_mq_timedreceive, &[&[(4, Test::Given)]]),
    // Who asks about a descriptor asks for its size: every program does so with every file that it reads.
    (libc::SYS_newfstatat, &[&[(3, Test::Is(0, libc::AT_EMPTY_PATH as u32))]]),
    (libc::SYS_statx, &[&[(2, Test::Is(0, libc::AT_EMPTY_PATH as u32))]]),
    // Clocks of the processor are the process's own and are not touched.
    (libc::SYS_clock_gettime, &[&[(0, Test::AtMost(1))], &[(0, Test::Is(4, !3))], &[(0, Test::Is(8, !3))]]),
];

const EXEC: u32 = libc::PROT_EXEC as u32;

/// Flags of `clone` that make namespaces or hide a child from who traces its parent.
pub(super) const CLONE_WATCHED: u32 = CLONE_NAMESPACES | libc::CLONE_UNTRACED as u32;

const CLONE_NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

macro_rules! entries {
    ($($kind:ident: $($call:ident)*;)*) => {
        /// All calls that stop the guest.
        pub(super) const ENTRIES: &[Entry] = &[
            $($(Entry {
                number: number::$call,
                // The name begins behind `SYS_`.
                name: stringify!($call).split_at(4).1,
                kind: Kind::$kind,
            },)*)*
        ];
    };
}

/// `futex_wait`, since Linux 6.7.
pub(super) const FUTEX_WAIT: c_long = 455;
pub(super) const IO_PGETEVENTS: c_long = 333;

/// Numbers, with those that the C library's list does not have yet.
#[allow(non_upper_case_globals, reason = "named as the C library names its own")]
mod number {
    pub(super) use libc::*;
    pub(super) const SYS_fchmodat2: c_long = 452;
    pub(super) const SYS_setxattrat: c_long = 463;
    pub(super) const SYS_futex_wait: c_long = super::FUTEX_WAIT;
    pub(super) const SYS_io_pgetevents: c_long = super::IO_PGETEVENTS;
}

entries! {
    Exec: SYS_execve;
    ExecAt: SYS_execveat;
    File: SYS_open SYS_openat SYS_openat2 SYS_creat SYS_rename SYS_renameat SYS_renameat2 SYS_link SYS_linkat
        SYS_symlink SYS_symlinkat SYS_unlink SYS_unlinkat SYS_rmdir SYS_mkdir SYS_mkdirat SYS_mknod SYS_mknodat
        SYS_chmod SYS_fchmod SYS_fchmodat SYS_fchmodat2 SYS_chown SYS_lchown SYS_fchown SYS_fchownat SYS_truncate
        SYS_ftruncate SYS_utime SYS_utimes SYS_futimesat SYS_utimensat SYS_setxattr SYS_lsetxattr SYS_fsetxattr
        SYS_setxattrat SYS_mount SYS_umount2 SYS_chroot SYS_pivot_root;
    Look: SYS_stat SYS_lstat SYS_newfstatat SYS_statx SYS_access SYS_faccessat SYS_faccessat2;
    Net: SYS_socket SYS_connect SYS_bind SYS_listen SYS_accept SYS_accept4 SYS_sendto SYS_sendmsg SYS_sendmmsg
        SYS_setsockopt;
    Read: SYS_read;
    Duplicate: SYS_dup2 SYS_dup3;
    Identity: SYS_setuid SYS_setgid SYS_setreuid SYS_setregid SYS_setresuid SYS_setresgid SYS_setfsuid
        SYS_setfsgid SYS_setgroups SYS_capset;
    Memory: SYS_mmap SYS_mprotect SYS_pkey_mprotect SYS_madvise;
    Clone: SYS_clone SYS_clone3;
    Prctl: SYS_prctl;
    Ptrace: SYS_ptrace;
    Signal: SYS_kill SYS_tkill SYS_tgkill SYS_rt_sigqueueinfo SYS_rt_tgsigqueueinfo SYS_pidfd_send_signal;
    Seccomp: SYS_seccomp;
    Plain: SYS_memfd_create SYS_memfd_secret SYS_process_vm_readv SYS_process_vm_writev SYS_process_madvise
        SYS_bpf SYS_init_module SYS_finit_module SYS_delete_module SYS_setns SYS_unshare SYS_iopl
        SYS_ioperm SYS_modify_ldt SYS_reboot SYS_swapon SYS_swapoff SYS_sethostname SYS_setdomainname
        SYS_settimeofday SYS_clock_settime SYS_userfaultfd SYS_keyctl SYS_add_key SYS_request_key
        SYS_io_uring_setup SYS_io_uring_enter SYS_io_uring_register SYS_personality SYS_perf_event_open
        SYS_kexec_load SYS_kexec_file_load SYS_acct SYS_quotactl SYS_syslog SYS_vhangup SYS_lookup_dcookie
        SYS_open_by_handle_at SYS_name_to_handle_at SYS_fanotify_init SYS_kcmp SYS_pidfd_getfd SYS_setpriority
        SYS_sched_setaffinity SYS_sched_setscheduler SYS_sched_setattr SYS_mlock SYS_mlock2 SYS_mlockall
        SYS_move_mount SYS_open_tree SYS_fsopen SYS_fsmount SYS_fsconfig SYS_fspick SYS_mount_setattr
        SYS_landlock_restrict_self SYS_setsid SYS_mbind SYS_migrate_pages SYS_move_pages SYS_set_mempolicy
        SYS_tee SYS_vmsplice SYS_adjtimex SYS_clock_adjtime;
    Wait: SYS_nanosleep SYS_clock_nanosleep SYS_poll SYS_ppoll SYS_select SYS_pselect6 SYS_epoll_wait
        SYS_epoll_pwait SYS_epoll_pwait2 SYS_futex SYS_futex_wait SYS_futex_waitv SYS_io_getevents
        SYS_io_pgetevents SYS_rt_sigtimedwait SYS_semtimedop SYS_mq_timedsend SYS_mq_timedreceive;
    Clock: SYS_clock_gettime SYS_gettimeofday SYS_time SYS_times SYS_sysinfo;
    Timer: SYS_alarm SYS_setitimer SYS_getitimer SYS_timer_create SYS_timer_settime SYS_timer_gettime
        SYS_timer_delete SYS_timerfd_settime SYS_timerfd_gettime;
    Processors: SYS_sched_getaffinity;
}

/// The numbers of all calls that stop the guest.
pub(super) const NUMBERS: [u32; ENTRIES.len()] = {
    let mut numbers = [0; ENTRIES.len()];
    let mut index = 0;
    while index < numbers.len() {
        numbers[index] = ENTRIES[index].number as u32;
        index += 1;
    }
    numbers
};

/// Finds calls by number.
#[derive(Debug)]
pub(super) struct Table(Vec<Option<Entry>>);

impl Table {
    pub(super) fn new() -> Self {
        let mut table = vec![None; 512];
        for entry in ENTRIES {
            if let Some(place) = table.get_mut(entry.number as usize) {
                *place = Some(*entry);
            }
        }
        Self(table)
    }

    pub(super) fn find(&self, number: u64) -> Option<Entry> {
        self.0.get(usize::try_from(number).ok()?).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_call_stands_once_and_what_is_narrowed_is_traced() {
        let numbers: BTreeSet<_> = ENTRIES.iter().map(|entry| entry.number).collect();
        assert_eq!(numbers.len(), ENTRIES.len());
        for (number, rows) in NARROWED {
            assert!(numbers.contains(number) && !rows.is_empty(), "{number}");
        }
        let table = Table::new();
        assert_eq!(table.find(libc::SYS_execve as u64).map(|entry| entry.name), Some("execve"));
        assert!(table.find(u64::MAX).is_none() && table.find(libc::SYS_getpid as u64).is_none());
    }
}
