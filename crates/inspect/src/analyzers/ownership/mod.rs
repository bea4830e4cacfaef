//! Package truth: what packages promised about their files, and what the files are.

use crate::{Fact, FactSink, FileAnalyzer, FileView, Want};
use layers::{Entry, Kind};

/// Reads package databases, and compares files with them.
#[derive(Debug)]
pub struct PackageTruth;

impl FileAnalyzer for PackageTruth {
    fn name(&self) -> &'static str {
        "ownership"
    }

    fn version(&self) -> u32 {
        1
    }

    fn wants(&self, entry: &Entry, _head: &[u8]) -> Want {
        match packages::recognize(&entry.path) {
            Some(kind) if entry.kind == Kind::File => Want::Whole(kind.max_size()),
            _ => Want::Nothing,
        }
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let Some(kind) = packages::recognize(&file.entry.path) else { return Ok(()) };
        let part = packages::parse(kind, &file.entry.path, file.bytes).map_err(|error| error.to_string())?;
        facts.push(Fact::Packages(part));
        Ok(())
    }
}
