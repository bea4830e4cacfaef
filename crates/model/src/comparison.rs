use crate::{Class, Digest, Gap, LayerRef, Severity, Tool, Verdict};
use serde::{Deserialize, Serialize};

/// The version of the comparison that outsiders script against.
pub const DIFF_SCHEMA: &str = "roadstead.diff/v1";

/// What a new image can do that an old one could not. Every text in it that comes from an image is escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    /// Always [`DIFF_SCHEMA`].
    pub schema: String,
    /// Who said it.
    pub tool: Tool,
    /// What it was.
    pub old: Side,
    /// What it is.
    pub new: Side,
    /// What came in, in one sentence.
    pub summary: String,
    /// What changed, worst first.
    pub changes: Vec<Change>,
    /// Packages that came, went or have another version.
    pub packages: Vec<PackageChange>,
    /// How much of each platform changed at all.
    pub platforms: Vec<PlatformChanges>,
    /// What was not compared.
    pub gaps: Vec<Gap>,
    /// The changes that a person accepted, with what became of each.
    pub baseline: Vec<AcceptedUse>,
}

/// One of the two images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The reference as the user gave it.
    pub reference: String,
    /// Digest of the index or of the single manifest; none for a bare root file system.
    pub digest: Option<Digest>,
    /// Its platforms.
    pub platforms: Vec<String>,
    /// What a scan of it says.
    pub verdict: Verdict,
    /// Whether a signature lies beside it in its registry; none where that was not asked or not answered.
    pub signed: Option<bool>,
}

/// One thing that the new image has and the old one had not, or the other way round.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What kind of change.
    pub kind: ChangeKind,
    /// How much of a look it is worth.
    pub severity: Severity,
    /// The platform, `linux/amd64`; empty for what concerns the image as a whole.
    pub platform: String,
    /// The path, with a leading slash.
    pub path: Option<String>,
    /// What changed at no path: the name of a setting, a host, the id of a finding, a package.
    pub name: Option<String>,
    /// The path under which the same content lay in the old image.
    pub moved_from: Option<String>,
    /// The layer of the new image that brought it.
    pub layer: Option<LayerRef>,
    /// What it was.
    pub before: Option<State>,
    /// What it is.
    pub after: Option<State>,
    /// How the start of the new image leads to it, where it certainly does.
    pub reached: Option<String>,
    /// The kind of evidence, of findings.
    pub class: Option<Class>,
    /// What changed, in a sentence.
    pub what: String,
    /// Why a person accepted it: it is shown and does not count.
    pub accepted: Option<String>,
}

impl Change {
    /// A change of the image as a whole, of which nothing more is known.
    pub fn new(kind: ChangeKind, severity: Severity, what: impl Into<String>) -> Self {
        Self {
            kind,
            severity,
            platform: String::new(),
            path: None,
            name: None,
            moved_from: None,
            layer: None,
            before: None,
            after: None,
            reached: None,
            class: None,
            what: what.into(),
            accepted: None,
        }
    }
}

/// What something is on one side of a change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The value, of a setting.
    pub value: Option<String>,
    /// SHA-256 of the content, of a file.
    pub sha256: Option<Digest>,
    /// Permission bits with setuid and setgid, in octal.
    pub mode: Option<String>,
    /// The package that owns it, with its version.
    pub package: Option<String>,
}

/// What kind of change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// The new image has a signature no more.
    SignatureLost,
    /// A finding that the old image had not.
    FindingAdded,
    /// A file that its package promised otherwise.
    OwnedAltered,
    /// The same version of a package promises other content than before.
    PackageRewritten,
    /// A setuid or setgid bit, or a capability.
    RightsGained,
    /// Entrypoint, command, environment and the like.
    SettingChanged,
    /// A file that something else starts or loads by itself.
    HookAdded,
    /// The same, with other content.
    HookChanged,
    /// A program or script that no package owns.
    ProgramAdded,
    /// The same content as of a program at another path, which is still there.
    ProgramCopied,
    /// What the start newly leads to.
    ReachAdded,
    /// A host that no program or script of the old image named.
    HostAdded,
    /// A program that ran, and in no run of the old image.
    ProgramStarted,
    /// A host that was spoken to, and in no run of the old image.
    HostContacted,
    /// A name that was asked for, and in no run of the old image.
    NameAsked,
    /// A port that was opened to others, and in no run of the old image.
    PortOpened,
    /// A file that was written and left, and in no run of the old image.
    FileWritten,
    /// A program or script that no package owns, with other content.
    ProgramChanged,
    /// What the start leads to, with other content.
    ReachChanged,
    /// A program at another path.
    ProgramMoved,
    /// A package that the old image had not.
    PackageAdded,
    /// A platform that the old image had not.
    PlatformAdded,
    /// A platform that the new image has no more.
    PlatformRemoved,
    /// The layers below are not those of the old image.
    BaseReplaced,
    /// A finding that is gone.
    FindingGone,
}

