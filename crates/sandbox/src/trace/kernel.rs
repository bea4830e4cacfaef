//! What the tracer asks of the kernel that no safe wrapper offers: `ptrace`, waiting for tracees, their memory,
//! and signals with a payload. All of the tracer's `unsafe` is here.
#![allow(unsafe_code)]

use rustix::fd::{AsRawFd, BorrowedFd};
use std::ffi::{c_long, c_void};
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// What a tracee did that its tracer is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waited {
    /// It stopped, with the signal and the event of the stop.
    Stopped { tid: i32, signal: i32, event: i32 },
    /// It is gone, with the status that its parent is given.
    Gone { tid: i32, status: i32 },
    /// Nothing happened, or a signal came first.
    Nothing,
    /// There is no tracee left.
    NoneLeft,
}

/// How a tracee goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    /// Until something is to be told.
    On,
    /// Until the call that it is in returns.
    ToExit,
    /// It stays stopped, as job control wants it.
    Listen,
}

/// A call to the kernel, as it stands in a tracee at the filter's stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Call {
    /// The door: `AUDIT_ARCH_…`.
    pub(super) arch: u32,
    pub(super) number: u64,
    pub(super) arguments: [u64; 6],
    /// Where the stack ends.
    pub(super) stack: u64,
}

const OPTIONS: i32 = libc::PTRACE_O_TRACESYSGOOD
    | libc::PTRACE_O_TRACEFORK
    | libc::PTRACE_O_TRACEVFORK
    | libc::PTRACE_O_TRACECLONE
    | libc::PTRACE_O_TRACEEXEC
    | libc::PTRACE_O_TRACESECCOMP
    | libc::PTRACE_O_EXITKILL;

/// The signal of a stop at the end of a call.
pub(super) const CALL_STOP: i32 = libc::SIGTRAP | 0x80;

fn ptrace(request: u32, tid: i32, address: usize, data: usize) -> Option<c_long> {
    // SAFETY: the requests that go through here take numbers, or read and write the tracee alone: `address` and
    // `data` are not pointers into this process.
    let result = unsafe { libc::ptrace(request, tid, address as *mut c_void, data as *mut c_void) };
    (result != -1).then_some(result)
}

/// Keeps the kernel from sending this process a signal for each stop of a tracee: who waits is woken without it.
pub(super) fn wait_without_signals() {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: zero is a valid value of each member: no flags, an empty mask, the default handler.
    let action = unsafe { action.assume_init_mut() };
    action.sa_flags = libc::SA_NOCLDSTOP;
    // SAFETY: the call reads `action`, which asks for what the signal does by default: nothing.
    unsafe { libc::sigaction(libc::SIGCHLD, action, null_mut()) };
}

/// The number of this thread, for [`wake`].
pub(super) fn own_thread() -> i32 {
    // SAFETY: the call takes nothing.
    unsafe { libc::gettid() }
}

/// Ends the [`wait`] of another thread of this process, which has an [`Alarm`]: the signal then has a handler.
pub(super) fn wake(thread: i32) {
    // SAFETY: the calls take numbers.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, libc::SIGALRM) };
}

/// Lets no signal break off what this thread does.
pub(super) fn without_signals() {
    let mut all = MaybeUninit::<libc::sigset_t>::zeroed();
    // SAFETY: the first call fills the set, which is plain data, and the second one reads it.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), null_mut());
    }
}

/// Begins to trace a process that runs, and all that comes of it.
pub(super) fn seize(tid: i32) -> bool {
    ptrace(libc::PTRACE_SEIZE, tid, 0, OPTIONS as usize).is_some()
}

/// Lets a stopped tracee go on, with a signal or 0. One that was killed meanwhile is told of by [`wait`].
pub(super) fn go(tid: i32, how: Go, signal: i32) {
    let request = match how {
        Go::On => libc::PTRACE_CONT,
        Go::ToExit => libc::PTRACE_SYSCALL,
        Go::Listen => libc::PTRACE_LISTEN,
    };
    let _ = ptrace(request, tid, 0, signal as usize);
}

/// Stops a tracee that runs or waits in the kernel.
pub(super) fn interrupt(tid: i32) -> bool {
    ptrace(libc::PTRACE_INTERRUPT, tid, 0, 0).is_some()
}

/// The number that belongs to an event: a pid, a status.
pub(super) fn message(tid: i32) -> Option<u64> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: the request writes one unsigned long to `data`, which points to one.
    let result =
        unsafe { libc::ptrace(libc::PTRACE_GETEVENTMSG, tid, null_mut::<c_void>(), &raw mut message) };
    (result != -1).then_some(message)
}

