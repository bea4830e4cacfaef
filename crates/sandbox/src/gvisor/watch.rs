//! Follows a run of gVisor to its end.

use super::launch::{Further, Runtime};
use super::points::{self, GREETING};
use super::tracks::{Loss, Tracks};
use super::tree::Tree;
use super::{calls, lines};
use crate::context::{Context, Order};
use crate::error::Failure;
use crate::trace::Outcome;
use events::HostAct;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, OwnedFd};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use std::collections::VecDeque;

/// How often is looked up from waiting.
const TICK: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

/// The longest message and the longest line of the log. gVisor's own messages end at what a socket holds.
const LONGEST_MESSAGE: usize = 1 << 20;
const LONGEST_LINE: usize = 64 << 10;

/// How many bytes of messages are taken in before anything else is looked at, and how many lines wait for them.
const AT_ONCE: usize = 4 << 20;
const MOST_LINES: usize = 50_000;

/// Runs the container that waits as `first`, until it ends or an order says to end it.
pub(crate) fn watch(first: Pid, mut context: Context, runtime: &Runtime) -> Result<Outcome, Failure> {
    let tree = Tree::new(runtime, clone(&context.upper)?, context.captures.take(), &context.planted)?;
    let mut watch = Watch {
        tracks: Tracks::new(context.report.another(), tree),
        runtime,
        points: None,
        message: vec![0; LONGEST_MESSAGE],
        line: Vec::new(),
        too_long: false,
        lines: VecDeque::new(),
        held: VecDeque::new(),
        context,
    };
    let probe = std::mem::take(&mut watch.context.probe);
    watch.context.release(first);
    let why = watch.until_end(first, &probe);
    // What was said before the end is still in the pipes.
    while watch.take(&probe) {}
    watch.started_further();
    watch.tracks.finish(runtime.further().len());
    let ended = watch.tracks.first;
    let why = match why {
        End::Order(why) => why,
        End::Itself(code) if !watch.tracks.began => {
            let reason = runtime.reason().unwrap_or_else(|| format!("runsc ended with {code}"));
            return Ok(Outcome {
                why: format!("the guest could not be started: gVisor says: {reason}"),
                first: None,
            });
        }
        End::Itself(_) => "all processes ended".to_owned(),
    };
    Ok(Outcome { why, first: ended })
}

enum End {
    /// With this code of `runsc`.
    Itself(i32),
    Order(String),
}

struct Watch<'a> {
    context: Context,
    tracks: Tracks,
    runtime: &'a Runtime,
    /// Where trace points come in, once gVisor has connected.
    points: Option<OwnedFd>,
    message: Vec<u8>,
    line: Vec<u8>,
    too_long: bool,
    /// Lines of calls that were not told yet, with their times.
    lines: VecDeque<(u64, String)>,
    /// Further processes, which wait until the container runs.
    held: VecDeque<Pid>,
}

