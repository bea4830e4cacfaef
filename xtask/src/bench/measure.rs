use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::fs;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// One run of a program.
#[derive(Debug, Clone, Copy)]
pub(super) struct Measured {
    /// Seconds from start to end.
    pub(super) wall: f64,
    /// Seconds of processor time, user and system; the clock ticks in hundredths.
    pub(super) cpu: f64,
    /// Largest resident size in MiB.
    pub(super) peak_mib: f64,
    /// Exit code.
    pub(super) code: i32,
}

/// Runs a program to its end, its output thrown away.
pub(super) fn run(command: &mut Command) -> Result<Measured> {
    let shown = format!("{command:?}");
    let started = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {shown}"))?;
    let id = child.id();
    let peak = AtomicU64::new(0);
    let ended = AtomicBool::new(false);
    let wall = std::thread::scope(|scope| -> Result<f64> {
        scope.spawn(|| {
            // The kernel keeps the largest size itself; it only has to be read before the process is gone.
            while !ended.load(Ordering::Relaxed) {
                if let Some(kib) = status_kib(id) {
                    peak.fetch_max(kib, Ordering::Relaxed);
                }
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        // The process is left to be waited for, so that its times can still be read.
        let pid = Pid::from_raw(i32::try_from(id)?).context("a process without a number")?;
        let waited = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        let wall = started.elapsed().as_secs_f64();
        ended.store(true, Ordering::Relaxed);
        waited?;
        Ok(wall)
    })?;
    let cpu = cpu_seconds(id).with_context(|| format!("cannot read the times of {shown}"))?;
    let code = child.wait()?.code().unwrap_or(-1);
    Ok(Measured { wall, cpu, peak_mib: peak.into_inner() as f64 / 1024.0, code })
}

/// The run in the middle of several, by wall time.
pub(super) fn median_of(runs: usize, mut one: impl FnMut() -> Result<Measured>) -> Result<Measured> {
    let mut all = (0..runs.max(1)).map(|_| one()).collect::<Result<Vec<_>>>()?;
    if let Some(failed) = all.iter().find(|measured| measured.code == 2 || measured.code < 0) {
        bail!("a measured program failed with code {}", failed.code);
    }
    all.sort_by(|a, b| a.wall.total_cmp(&b.wall));
    Ok(all[all.len() / 2])
}

fn status_kib(id: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

/// User and system time, with that of children waited for: fields 14 to 17 of `/proc/PID/stat`.
fn cpu_seconds(id: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let ticks: u64 = fields.split(' ').skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum();
    Some(ticks as f64 / 100.0)
}
