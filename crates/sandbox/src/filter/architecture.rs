//! What differs between machines: this is x86-64.

use super::{Refused, always};

/// The architecture whose numbers are meant, as `PTRACE_GET_SYSCALL_INFO` and the filter name it.
pub const ARCHITECTURE: u32 = 0xc000_003e;

/// Numbers from here on are those of another door of the same architecture: x32, whose pointers are short.
pub(crate) const FOREIGN_FROM: u32 = 0x4000_0000;

/// Refused calls that other architectures do not have, most of them long gone from this one too.
pub(crate) const ONLY_HERE: &[Refused] = &[
    always(libc::SYS_iopl, libc::EPERM),
    always(libc::SYS_ioperm, libc::EPERM),
    always(libc::SYS_uselib, libc::EPERM),
    always(libc::SYS_ustat, libc::EPERM),
    always(libc::SYS_sysfs, libc::EPERM),
    always(libc::SYS__sysctl, libc::ENOSYS),
    always(libc::SYS_lookup_dcookie, libc::EPERM),
    always(libc::SYS_nfsservctl, libc::ENOSYS),
];
