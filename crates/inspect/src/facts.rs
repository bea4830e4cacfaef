use crate::analyzers;
use layers::{Anomaly, Compression, EntryTable};
use model::{Digest, Gap};
use serde::{Deserialize, Serialize};

/// All that was learned from one layer. Depends on its bytes and on the analyzers' versions alone, so it is
/// kept by both and never computed twice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// Its entries with their hashes.
    pub entries: EntryTable,
    /// Facts about files, as (index of the entry, fact), sorted by index.
    pub facts: Vec<(u32, Fact)>,
    /// What is odd about its bytes.
    pub anomalies: Vec<Anomaly>,
    /// What was not looked at in it.
    pub gaps: Vec<Gap>,
    /// What its bytes are, whatever anyone declared of them.
    pub transport: Option<Transport>,
    /// Bytes after decompression.
    pub bytes: u64,
    /// Of these, bytes that were read and accounted for.
    pub bytes_read: u64,
}

impl LayerFacts {
    /// The facts about one entry.
    pub fn of(&self, entry: u32) -> impl Iterator<Item = &Fact> {
        let start = self.facts.partition_point(|(index, _)| *index < entry);
        self.facts.iter().skip(start).take_while(move |(index, _)| *index == entry).map(|(_, fact)| fact)
    }
}

/// What a layer's bytes are, computed while they were read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transport {
    /// SHA-256 of the bytes as transported.
    pub digest: Digest,
    /// How many these are.
    pub size: u64,
    /// SHA-256 of the bytes after decompression.
    pub diff_id: Digest,
    /// How they are compressed.
    pub compression: Compression,
}

/// One thing that a file analyzer learned about one file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Fact {
    /// The file is a program for a processor.
    Program(analyzers::program::ProgramFacts),
    /// The file is a script, or text that a shell could be given.
    Script(analyzers::start::ScriptFacts),
    /// The file is part of a package database.
    Packages(packages::Part),
    /// The file holds what a miner needs.
    Miner(Box<analyzers::miner::MinerFacts>),
}
