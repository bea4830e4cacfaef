//! The tracer: follows every process of the guest and says what it does.

use crate::clock::Clock;
use crate::context::Order;
use rustix::process::Pid;

pub use crate::context::Context;

/// The calls that the tracer stops at, by their numbers on this architecture. The filter in the kernel lets all
/// others pass that it does not refuse.
pub const TRACED: &[u32] = &[];

/// How a traced run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Why: `all processes ended`, `time is over`, `convicted`, `cancelled`.
    pub why: String,
    /// How the first process ended, where it did.
    pub first: Option<events::Ended>,
}

/// Traces `first` and everything that comes of it, until nothing of it is left or an order says to end.
///
/// `first` waits in a read before it sets its filter and becomes the guest's program. Attach to it with
/// `PTRACE_SEIZE` and `PTRACE_O_EXITKILL`, then call [`Context::release`]: it goes on, sets the filter and calls
/// `execve`. What it does before that call returns is the launcher's doing and is not recorded; the `execve` is,
/// also where it fails. The same holds for each process that [`Order::Follow`] names.
///
/// The warden has an interval timer that interrupts blocking calls with `EINTR` every 10 ms. Take
/// [`Context::order`] until it gives none whenever that happens, and at least that often under load.
pub fn run(first: Pid, mut context: Context) -> Outcome {
    let _: &Clock = &context.clock;
    context.release(first);
    let mut status = None;
    loop {
        match rustix::process::wait(rustix::process::WaitOptions::empty()) {
            Ok(Some((pid, ended))) => {
                if pid == first {
                    status = ended
                        .exit_status()
                        .map(events::Ended::Code)
                        .or(ended.terminating_signal().map(events::Ended::Signal));
                }
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return Outcome { why: "all processes ended".into(), first: status },
        }
        while let Some(order) = context.order() {
            match order {
                Order::Follow { process, .. } => context.release(process),
                Order::End { why } => return Outcome { why, first: status },
            }
        }
    }
}
