//! What imported feeds know beside hashes of files: hosts, addresses, URLs and wallets in text, byte patterns in
//! files, digests of images and of layers.
//!
//! What a text names is a fact about its bytes; whether a feed lists it is asked anew for each scan. Byte
//! patterns are looked for while the bytes pass, so these facts are kept by the set of patterns too.

mod checks;
mod digests;
mod parse;
mod patterns;
#[cfg(test)]
mod tests;

pub(crate) use parse::is_code;
pub use patterns::{PatternFacts, Patterns};

use crate::{Fact, FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, Outcome, Want};
use layers::{Entry, Kind};
use model::{Class, Detection, Finding, Role, Severity, Stage};
use serde::{Deserialize, Serialize};

/// What a text names that could be on a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MentionFacts {
    /// Hosts, addresses and URLs as the text spells them, each once, a line feed between.
    pub network: String,
    /// Texts of the shape of a currency's address, each once, a line feed between.
    pub wallets: String,
    /// Whether the text names more, or is longer, than is kept here.
    pub cut: bool,
}

/// Reads what texts name, and looks it up.
#[derive(Debug)]
pub struct Listed;

impl FileAnalyzer for Listed {
    fn name(&self) -> &'static str {
        "indicators"
    }

    fn version(&self) -> u32 {
        1
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        let text = entry.kind == Kind::File && !head.is_empty() && memchr::memchr(0, head).is_none();
        if text { Want::AtHand } else { Want::Nothing }
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let mut mentions = parse::mentions(file.bytes, parse::is_code(&file.entry.path, file.bytes));
        mentions.cut |= !file.whole;
        if !mentions.network.is_empty() || !mentions.wallets.is_empty() || mentions.cut {
            facts.push(Fact::Mentions(mentions));
        }
        Ok(())
    }
}

impl ImageAnalyzer for Listed {
    fn name(&self) -> &'static str {
        "indicators"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        digests::revoked_image(image, out);
        digests::bad_layers(image, out);
        if image.indicators.has_texts() {
            checks::listed_in_files(image, out);
            checks::listed_in_configuration(image, out);
        }
        if image.indicators.patterns().is_some() {
            patterns::found_in_files(image, out);
        }
    }
}

/// The hosts, addresses and URLs that a text names, a line feed between, and whether it names more.
pub(crate) fn named(path: &[u8], text: &[u8]) -> (String, bool) {
    let mentions = parse::mentions(text, parse::is_code(path, text));
    (mentions.network, mentions.cut)
}

/// A finding that weighs no more than its feed allows. Who imports a feed below critical does not take its word
/// alone, so nothing from it convicts.
pub(crate) fn capped(mut finding: Finding, severity: Severity) -> Finding {
    finding.severity = finding.severity.min(severity);
    if severity < Severity::Critical {
        finding.role = finding.role.min(Role::Corroborates);
    }
    finding
}

/// The same finding, as something that explains and does not count.
fn as_context(mut finding: Finding) -> Finding {
    finding.role = Role::Context;
    finding.severity = Severity::Low;
    finding
}

pub(crate) const LISTED_NET: Detection = Detection {
    id: "S-IOC-NET",
    title: "Listed host, address, URL or wallet",
    severity: Severity::High,
    role: Role::Corroborates,
    // Of one class wherever it stands, in a file or in the configuration: one wrong row of one feed must not
    // confirm itself.
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1071", "T1105"],
    why: "A script or configuration of the image names a host, an address, a URL or a wallet that an imported feed \
          lists: where a payload is fetched, where a miner works, who is paid. In lists of more than 25 listed \
          names, in documentation, in the history and in files that a later layer removed it only explains, as \
          block lists and rule sets hold what they keep out.",
    advice: "Read the line that names it and what the feed says of it. Find out who wrote the script.",
};

pub(crate) const LISTED_PATTERN: Detection = Detection {
    id: "S-IOC-PATTERN",
    title: "Listed byte pattern",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::File,
    stage: Stage::Static,
    techniques: &["T1204.003"],
    why: "A program or script of the image holds a pattern of bytes by which an imported feed recognises malware. \
          Patterns are broader than hashes and are at times in honest programs, so a second sign is asked for. In \
          other files, rule sets among them, it only explains.",
    advice: "Look the signature up at its publisher, and compare the program with the one that its package ships.",
};

pub(crate) const REVOKED: Detection = Detection {
    id: "S-META-REVOKED",
    title: "Revoked image",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Meta,
    stage: Stage::Static,
    techniques: &["T1195.002"],
    why: "The image has the digest of one that an imported list revokes. Images that were removed after an attack \
          are served on by mirrors and caches, and a digest names the same bytes everywhere.",
    advice: "Do not run the image. Remove it from every mirror, cache and node, and take a release that the publisher \
             stands by.",
};

pub(crate) const BAD_LAYER: Detection = Detection {
    id: "S-META-BADLAYER",
    title: "Known bad layer",
    severity: Severity::Critical,
    role: Role::Convicts,
    class: Class::Meta,
    stage: Stage::Static,
    techniques: &["T1195.002"],
    why: "A layer of the image has the digest of one that an imported list names as part of an attack. Campaigns push \
          one layer under many names. The empty layer, which images share without having anything in common, cannot \
          be listed.",
    advice: "Do not run the image, and look for other images that share the layer.",
};

const DETECTIONS: &[Detection] = &[LISTED_NET, LISTED_PATTERN, REVOKED, BAD_LAYER];
