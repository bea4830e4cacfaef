//! Files that are too large to be held, searched for what a miner needs while they pass: to put a configuration behind
//! megabytes of nothing hides none of it.

use super::parse::{self, LIST, MAX_COMMANDS, MAX_MARKS};
use super::{Found, MinerFacts};
use crate::{Fact, FactSink, FileView, Part, Search};
use memchr::memmem;

/// The search through one file.
pub(super) struct Parts {
    program: bool,
    script: bool,
    facts: Option<MinerFacts>,
}

impl Parts {
    pub(super) fn of(head: &[u8]) -> Self {
        Self { program: head.starts_with(b"\x7fELF"), script: head.starts_with(b"#!"), facts: None }
    }
}

impl Search for Parts {
    fn look(&mut self, part: &Part<'_>) {
        let found = if self.program {
            // Without the name of the protocol a server is only a host, and programs of this size name many.
            let worth = memmem::find(part.bytes, b"stratum").is_some()
                || memmem::find(part.bytes, b"\"pools\"").is_some();
            worth.then(|| parse::program(part.bytes)).flatten()
        } else {
            parse::text(part.bytes, &crate::Signs::of(part.bytes))
        };
        let Some(mut found) = found else { return };
        found.move_to(if self.program { 1 } else { part.line });
        match &mut self.facts {
            Some(facts) => facts.join(found),
            None => self.facts = Some(found),
        }
    }

    fn finish(self: Box<Self>, _head: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        if let Some(found) = self.facts {
            facts.push(Fact::Miner(Box::new(MinerFacts { script: self.script, ..found })));
        }
        Ok(())
    }
}

impl MinerFacts {
    /// Counts its lines from this one on.
    fn move_to(&mut self, line: u32) {
        let lines = self.commands.iter_mut().map(|command| &mut command.line);
        let lines = lines.chain(self.wallets.iter_mut().map(|found| &mut found.line));
        let lines = lines.chain(self.endpoints.iter_mut().map(|found| &mut found.line));
        let lines = lines.chain(self.marks.iter_mut().map(|found| &mut found.line));
        let lines = lines.chain(self.config.iter_mut().map(|config| &mut config.line));
        lines.for_each(|one| *one = one.saturating_add(line.saturating_sub(1)));
    }

    /// Adds what the next part holds.
    fn join(&mut self, next: Self) {
        for command in next.commands {
            if self.commands.iter().all(|known| known.shown != command.shown) {
                self.commands.push(command);
            }
        }
        // What proves most is kept, so that nothing can be hidden behind lesser ones.
        self.commands.sort_by_key(|command| std::cmp::Reverse(command.proof()));
        self.commands.truncate(MAX_COMMANDS);
        self.config = self.config.take().or(next.config);
        self.many_wallets |= add(&mut self.wallets, next.wallets, LIST) || next.many_wallets;
        self.many_servers |= add(&mut self.endpoints, next.endpoints, LIST) || next.many_servers;
        add(&mut self.marks, next.marks, MAX_MARKS);
        self.rivals = self.rivals.max(next.rivals);
        self.encoded |= next.encoded;
        // A list is one throughout.
        self.rules &= next.rules;
        self.program |= next.program;
        self.options |= next.options;
        self.compiles |= next.compiles;
        self.asks_own_address |= next.asks_own_address;
    }
}

/// Adds what is not known yet, up to a number; whether there was more.
fn add<T: PartialEq>(kept: &mut Vec<Found<T>>, more: Vec<Found<T>>, most: usize) -> bool {
    let mut over = false;
    for found in more {
        if kept.iter().any(|known| known.what == found.what) {
            continue;
        }
        if kept.len() < most {
            kept.push(found);
        } else {
            over = true;
        }
    }
    over
}
