//! Programs that are too large to be held: their beginning is read as that of others, and the rest is searched for the
//! texts that speak for something. To append to a program, or to make its data larger, hides none of them.

use super::parse::{self, Literals, Telling};
use super::{MAX_ODD, Structure, Traits};
use crate::{Fact, FactSink, FileView, Part, Search};

/// Parts that are looked at closely after one that is told by its texts: one table of texts may lie across several.
const AFTER: u8 = 2;

/// The search through one program.
pub(super) struct Literally {
    literals: Literals,
    /// Parts that are still looked at closely.
    close: u8,
    /// The beginning, as much as is held of it.
    held: Vec<u8>,
    hold: usize,
}

impl Literally {
    pub(super) fn of(head: &[u8], size: u64) -> Self {
        Self { literals: Literals::default(), close: 0, held: Vec::new(), hold: parse::described(head, size) }
    }
}

impl Search for Literally {
    fn look(&mut self, part: &Part<'_>) {
        if !part.seam && self.held.len() < self.hold {
            let room = self.hold - self.held.len();
            self.held.extend_from_slice(part.bytes.get(..room).unwrap_or(part.bytes));
        }
        let tells = Telling::texts().is_in(part.bytes);
        if tells {
            self.close = AFTER;
        } else if self.close == 0 {
            return;
        } else if !part.seam {
            self.close -= 1;
        }
        self.literals.join(&parse::find(part.bytes));
    }

    fn finish(self: Box<Self>, head: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let size = head.entry.size;
        // What is held is all of the program where something was appended to it.
        let read = if self.hold > 0 && self.held.len() == self.hold {
            parse::appended(&self.held, size)
        } else {
            parse::elf(head.bytes, size)
        };
        let Some(mut elf) = read else { return Ok(()) };
        elf.literals.join(&self.literals);
        let described = !elf.traits.has(Traits::CUT) || !parse::is_without_sections(head.bytes);
        if elf.is_notable() {
            facts.push(Fact::Structure(Structure::Elf(Box::new(elf))));
        }
        // So a packed program looks, in which a search finds nothing.
        if described {
            Ok(())
        } else {
            Err(format!(
                "it is larger than the {MAX_ODD} bytes that are read of a program without sections; only the texts in it were searched"
            ))
        }
    }
}
