use crate::analyzers;
use crate::decode::{Runner, Step};
use layers::{Anomaly, Compression, EntryTable};
use model::{Digest, Gap};
use serde::{Deserialize, Serialize};
use std::fmt;

/// All that was learned from one layer. Depends on its bytes and on the analyzers' versions alone, so it is
/// kept by both and never computed twice.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct LayerFacts {
    /// Its entries with their hashes.
    pub entries: EntryTable,
    /// Facts about files, as (index of the entry, fact), sorted by index; those about the file itself come before
    /// its stages, and a stage before the facts about it.
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
    /// Whether an analyzer failed on it. The same bytes may teach more once that is mended, so this is not kept.
    #[serde(skip)]
    pub failed: bool,
}

impl LayerFacts {
    /// The facts about one entry: those about the file itself first, then those about what was decoded out of it.
    pub fn of(&self, entry: u32) -> impl Iterator<Item = &Fact> {
        self.slice(entry).iter().map(|(_, fact)| match fact {
            Fact::Staged { fact, .. } => &**fact,
            fact => fact,
        })
    }

    /// The same facts, each with the stage that it is about; none for the file itself.
    pub fn staged(&self, entry: u32) -> impl Iterator<Item = (Option<&StageFacts>, &Fact)> {
        let mut last = None;
        self.slice(entry).iter().map(move |(_, fact)| match fact {
            Fact::Stage(stage) => {
                last = Some(stage);
                (last, fact)
            }
            Fact::Staged { stage, fact } => (last.filter(|last| last.number == *stage), &**fact),
            fact => (None, fact),
        })
    }

    /// All facts as [`Self::staged`] gives them, each with the index of its entry.
    pub fn all(&self) -> impl Iterator<Item = (u32, Option<&StageFacts>, &Fact)> {
        let mut last: Option<(u32, &StageFacts)> = None;
        self.facts.iter().map(move |(entry, fact)| match fact {
            Fact::Stage(stage) => {
                last = Some((*entry, stage));
                (*entry, Some(stage), fact)
            }
            Fact::Staged { stage, fact } => {
                let of = last.filter(|(of, last)| of == entry && last.number == *stage);
                (*entry, of.map(|(_, stage)| stage), &**fact)
            }
            fact => (*entry, None, fact),
        })
    }

    fn slice(&self, entry: u32) -> &[(u32, Fact)] {
        let start = self.facts.partition_point(|(index, _)| *index < entry);
        let facts = self.facts.get(start..).unwrap_or_default();
        facts.get(..facts.partition_point(|(index, _)| *index == entry)).unwrap_or_default()
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
    /// The file orders something that starts by itself.
    Hook(analyzers::hooks::HookFacts),
    /// The file is part of a package database.
    Packages(packages::Part),
    /// The file holds what a miner needs.
    Miner(Box<analyzers::miner::MinerFacts>),
    /// The file is a program of a structure worth knowing, or is not what it seems.
    Structure(analyzers::elf::Structure),
    /// The file is text that names hosts, addresses, URLs or wallets.
    Mentions(analyzers::indicators::MentionFacts),
    /// The file holds byte patterns of imported feeds. Depends on them too, and is kept by them.
    Patterns(analyzers::indicators::PatternFacts),
    /// The file says where software comes from, or what its installation runs.
    Backdoor(analyzers::backdoors::BackdoorFacts),
    /// The file holds secrets.
    Secrets(analyzers::secrets::SecretFacts),
    /// The file fulfils content rules. Depends on them too, and is kept by them.
    Rules(crate::RuleFacts),
    /// Something was decoded out of the file. The facts about it follow.
    Stage(StageFacts),
    /// A fact about a stage and not about the file itself.
    Staged {
        /// Number of the stage.
        stage: u16,
        /// What holds for its bytes.
        fact: Box<Fact>,
    },
    /// The file is a program or script that names hosts.
    Endpoints(analyzers::endpoints::EndpointFacts),
}

/// One stage that was decoded out of a file: enough to find it again and to see what it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageFacts {
    /// Its number in the file, from 1.
    pub number: u16,
    /// Number of the stage that it was decoded out of, 0 for the file itself.
    pub parent: u16,
    /// Line of the file where the first step towards it stands, the first is 1.
    pub line: u32,
    /// The steps of this round, out of its parent.
    pub steps: Vec<Step>,
    /// What the code around it runs it with, where it does.
    pub runner: Option<Runner>,
    /// How many bytes it has.
    pub len: u32,
    /// SHA-256 of these.
    pub sha256: [u8; 32],
    /// Its first bytes.
    pub head: Vec<u8>,
}

impl fmt::Display for StageFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if self.parent > 0 {
            write!(f, ", stage {} out of stage {}", self.number, self.parent)?;
        }
        for step in &self.steps {
            write!(f, ", {} ({} to {} bytes)", step.kind.name(), step.bytes_in, step.bytes_out)?;
        }
        match self.runner {
            Some(runner) => write!(f, ", run by {}", runner.name()),
            None => write!(f, ", not seen to be run"),
        }
    }
}
