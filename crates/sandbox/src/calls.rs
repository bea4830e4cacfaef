//! Calls to the kernel that have no safe form elsewhere. Each is one call, and says on what it relies. This file and the clock's are
//! the launcher's only unsafe ones.
#![allow(unsafe_code)]

use crate::filter;
use rustix::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use rustix::io::{Errno, Result};
use rustix::process::Pid;
use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::ffi::CString;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Which side of a fork this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fork {
    Parent(Pid),
    Child,
}

/// How many threads there are that do nothing but wait, in the kernel or for what the forking thread holds.
static RESTING: AtomicUsize = AtomicUsize::new(0);

/// Says that there is a thread that holds no lock and changes no memory whenever this one forks, until the value is
/// dropped.
#[derive(Debug)]
pub(crate) struct Resting(());

impl Resting {
    pub(crate) fn begins() -> Self {
        RESTING.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Drop for Resting {
    fn drop(&mut self) {
        RESTING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Splits the process in two. An error where it has more threads than this one and those that are [`Resting`]: the
/// child would find the locks of the others locked for ever.
pub(crate) fn fork() -> Result<Fork> {
    let others = RESTING.load(Ordering::Relaxed);
    if std::fs::read_dir("/proc/self/task").map_or(0, Iterator::count) != 1 + others {
        return Err(Errno::DEADLK);
    }
    // SAFETY: no thread but this one does anything, as was just seen, and only this one starts others. So the
    // child's memory is consistent and all of Rust may be used in it.
    let result = check(unsafe { libc::fork() }.into())?;
    Ok(Pid::from_raw(result as i32).map_or(Fork::Child, Fork::Parent))
}

/// Makes namespaces and enters them.
pub(crate) fn unshare(spaces: UnshareFlags) -> Result<()> {
    if spaces.contains(UnshareFlags::FILES) {
        return Err(Errno::INVAL);
    }
    // SAFETY: descriptors mean the same to all threads as before, since the table of them is not split.
    unsafe { unshare_unsafe(spaces) }
}

/// Ends at once, without running destructors that belong to the process that this one was split from.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: `_exit` takes any number and does not come back.
    unsafe { libc::_exit(code) }
}

/// Becomes another program; comes back only with the reason why not.
pub(crate) fn execve(program: &CString, arguments: &[CString], environment: &[CString]) -> Errno {
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(arguments), pointers(environment));
    // SAFETY: both lists end with a null pointer, and they and the strings that they point to live until the call
    // returns.
    unsafe { libc::execve(program.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

/// Closes every descriptor but the standard ones, at the start of the program: whoever started the parent may have
/// left some open that its children inherit, down to the guest.
pub(crate) fn close_inherited() {
    // SAFETY: nothing in this program has opened a descriptor yet, so that nothing owns what is closed.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, 0_u32) };
}

/// Has every descriptor but the standard ones be closed when a program is started.
pub(crate) fn keep_standard_only() {
    /// `CLOSE_RANGE_CLOEXEC`.
    const AT_EXEC: u32 = 1 << 2;
    // SAFETY: nothing is closed now, so that whatever owns a descriptor still has it.
    unsafe { libc::syscall(libc::SYS_close_range, 3_u32, u32::MAX, AT_EXEC) };
}

/// Has `SIGALRM` interrupt blocking calls at this interval, and nothing else happen.
pub(crate) fn tick(every: Duration) -> Result<()> {
    extern "C" fn nothing(_: libc::c_int) {}
    // SAFETY: `sigaction` is plain data for which zero is a valid value: no flags, an empty mask.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = nothing as extern "C" fn(libc::c_int) as usize;
    // SAFETY: the handler does nothing, which is safe at any point; without `SA_RESTART` calls come back early.
    check(unsafe { libc::sigaction(libc::SIGALRM, &raw const action, std::ptr::null_mut()) }.into())?;
    let every = libc::timeval { tv_sec: 0, tv_usec: every.subsec_micros().into() };
    let timer = libc::itimerval { it_interval: every, it_value: every };
    // SAFETY: the kernel reads one `itimerval`, which lives on this stack.
    check(unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) }.into())
        .map(drop)
}

/// Stops what [`tick`] began, and has `SIGALRM` do again what it does by itself: a program that is started next
/// must not inherit either.
pub(crate) fn still() -> Result<()> {
    let never = libc::timeval { tv_sec: 0, tv_usec: 0 };
    let timer = libc::itimerval { it_interval: never, it_value: never };
    // SAFETY: as in `tick`.
    check(unsafe { libc::setitimer(libc::ITIMER_REAL, &raw const timer, std::ptr::null_mut()) }.into())?;
    // SAFETY: the default action is no code of ours.
    unsafe { libc::signal(libc::SIGALRM, libc::SIG_DFL) };
    Ok(())
}

/// Has every signal do what it does by itself, and blocks none: Rust's runtime ignores `SIGPIPE`, and a guest would
/// inherit that.
pub(crate) fn plain_signals() {
    for signal in 1..=64 {
        // SAFETY: the default action is no code of ours; numbers that cannot be set are refused.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: `sigset_t` is plain data, which `sigemptyset` fills; the kernel reads one, which lives on this stack.
    unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const none, std::ptr::null_mut());
    }
}

/// Sets the filter for this thread and all that come of it. `flags` say that whoever has the descriptor that this
/// opens answers some of the calls.
pub(crate) fn set_filter(program: &[filter::Instruction], flags: libc::c_ulong) -> Result<Option<OwnedFd>> {
    let len = u16::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    let program = libc::sock_fprog { len, filter: program.as_ptr().cast_mut().cast() };
    // SAFETY: `Instruction` has the layout of `sock_filter`, the length is the slice's, and the kernel only reads
    // it while the call lasts.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, flags, &raw const program) };
    let descriptor = check(result)? as i32;
    // SAFETY: with a listener the call has opened this descriptor, which nothing else owns; without one it gives 0.
    Ok((descriptor > 0).then(|| unsafe { OwnedFd::from_raw_fd(descriptor) }))
}

/// Gives a tree that is mounted nowhere the owners of a user namespace.
pub(crate) fn map_owners(tree: BorrowedFd<'_>, namespace: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: `mount_attr` is plain data for which zero is a valid value: nothing is changed.
    let mut change: libc::mount_attr = unsafe { std::mem::zeroed() };
    change.attr_set = libc::MOUNT_ATTR_IDMAP;
    change.userns_fd = namespace.as_raw_fd() as u64;
    let (empty, size) = (c"".as_ptr(), size_of::<libc::mount_attr>());
    // SAFETY: the path is an empty string that ends with a zero, the attributes are as long as is said, and both
    // descriptors are open for as long as they are borrowed.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            tree.as_raw_fd(),
            empty,
            libc::AT_EMPTY_PATH,
            &raw const change,
            size,
        )
    };
    check(result).map(drop)
}

