//! Control groups: what keeps memory, processes and processors of a guest bounded, and what kills all of it at
//! once. Version 1, version 2, and both side by side.

use crate::spec::Limits;
use rustix::fd::OwnedFd;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The groups of one run.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    directories: Vec<PathBuf>,
    /// Where a process writes 0 to join them.
    pub(crate) doors: Vec<OwnedFd>,
    /// Files that count how often a limit was met, by what it limits.
    pub(crate) counters: Vec<(&'static str, File)>,
    /// What is limited.
    pub(crate) limited: Vec<&'static str>,
}

const MEMORY: &str = "memory";
const PROCESSES: &str = "pids";
const PROCESSOR: &str = "cpu";
const PERIOD: u64 = 100_000;

impl Groups {
    /// Makes what can be made; what cannot is missing from `limited`.
    pub(crate) fn make(limits: &Limits) -> Self {
        let mut groups = Self::default();
        let name = format!("roadstead-{}", rustix::process::getpid().as_raw_nonzero());
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        for mount in mounts.lines().filter_map(Mount::read) {
            if mount.second {
                groups.make_second(&mount, &own, &name, limits);
            } else {
                groups.make_first(&mount, &own, &name, limits);
            }
        }
        groups
    }

    /// Kills all that is in them.
    pub(crate) fn kill(&self) {
        for directory in &self.directories {
            if fs::write(directory.join("cgroup.kill"), "1").is_err() {
                for process in processes(directory) {
                    let _ = rustix::process::kill_process(process, rustix::process::Signal::KILL);
                }
            }
        }
    }

    /// Takes them away, once they are empty; the first that could not be.
    pub(crate) fn remove(&self, within: Duration) -> Result<(), PathBuf> {
        let began = Instant::now();
        for directory in &self.directories {
            while let Err(error) = fs::remove_dir(directory) {
                if error.kind() == std::io::ErrorKind::NotFound {
                    break;
                }
                if began.elapsed() > within {
                    return Err(directory.clone());
                }
                self.kill();
                std::thread::sleep(Duration::from_millis(2));
            }
        }
        Ok(())
    }

    fn make_first(&mut self, mount: &Mount, own: &str, name: &str, limits: &Limits) {
        let Some(&controller) = [MEMORY, PROCESSES, PROCESSOR]
            .iter()
            .find(|controller| mount.controllers.iter().any(|had| had == *controller))
        else {
            return;
        };
        if self.limited.contains(&controller) {
            return;
        }
        let directory = mount.directory(own, controller).join(name);
        if fs::create_dir(&directory).is_err() {
            return;
        }
        let set = |file: &str, value: u64| fs::write(directory.join(file), value.to_string()).is_ok();
        let (works, counter) = match controller {
            MEMORY => {
                let works = set("memory.limit_in_bytes", limits.memory);
                set("memory.memsw.limit_in_bytes", limits.memory);
                (works, Some("memory.oom_control"))
            }
            PROCESSES => (set("pids.max", limits.processes.into()), Some("pids.events")),
            _ => {
                set("cpu.cfs_period_us", PERIOD);
                (set("cpu.cfs_quota_us", u64::from(limits.cpu) * PERIOD / 100), None)
            }
        };
        self.take(directory, controller, works, counter);
    }

    fn make_second(&mut self, mount: &Mount, own: &str, name: &str, limits: &Limits) {
        // A group that holds processes, as ours does, cannot hand controllers down; the topmost can.
        for above in [mount.point.clone(), mount.directory(own, "")] {
            for controller in [MEMORY, PROCESSES, PROCESSOR] {
                let _ = fs::write(above.join("cgroup.subtree_control"), format!("+{controller}"));
            }
            let directory = above.join(name);
            if fs::create_dir(&directory).is_err() {
                continue;
            }
            let set = |file: &str, value: String| fs::write(directory.join(file), value).is_ok();
            let quota = u64::from(limits.cpu) * PERIOD / 100;
            let works = [
                (MEMORY, set("memory.max", limits.memory.to_string()), Some("memory.events")),
                (PROCESSES, set("pids.max", limits.processes.to_string()), Some("pids.events")),
                (PROCESSOR, set("cpu.max", format!("{quota} {PERIOD}")), None),
            ];
            set("memory.swap.max", "0".into());
            for (controller, works, counter) in works {
                self.note(&directory, controller, works, counter);
            }
            self.take(directory, "", false, None);
            return;
        }
    }

