//! The half that lives in the guest's user namespace: it makes the sandbox, starts the guest and traces it.

use super::child::{self, Place};
use super::groups::{Groups, counted};
use super::identity::{self, Ids};
use super::root::{self, Laid};
use super::steward::{Entered, Mapped, clone_tree};
use crate::calls::{self, Fork};
use crate::changes::{self, Planted};
use crate::clock::Clock;
use crate::context::{Context, Order};
use crate::error::{Failure, Step};
use crate::gvisor::{self, Runtime};
use crate::message::{self, Answer, Ask, Ending};
use crate::network::{self, Made};
use crate::report::Reporter;
use crate::spec::{Engine, Limits, Owners, Scratch, Spec, Start};
use crate::trace::Hand;
use events::HostAct;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::RecvFlags;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, WaitOptions, pidfd_open, pidfd_send_signal};
use rustix::thread::UnshareFlags;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;
use std::time::Duration;

/// What joins the warden with the parent.
pub(super) struct Streams<'a> {
    pub(super) control: &'a OwnedFd,
    pub(super) clock: OwnedFd,
    pub(super) events: OwnedFd,
    pub(super) ending: OwnedFd,
    pub(super) output: OwnedFd,
    pub(super) errors: OwnedFd,
    pub(super) further: OwnedFd,
}

/// How often the tracer looks up from its waiting.
const TICK: Duration = Duration::from_millis(10);

/// How long a process may take until it is ready to become the guest's program.
const READY_WITHIN: Timespec = Timespec { tv_sec: 20, tv_nsec: 0 };

/// Makes the sandbox, runs the guest in it to its end, and then answers the parent until it has heard enough.
pub(super) fn run(
    spec: Spec,
    ids: Ids,
    steward: &OwnedFd,
    streams: Streams<'_>,
    groups: &Groups,
) -> Result<(), Failure> {
    let mut limitations = Vec::new();
    let (mut trees, hand) = enter(&spec, ids, steward, &mut limitations)?;
    let program = match spec.engine {
        Engine::Native => None,
        Engine::Gvisor(_) if ids == Ids::Single => {
            return Err(Failure::new(
                "start gVisor without being root; the native engine needs no root",
                Errno::PERM,
            ));
        }
        Engine::Gvisor(_) => trees.pop(),
    };
    let clock = Clock::map(streams.clock.try_clone().step("hold the clock")?).step("map the clock")?;
    if crate::time::align(&clock, spec.time.uptime).is_err() {
        limitations.push("the guest's uptime could not be set: it sees the host's".to_owned());
    }
    let mut laid = root::lay(&spec, trees, &mut limitations)?;
    let mut planted = super::planting::plant(&spec, &laid, &mut limitations);
    let mut network = network::make(spec.network.as_ref(), &mut limitations)?;
    network.doors.named = super::planting::sockets(&spec, &laid, &mut planted);
    limit(&spec, groups, &mut limitations);
    if ids == Ids::Single {
        one_user(&spec, &mut limitations);
    }
    let runtime = program.map(|program| Runtime::make(program, &spec, &laid.root)).transpose()?;
    if runtime.is_some() {
        limitations.extend(gvisor::LIMITATIONS.iter().map(|limitation| (*limitation).to_owned()));
    }
    let stdin = child::stdin(spec.start.stdin)?;
    let place = Place {
        groups,
        laid: &laid,
        hostname: &spec.hostname,
        limits: of_processes(&spec),
        output: streams.output.as_fd(),
        errors: streams.errors.as_fd(),
        one_user: ids == Ids::Single,
        door: hand.as_ref().map(Hand::door),
        runtime: runtime.as_ref(),
    };
    network.enter_guest().step("enter the guest's network")?;
    let (first, gate, words) =
        split(&spec.start, &stdin.ours, |start, stdin| child::first(&place, start, stdin))?;
    let alive = pidfd_open(first, PidfdFlags::empty()).step("hold the guest's first process")?;
    let door = hand.as_ref().map(|hand| hand.door().try_clone_to_owned()).transpose();
    let door = door.step("hold the way to the tracer")?;
    let joined = Arc::new(
        child::Joined::of(first, &network, &groups.limited, door, runtime)
            .step("hold the guest's namespaces")?,
    );
    let doors = &network.doors;
    // The upper directory goes with them.
    let beside = [&doors.tcp, &doors.udp, &doors.raw, &doors.packets, &doors.named]
        .map(Vec::len)
        .iter()
        .sum::<usize>();
    // gVisor takes the address from the card, so that these would lead nowhere.
    if joined.runtime.is_none() {
        network.doors.inward = network::inward(beside + 1)?;
    }
    network.leave_guest().step("leave the guest's network")?;
    planted.extend(laid.made_by_runtime());
    ready(&streams, &network, &laid, &limitations)?;

    let report = Reporter::new(File::from(streams.events), clock.clone(), spec.limits.events);
    let control = streams.control.try_clone().step("hold the socket")?;
    let output = (streams.output, streams.errors);
    let limits = of_processes(&spec);
    let doors: Vec<OwnedFd> = groups.doors.iter().filter_map(|door| door.try_clone().ok()).collect();
    let mut waiting = vec![(first, gate)];
    let mut first_orders = std::collections::VecDeque::new();
    for start in &spec.decoys.beside {
        let stdin = child::stdin(start.stdin)?;
        joined.announce(start)?;
        let beside = split(start, &stdin.ours, |start, stdin| {
            let standard = [stdin, output.0.as_fd(), output.1.as_fd()];
            child::more(&joined, &doors, start, standard, &limits, ids == Ids::Single)
        });
        match beside {
            Ok((process, gate, _)) => {
                waiting.push((process, gate));
                first_orders.push_back(Order::Follow { process, probe: start.probe.clone() });
            }
            Err(failure) => limitations.push(format!("{} could not be started: {failure}", start.probe)),
        }
    }
    let source = orders(control, Arc::clone(&joined), output, doors, limits, ids == Ids::Single);
    let context = Context {
        report,
        clock: clock.clone(),
        time: spec.time.clone(),
        limits: spec.limits.clone(),
        captures: laid.captures.take(),
        upper: laid.upper.try_clone().step("hold the upper directory")?,
        uptime: laid.uptime.take(),
        planted: planted.iter().map(|planted| planted.asked.clone()).collect(),
        probe: spec.start.probe.clone(),
        on_connect: network.on_connect(streams.further),
        hand,
        waiting,
        orders: first_orders,
        source,
    };
    calls::tick(TICK).step("set the timer")?;
    let mut report = context.report.another();
    let outcome = match &joined.runtime {
        None => crate::trace::run(first, context),
        Some(runtime) => gvisor::watch(first, context, runtime)?,
    };
    let _ = calls::still();
    let why =
        last_words(words).map_or(outcome.why, |failure| format!("the guest could not be started: {failure}"));
    kill(&alive);
    tell_limits(groups, &laid, &spec, &mut report);
    report.finish();
    report.say(HostAct::Finished { why: why.clone() });
    report.flush();
    drop(report);
    let ending = postcard::to_allocvec(&Ending { why, first: outcome.first }).unwrap_or_default();
    let _ = File::from(streams.ending).write_all(&ending);
    serve(streams.control, &laid, &planted);
    Ok(())
}