/// The version of Landlock that the kernel has.
pub(crate) fn landlock_version() -> Result<u32> {
    // SAFETY: without attributes and with this flag the call only tells a number.
    let result = unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0_usize, 0_usize, 1_u32) };
    check(result).map(|version| version as u32)
}

/// A set of rules that refuses what is done to files in these ways, but where a rule allows it.
pub(crate) fn landlock_rules(refuse: u64) -> Result<OwnedFd> {
    let attributes = refuse;
    let size = size_of::<u64>();
    // SAFETY: the attributes' first version is one number of 64 bits, which lives on this stack.
    let result =
        unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, &raw const attributes, size, 0_u32) };
    let descriptor = check(result)? as i32;
    // SAFETY: the kernel just made this descriptor for us, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Allows these ways below a directory.
pub(crate) fn landlock_allow(rules: BorrowedFd<'_>, allow: u64, below: BorrowedFd<'_>) -> Result<()> {
    #[repr(C, packed)]
    struct Below {
        allow: u64,
        directory: i32,
    }
    let below = Below { allow, directory: below.as_raw_fd() };
    // SAFETY: rule type 1 takes a packed pair of rights and descriptor, which lives on this stack.
    let result = unsafe {
        libc::syscall(libc::SYS_landlock_add_rule, rules.as_raw_fd(), 1_u32, &raw const below, 0_u32)
    };
    check(result).map(drop)
}

/// Puts this thread and all that come of it under the rules.
pub(crate) fn landlock_enter(rules: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes a descriptor and no flags.
    check(unsafe { libc::syscall(libc::SYS_landlock_restrict_self, rules.as_raw_fd(), 0_u32) }).map(drop)
}

/// Sets an option of a socket that is a number.
pub(crate) fn set_option(socket: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> Result<()> {
    let (pointer, size) = ((&raw const value).cast(), size_of::<i32>() as u32);
    // SAFETY: the option is a number as long as is said, which lives on this stack.
    check(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, pointer, size) }.into()).map(drop)
}

/// Has a packet socket see one interface only, every protocol.
pub(crate) fn bind_packets(socket: BorrowedFd<'_>, interface: u32) -> Result<()> {
    // SAFETY: `sockaddr_ll` is plain data for which zero is a valid value.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
    address.sll_ifindex = interface as i32;
    let (pointer, size) = ((&raw const address).cast(), size_of::<libc::sockaddr_ll>() as u32);
    // SAFETY: the address is as long as is said and lives on this stack.
    check(unsafe { libc::bind(socket.as_raw_fd(), pointer, size) }.into()).map(drop)
}

fn check(result: libc::c_long) -> Result<libc::c_long> {
    if result < 0 {
        return Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL));
    }
    Ok(result)
}
