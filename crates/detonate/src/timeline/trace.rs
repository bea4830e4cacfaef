//! Trace events, one after the other ("Trace Event Format", the JSON object form).

use behavior::At;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, Write};

/// What a trace event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) enum Phase {
    /// Something that lasts.
    #[serde(rename = "X")]
    Slice,
    /// Something that happens.
    #[serde(rename = "i")]
    Instant,
    /// A number that changes.
    #[serde(rename = "C")]
    Counter,
    /// Something that lasts beside other things of its group, from here.
    #[serde(rename = "b")]
    Begin,
    /// To here.
    #[serde(rename = "e")]
    End,
    /// What a group or track is called.
    #[serde(rename = "M")]
    Name,
}

/// One event. Texts are escaped by whoever makes it.
#[derive(Debug, Serialize)]
pub(super) struct Event<'a> {
    name: &'a str,
    #[serde(rename = "cat")]
    kind: &'static str,
    #[serde(rename = "ph")]
    phase: Phase,
    /// Microseconds.
    ts: f64,
    #[serde(rename = "dur", skip_serializing_if = "Option::is_none")]
    duration: Option<f64>,
    #[serde(rename = "pid")]
    group: u32,
    #[serde(rename = "tid")]
    track: u32,
    /// How far an instant is drawn: over its own track.
    #[serde(rename = "s", skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(rename = "id2", skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    #[serde(skip_serializing_if = "Value::is_null")]
    args: Value,
    #[serde(skip)]
    guest: u64,
    #[serde(skip)]
    real: u64,
}

/// What joins a beginning with its end, within its group.
#[derive(Debug, Serialize)]
struct Id {
    local: String,
}

impl<'a> Event<'a> {
    pub(super) fn new(
        phase: Phase,
        group: u32,
        track: u32,
        name: &'a str,
        kind: &'static str,
        at: At,
    ) -> Self {
        let scope = (phase == Phase::Instant).then_some("t");
        Self {
            name,
            kind,
            phase,
            ts: microseconds(at.real),
            duration: None,
            group,
            track,
            scope,
            id: None,
            args: Value::Null,
            guest: at.guest,
            real: at.real,
        }
    }

    /// Until when it lasts.
    pub(super) fn lasting_to(mut self, end: At) -> Self {
        self.duration = Some(microseconds(end.real.saturating_sub(self.real)));
        self
    }

    /// The number of what begins or ends.
    pub(super) fn numbered(mut self, number: u64) -> Self {
        self.id = Some(Id { local: format!("0x{number:x}") });
        self
    }

    /// What is shown where somebody clicks on it, besides the guest's clock.
    pub(super) fn with(mut self, mut args: Value) -> Self {
        if let Some(fields) = args.as_object_mut()
            && !matches!(self.phase, Phase::Counter | Phase::Name)
        {
            fields.insert("guest's clock, s".to_owned(), json!(super::seconds(self.guest)));
        }
        self.args = args;
        self
    }
}

fn microseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1000.0
}

/// A trace that is being written.
pub(super) struct Trace<'w, W: Write> {
    to: &'w mut W,
    written: u64,
    most: u64,
    left_out: u64,
}

impl<'w, W: Write> Trace<'w, W> {
    pub(super) fn begin(to: &'w mut W, most: u64) -> io::Result<Self> {
        to.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[")?;
        Ok(Self { to, written: 0, most, left_out: 0 })
    }

    /// Writes an event, or counts it where there are as many as there may be.
    pub(super) fn put(&mut self, event: &Event<'_>) -> io::Result<()> {
        if self.written >= self.most {
            self.left_out += 1;
            return Ok(());
        }
        self.raw(event)
    }

    /// Whether another would be left out: who would have to work for each may count them at once.
    pub(super) fn is_full(&self) -> bool {
        self.written >= self.most
    }

    /// Counts what is not even made.
    pub(super) fn leave_out(&mut self, count: u64) {
        self.left_out = self.left_out.saturating_add(count);
    }

    /// Ends the document. What was left out is said in it, on a track of its own and beside the events.
    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.left_out > 0 {
            let name =
                format!("not shown: {} further events; a timeline has at most {}", self.left_out, self.most);
            let note = Event::new(Phase::Instant, NOTES, NOTES, &name, "note", At::default());
            self.raw(&Event { scope: Some("g"), ..note })?;
        }
        let beside = json!({
            "made by": concat!("roadstead ", env!("CARGO_PKG_VERSION")),
            "clock": "ts is the host's clock in microseconds since the run began; the guest's clock, which skips what it \
                      waits for, stands in the arguments of each event and as the counter `guest's clock ahead`",
            "events left out": self.left_out,
        });
        write!(self.to, "\n],\"otherData\":{beside}}}\n")?;
        self.to.flush()
    }

    fn raw(&mut self, event: &Event<'_>) -> io::Result<()> {
        self.to.write_all(if self.written == 0 { b"\n" } else { b",\n" })?;
        self.written += 1;
        serde_json::to_writer(&mut *self.to, event).map_err(io::Error::from)
    }
}

/// The group and track of what is said of the trace as a whole.
const NOTES: u32 = 999_999;
