//! What the kernel offers to who answers calls in place of it: being asked, and answering with a number or with a
//! descriptor. Each is one request.
#![allow(unsafe_code)]

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use std::mem::MaybeUninit;

/// The calls of all tasks under one filter that wait for an answer.
#[derive(Debug)]
pub(super) struct Listener(OwnedFd);

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A call that waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    id: u64,
    pub(super) tid: i32,
    pub(super) number: i64,
    pub(super) arguments: [u64; 6],
}

/// `SECCOMP_IOCTL_NOTIF_SET_FLAGS` with `SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP`, since Linux 6.6: who asks and who answers
/// take turns on one processor.
const SYNCHRONOUS: u64 = 1;

impl Listener {
    pub(super) fn new(descriptor: OwnedFd) -> Self {
        // SAFETY: the request takes a number. A kernel that does not know it wakes who answers as it wakes anybody.
        unsafe { libc::ioctl(descriptor.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNCHRONOUS) };
        Self(descriptor)
    }

    /// Whether a call waits for an answer.
    pub(super) fn owes(&self) -> bool {
        let mut look = [PollFd::new(&self.0, PollFlags::IN)];
        let waits = poll(&mut look, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
        waits.is_ok() && look[0].revents().contains(PollFlags::IN)
    }

    /// Takes a call, which must be known to wait: without one this blocks. None where who asked is gone.
    pub(super) fn take(&self) -> Option<Asked> {
        let mut asked = MaybeUninit::<libc::seccomp_notif>::zeroed();
        // SAFETY: the request writes one `seccomp_notif`, which was zero before as the kernel wants it.
        let result =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, asked.as_mut_ptr()) };
        if result != 0 {
            return None;
        }
        // SAFETY: all bits zero are a valid value of this structure of numbers, and so is what the kernel wrote.
        let asked = unsafe { asked.assume_init() };
        Some(Asked {
            id: asked.id,
            tid: asked.pid.cast_signed(),
            number: asked.data.nr.into(),
            arguments: asked.data.args,
        })
    }

    /// Answers a call with an error number. False where who asked was killed.
    pub(super) fn refuse(&self, asked: &Asked, error: i32) -> bool {
        let answer = libc::seccomp_notif_resp { id: asked.id, val: 0, error: -error, flags: 0 };
        // SAFETY: the request reads one `seccomp_notif_resp`, which lives on this stack.
        let result =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw const answer) };
        result == 0
    }

    /// Puts a file into the process that asked, and answers with its number there. To be called where no signal comes:
    /// the kernel would answer with 0 what is broken off.
    pub(super) fn give(
        &self,
        asked: &Asked,
        file: BorrowedFd<'_>,
        close_on_exec: bool,
    ) -> Result<i32, Errno> {
        let give = libc::seccomp_notif_addfd {
            id: asked.id,
            flags: libc::SECCOMP_ADDFD_FLAG_SEND as u32,
            srcfd: file.as_raw_fd().cast_unsigned(),
            newfd: 0,
            newfd_flags: if close_on_exec { libc::O_CLOEXEC as u32 } else { 0 },
        };
        // SAFETY: the request reads one `seccomp_notif_addfd`, which lives on this stack, and the file is open for as
        // long as it is borrowed.
        let number =
            unsafe { libc::ioctl(self.0.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ADDFD, &raw const give) };
        if number >= 0 {
            return Ok(number);
        }
        Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::INVAL))
    }
}
