use super::{SecretFacts, find};
use crate::{Fact, FactSink, FileView, Part, Search};

/// The search through a text that is too large to be held.
#[derive(Default)]
pub(super) struct Parts(SecretFacts);

impl Search for Parts {
    fn look(&mut self, part: &Part<'_>) {
        // As of other texts, no more is looked for where there is more than is kept.
        if self.0.cut {
            return;
        }
        let found = find::secrets(part.bytes);
        self.0.cut |= found.cut;
        for mut secret in found.found {
            secret.line = secret.line.saturating_add(part.line.saturating_sub(1));
            find::push(&mut self.0, secret);
        }
    }

    fn finish(self: Box<Self>, _head: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        if !self.0.found.is_empty() || self.0.cut {
            facts.push(Fact::Secrets(self.0));
        }
        Ok(())
    }
}