/// The limits of each process: in memory the whole tree is bounded, so that a file need not be.
fn of_processes(spec: &Spec) -> Limits {
    let disk = if spec.root.scratch == Scratch::Memory { u64::MAX } else { spec.limits.disk };
    Limits { disk, ..spec.limits.clone() }
}

/// What a guest with one user cannot do.
fn one_user(spec: &Spec, limitations: &mut Vec<String>) {
    limitations.push(
        "the guest has one user: changing owners and becoming another user fail in it; run as root to have 65,536"
            .to_owned(),
    );
    if spec.root.owners == Owners::Guest {
        limitations.push(
            "the tree belongs to users that the guest does not have: what is theirs cannot be changed in it; unpack \
             the image instead"
                .to_owned(),
        );
    }
}

/// Enters a user namespace of its own, and the namespaces that belong to it.
fn enter(
    spec: &Spec,
    ids: Ids,
    steward: &OwnedFd,
    limitations: &mut Vec<String>,
) -> Result<(Vec<OwnedFd>, Option<Hand>), Failure> {
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    calls::unshare(UnshareFlags::NEWUSER).step("make a user namespace")?;
    let mut trees = Vec::new();
    match ids {
        Ids::Range(_) => {
            message::send(steward, &Entered::Mine, &[]).step("ask for ids")?;
            let answer = message::receive::<Mapped>(steward, RecvFlags::empty()).step("be given ids")?;
            let (said, given) = answer.ok_or_else(|| Failure::new("be given ids", Errno::PIPE))?;
            said?;
            trees = given;
            rustix::thread::set_thread_groups(&[]).step("leave all groups")?;
            let (uid, gid) = (rustix::process::Uid::ROOT, rustix::process::Gid::ROOT);
            rustix::thread::set_thread_res_gid(gid, gid, gid).step("become the guest's root")?;
            rustix::thread::set_thread_res_uid(uid, uid, uid).step("become the guest's root")?;
            rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)
                .step("own our own files in /proc")?;
        }
        Ids::Single => {
            let inside = (spec.start.user.uid, spec.start.user.gid);
            identity::map_as("/proc/self".as_ref(), ids, inside, own)
                .step("map the id of the user namespace")?;
        }
    }
    // What becoming another user took from it, see prctl(2).
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    // While it may still be started: who has set other namespaces for its children has no more threads.
    let hand = match spec.engine {
        Engine::Native => Some(Hand::begin().step("start a thread")?),
        Engine::Gvisor(_) => None,
    };
    calls::unshare(UnshareFlags::NEWNS).step("make a mount namespace")?;
    calls::unshare(UnshareFlags::NEWPID).step("make a pid namespace")?;
    if calls::unshare(UnshareFlags::NEWTIME).is_err() {
        limitations
            .push("there are no time namespaces: the guest sees how long the host has been up".to_owned());
    }
    if ids == Ids::Single {
        for lower in &spec.root.lower {
            trees.push(clone_tree(lower)?);
        }
        if let Scratch::Directory(scratch) = &spec.root.scratch {
            trees.push(clone_tree(scratch)?);
        }
        if let Some(captures) = &spec.captures {
            trees.push(clone_tree(captures)?);
        }
    }
    Ok((trees, hand))
}

