//! Endpoints: which hosts programs and scripts name. Asked only where two images are compared: that a program names
//! a host means nothing, that it names one which its last version did not is worth a look (codecov 2021, Trivy
//! 0.69.4).

mod parse;
#[cfg(test)]
mod tests;

use crate::{Fact, FactSink, FileAnalyzer, FileView, Want};
use layers::{Entry, Kind};
use serde::{Deserialize, Serialize};

/// The hosts that a file names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointFacts {
    /// Names and addresses in lower case, sorted, each once, a line feed between.
    pub hosts: String,
    /// Whether the file names more, or is longer, than is kept here.
    pub cut: bool,
}

/// Reads the hosts that programs and scripts name.
#[derive(Debug)]
pub struct Endpoints;

/// Largest program that is read whole; one at a time is in memory.
const MAX_PROGRAM: u64 = 192 << 20;
/// Longest script that is read whole.
const MAX_SCRIPT: u64 = 4 << 20;

impl FileAnalyzer for Endpoints {
    fn name(&self) -> &'static str {
        "endpoints"
    }

    fn version(&self) -> u32 {
        1
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        if entry.kind != Kind::File || head.is_empty() {
            return Want::Nothing;
        }
        if head.starts_with(b"\x7fELF") {
            return if entry.size > MAX_PROGRAM { Want::AtHand } else { Want::Whole(MAX_PROGRAM) };
        }
        let script = head.starts_with(b"#!")
            || entry.mode & 0o111 != 0
            || super::hooks::kind_of(&entry.path).is_some()
            || is_script_name(&entry.path);
        match script && memchr::memchr(0, head).is_none() {
            true if entry.size <= MAX_SCRIPT => Want::Whole(MAX_SCRIPT),
            true => Want::AtHand,
            false => Want::Nothing,
        }
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let mut read = if memchr::memchr(0, file.bytes).is_some() {
            parse::in_program(file.bytes)
        } else {
            parse::in_text(&file.entry.path, file.bytes)
        };
        read.cut |= !file.whole;
        if !read.hosts.is_empty() || read.cut {
            facts.push(Fact::Endpoints(read));
        }
        Ok(())
    }
}

fn is_script_name(path: &[u8]) -> bool {
    const ENDINGS: [&[u8]; 13] = [
        b".sh", b".bash", b".py", b".pth", b".js", b".mjs", b".cjs", b".rb", b".pl", b".pm", b".php",
        b".lua", b".ps1",
    ];
    ENDINGS.iter().any(|ending| path.ends_with(ending))
}