impl Watch<'_> {
    fn until_end(&mut self, first: Pid, probe: &str) -> End {
        loop {
            while let Some(order) = self.context.order() {
                match order {
                    Order::Follow { process, .. } => self.held.push_back(process),
                    Order::End { why } => return End::Order(why),
                }
            }
            if self.context.clock.real()
                > u64::try_from(self.context.limits.wall.as_nanos()).unwrap_or(u64::MAX)
            {
                self.tracks.tell_host(HostAct::Limit { what: "time".to_owned() });
                return End::Order("time is over".to_owned());
            }
            self.wait();
            let more = self.take(probe);
            if let Some(why) = self.tracks.over.take() {
                return End::Order(why);
            }
            if !self.held.is_empty() && self.runtime.runs() {
                while let Some(process) = self.held.pop_front() {
                    self.context.release(process);
                }
            }
            self.started_further();
            if !more {
                self.tracks.flush();
            }
            if let Some(code) = self.reap(first) {
                return End::Itself(code);
            }
        }
    }

    fn wait(&mut self) {
        let mut watched = vec![
            PollFd::new(&self.runtime.log, PollFlags::IN),
            match &self.points {
                Some(points) => PollFd::new(points, PollFlags::IN),
                None => PollFd::new(&self.runtime.sink, PollFlags::IN),
            },
        ];
        let _ = poll(&mut watched, Some(&TICK));
    }

    /// Takes in what there is; false where there is nothing.
    ///
    /// Messages and lines are told in the order of their times, and a line only when all messages before it were
    /// read: whoever it speaks of is known then, and a file that was moved is found where it is when it runs.
    fn take(&mut self, probe: &str) -> bool {
        if self.points.is_none() {
            self.greet();
        }
        let ripe = self.lines.len();
        let (messages, all) = self.messages();
        let read = self.read_log();
        let mut ripe = if all { ripe } else { 0 };
        for message in &messages {
            let packet = points::packet(message);
            let time = packet.as_ref().map_or(0, points::Packet::time);
            while let Some((_, line)) = self.lines.pop_front_if(|(at, _)| *at <= time) {
                ripe = ripe.saturating_sub(1);
                self.tell(&line);
            }
            match packet {
                Some(packet) => self.tracks.take(&packet, probe, &self.runtime.first),
                None => self.tracks.lose(Loss::Unclear, 1),
            }
        }
        for _ in 0..ripe {
            if let Some((_, line)) = self.lines.pop_front() {
                self.tell(&line);
            }
        }
        read || !messages.is_empty() || ripe > 0
    }

    /// Messages that have come, and whether those are all.
    fn messages(&mut self) -> (Vec<Vec<u8>>, bool) {
        let (mut messages, mut length) = (Vec::new(), 0);
        while length < AT_ONCE {
            match self.message() {
                Some(message) => {
                    length += message.len().max(64);
                    messages.push(message);
                }
                None => return (messages, true),
            }
        }
        (messages, false)
    }

    fn message(&mut self) -> Option<Vec<u8>> {
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        let length = match recv(self.points.as_ref()?, &mut self.message, flags) {
            Ok((_, 0)) | Err(_) => return None,
            Ok((_, length)) => length,
        };
        // One that is longer than any that gVisor sends is no message, which is told as such.
        Some(self.message.get(..length).map(<[u8]>::to_vec).unwrap_or_default())
    }

    /// Reads the log as far as it goes; false where there was nothing.
    fn read_log(&mut self) -> bool {
        let mut any = false;
        let mut log = vec![0; LONGEST_LINE];
        while self.lines.len() < MOST_LINES {
            let Ok(read @ 1..) = rustix::io::read(&self.runtime.log, &mut log[..]) else { break };
            any = true;
            for &byte in log.iter().take(read) {
                if byte == b'\n' {
                    self.line_ends();
                } else if self.line.len() < LONGEST_LINE {
                    self.line.push(byte);
                } else {
                    self.too_long = true;
                }
            }
        }
        any
    }

    fn line_ends(&mut self) {
        let line = std::mem::take(&mut self.line);
        let whole = !std::mem::take(&mut self.too_long);
        match Some(line).filter(|_| whole).and_then(|line| lines::message(&line)) {
            // Most of what gVisor notes is of no call.
            Some((_, message)) if lines::read(&message) == lines::Read::Other => {}
            Some(timed) => self.lines.push_back(timed),
            None => self.tracks.lose(Loss::Unclear, 1),
        }
    }

    fn tell(&mut self, line: &str) {
        match lines::read(line) {
            lines::Read::Call(line) => calls::tell(&mut self.tracks, &line),
            lines::Read::Other => {}
            lines::Read::Unclear => self.tracks.lose(Loss::Unclear, 1),
        }
    }

    /// gVisor connects once, before the guest begins.
    fn greet(&mut self) {
        let Ok(points) = accept_with(&self.runtime.sink, SocketFlags::CLOEXEC) else { return };
        let mut said = [0; 64];
        // It speaks first, from outside of the guest.
        let heard = loop {
            match recv(&points, &mut said, RecvFlags::empty()) {
                Err(Errno::INTR) => {}
                heard => break heard,
            }
        };
        if heard.is_ok() && send(&points, GREETING, SendFlags::NOSIGNAL).is_ok() {
            self.points = Some(points);
        }
    }

    /// Tells of further processes whose numbers `runsc` has written down.
    fn started_further(&mut self) {
        let tracks = &mut self.tracks;
        self.runtime.further().retain(|Further { start, number }| {
            let number = super::launch::written(number).trim().parse().ok();
            let Some(number) = number else { return true };
            tracks.joined(number, start);
            false
        });
    }

    /// Waits for whoever has ended; the code of the first, where it has.
    fn reap(&mut self, first: Pid) -> Option<i32> {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((process, status))) if process == first => {
                    let signal = status.terminating_signal().map(|signal| 128 + signal);
                    return Some(status.exit_status().or(signal).unwrap_or(-1));
                }
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return None,
                Err(_) => return Some(-1),
            }
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        // Whoever still waits to be started never will be.
        for process in self.held.drain(..) {
            let _ = kill_process(process, Signal::KILL);
        }
    }
}

fn clone(descriptor: &OwnedFd) -> Result<OwnedFd, Failure> {
    use crate::error::Step;
    descriptor.as_fd().try_clone_to_owned().step("hold the upper directory")
}
