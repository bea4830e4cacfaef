//! The runs of an image as a timeline: trace events in JSON, as ui.perfetto.dev and the tracing page of Chrome load them.
//!
//! Each run is a process group of the trace and begins at zero; in it each process of the guest is a track, each connection
//! a slice beside them. What stands in `ts` is the host's clock, since the guest's jumps over what it waits for: how far the
//! guest's is ahead is a counter of its own, and each event says what the guest's clock showed. All text of the guest is
//! escaped and cut. It is written event by event and has at most [`MOST_EVENTS`]; what is left out is counted and said.

mod acts;
mod findings;
mod trace;

use behavior::{At, Record, RunContext};
use events::{Ended, HostAct, Process};
use model::Finding;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use trace::{Event, Phase, Trace};

/// As much as a browser shows without stopping.
pub const MOST_EVENTS: u64 = 400_000;

/// Numbers that a run has for its tracks: viewers take two tracks of one number for the same, in whichever groups they are.
const TRACKS: u32 = 1_000_000;
/// Of these the track of what the sandbox did and saw, and that of findings. No process that a record tells of has such a
/// number, as there are fewer of them.
const SANDBOX: u32 = TRACKS - 2;
const FINDINGS: u32 = TRACKS - 1;

/// Writes the timeline of these runs and of what was found in them.
///
/// # Errors
/// Where it cannot be written.
pub fn timeline(runs: &[(RunContext, Record)], findings: &[Finding], to: &mut impl Write) -> io::Result<()> {
    within(runs, findings, MOST_EVENTS, to)
}

fn within(
    runs: &[(RunContext, Record)],
    findings: &[Finding],
    most: u64,
    to: &mut impl Write,
) -> io::Result<()> {
    let mut trace = Trace::begin(to, most)?;
    for (number, (context, record)) in runs.iter().enumerate() {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        let group = number.saturating_add(1).saturating_mul(TRACKS);
        let run = Run { group, context, record };
        run.names(&mut trace)?;
        run.lost(&mut trace)?;
        run.lives(&mut trace)?;
        acts::connections(&run, &mut trace)?;
        findings::write(&run, findings, &mut trace)?;
        acts::execs(&run, &mut trace)?;
        acts::network(&run, &mut trace)?;
        acts::sandbox(&run, &mut trace)?;
        acts::files(&run, &mut trace)?;
    }
    trace.finish()
}

/// One run on its way into the trace.
#[derive(Clone, Copy)]
struct Run<'a> {
    /// The number of its group.
    group: u32,
    context: &'a RunContext,
    record: &'a Record,
}

impl Run<'_> {
    fn event<'e>(&self, phase: Phase, track: u32, name: &'e str, kind: &'static str, at: At) -> Event<'e> {
        Event::new(phase, self.group, self.group.saturating_add(track), name, kind, at)
    }

    /// The track of a process: that of the process which a thread belongs to. What a process does that the record does not
    /// have stands with the sandbox.
    fn track(&self, process: Process) -> u32 {
        Some(self.record.leader(process).0).filter(|&number| number < SANDBOX).unwrap_or(SANDBOX)
    }

    fn name<W: Write>(&self, what: &str, track: u32, name: &str, trace: &mut Trace<'_, W>) -> io::Result<()> {
        let named = self.event(Phase::Name, track, what, "__metadata", At::default());
        trace.put(&named.with(json!({ "name": name })))
    }

    fn names<W: Write>(&self, trace: &mut Trace<'_, W>) -> io::Result<()> {
        let run = format!("run `{}` {}", shown(&self.context.name), shown(&self.context.platform));
        self.name("process_name", SANDBOX, &run, trace)?;
        self.name("thread_name", SANDBOX, "the sandbox", trace)?;
        self.name("thread_name", FINDINGS, "findings", trace)
    }

    /// A track and a slice for each process, from its birth to its end.
    fn lives<W: Write>(&self, trace: &mut Trace<'_, W>) -> io::Result<()> {
        let mut threads: BTreeMap<Process, u64> = BTreeMap::new();
        for process in self.record.processes().filter(|process| process.leader != process.process) {
            *threads.entry(process.leader).or_default() += 1;
        }
        let end = self.record.end();
        let decoy = self.record.host().iter().find_map(|act| match &act.what {
            HostAct::Probe { name, process } if name == crate::decoys::NAME => Some(*process),
            _ => None,
        });
        for process in self.record.processes().filter(|process| process.leader == process.process) {
            let (number, born) = (process.process, process.life.born);
            let (last, how) = match process.life.ended {
                Some((at, Ended::Code(code))) => (at, format!("code {code}")),
                Some((at, Ended::Signal(signal))) => (at, format!("signal {signal}")),
                None => (end, "alive when the run ended".to_owned()),
            };
            let command = short(&self.record.told(number, last));
            let parent = self.record.leader(process.parent);
            let of = match parent.0 {
                0 => "the sandbox".to_owned(),
                parent => parent.to_string(),
            };
            // What the sandbox puts beside the image to be found must not be taken for the image's own.
            let command = if decoy == Some(number) { short(&format!("decoy: {command}")) } else { command };
            let track = self.track(number);
            self.name("thread_name", track, &format!("{} of {of}: {command}", number.0), trace)?;
            let args = json!({
                "command": command,
                "process": number.0,
                "parent": parent.0,
                "parent command": if parent.0 == 0 { "the sandbox".to_owned() } else { short(&self.record.told(parent, born)) },
                "pid in the guest": process.pid,
                "ended": how,
                "threads": threads.get(&number).copied().unwrap_or(0) + 1,
                "guest's clock at the end, s": seconds(last.guest),
            });
            let slice = self.event(Phase::Slice, track, &command, "process", born);
            trace.put(&slice.lasting_to(last).with(args))?;
        }
        Ok(())
    }

    /// What the record does not have, so that nobody takes the timeline for whole.
    fn lost<W: Write>(&self, trace: &mut Trace<'_, W>) -> io::Result<()> {
        for (why, count) in self.record.lost() {
            let name = format!("not recorded: {}", short(why));
            let note = self.event(Phase::Instant, SANDBOX, &name, "note", self.record.end());
            trace.put(&note.with(json!({ "count": count })))?;
        }
        Ok(())
    }
}

/// Seconds of nanoseconds.
fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}

/// Bytes of the guest, escaped and cut.
fn shown(bytes: impl AsRef<[u8]>) -> String {
    let bytes = bytes.as_ref();
    short(&model::escape_bytes(bytes.get(..LONGEST).unwrap_or(bytes)))
}

/// A text that is escaped already, cut.
fn short(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Characters of one text.
const LONGEST: usize = 200;

/// Texts of the guest as a list of bounded length.
fn list<B: AsRef<[u8]>>(texts: &[B]) -> Value {
    const MOST: usize = 24;
    let mut told: Vec<String> = texts.iter().take(MOST).map(shown).collect();
    if texts.len() > MOST {
        told.push(format!("… and {} more", texts.len() - MOST));
    }
    json!(told)
}

#[cfg(test)]
mod tests;
