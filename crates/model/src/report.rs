use crate::{Detonation, Digest, ExceptionUse, Finding, Gap, Verdict};
use serde::{Deserialize, Serialize};

/// The version of the report that outsiders script against.
pub const REPORT_SCHEMA: &str = "roadstead.report/v1";

/// What a scan says, whole. Every other output format is drawn from this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Always [`REPORT_SCHEMA`].
    pub schema: String,
    /// Who said it.
    pub tool: Tool,
    /// Of what.
    pub image: ImageSummary,
    /// The verdict.
    pub verdict: Verdict,
    /// The verdict and its main reason in one sentence.
    pub summary: String,
    /// What stands beside the verdict and does not decide it.
    pub axes: Axes,
    /// The findings, worst first.
    pub findings: Vec<Finding>,
    /// How the image gets from its start to the harm, step by step.
    pub chain: Vec<ChainStep>,
    /// What was not looked at.
    pub gaps: Vec<Gap>,
    /// The exceptions that were given, with what became of each.
    #[serde(default)]
    pub exceptions: Vec<ExceptionUse>,
    /// What running it showed, where it was run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detonation: Option<Detonation>,
    /// How much was looked at.
    pub coverage: Coverage,
    /// How long it took, in milliseconds. Not part of the verdict's identity.
    pub timing_ms: Timing,
}

/// The program and the knowledge it judged with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Version of Roadstead.
    pub version: String,
    /// Digest over the built-in analyzers and rules.
    pub rules: String,
    /// Imported feeds, `name@digest`.
    pub feeds: Vec<String>,
}

/// What was scanned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSummary {
    /// The reference as the user gave it; escaped.
    pub reference: String,
    /// Digest of the index or of the single manifest; none for a bare root file system.
    pub digest: Option<Digest>,
    /// Every platform that was scanned.
    pub platforms: Vec<String>,
    /// The layers of all platforms, bottom first.
    #[serde(default)]
    pub layers: Vec<LayerSummary>,
}

/// One layer of one platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerSummary {
    /// The platform it belongs to.
    pub platform: String,
    /// Position from the bottom, the first layer is 0.
    pub index: usize,
    /// Digest of the layer as it was transported, computed here.
    pub digest: Digest,
    /// The instruction that made it, as the image's own history claims; escaped.
    pub created_by: String,
    /// Bytes after decompression.
    pub bytes: u64,
    /// Entries in its archive.
    pub entries: u64,
}

/// What stands beside the verdict.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Axes {
    /// Openly declared miner, scanner, VPN: ids of the findings that are read so.
    pub pua: Vec<String>,
    /// Secrets, setuid, sshd: ids of the findings.
    pub hygiene: Vec<String>,
    /// Known vulnerabilities by severity.
    pub vulnerable: Vulnerable,
}

/// Counts of known vulnerabilities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vulnerable {
    /// Critical ones.
    pub critical: u64,
    /// High ones.
    pub high: u64,
}

/// One step from the start of the image to the harm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainStep {
    /// Counted from 1.
    pub step: usize,
    /// `static` or `dynamic`.
    pub stage: crate::Stage,
    /// What happens; escaped.
    pub what: String,
    /// The finding that knows it, where one does.
    pub finding: Option<String>,
}

/// How much was looked at, over all platforms; a layer that two platforms share counts once.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// Layers.
    pub layers: u64,
    /// Entries of the layers' archives that are regular files.
    pub files: u64,
    /// Bytes of the layers after decompression.
    pub bytes: u64,
    /// Of these, bytes that were read and accounted for.
    pub bytes_read: u64,
    /// Runs in the sandbox.
    pub runs: u64,
    /// Events of these runs that were lost.
    pub events_dropped: u64,
}

/// Milliseconds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timing {
    /// From opening the reference to the verdict.
    pub total: u64,
    /// Reading and static analysis.
    #[serde(rename = "static")]
    pub static_: u64,
    /// Detonation.
    pub dynamic: u64,
}
