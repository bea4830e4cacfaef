//! What the guest's calls to the kernel meet first: a filter in the kernel that lets most of them pass, and stops
//! those that the tracer wants to see.
//!
//! The filter answers with `SECCOMP_RET_TRACE` and one of the words below, which the tracer reads with
//! `PTRACE_GETEVENTMSG` at a `PTRACE_EVENT_SECCOMP` stop. Nothing is refused by the filter alone: a refusal that
//! nobody sees would be silence.

/// The call is one of [`crate::trace::TRACED`]: record it and let it go on.
pub const CALL: u32 = 0x0100;

/// The call came through another door than the 64-bit one (`int 0x80`, x32), so that its number means something
/// else: record it, and answer `ENOSYS` as a kernel without that door does.
pub const FOREIGN: u32 = 0x0200;

/// The call is refused: record it, skip it, and answer with the error number in the low byte (see
/// [`refused_with`]).
pub const REFUSE: u32 = 0x0300;

/// The error number that a refused call is answered with, where `word` says that it is refused.
pub const fn refused_with(word: u32) -> Option<i32> {
    match word & 0xff00 {
        REFUSE => Some((word & 0xff) as i32),
        FOREIGN => Some(libc::ENOSYS),
        _ => None,
    }
}
