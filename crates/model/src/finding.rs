use crate::{Axis, Detection, Digest, Exception};
use serde::{Deserialize, Serialize};

/// The kind of the evidence that names the layer whose whiteout or entry took a path out of the image.
pub const REMOVED_BY: &str = "removed_by";

/// The kind of the evidence by which a control says what it did to a finding and why, such as
/// `G4 documentation: /usr/share/doc`.
pub const CONTROL: &str = "control";

/// The kind of the evidence that is an instruction of the image's history, as the history claims it.
pub const HISTORY: &str = "history";

/// The kind of the evidence that is bytes, as hexadecimal digits, of what no text shows truly.
pub const BYTES: &str = "bytes";

/// One thing that was found, with what proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Stable id of the detection, such as `S-MIN-HASH`.
    pub id: String,
    /// What was found, in a few words.
    pub title: String,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it decides alone, needs a second finding, or only explains.
    pub role: Role,
    /// Which kind of evidence it is.
    pub class: Class,
    /// Which half of the analysis found it.
    pub stage: Stage,
    /// MITRE ATT&CK technique ids.
    #[serde(default)]
    pub techniques: Vec<String>,
    /// The platform of the image in which it was found, `linux/amd64`.
    pub platform: String,
    /// The layer that brought it, where one did.
    pub layer: Option<LayerRef>,
    /// The path in the image, escaped, with a leading slash; none for what concerns the image as a whole.
    pub path: Option<String>,
    /// SHA-256 of the file that it is about, where it is about one that was read whole.
    #[serde(default)]
    pub content: Option<Digest>,
    /// Whether the start of the image leads to it; none where the question does not arise or is unanswered.
    pub reachable: Option<bool>,
    /// What proves it. Values are escaped.
    #[serde(default)]
    pub evidence: Vec<Evidence>,
    /// Why it counts here, in a sentence a person understands.
    pub explanation: String,
    /// What it stands on beside the verdict. Whether it counts as well is what its role says.
    #[serde(default)]
    pub axis: Option<Axis>,
    /// The exception that is in force for it: it is shown and does not count.
    #[serde(default)]
    pub exception: Option<Exception>,
}

impl Finding {
    /// A finding of the given detection with everything that the detection itself knows.
    pub fn of(detection: &Detection, explanation: impl Into<String>) -> Self {
        Self {
            id: detection.id.to_owned(),
            title: detection.title.to_owned(),
            severity: detection.severity,
            role: detection.role,
            class: detection.class,
            stage: detection.stage,
            techniques: detection.techniques.iter().map(|&id| id.to_owned()).collect(),
            platform: String::new(),
            layer: None,
            path: None,
            content: None,
            reachable: None,
            evidence: Vec::new(),
            explanation: explanation.into(),
            axis: detection.axis(),
            exception: None,
        }
    }

    /// Adds a piece of evidence; the value is escaped here, so that callers cannot forget.
    pub fn with_evidence(mut self, kind: &str, value: &str, offset: Option<u64>) -> Self {
        self.evidence.push(Evidence { kind: kind.to_owned(), value: crate::escape_text(value), offset });
        self
    }

    /// Adds bytes as they are, where they are more than plain text: an escaped text does not tell a byte from the four
    /// characters that stand for it.
    pub fn with_bytes(self, bytes: &[u8], offset: Option<u64>) -> Self {
        if bytes.iter().all(|byte| matches!(byte, b' '..=b'~')) {
            return self;
        }
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.with_evidence(BYTES, &digits, offset)
    }

    /// Marks it as residue: a later layer removed or replaced the path, so nothing in the image can run it.
    pub fn removed_by(mut self, layer: usize) -> Self {
        self.reachable = Some(false);
        self.with_evidence(REMOVED_BY, &format!("layer {layer}"), None)
    }

    /// Whether it is about something that ships in a layer and is gone from the image's final tree. Both the
    /// answer and its proof are asked for: that the start was not seen to lead to a file proves nothing about
    /// a file which is still there.
    pub fn is_residue(&self) -> bool {
        self.reachable == Some(false) && self.evidence.iter().any(|evidence| evidence.kind == REMOVED_BY)
    }

    /// Lets it stand on an axis instead of counting. What convicts goes on counting: malice is no matter of
    /// tidiness.
    pub fn beside(mut self, axis: Axis) -> Self {
        self.axis = Some(axis);
        if self.role != Role::Convicts {
            self.role = Role::Context;
        }
        self
    }

