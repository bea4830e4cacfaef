//! The tracer: follows every process of the guest and says what it does.
//!
//! Comes in: a process that waits before its first program, and what [`Context`] holds. Goes out: events, in the
//! order in which the kernel stopped the guest for them. Never: a decision about what they mean; a guest that
//! goes on while its event waits for room; a loss that is not told.

mod absent;
#[doc(hidden)]
pub mod alone;
mod arch;
mod beside;
mod calls;
mod content;
mod exec;
mod files;
mod given;
mod kernel;
mod listener;
mod look;
mod memory;
mod opens;
mod origin;
mod paths;
mod program;
mod rights;
mod sockets;
mod task;
mod timers;
mod waiting;
mod watch;

use self::calls::{Kind, Table};
use self::kernel::{CALL_STOP, Go, Waited};
use self::task::{Later, Tasks};
use crate::context::Order;
use crate::filter;
use crate::time::Time;
use events::{Act, HostAct, KernelCall, LostWhy, Source};
use rustix::process::Pid;

pub(crate) use self::content::copy;
pub(crate) use self::exec::keep as matters;
pub(crate) use self::files::open as opening;
pub use self::opens::Hand;
pub(crate) use self::origin::Origins;
pub(crate) use self::paths::join;
pub(crate) use self::program::{answered, narrowed, stops};
pub(crate) use self::sockets::parse as peer;
pub use crate::context::Context;

/// The calls that the tracer stops at, by their numbers on this architecture. The filter in the kernel lets all
/// others pass that it does not refuse, and for some of them those that ordinary programs make all the time.
pub const TRACED: &[u32] = &calls::NUMBERS;

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
/// `first` waits in a read before it sets its filter and becomes the guest's program; [`Context::release`] lets it
/// go on. What it does before its `execve` returns is the launcher's doing and is not recorded; the `execve` is,
/// also where it fails. The same holds for each process that [`Order::Follow`] names.
///
/// A debugger inside of the guest cannot work, because a process has one tracer: `PTRACE_TRACEME` seems to succeed,
/// attaching is refused as it is for a process that is traced already.
pub fn run(first: Pid, context: Context) -> Outcome {
    run_in(first, context).0
}

/// The same, which gives back what it was given.
pub(crate) fn run_in(first: Pid, mut context: Context) -> (Outcome, Context) {
    kernel::wait_without_signals();
    let alarm = kernel::Alarm::new();
    let time = Time::new(context.clock.clone(), context.time.clone());
    let mut hand = context.hand.take();
    let mut tracer = Tracer {
        tasks: Tasks::default(),
        table: Table::new(),
        names: None,
        time,
        alarm,
        captures: content::Captures::default(),
        origins: origin::Origins::new(&context.planted),
        absent: absent::Known::new(),
        opens: opens::Opens::new(hand.as_mut()),
        watch: watch::Watch::new(context.clock.real()),
        beside: beside::Beside::new(),
        stops: 0,
        root: None,
        chrooted: false,
        foreign: 0,
        over: None,
        first: first.as_raw_nonzero().get(),
        ended: None,
        context,
    };
    if let Some(thread) = tracer.opens.beside() {
        tracer.beside.join(thread);
    }
    let probe = tracer.context.probe.clone();
    tracer.follow(first, probe);
    let shared = opens::Shared::new(tracer, hand);
    let why = until_end(&shared);
    let mut tracer = shared.hold();
    tracer.opens.end();
    tracer.kill_all();
    tracer.context.report.flush();
    let first = tracer.ended;
    drop(tracer);
    (Outcome { why, first }, shared.end().context)
}

struct Tracer {
    context: Context,
    tasks: Tasks,
    table: Table,
    /// The guest's names for pids and users.
    names: Option<task::Names>,
    time: Time,
    alarm: Option<kernel::Alarm>,
    captures: content::Captures,
    origins: origin::Origins,
    /// Paths that were not there when they were opened last.
    absent: absent::Known,
    opens: opens::Opens,
    watch: watch::Watch,
    beside: beside::Beside,
    /// Stops so far.
    stops: u64,
    /// The guest's root directory, once its first program runs.
    root: Option<rustix::fd::OwnedFd>,
    /// Whether a process of the run changed its root, so that absolute paths must be asked for.
    chrooted: bool,
    /// Calls through another door so far.
    foreign: u32,
    /// Why the run must end.
    over: Option<String>,
    first: i32,
    ended: Option<events::Ended>,
}