fn limit(spec: &Spec, groups: &Groups, limitations: &mut Vec<String>) {
    for (controller, what) in
        [("memory", "memory"), ("pids", "the number of processes"), ("cpu", "the processor")]
    {
        if !groups.limited.contains(&controller) {
            limitations.push(format!(
                "no control group limits {what}: only what one process may use is bounded; run as root, or delegate \
                 the {controller} controller"
            ));
        }
    }
    if matches!(spec.root.scratch, Scratch::Directory(_)) {
        limitations.push(
            "the guest's writes are bounded by file only, not in all: use memory as scratch".to_owned(),
        );
    }
}

/// Splits off a process that gets ready and then waits at its gate; what it says after that comes out of the pipe.
fn split(
    start: &Start,
    stdin: &OwnedFd,
    become_guest: impl FnOnce(&Start, BorrowedFd<'_>) -> Result<child::Prepared, Failure>,
) -> Result<(Pid, OwnedFd, OwnedFd), Failure> {
    let (gate_inside, gate) = pipe_with(PipeFlags::CLOEXEC).step("make a pipe")?;
    let (words, words_inside) = pipe_with(PipeFlags::CLOEXEC).step("make a pipe")?;
    match calls::fork().step("start a process in the guest")? {
        Fork::Child => {
            drop((gate, words));
            let _ = calls::still();
            let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
            // Whether the warden died before that is not seen from another pid namespace, where its number is 0
            // both ways: the gate, which only a living warden opens, tells it.
            child::run(become_guest(start, stdin.as_fd()), &gate_inside, &words_inside)
        }
        Fork::Parent(process) => {
            drop((gate_inside, words_inside));
            let heard = hear(&words);
            if let Err(failure) = heard {
                let _ = rustix::process::kill_process(process, Signal::KILL);
                let _ = wait_for(process);
                return Err(failure);
            }
            Ok((process, gate, words))
        }
    }
}

/// Waits until a process says that it is ready, or why it is not.
fn hear(words: &OwnedFd) -> Result<(), Failure> {
    loop {
        match poll(&mut [PollFd::new(words, PollFlags::IN)], Some(&READY_WITHIN)) {
            Ok(0) => return Err(Failure::new("wait for the guest's first process", Errno::TIMEDOUT)),
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(Failure::new("wait for the guest's first process", errno)),
            Ok(_) => {}
        }
        let mut bytes = [0; 4096];
        match rustix::io::read(words, &mut bytes) {
            Err(Errno::INTR) => {}
            Ok(read) if read > 0 => {
                let said = bytes.get(..read).and_then(|bytes| postcard::from_bytes(bytes).ok());
                return said
                    .unwrap_or_else(|| Err(Failure::new("understand the first process", Errno::BADMSG)));
            }
            _ => return Err(Failure::new("hear from the guest's first process", Errno::PIPE)),
        }
    }
}

/// What a process said after it was released: why it did not become the guest's program.
fn last_words(words: OwnedFd) -> Option<Failure> {
    let flags = rustix::fs::fcntl_getfl(&words).ok()?;
    rustix::fs::fcntl_setfl(&words, flags | rustix::fs::OFlags::NONBLOCK).ok()?;
    let mut bytes = [0; 4096];
    let read = rustix::io::read(&words, &mut bytes).ok().filter(|read| *read > 0)?;
    postcard::from_bytes::<Result<(), Failure>>(bytes.get(..read)?).ok()?.err()
}

fn ready(streams: &Streams<'_>, network: &Made, laid: &Laid, limitations: &[String]) -> Result<(), Failure> {
    let doors = &network.doors;
    let lists = [&doors.tcp, &doors.udp, &doors.raw, &doors.packets, &doors.inward, &doors.named];
    let mut with: Vec<BorrowedFd<'_>> = lists.iter().flat_map(|list| list.iter().map(AsFd::as_fd)).collect();
    with.push(laid.upper.as_fd());
    let [tcp, udp, raw, packets, inward, named] = lists.map(Vec::len);
    let answer = Answer::Ready { limitations: limitations.to_vec(), tcp, udp, raw, packets, inward, named };
    message::send(streams.control, &answer, &with).step("tell the parent that the guest is ready")
}

/// Where the tracer's orders come from: what the parent asks, made into processes that wait.
fn orders(
    control: OwnedFd,
    joined: Arc<child::Joined>,
    output: (OwnedFd, OwnedFd),
    doors: Vec<OwnedFd>,
    limits: Limits,
    one_user: bool,
) -> Box<dyn FnMut() -> Option<(Order, Option<OwnedFd>)> + Send> {
    let mut held = Vec::new();
    Box::new(move || {
        let (asked, mut with) = match message::receive::<Ask>(&control, RecvFlags::DONTWAIT) {
            Err(Errno::AGAIN) => return None,
            Ok(Some(asked)) => asked,
            Ok(None) | Err(_) => return Some((Order::End { why: "cancelled".to_owned() }, None)),
        };
        match asked {
            Ask::End { why } => Some((Order::End { why }, None)),
            Ask::Changes => {
                let failure = Failure::new("tell changes while the guest runs", Errno::BUSY);
                let _ = message::send(&control, &Answer::Failed(failure), &[]);
                None
            }
            Ask::Start => {
                let memory = with.pop().ok_or(Errno::BADMSG);
                let started = memory
                    .and_then(message::from_memory::<Start>)
                    .step("read what to start")
                    .and_then(|start| {
                        let stdin = child::stdin(start.stdin)?;
                        joined.announce(&start)?;
                        let began = split(&start, &stdin.ours, |start, stdin| {
                            let standard = [stdin, output.0.as_fd(), output.1.as_fd()];
                            child::more(&joined, &doors, start, standard, &limits, one_user)
                        });
                        held.extend(stdin.theirs);
                        // Its words after this are told by how it ends.
                        began.map(|(process, gate, _)| (process, gate, start.probe))
                    });
                let answer = started
                    .as_ref()
                    .map_or_else(|failure| Answer::Failed(failure.clone()), |_| Answer::Started);
                let _ = message::send(&control, &answer, &[]);
                let (process, gate, probe) = started.ok()?;
                Some((Order::Follow { process, probe }, Some(gate)))
            }
        }
    })
}

/// Kills the guest's first process, and with it all that is in its pid namespace.
fn kill(first: &OwnedFd) {
    let _ = pidfd_send_signal(first, Signal::KILL);
    while wait_for_any() {}
}

fn wait_for(process: Pid) -> bool {
    loop {
        match rustix::process::waitpid(Some(process), WaitOptions::empty()) {
            Err(Errno::INTR) => {}
            result => return result.is_ok(),
        }
    }
}

/// Waits for one child; false where there is none. Whoever is in the namespace of a dead first process is killed by
/// the kernel, so this ends.
fn wait_for_any() -> bool {
    !matches!(rustix::process::wait(WaitOptions::empty()), Err(Errno::CHILD))
}

fn tell_limits(groups: &Groups, laid: &Laid, spec: &Spec, report: &mut Reporter) {
    for (what, mut counter) in groups.counters.iter().map(|(what, counter)| (*what, counter)) {
        let mut text = String::new();
        let read = counter.rewind().and_then(|()| counter.take(4096).read_to_string(&mut text));
        if read.is_ok() && counted(&text) {
            report.say(HostAct::Limit { what: what.to_owned() });
        }
    }
    if spec.root.scratch == Scratch::Memory
        && rustix::fs::fstatvfs(&laid.upper).is_ok_and(|space| space.f_bfree == 0)
    {
        report.say(HostAct::Limit { what: "disk".to_owned() });
    }
}

/// Answers questions about what is left of the run, until the parent has no more.
fn serve(control: &OwnedFd, laid: &Laid, planted: &[Planted]) {
    while let Ok(Some((asked, _))) = message::receive::<Ask>(control, RecvFlags::empty()) {
        let answer = match asked {
            Ask::Changes => {
                changes::tell(control, laid.upper.as_fd(), &laid.lowers, planted);
                Answer::NoMore
            }
            Ask::Start => Answer::Failed(Failure::new("start a process after the end", Errno::SRCH)),
            Ask::End { .. } => continue,
        };
        if message::send(control, &answer, &[]).is_err() {
            return;
        }
    }
}
