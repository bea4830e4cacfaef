use model::{Axis, Digest, Finding, Gap, Report, RepositoryName, Role, Severity, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// All that is known of an image when it is decided about. Rules see it under the names of these fields; see
/// [`crate::reference`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// Where it lies.
    pub repository: RepositoryName,
    /// What the scan says.
    pub verdict: Verdict,
    /// The upstream that it came from; empty where it was pushed here.
    #[serde(default)]
    pub upstream: String,
    /// Digest of its root manifest.
    #[serde(default)]
    pub digest: Option<Digest>,
    /// The tags that point to it.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Its platforms.
    #[serde(default)]
    pub platforms: Vec<String>,
    /// What was found.
    #[serde(default)]
    pub findings: Vec<Fact>,
    /// What was not looked at.
    #[serde(default)]
    pub gaps: Vec<Gap>,
    /// Ids of findings that say what it openly is: a miner, a scanner, a VPN.
    #[serde(default)]
    pub pua: Vec<String>,
    /// Ids of findings about bad habits.
    #[serde(default)]
    pub hygiene: Vec<String>,
    /// Known vulnerabilities that are critical.
    #[serde(default)]
    pub critical_vulnerabilities: u64,
    /// Known vulnerabilities that are high.
    #[serde(default)]
    pub high_vulnerabilities: u64,
    /// Hours since this gate first saw the digest from this origin.
    #[serde(default)]
    pub first_seen_hours: u64,
    /// What became of the upstream's signature.
    #[serde(default)]
    pub upstream_signature: Signature,
    /// Whether it was run.
    #[serde(default)]
    pub detonated: bool,
    /// Whether it names a program to start, as its entrypoint or its command. Where nobody looked, it is taken to.
    #[serde(default = "yes")]
    pub starts: bool,
    /// Who pushed it, `user:alice`; empty where it came from an upstream.
    #[serde(default)]
    pub pushed_by: String,
    /// The labels in its configuration, which are claims.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// A finding, as rules see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// Its id.
    pub id: String,
    /// What was found, in a few words.
    #[serde(default)]
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it decides alone.
    pub role: Role,
    /// The path in the image, escaped; empty where it is about the image as a whole.
    #[serde(default)]
    pub path: String,
    /// The layer that brought it, counted from 0 at the bottom.
    #[serde(default)]
    pub layer: Option<usize>,
    /// SHA-256 of the file.
    #[serde(default)]
    pub content: Option<Digest>,
    /// Whether the start of the image leads to it; none where nobody knows.
    #[serde(default)]
    pub reachable: Option<bool>,
    /// Whether the scan showed it by running the image.
    #[serde(default)]
    pub dynamic: bool,
    /// What it stands on beside the verdict.
    #[serde(default)]
    pub axis: Option<Axis>,
    /// Whether an exception was given with the scan, so that it does not count.
    #[serde(default)]
    pub excepted: bool,
}

/// What became of the signature that an upstream puts on its images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signature {
    /// Nobody asked: no key is configured for the upstream.
    #[default]
    Unchecked,
    /// There is none.
    Missing,
    /// There is one, and it does not hold under the configured key.
    Invalid,
    /// It holds.
    Valid,
}

fn yes() -> bool {
    true
}

impl Context {
    /// What a report says, for an image in this repository. The caller adds what no report knows.
    pub fn of_report(repository: RepositoryName, report: &Report) -> Self {
        Self {
            verdict: report.verdict,
            digest: report.image.digest,
            platforms: report.image.platforms.clone(),
            findings: report.findings.iter().map(Fact::from).collect(),
            gaps: report.gaps.clone(),
            pua: report.axes.pua.clone(),
            hygiene: report.axes.hygiene.clone(),
            critical_vulnerabilities: report.axes.vulnerable.critical,
            high_vulnerabilities: report.axes.vulnerable.high,
            detonated: report.detonation.is_some() && report.coverage.runs > 0,
            ..Self::new(repository, report.verdict)
        }
    }

    /// An image of which nothing but the verdict is known.
    pub fn new(repository: RepositoryName, verdict: Verdict) -> Self {
        Self {
            repository,
            verdict,
            upstream: String::new(),
            digest: None,
            tags: Vec::new(),
            platforms: Vec::new(),
            findings: Vec::new(),
            gaps: Vec::new(),
            pua: Vec::new(),
            hygiene: Vec::new(),
            critical_vulnerabilities: 0,
            high_vulnerabilities: 0,
            first_seen_hours: 0,
            upstream_signature: Signature::default(),
            detonated: false,
            starts: true,
            pushed_by: String::new(),
            labels: BTreeMap::new(),
        }
    }
}

impl Fact {
    /// Whether it counts towards the verdict.
    pub fn counts(&self) -> bool {
        self.role != Role::Context && !self.excepted
    }
}

impl From<&Finding> for Fact {
    fn from(finding: &Finding) -> Self {
        Self {
            id: finding.id.clone(),
            title: finding.title.clone(),
            severity: finding.severity,
            role: finding.role,
            path: finding.path.clone().unwrap_or_default(),
            layer: finding.layer.as_ref().map(|layer| layer.index),
            content: finding.content,
            reachable: finding.reachable,
            dynamic: finding.stage == model::Stage::Dynamic,
            axis: finding.axis,
            excepted: finding.exception.is_some(),
        }
    }
}

impl Signature {
    /// The name that rules compare with.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unchecked => "unchecked",
            Self::Missing => "missing",
            Self::Invalid => "invalid",
            Self::Valid => "valid",
        }
    }
}
