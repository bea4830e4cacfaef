//! The side that stands between the parent and the guest: a process which the parent starts by running
//! its own program again. It has one thread, and while it traces another one that only opens files for the guest.
//!
//! It is two processes. The *steward* keeps the rights that the parent has: it maps the ids, makes control groups
//! and takes them away again, and kills everything when the parent is gone. The *warden* proper gives those rights
//! up: it lives in the guest's user namespace, makes all that the guest sees, and traces it. What a guest could
//! win by breaking the tracer is an id that owns nothing.

mod child;
mod groups;
pub(crate) mod identity;
mod planting;
mod rights;
mod root;
mod steward;
mod tracing;

use crate::calls;
use crate::error::{Failure, Step};
use crate::message::{Answer, Job};
use crate::spec::Spec;
use rustix::fd::{AsFd, OwnedFd};
use rustix::net::RecvFlags;
use std::ffi::OsStr;
use std::process::ExitCode;

pub use identity::Ids;

/// The first argument that makes a program the warden. It is no command for people.
pub(crate) const ARGUMENT: &str = "sandbox-warden";

/// What the parent hands over at the start, in this order.
pub(crate) struct Handed {
    pub(crate) spec: Spec,
    pub(crate) clock: OwnedFd,
    pub(crate) events: OwnedFd,
    pub(crate) ending: OwnedFd,
    pub(crate) output: OwnedFd,
    pub(crate) errors: OwnedFd,
    pub(crate) lifeline: OwnedFd,
    pub(crate) further: OwnedFd,
}

/// Is the warden, where this program was started to be it: none for every other start.
///
/// Call it first thing in `main`, before any thread is started, and end with what it gives: namespaces are joined
/// and processes split only while there is one thread.
pub fn warden_main() -> Option<ExitCode> {
    let asked = std::env::args_os().nth(1).is_some_and(|word| word == OsStr::new(ARGUMENT));
    asked.then(|| ExitCode::from(take_over().and_then(work).unwrap_or(2)))
}

fn work((control, job, with): (OwnedFd, Job, Vec<OwnedFd>)) -> Result<u8, Failure> {
    match job {
        Job::Run => steward::run(control, Handed::from(with)?),
        Job::Unpack(ids) => Ok(crate::unpack::serve(&control, ids, with, false)),
        Job::Remove(ids) => Ok(crate::unpack::serve(&control, ids, with, true)),
    }
}

/// The socket to the parent, which it put in place of standard input, and what it said first.
fn take_over() -> Result<(OwnedFd, Job, Vec<OwnedFd>), Failure> {
    calls::close_inherited();
    let control = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3).step("take over the socket")?;
    let heard = crate::message::receive(&control, RecvFlags::empty()).step("hear from the parent")?;
    let (job, with) = heard.ok_or_else(|| Failure::new("hear from the parent", rustix::io::Errno::PIPE))?;
    let null = std::fs::File::options().read(true).write(true).open("/dev/null").step("open /dev/null")?;
    rustix::stdio::dup2_stdin(&null).step("put /dev/null at standard input")?;
    rustix::stdio::dup2_stdout(&null).step("put /dev/null at standard output")?;
    rustix::stdio::dup2_stderr(&null).step("put /dev/null at standard error")?;
    Ok((control, job, with))
}

impl Handed {
    fn from(with: Vec<OwnedFd>) -> Result<Self, Failure> {
        let mut with = with.into_iter();
        let mut next =
            || with.next().ok_or_else(|| Failure::new("hear from the parent", rustix::io::Errno::BADMSG));
        Ok(Self {
            spec: crate::message::from_memory(next()?).step("read the specification")?,
            clock: next()?,
            events: next()?,
            ending: next()?,
            output: next()?,
            errors: next()?,
            lifeline: next()?,
            further: next()?,
        })
    }
}

/// Tells the parent that it will not be.
fn refuse(control: impl AsFd, failure: Failure) {
    let _ = crate::message::send(control, &Answer::Failed(failure), &[]);
}