    fn take(&mut self, directory: PathBuf, controller: &'static str, works: bool, counter: Option<&str>) {
        // The right to move a process is checked against who opened the file, which is still us here.
        let Ok(door) = File::options().write(true).open(directory.join("cgroup.procs")) else {
            let _ = fs::remove_dir(&directory);
            return;
        };
        self.doors.push(door.into());
        self.note(&directory, controller, works, counter);
        self.directories.push(directory);
    }

    fn note(&mut self, directory: &Path, controller: &'static str, works: bool, counter: Option<&str>) {
        if !works || self.limited.contains(&controller) {
            return;
        }
        self.limited.push(controller);
        let what = if controller == MEMORY { "memory" } else { "processes" };
        if let Some(file) = counter.and_then(|counter| File::open(directory.join(counter)).ok()) {
            self.counters.push((what, file));
        }
    }
}

/// Whether one of the lines that count refusals and kills has counted any.
pub(crate) fn counted(text: &str) -> bool {
    text.lines().any(|line| {
        let (name, count) = line.split_once(' ').unwrap_or((line, "0"));
        matches!(name, "oom_kill" | "max") && count.trim() != "0"
    })
}

fn processes(directory: &Path) -> Vec<rustix::process::Pid> {
    let text = fs::read_to_string(directory.join("cgroup.procs")).unwrap_or_default();
    text.lines().filter_map(|line| rustix::process::Pid::from_raw(line.parse().ok()?)).collect()
}

/// A hierarchy that is mounted.
#[derive(Debug, PartialEq, Eq)]
struct Mount {
    second: bool,
    /// Which part of the hierarchy is mounted there.
    root: PathBuf,
    point: PathBuf,
    controllers: Vec<String>,
}

impl Mount {
    /// From a line of `mountinfo`.
    fn read(line: &str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut after = after.split(' ');
        let kind = after.next()?;
        let options = after.nth(1)?;
        let mut before = before.split(' ');
        let root = PathBuf::from(before.nth(3)?);
        let point = PathBuf::from(before.next()?);
        let controllers = options.split(',').map(str::to_owned).collect();
        matches!(kind, "cgroup" | "cgroup2").then_some(Self {
            second: kind == "cgroup2",
            root,
            point,
            controllers,
        })
    }

    /// Where our own group stands.
    fn directory(&self, own: &str, controller: &str) -> PathBuf {
        let path = own.lines().find_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (names, path) = rest.split_once(':')?;
            names.split(',').any(|name| name == controller).then_some(path)
        });
        let path = Path::new(path.unwrap_or("/"));
        match path.strip_prefix(&self.root) {
            Ok(below) => self.point.join(below),
            Err(_) => self.point.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, own: &str, controller: &str, expect: &str) {
        let found = Mount::read(line).map(|mount| mount.directory(own, controller).display().to_string());
        assert_eq!(found.unwrap_or_default(), expect);
    }

    #[test]
    fn own_group_is_found_in_every_arrangement() {
        let own = "9:name=systemd:/\n8:pids:/\n4:memory:/jobs/7\n1:cpu,cpuacct:/c\n0::/user.slice\n";
        let line = |root: &str, at: &str, rest: &str| {
            format!("30 25 0:26 {root} {at} rw,relatime shared:4 - {rest}")
        };
        check(
            &line("/", "/sys/fs/cgroup/memory", "cgroup cgroup rw,memory"),
            own,
            "memory",
            "/sys/fs/cgroup/memory/jobs/7",
        );
        check(&line("/jobs", "/m", "cgroup cgroup rw,memory"), own, "memory", "/m/7");
        check(&line("/other", "/m", "cgroup cgroup rw,memory"), own, "memory", "/m");
        check(&line("/", "/c", "cgroup none rw,cpu,cpuacct"), own, "cpu", "/c/c");
        check(&line("/", "/u", "cgroup2 cgroup2 rw"), own, "", "/u/user.slice");
        check(&line("/", "/t", "tmpfs tmpfs rw"), own, "", "");
        check("short", own, "", "");
    }

    #[test]
    fn counters_tell_whether_a_limit_was_met() {
        assert!(counted("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n") && counted("max 1\n"));
        assert!(!counted("low 0\nmax 0\noom_kill 0\n") && !counted("") && !counted("under_oom 1\n"));
    }
}