/// What is done about a call at its entry.
enum Next {
    /// It goes on, and its result is of no interest.
    On,
    /// It goes on, and what it returns is told.
    Later(Box<Later>),
    /// It does not happen and returns this.
    Answer(i64),
}

/// How often a busy tracer looks for orders and samples, in stops.
const STOPS_BETWEEN_LOOKS: u32 = 4096;

/// Calls through another door that a process may try before it is killed: it is a program for another machine, and
/// one that ignores every error would go on for ever.
const MOST_FOREIGN: u32 = 1000;

fn until_end(shared: &opens::Shared) -> String {
    // The alarm breaks the wait off every hundredth of a second, or sooner where time may have to be skipped: what
    // else there is to do is done then, and not at each stop.
    let mut stops = 0_u32;
    if let Some(why) = shared.hold().between() {
        return why;
    }
    loop {
        let waited = kernel::wait(true);
        let mut tracer = shared.hold();
        stops += 1;
        match waited {
            Waited::NoneLeft => {
                if let Some(why) = tracer.none_left() {
                    return why;
                }
            }
            Waited::Nothing => stops = STOPS_BETWEEN_LOOKS,
            waited => {
                tracer.stops += 1;
                tracer.take(waited);
            }
        }
        tracer.hand_back();
        if stops >= STOPS_BETWEEN_LOOKS || tracer.time.attention() {
            stops = 0;
            if let Some(why) = tracer.between() {
                return why;
            }
        }
    }
}

impl Tracer {
    /// Why the run is over, now that nothing is left of the guest; none where another process was asked for just as
    /// the last one ended.
    fn none_left(&mut self) -> Option<String> {
        if let Some(why) = self.over.take() {
            return Some(why);
        }
        match self.context.order() {
            Some(Order::Follow { process, probe }) => {
                self.follow(process, probe);
                None
            }
            Some(Order::End { why }) => Some(why),
            None => Some("all processes ended".into()),
        }
    }

    /// What is done while no stop waits: orders, the clock, samples. Says why the run is over, where it is.
    fn between(&mut self) -> Option<String> {
        while let Some(order) = self.context.order() {
            match order {
                Order::Follow { process, probe } => self.follow(process, probe),
                Order::End { why } => return Some(why),
            }
        }
        let now = self.context.clock.real();
        if now > u64::try_from(self.context.limits.wall.as_nanos()).unwrap_or(u64::MAX) {
            self.tell(Source::Host, Act::Host(HostAct::Limit { what: "time".into() }));
            return Some("time is over".into());
        }
        if self.watch.due(now) {
            self.look_around();
        }
        let sleep = self.consider(now).min(self.watch.until(self.context.clock.real()));
        self.context.report.flush();
        if let Some(alarm) = &self.alarm {
            alarm.set(sleep);
        }
        self.over.take()
    }

    fn take(&mut self, waited: Waited) {
        match waited {
            Waited::Stopped { tid, signal, event } => self.stopped(tid, signal, event),
            Waited::Gone { tid, status } => self.gone(tid, status),
            Waited::Nothing | Waited::NoneLeft => {}
        }
    }

    fn stopped(&mut self, tid: i32, signal: i32, event: i32) {
        if !self.tasks.knows(tid) {
            // A child may stop before its parent's stop tells of it: it waits until then.
            self.tasks.early(tid);
            return;
        }
        match event {
            libc::PTRACE_EVENT_SECCOMP => self.called(tid),
            libc::PTRACE_EVENT_FORK | libc::PTRACE_EVENT_VFORK | libc::PTRACE_EVENT_CLONE => {
                self.forked(tid, event);
                self.resume(tid, 0);
            }
            libc::PTRACE_EVENT_EXEC => {
                self.became(tid);
                self.resume(tid, 0);
            }
            libc::PTRACE_EVENT_STOP => self.event_stop(tid, signal),
            _ if signal == CALL_STOP => {
                self.returned(tid);
                self.resume(tid, 0);
            }
            // A guest cannot stop its own first process; the kernel lets it because somebody traces it.
            _ if signal == libc::SIGSTOP && self.tasks.is_first(tid) => self.resume(tid, 0),
            _ => {
                self.keep_asking(tid);
                self.resume(tid, signal);
            }
        }
    }

