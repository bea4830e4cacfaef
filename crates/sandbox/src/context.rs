use crate::clock::Clock;
use crate::report::Reporter;
use crate::spec::{Limits, TimePolicy};
use crate::trace::Hand;
use rustix::process::Pid;
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// What the tracer has and may ask for while it runs. It lives in the warden.
pub struct Context {
    /// Where events go: [`Reporter::act`] numbers them, gives them both times, and writes them to the pipe.
    pub report: Reporter,
    /// The clock that the guest is shown, and all that answer it.
    pub clock: Clock,
    /// What is done about waiting.
    pub time: TimePolicy,
    /// What the run may use. Wall time is the tracer's to keep: `limits.wall` from the moment it is called.
    pub limits: Limits,
    /// The directory where content is kept, each under the hexadecimal digits of its SHA-256; none keeps nothing.
    pub captures: Option<OwnedFd>,
    /// The upper directory: what lies in it was written, changed or planted; what does not is the image's.
    pub upper: OwnedFd,
    /// The file that is mounted at the guest's `/proc/uptime`, for writing: the tracer keeps it in step.
    pub uptime: Option<OwnedFd>,
    /// Files that the sandbox put there, absolute in the guest.
    pub planted: Vec<PathBuf>,
    /// The name of the first process's probe, for [`events::HostAct::Probe`].
    pub probe: String,
    /// Called before a `connect` or a first `sendto` goes on, where ports are opened one by one; does nothing
    /// where the network takes every port. True for TCP.
    pub on_connect: Box<dyn FnMut(SocketAddr, bool) + Send>,
    /// Opens files for the guest beside the tracer, where it may.
    pub hand: Option<Hand>,
    pub(crate) waiting: Vec<(Pid, OwnedFd)>,
    pub(crate) orders: VecDeque<Order>,
    pub(crate) source: Box<dyn FnMut() -> Option<(Order, Option<OwnedFd>)> + Send>,
}

/// Something that the parent wants of the tracer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Another process of the guest waits as the first did: attach to it and release it.
    Follow {
        /// Its pid in the warden's namespace.
        process: Pid,
        /// What the plan calls it, for [`events::HostAct::Probe`].
        probe: String,
    },
    /// Kill what is left and return from [`crate::trace::run`].
    End {
        /// Why: becomes [`crate::trace::Outcome::why`].
        why: String,
    },
}

impl Context {
    /// Lets a process go on that waits before its `execve`. Nothing happens for one that does not.
    pub fn release(&mut self, process: Pid) {
        self.waiting.retain(|(waiting, gate)| {
            if *waiting == process {
                // One byte opens the gate. A gate that only closes, because the warden died, lets nobody through.
                let _ = rustix::io::write(gate, &[1]);
            }
            *waiting != process
        });
    }

    /// The next order, without waiting for one.
    pub fn order(&mut self) -> Option<Order> {
        if let Some((order, gate)) = (self.source)() {
            if let (Order::Follow { process, .. }, Some(gate)) = (&order, gate) {
                self.waiting.push((*process, gate));
            }
            self.orders.push_back(order);
        }
        self.orders.pop_front()
    }
}