/// The call at which the filter stopped a tracee.
pub(super) fn call(tid: i32) -> Option<Call> {
    let mut info = MaybeUninit::<libc::ptrace_syscall_info>::zeroed();
    // SAFETY: the request writes at most as many bytes as `address` says to `data`, which has that many.
    let result = unsafe {
        libc::ptrace(libc::PTRACE_GET_SYSCALL_INFO, tid, size_of_val(&info) as *mut c_void, info.as_mut_ptr())
    };
    if result <= 0 {
        return None;
    }
    // SAFETY: all bits zero are a valid value of this structure of numbers, and so is what the kernel wrote.
    let info = unsafe { info.assume_init() };
    if info.op != libc::PTRACE_SYSCALL_INFO_SECCOMP {
        return None;
    }
    // SAFETY: `op` says which member the kernel wrote; all of them are numbers.
    let seccomp = unsafe { info.u.seccomp };
    Some(Call { arch: info.arch, number: seccomp.nr, arguments: seccomp.args, stack: info.stack_pointer })
}

/// All registers of a stopped tracee.
pub(super) fn registers(tid: i32) -> Option<libc::user_regs_struct> {
    let mut registers = MaybeUninit::<libc::user_regs_struct>::zeroed();
    // SAFETY: the request writes one `user_regs_struct` to `data`, which points to one.
    let result =
        unsafe { libc::ptrace(libc::PTRACE_GETREGS, tid, null_mut::<c_void>(), registers.as_mut_ptr()) };
    // SAFETY: all bits zero are a valid value of this structure of numbers, and so is what the kernel wrote.
    (result != -1).then(|| unsafe { registers.assume_init() })
}

/// Sets one register of a stopped tracee, by its offset in `struct user`.
pub(super) fn set_register(tid: i32, offset: usize, value: u64) -> bool {
    ptrace(libc::PTRACE_POKEUSER, tid, offset, value as usize).is_some()
}

/// One register of a stopped tracee, by its offset in `struct user`.
pub(super) fn register(tid: i32, offset: usize) -> Option<u64> {
    // SAFETY: reading errno's place is what the wrapper of this request asks for, as its result may be -1.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: the place belongs to this thread for as long as it lives.
    unsafe { *errno = 0 };
    // SAFETY: the request takes numbers and gives the word as its result.
    let result = unsafe { libc::ptrace(libc::PTRACE_PEEKUSER, tid, offset, 0) };
    // SAFETY: as above.
    (result != -1 || unsafe { *errno } == 0).then_some(result.cast_unsigned())
}

/// Waits for a tracee of this thread to stop or end; where `block` is false, only looks. A signal ends the wait.
pub(super) fn wait(block: bool) -> Waited {
    let mut status = 0;
    let flags = libc::__WALL | libc::__WNOTHREAD | if block { 0 } else { libc::WNOHANG };
    // SAFETY: the call writes one number to `status`.
    let tid = unsafe { libc::waitpid(-1, &raw mut status, flags) };
    if tid < 0 {
        let error = std::io::Error::last_os_error().raw_os_error();
        return if error == Some(libc::ECHILD) { Waited::NoneLeft } else { Waited::Nothing };
    }
    if tid == 0 {
        return Waited::Nothing;
    }
    if libc::WIFSTOPPED(status) {
        return Waited::Stopped { tid, signal: libc::WSTOPSIG(status), event: status >> 16 };
    }
    Waited::Gone { tid, status }
}

/// Reads memory of a tracee from `address` on; gives how many bytes were there.
pub(super) fn read(tid: i32, address: u64, into: &mut [u8]) -> usize {
    transfer(tid, address, into.as_mut_ptr().cast(), into.len(), false)
}

/// Writes memory of a tracee; false where it is not all writable.
pub(super) fn write(tid: i32, address: u64, bytes: &[u8]) -> bool {
    transfer(tid, address, bytes.as_ptr().cast_mut().cast(), bytes.len(), true) == bytes.len()
}

/// Page by page, because the kernel promises to give a part of what was asked for only between vectors.
fn transfer(tid: i32, address: u64, buffer: *mut c_void, length: usize, to_tracee: bool) -> usize {
    const PAGES: usize = 17;
    let mut remote = [libc::iovec { iov_base: null_mut(), iov_len: 0 }; PAGES];
    let mut vectors = 0;
    let mut covered = 0;
    for vector in &mut remote {
        let at = address.wrapping_add(covered as u64);
        let part = (4096 - (at as usize & 4095)).min(length - covered);
        if part == 0 {
            break;
        }
        *vector = libc::iovec { iov_base: at as *mut c_void, iov_len: part };
        vectors += 1;
        covered += part;
    }
    if vectors == 0 {
        return 0;
    }
    let local = libc::iovec { iov_base: buffer, iov_len: covered };
    let call = if to_tracee { libc::process_vm_writev } else { libc::process_vm_readv };
    // SAFETY: `buffer` comes from a slice of at least `covered` bytes, which the kernel writes for a read (the slice
    // was borrowed mutably) and only reads for a write. The remote addresses lie in the tracee.
    let moved = unsafe { call(tid, &raw const local, 1, remote.as_ptr(), vectors, 0) };
    usize::try_from(moved).unwrap_or(0)
}