    /// The notes of the controls that looked at it.
    pub fn controls(&self) -> impl Iterator<Item = &str> {
        self.evidence.iter().filter(|piece| piece.kind == CONTROL).map(|piece| piece.value.as_str())
    }

    /// Sets the path, given as raw bytes relative to the root of the image.
    pub fn at_path(mut self, path: &[u8]) -> Self {
        self.path = Some(format!("/{}", crate::escape_bytes(path)));
        self
    }
}

/// The layer that a finding points to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerRef {
    /// Position from the bottom, the first layer is 0.
    pub index: usize,
    /// Digest of the layer as it was transported.
    pub digest: Digest,
    /// The instruction that made it, as the image's own history claims; escaped.
    pub created_by: String,
}

/// One piece of evidence. `kind` says how to read `value`: `md5`, `sha256`, `string`, `command`, `field`, …
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// How to read the value.
    pub kind: String,
    /// The value, escaped.
    pub value: String,
    /// Byte offset in the file or stream it was found in.
    pub offset: Option<u64>,
}

/// How bad a finding is, lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Low,
    /// Worth a look.
    Medium,
    /// Dangerous where it is true.
    High,
    /// The image must not run.
    Critical,
}

impl Severity {
    /// The lower-case name used in every output format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// How a finding counts towards the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Explains, never counts.
    Context,
    /// Counts together with a finding of another evidence class.
    Corroborates,
    /// Decides alone.
    Convicts,
}

impl Role {
    /// The lower-case name used in every output format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Context => "context",
            Self::Corroborates => "corroborates",
            Self::Convicts => "convicts",
        }
    }
}

/// Kind of evidence. Two findings of one class say the same thing twice and do not corroborate each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Class {
    /// How the image is called.
    Name,
    /// What its metadata claims: history, labels, structure of the transport.
    Meta,
    /// What its configuration asks the runtime to do.
    Config,
    /// What a file is.
    File,
    /// What the start of the image leads to.
    Reach,
    /// What a process did.
    Proc,
    /// What went over the network.
    Net,
    /// A canary of ours that was touched or left.
    Canary,
    /// How it differs from what it was.
    Drift,
}

impl Class {
    /// The upper-case name used in every output format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Meta => "META",
            Self::Config => "CONFIG",
            Self::File => "FILE",
            Self::Reach => "REACH",
            Self::Proc => "PROC",
            Self::Net => "NET",
            Self::Canary => "CANARY",
            Self::Drift => "DRIFT",
        }
    }
}

/// Which half of the analysis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// Read at rest.
    Static,
    /// Seen at run time.
    Dynamic,
}

impl Stage {
    /// The lower-case name used in every output format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Static => "static",
            Self::Dynamic => "dynamic",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUID: Detection = Detection {
        id: "S-ESC-SUID",
        title: "Takes its owner's rights",
        severity: Severity::High,
        role: Role::Corroborates,
        class: Class::File,
        stage: Stage::Static,
        techniques: &[],
        why: "",
        advice: "",
    };

    #[test]
    fn what_stands_beside_the_verdict_does_not_count_unless_it_convicts() {
        let check = |role, expect| {
            let finding = Finding::of(&Detection { role, ..SUID }, "x").beside(Axis::Hygiene);
            assert_eq!((finding.role, finding.axis), (expect, Some(Axis::Hygiene)));
        };
        check(Role::Context, Role::Context);
        check(Role::Corroborates, Role::Context);
        check(Role::Convicts, Role::Convicts);
        // The family puts it on its axis, and its role stays.
        let finding = Finding::of(&SUID, "x");
        assert_eq!((finding.role, finding.axis), (Role::Corroborates, Some(Axis::Hygiene)));
    }

    #[test]
    fn bytes_are_kept_where_text_would_not_do() {
        let check = |bytes: &[u8], expect: Option<&str>| {
            let finding = Finding::of(&SUID, "x").with_bytes(bytes, Some(7));
            let kept = finding.evidence.first().map(|piece| piece.value.as_str());
            assert_eq!(kept, expect, "{bytes:?}");
        };
        check(b"\\x00 is text", None);
        check(b"", None);
        check(b"a\0\xff", Some("6100ff"));
    }

    #[test]
    fn a_report_of_an_earlier_version_is_read() {
        let mut old = serde_json::to_value(Finding::of(&SUID, "x")).unwrap();
        for later in ["content", "axis", "exception"] {
            old.as_object_mut().unwrap().remove(later).unwrap();
        }
        let read: Finding = serde_json::from_value(old).unwrap();
        assert_eq!((read.content, read.axis, read.exception), (None, None, None));
    }
}
