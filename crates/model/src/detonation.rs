use serde::{Deserialize, Serialize};

/// What running an image showed, in short: enough to see what ran and whom it spoke to. All texts are escaped.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detonation {
    /// The engine that ran it.
    pub engine: String,
    /// The runs, in the order in which they took place.
    pub runs: Vec<RunLine>,
    /// The processes of the runs, in the order of their births; the first of each run, when there are many.
    pub processes: Vec<ProcessLine>,
    /// Whom they spoke to, in order; the first of each run, when there are many.
    pub network: Vec<FlowLine>,
    /// What was not run or not reached, each a sentence.
    pub not_exercised: Vec<String>,
    /// What the sandbox could not do on this machine, each a sentence.
    pub limitations: Vec<String>,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunLine {
    /// Its name in the plan.
    pub name: String,
    /// The platform that ran.
    pub platform: String,
    /// Why it ended.
    pub ended: String,
    /// Events of its record.
    pub events: u64,
    /// How long it took.
    pub milliseconds: u64,
    /// How much waiting was skipped.
    pub skipped_seconds: u64,
}

/// One process of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessLine {
    /// Index of the run.
    pub run: usize,
    /// Its number in the run.
    pub number: u32,
    /// The number of the process that it was born of; 0 for the first.
    pub parent: u32,
    /// When it was born, by the guest's clock, in milliseconds since the run began.
    pub milliseconds: u64,
    /// The command line of the last program that it ran.
    pub command: String,
    /// Where that program comes from: `image`, `written`, `memory`, `deleted`, `planted`.
    pub origin: String,
}

/// One connection of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlowLine {
    /// Index of the run.
    pub run: usize,
    /// The number of the process that opened it, where that is known.
    pub process: Option<u32>,
    /// When it was opened, by the guest's clock, in milliseconds since the run began.
    pub milliseconds: u64,
    /// When it was closed, by the same clock, where that was seen.
    #[serde(default)]
    pub closed: Option<u64>,
    /// Whom it asked for: the name, or the bare address.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The protocol that was recognised, whatever the port; `unknown` otherwise.
    pub protocol: String,
    /// Bytes that the image sent.
    pub sent: u64,
    /// Bytes that it was sent.
    pub received: u64,
    /// The first thing of note that was said, where there is one.
    pub said: String,
}