/// Sends a process or one of its threads a signal as a timer of the kernel would, with its payload.
pub(super) fn timer_signal(group: i32, thread: Option<i32>, signal: i32, timer: i32, value: u64) -> bool {
    let mut info = [0_u64; 16];
    let code = libc::SI_TIMER;
    info[0] = u64::from(signal.cast_unsigned());
    info[1] = u64::from(code.cast_unsigned());
    info[2] = u64::from(timer.cast_unsigned());
    info[3] = value;
    // SAFETY: both calls read a `siginfo_t` of 128 bytes, which `info` is: signal, error and code, then timer,
    // overrun and value.
    let result = unsafe {
        match thread {
            Some(thread) => libc::syscall(libc::SYS_rt_tgsigqueueinfo, group, thread, signal, info.as_ptr()),
            None => libc::syscall(libc::SYS_rt_sigqueueinfo, group, signal, info.as_ptr()),
        }
    };
    result == 0
}

/// The number that a process of this namespace has in another one; needs Linux 6.11.
pub(super) fn pid_in(namespace: BorrowedFd<'_>, pid: i32) -> Option<u32> {
    const NS_GET_PID_IN_PIDNS: libc::Ioctl = 0x8004_b708;
    // SAFETY: this request takes and gives a number; a kernel or a descriptor that does not know it refuses it.
    let inside = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_PID_IN_PIDNS, pid) };
    u32::try_from(inside).ok().filter(|&inside| inside > 0)
}

/// Kills a process for good.
pub(super) fn kill(group: i32) {
    // SAFETY: the call takes numbers.
    unsafe { libc::kill(group, libc::SIGKILL) };
}

/// A timer that interrupts [`wait`] in this thread.
#[derive(Debug)]
pub(super) struct Alarm(libc::timer_t);

// SAFETY: it is the name of a timer, which belongs to the process: all of its threads may set and delete it.
unsafe impl Send for Alarm {}

impl Alarm {
    pub(super) fn new() -> Option<Self> {
        extern "C" fn nothing(_: i32) {}
        let mut action = MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: zero is a valid value of each member: no flags, an empty mask, the default handler.
        let action = unsafe { action.assume_init_mut() };
        action.sa_sigaction = nothing as extern "C" fn(i32) as usize;
        // SAFETY: the handler does nothing, so that it may run at any time; it is there to end a blocking call.
        if unsafe { libc::sigaction(libc::SIGALRM, action, null_mut()) } != 0 {
            return None;
        }
        let mut event = MaybeUninit::<libc::sigevent>::zeroed();
        // SAFETY: zero is a valid value of each member.
        let event = unsafe { event.assume_init_mut() };
        event.sigev_notify = libc::SIGEV_THREAD_ID;
        event.sigev_signo = libc::SIGALRM;
        event.sigev_notify_thread_id = own_thread();
        let mut timer = null_mut();
        // SAFETY: the call reads `event` and writes the timer's name to `timer`.
        let made = unsafe { libc::timer_create(libc::CLOCK_MONOTONIC, event, &raw mut timer) };
        (made == 0).then_some(Self(timer))
    }

    /// Goes off after so many nanoseconds, and then again and again: a signal that comes just before a wait begins
    /// delays what it was for and does not lose it.
    pub(super) fn set(&self, nanoseconds: u64) {
        let value = nanoseconds.clamp(1, 10_000_000);
        let spec = libc::itimerspec {
            it_interval: libc::timespec {
                tv_sec: 0,
                tv_nsec: value.saturating_mul(4).clamp(1_000_000, 10_000_000).cast_signed(),
            },
            it_value: libc::timespec {
                tv_sec: (value / 1_000_000_000).cast_signed(),
                tv_nsec: (value % 1_000_000_000).cast_signed(),
            },
        };
        // SAFETY: the timer was made by `new` and is deleted only when `self` is dropped; the call reads `spec`.
        unsafe { libc::timer_settime(self.0, 0, &raw const spec, null_mut()) };
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        // SAFETY: the timer was made by `new` and nothing uses it afterwards.
        unsafe { libc::timer_delete(self.0) };
    }
}

/// Sets a timer descriptor to go off after so many nanoseconds and then at an interval.
pub(super) fn set_timerfd(descriptor: i32, nanoseconds: u64, interval: u64) -> bool {
    let spec = |value: u64| libc::timespec {
        tv_sec: (value / 1_000_000_000).cast_signed(),
        tv_nsec: (value % 1_000_000_000).cast_signed(),
    };
    let spec = libc::itimerspec { it_interval: spec(interval), it_value: spec(nanoseconds.max(1)) };
    // SAFETY: the call reads `spec`; what the descriptor is is the kernel's to check.
    unsafe { libc::timerfd_settime(descriptor, 0, &raw const spec, null_mut()) == 0 }
}