    fn event_stop(&mut self, tid: i32, signal: i32) {
        self.mark(tid);
        self.finish_wait(tid);
        if signal == libc::SIGTRAP {
            return self.resume(tid, 0);
        }
        if let Some(task) = self.tasks.get_mut(tid) {
            task.listening = true;
        }
        kernel::go(tid, Go::Listen, 0);
    }

    fn resume(&mut self, tid: i32, signal: i32) {
        let Some(task) = self.tasks.get_mut(tid) else { return };
        task.listening = false;
        let how = if task.later.is_some() { Go::ToExit } else { Go::On };
        kernel::go(tid, how, signal);
    }

    /// A tracee stands at the filter.
    fn called(&mut self, tid: i32) {
        self.time.active();
        // Whatever it waited for before is over.
        self.time.forget(tid);
        let Some(task) = self.tasks.get_mut(tid) else { return };
        task.later = None;
        task.vforking = false;
        task.broken_off = false;
        let fresh = task.fresh;
        let Some(mut call) = kernel::call(tid) else { return self.resume(tid, 0) };
        let marked = self.unmark(tid, &mut call);
        let foreign = call.arch != arch::NATIVE || call.number & arch::X32 != 0;
        let entry = if foreign { None } else { self.table.find(call.number) };
        if fresh && entry.is_none_or(|entry| !matches!(entry.kind, Kind::Exec | Kind::ExecAt)) {
            // The launcher's own steps towards the guest's first program.
            self.set_later(tid, marked, None);
            return self.resume(tid, 0);
        }
        if fresh {
            self.hear(tid);
        }
        if foreign {
            return self.foreign(tid, &call);
        }
        // A filter of the guest's own may answer in place of the sandbox's: what must not happen is not left to the
        // filter's word.
        let refused = filter::refused(call.number as u32, &call.arguments).map(u32::cast_signed);
        let next = match entry {
            Some(entry) => self.entered(tid, entry, &call),
            None => Next::Later(Box::new(Later::Kernel(self.plain(tid, "", &call)))),
        };
        match (refused, next) {
            (Some(errno), Next::Later(later)) => {
                self.finished(tid, *later, i64::from(-errno), true);
                arch::answer(tid, i64::from(-errno));
            }
            (Some(errno), Next::On) => arch::answer(tid, i64::from(-errno)),
            (_, Next::Answer(result)) => {
                if let Some((which, value)) = marked {
                    arch::set_argument(tid, which, value);
                }
                arch::answer(tid, result);
            }
            (None, Next::On) => self.set_later(tid, marked, None),
            // A filter of the guest's own asked for a tracer: without one the kernel says that there is no such
            // call.
            (None, Next::Later(_)) if entry.is_none() => arch::answer(tid, i64::from(-libc::ENOSYS)),
            (None, Next::Later(later)) => self.set_later(tid, marked, Some(later)),
        }
        self.resume(tid, 0);
    }

    /// What is to be done when the call returns; a mark is taken off it then, as the filter looks twice before.
    fn set_later(&mut self, tid: i32, marked: Option<(usize, u64)>, later: Option<Box<Later>>) {
        if let Some(task) = self.tasks.get_mut(tid) {
            task.later = match marked {
                Some((which, value)) => Some(Box::new(Later::Register { which, value, then: later })),
                None => later,
            };
        }
    }

    fn entered(&mut self, tid: i32, entry: calls::Entry, call: &kernel::Call) -> Next {
        match entry.kind {
            Kind::Exec | Kind::ExecAt => self.exec_entry(tid, entry.kind == Kind::ExecAt, call),
            Kind::File => self.file_entry(tid, entry, call),
            Kind::Look => self.look_entry(tid, entry, call),
            Kind::Net => self.net_entry(tid, entry, call),
            Kind::Duplicate => Next::Later(Box::new(Later::Duplicate(call.arguments[1] as u8))),
            Kind::Read => self.read_entry(tid, entry, call),
            Kind::Wait => self.wait_entry(tid, entry, call),
            Kind::Clock => self.clock_entry(tid, entry, call),
            Kind::Timer => self.timer_entry(tid, entry, call),
            Kind::Processors => Next::Later(Box::new(Later::Processors { address: call.arguments[2] })),
            _ => self.rights_entry(tid, entry, call),
        }
    }

