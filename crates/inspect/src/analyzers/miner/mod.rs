//! Mining as configuration and commands: what a miner must be told wherever it is hidden, which is a server, an
//! account and how to compute. A miner is renamed and packed easily; these it cannot do without.

mod checks;
mod detections;
mod parse;
mod pools;
mod search;
#[cfg(test)]
mod tests;

pub(crate) use parse::signs;
pub use parse::{Coin, Command, ConfigShape, Endpoint, Mark};
pub use pools::PoolList;

use crate::{Fact, FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, Outcome, Search, Want};
use layers::{Entry, Kind};
use model::Detection;
use serde::{Deserialize, Serialize};

/// What a file holds of what a miner needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinerFacts {
    /// Commands that look like a miner's.
    pub commands: Vec<Command>,
    /// The configuration of a miner.
    pub config: Option<ConfigShape>,
    /// Addresses of wallets whose checksum is valid.
    pub wallets: Vec<Found<(Coin, String)>>,
    /// Servers of the mining protocol, and those of known pools.
    pub endpoints: Vec<Found<Endpoint>>,
    /// What else is done for a miner, each once.
    pub marks: Vec<Found<Mark>>,
    /// How many different miners of others it kills.
    pub rivals: u8,
    /// Whether a server is hidden in an encoding.
    pub encoded: bool,
    /// Whether it names so many servers, or wallets, that it is a list of them.
    pub many_servers: bool,
    /// As above, for wallets.
    pub many_wallets: bool,
    /// Whether it has the shape of rules or of a block list.
    pub rules: bool,
    /// Whether it is a program, and these are its strings.
    pub program: bool,
    /// Whether it begins as a script.
    pub script: bool,
    /// Whether it has an option of miners anywhere.
    pub options: bool,
    /// Whether it compiles something.
    pub compiles: bool,
    /// Whether it asks under which address it is seen.
    pub asks_own_address: bool,
}

/// Something in a file, and its line; the first is 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found<T> {
    /// Its line.
    pub line: u32,
    /// What was found.
    pub what: T,
}

/// Reads texts, configuration and commands for what a miner needs.
#[derive(Debug)]
pub struct Mining;

impl FileAnalyzer for Mining {
    fn name(&self) -> &'static str {
        "miner"
    }

    fn version(&self) -> u32 {
        2
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        /// No command, address or URI is shorter.
        const SHORTEST: usize = 16;
        let text = || memchr::memchr(0, head).is_none();
        if entry.kind == Kind::File && head.len() >= SHORTEST && (head.starts_with(b"\x7fELF") || text()) {
            Want::AtHand
        } else {
            Want::Nothing
        }
    }

    fn search(&self, entry: &Entry, head: &[u8]) -> Option<Box<dyn Search>> {
        let asked = self.wants(entry, head) != Want::Nothing;
        asked.then(|| Box::new(search::Parts::of(head)) as Box<dyn Search>)
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let is_program = file.bytes.starts_with(b"\x7fELF");
        let found =
            if is_program { parse::program(file.bytes) } else { parse::text(file.bytes, &file.signs) };
        if let Some(found) = found {
            facts.push(Fact::Miner(Box::new(found)));
        }
        Ok(())
    }
}

impl ImageAnalyzer for Mining {
    fn name(&self) -> &'static str {
        "miner"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        detections::ALL
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        checks::mining(image, PoolList::built_in(), out);
    }
}
