//! Looks at the guest from outside, once a second: what its processes use, and whether its own view of them is
//! whole.

use super::Tracer;
use super::paths::link;
use events::{Act, HostAct, Process, Source};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::process::Pid;

const SECOND: u64 = 1_000_000_000;

/// The most processes that are sampled each second.
const MOST: usize = 512;

/// When it was looked last.
#[derive(Debug)]
pub(super) struct Watch {
    next: u64,
}

impl Watch {
    pub(super) fn new(now: u64) -> Self {
        Self { next: now.saturating_add(SECOND) }
    }

    pub(super) fn due(&self, now: u64) -> bool {
        now >= self.next
    }

    pub(super) fn until(&self, now: u64) -> u64 {
        self.next.saturating_sub(now).max(1)
    }
}

/// What `/proc/PID/stat` says, as far as it is told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Status {
    pub(super) state: u8,
    user: u64,
    system: u64,
    threads: u32,
    resident: u64,
}

/// Takes the line apart. The name in it is the guest's and may hold anything, but nothing after it does.
pub(super) fn status(line: &[u8]) -> Option<Status> {
    let after = line.iter().rposition(|&byte| byte == b')')?;
    let fields = std::str::from_utf8(line.get(after + 1..)?).ok()?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let number = |index: usize| fields.get(index).and_then(|field| field.parse::<u64>().ok());
    Some(Status {
        state: *fields.first()?.as_bytes().first()?,
        user: number(11)?,
        system: number(12)?,
        threads: number(17).and_then(|threads| u32::try_from(threads).ok())?,
        resident: number(21)?,
    })
}

/// Nanoseconds of a tick in which the kernel tells times of processes.
const TICK: u64 = 10_000_000;

const PAGE: u64 = 4096;

impl Tracer {
    pub(super) fn look_around(&mut self) {
        let now = self.context.clock.real();
        let elapsed = now.saturating_sub(self.watch.next).saturating_add(SECOND);
        self.watch.next = now.saturating_add(SECOND);
        self.refresh_uptime();
        let mut ran = 0;
        for group in self.tasks.groups().into_iter().take(MOST) {
            let Some(process) = self.tasks.group(group).map(|group| group.leader) else { continue };
            let Ok(line) = std::fs::read(format!("/proc/{group}/stat")) else { continue };
            let Some(status) = status(&line) else { continue };
            let used = HostAct::Used {
                process,
                user: status.user.saturating_mul(TICK),
                system: status.system.saturating_mul(TICK),
                threads: status.threads,
                resident: status.resident.saturating_mul(PAGE),
            };
            ran += status.user.saturating_add(status.system).saturating_mul(TICK);
            self.tell(Source::Host, Act::Host(used));
            self.compare_views(group, process);
        }
        let tasks = self.tasks.all().filter_map(|(tid, _)| Pid::from_raw(tid)).chain(self.opens.beside());
        self.beside.look(self.stops, ran, elapsed, tasks);
    }

    /// A process that lives has to be seen by the guest's own `/proc`, as itself.
    fn compare_views(&mut self, group: i32, process: Process) {
        let Some((pid, false)) = self.tasks.group(group).map(|group| (group.pid, group.hidden)) else {
            return;
        };
        let Some(root) = &self.root else { return };
        if pid == 0 || self.tasks.get(group).is_none_or(|task| task.fresh) {
            return;
        }
        let asked = format!("/proc/{pid}");
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        let stat = rustix::fs::openat2(root, format!("{asked}/stat"), flags, Mode::empty(), resolve);
        let line = stat.ok().and_then(|file| {
            let mut line = vec![0; 512];
            let read = rustix::io::read(&file, &mut line[..]).ok()?;
            line.truncate(read);
            Some(line)
        });
        let itself = line.is_some_and(|line| {
            let number = format!("{pid} ");
            line.starts_with(number.as_bytes()) || line.starts_with(format!("{group} ").as_bytes())
        });
        // It may have ended between the two looks.
        let lives = || link(&format!("/proc/{group}/exe")).is_some();
        if !itself && lives() {
            if let Some(group) = self.tasks.group_mut(group) {
                group.hidden = true;
            }
            self.tell(Source::Host, Act::Host(HostAct::Hidden { process, asked }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_forge_what_comes_after_it() {
        let rest = "S 1 1 1 0 -1 4194304 9 0 0 0 7 3 0 0 20 0 2 0 5 1000000 25 18446744073709551615";
        let check = |name: &str, expect: Option<u64>| {
            let line = format!("77 ({name}) {rest}");
            assert_eq!(status(line.as_bytes()).map(|status| status.user), expect, "{name}");
        };
        check("sh", Some(7));
        check("x) R 0 0 0 (y", Some(7));
        check("\u{fffd}\n", Some(7));
        assert_eq!(status(b"77 (sh"), None);
        assert_eq!(status(b"77 (sh) S 1"), None);
    }
}