    /// A call through the 32-bit door or of the x32 table: its number means something else there, and nothing here
    /// takes it apart. It does not happen.
    fn foreign(&mut self, tid: i32, call: &kernel::Call) {
        let name = if call.arch == arch::NATIVE { "x32" } else { "int80" };
        let mut told = self.plain(tid, name, call);
        let [a, b, c, d, e, _] = call.arguments;
        told.arguments = [call.number, a, b, c, d, e];
        told.result = Some(i64::from(-libc::ENOSYS));
        told.refused = true;
        self.foreign += 1;
        self.tell(Source::Call, Act::Kernel(told));
        arch::answer(tid, i64::from(-libc::ENOSYS));
        if self.foreign.is_multiple_of(MOST_FOREIGN) {
            kernel::kill(tid);
        }
        self.resume(tid, 0);
    }

    /// A call whose result matters has returned.
    fn returned(&mut self, tid: i32) {
        let Some(later) = self.tasks.get_mut(tid).and_then(|task| task.later.take()) else { return };
        let Some(result) = arch::result(tid) else { return };
        let later = match *later {
            Later::Register { which, value, then } => {
                arch::set_argument(tid, which, value);
                let Some(then) = then else { return };
                then
            }
            later => Box::new(later),
        };
        // Broken off for a signal: it is made again, or its return value is the kernel's own business.
        if (-516..=-512).contains(&result) {
            if let Some(task) = self.tasks.get_mut(tid) {
                task.broken_off = true;
            }
            return;
        }
        self.finished(tid, *later, result, false);
    }

    fn finished(&mut self, tid: i32, later: Later, result: i64, refused: bool) {
        match later {
            Later::Exec(attempt) => self.exec_failed(tid, *attempt, result),
            Later::File(act) => self.file_done(tid, act, result),
            Later::Net(act) => self.net_done(tid, act, result),
            Later::Kernel(call) => {
                if call.name == "sched_setaffinity" && result == 0 {
                    let others = self.tasks.all().map(|(other, _)| other).filter(|&other| other != tid);
                    let others = others.filter_map(Pid::from_raw).chain(self.opens.beside());
                    self.beside.part(others);
                }
                self.tell(
                    Source::Call,
                    Act::Kernel(KernelCall {
                        result: Some(result),
                        refused: call.refused || refused,
                        ..call
                    }),
                );
            }
            Later::Given { address } => self.given_more(tid, address, result),
            Later::Duplicate(number) => self.duplicated(tid, number, result),
            Later::Identity(call) => self.identity_done(tid, call, result, refused),
            Later::Renamed(name) => self.renamed(tid, name, result),
            Later::Stamps { address, layout } => self.shift_stamps(tid, address, layout, result),
            Later::Uptime { address } => self.shift_uptime(tid, address, result),
            Later::Ticks => self.shift_ticks(tid, result),
            Later::Register { which, value, then } => {
                arch::set_argument(tid, which, value);
                if let Some(then) = then {
                    self.finished(tid, *then, result, refused);
                }
            }
            Later::Timer(timer) => self.timer_done(tid, timer, result),
            Later::Processors { address } => self.beside.show_all(tid, address, result),
        }
    }

    /// Tells what happened. A run with more events than it may have ends.
    fn tell(&mut self, source: Source, act: Act) {
        // Jumps that nothing came of are told as one.
        if let Some(nanoseconds) = self.time.untold() {
            self.context.report.act(Source::Host, Act::Host(HostAct::Skipped { nanoseconds }));
        }
        if !self.context.report.act(source, act) && self.over.is_none() {
            self.over = Some("too many events".into());
            for task in self.tasks.groups() {
                kernel::kill(task);
            }
        }
    }

    /// Memory of a call could not be read. Of a task that was killed meanwhile nothing is lost: its call never
    /// happened.
    fn unreadable(&mut self, tid: i32) {
        if arch::result(tid).is_some() {
            self.lost(LostWhy::Unreadable);
        }
    }

    fn lost(&mut self, why: LostWhy) {
        self.tell(Source::Host, Act::Host(HostAct::Lost { why, count: 1 }));
    }
}
