use crate::{Pack, built_in, engine, findings};
use inspect::{Fact, FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, Outcome, RuleFacts, Want};
use layers::{Entry, Kind};
use model::Detection;
use std::sync::Arc;

/// The rules of a scan: those of the product, and the packs that were brought.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    packs: Arc<[Pack]>,
}

impl RuleSet {
    /// The rules of the product and these.
    pub fn with(packs: Vec<Pack>) -> Self {
        Self { packs: packs.into() }
    }

    /// The packs that were brought.
    pub fn packs(&self) -> &[Pack] {
        &self.packs
    }

    /// What reads files by these rules.
    pub fn file_analyzers(&self) -> Vec<&dyn FileAnalyzer> {
        let brought = self.packs.iter().map(|pack| pack as &dyn FileAnalyzer);
        [&BuiltIn as &dyn FileAnalyzer].into_iter().chain(brought).collect()
    }

    /// What facts and findings depend on: the analyzers and the digests of the packs.
    pub fn identity(&self) -> String {
        let own = format!("rules@{VERSION} {}", built_in::DIGEST);
        let packs = self.packs.iter().map(|pack| format!("{}={}", pack.name(), pack.digest()));
        [own].into_iter().chain(packs).collect::<Vec<_>>().join(" ")
    }
}

/// Raised whenever the same rules would give other facts or findings.
const VERSION: u32 = 1;

/// The rules of the product, on the files that they are for.
struct BuiltIn;

impl FileAnalyzer for BuiltIn {
    fn name(&self) -> &'static str {
        "rules"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        match built_in::Kind::of(entry, head) {
            Some(built_in::Kind::Program) if entry.size <= engine::MAX_PROGRAM => {
                Want::Whole(engine::MAX_PROGRAM)
            }
            Some(_) => Want::AtHand,
            None => Want::Nothing,
        }
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let Some(kind) = built_in::Kind::of(file.entry, file.bytes) else { return Ok(()) };
        if !kind.may_hold(file.bytes, &file.signs) {
            return Ok(());
        }
        let mut found = RuleFacts { hits: Vec::new(), cut: false };
        engine::scan(kind.rules()?, None, file.bytes, &mut found)?;
        note(found, facts);
        Ok(())
    }
}

/// The rules of a pack that was brought, on every file. Each pack is an analyzer of its own, so that what one could not
/// do does not take away what another found.
impl FileAnalyzer for Pack {
    fn name(&self) -> &'static str {
        "brought-rules"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        if self.content.is_some() && matches!(entry.kind, Kind::File | Kind::Unknown(_)) && !head.is_empty() {
            Want::Whole(engine::MAX_FILE)
        } else {
            Want::Nothing
        }
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let Some(rules) = self.content else { return Ok(()) };
        let mut found = RuleFacts { hits: Vec::new(), cut: false };
        let path = Some(engine::Path(&file.entry.path));
        engine::scan(rules, path, file.bytes, &mut found).map_err(|why| format!("{}: {why}", self.name()))?;
        for hit in &mut found.hits {
            hit.pack = format!("{}/{}", self.name(), hit.pack);
        }
        note(found, facts);
        Ok(())
    }
}

fn note(found: RuleFacts, facts: &mut FactSink) {
    if found.cut || !found.hits.is_empty() {
        facts.push(Fact::Rules(found));
    }
}

impl ImageAnalyzer for RuleSet {
    fn name(&self) -> &'static str {
        "rules"
    }

    fn version(&self) -> u32 {
        VERSION
    }

    fn detections(&self) -> &'static [Detection] {
        built_in::DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        findings::conclude(self, image, out);
    }
}

#[cfg(test)]
mod tests;