impl ChangeKind {
    /// Every kind, in the order in which they are told.
    pub const ALL: [Self; 25] = [
        Self::SignatureLost,
        Self::FindingAdded,
        Self::OwnedAltered,
        Self::PackageRewritten,
        Self::RightsGained,
        Self::SettingChanged,
        Self::HookAdded,
        Self::HookChanged,
        Self::ProgramAdded,
        Self::ProgramCopied,
        Self::ReachAdded,
        Self::HostAdded,
        Self::ProgramStarted,
        Self::HostContacted,
        Self::NameAsked,
        Self::PortOpened,
        Self::FileWritten,
        Self::ProgramChanged,
        Self::ReachChanged,
        Self::ProgramMoved,
        Self::PackageAdded,
        Self::PlatformAdded,
        Self::PlatformRemoved,
        Self::BaseReplaced,
        Self::FindingGone,
    ];

    /// The name used in every output format and in baselines.
    pub fn name(self) -> &'static str {
        match self {
            Self::SignatureLost => "signature-lost",
            Self::FindingAdded => "finding-added",
            Self::OwnedAltered => "owned-altered",
            Self::PackageRewritten => "package-rewritten",
            Self::RightsGained => "rights-gained",
            Self::SettingChanged => "setting-changed",
            Self::HookAdded => "hook-added",
            Self::HookChanged => "hook-changed",
            Self::ProgramAdded => "program-added",
            Self::ProgramCopied => "program-copied",
            Self::ReachAdded => "reach-added",
            Self::HostAdded => "host-added",
            Self::ProgramStarted => "program-started",
            Self::HostContacted => "host-contacted",
            Self::NameAsked => "name-asked",
            Self::PortOpened => "port-opened",
            Self::FileWritten => "file-written",
            Self::ProgramChanged => "program-changed",
            Self::ReachChanged => "reach-changed",
            Self::ProgramMoved => "program-moved",
            Self::PackageAdded => "package-added",
            Self::PlatformAdded => "platform-added",
            Self::PlatformRemoved => "platform-removed",
            Self::BaseReplaced => "base-replaced",
            Self::FindingGone => "finding-gone",
        }
    }
}

/// A package that came, went or has another version: one line, however many files it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PackageChange {
    /// The platform.
    pub platform: String,
    /// `dpkg`, `apk`, `rpm` or `python`.
    pub manager: String,
    /// Its name.
    pub name: String,
    /// The version that it had; none where it is new.
    pub before: Option<String>,
    /// The version that it has; none where it is gone.
    pub after: Option<String>,
    /// Files of it that came or have another content.
    pub files: u64,
    /// Of these, programs and scripts.
    pub programs: u64,
}

/// How much of one platform changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformChanges {
    /// The platform.
    pub platform: String,
    /// What became of the layers.
    pub layers: LayerDrift,
    /// Layers of the old image.
    pub layers_old: u64,
    /// Layers of the new image.
    pub layers_new: u64,
    /// Layers, from the bottom, that both have.
    pub layers_shared: u64,
    /// Files and links that came.
    pub added: u64,
    /// Files and links with another content, kind or mode.
    pub changed: u64,
    /// Files and links that are gone.
    pub removed: u64,
    /// Of those that came, those with the content of one that is gone.
    pub moved: u64,
}

/// What became of the layers of a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LayerDrift {
    /// They are the same.
    Same,
    /// All of the old are there, and more above them.
    Appended,
    /// The lower ones are the same.
    Partly,
    /// Not even the lowest is the same.
    Replaced,
}

/// A change that a person accepts: this one, for this content or value, and no other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// What kind of change.
    pub kind: ChangeKind,
    /// The path, as the comparison shows it.
    pub path: Option<String>,
    /// What changed at no path, as the comparison shows it.
    pub name: Option<String>,
    /// SHA-256 of what it is now.
    pub sha256: Option<Digest>,
    /// The value that it has now.
    pub value: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// An accepted change with what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedUse {
    /// What was accepted.
    pub accepted: Accepted,
    /// How many changes it is for; where there are none it can be removed.
    pub changes: u64,
}

impl Comparison {
    /// The worst change that nobody accepted.
    pub fn worst(&self) -> Option<Severity> {
        self.counting().map(|change| change.severity).max()
    }

    /// The changes that nobody accepted.
    pub fn counting(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.accepted.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_called_as_they_are_written() {
        for kind in ChangeKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert!(ChangeKind::ALL.is_sorted_by(|one, next| one < next), "each once");
    }
}
