//! The name by which an image is asked for: whether it imitates another.
//!
//! A name proves nothing about what an image holds, and honest names lie close to famous ones, so nothing here
//! convicts. What counts is the name together with what is found inside.

mod checks;
mod parse;
#[cfg(test)]
mod tests;

use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Class, Detection, Role, Severity, Stage};

/// Compares names.
#[derive(Debug)]
pub struct Names;

impl ImageAnalyzer for Names {
    fn name(&self) -> &'static str {
        "names"
    }

    fn version(&self) -> u32 {
        2
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        if let Some(name) = image.name {
            checks::look_alike_host(image, name, out);
            if name.registry == "docker.io" {
                checks::hub_name(image, name, out);
            }
        }
    }
}

pub(crate) const HOST: Detection = Detection {
    id: "S-META-HOST",
    title: "Look-alike of a registry's host",
    severity: Severity::High,
    role: Role::Corroborates,
    class: Class::Name,
    stage: Stage::Static,
    techniques: &["T1036.005", "T1584.001"],
    why: "The host is a slip of the finger away from a public registry's. Such hosts exist, answer, and ask for \
          credentials. It does not convict: the host may be somebody's own, and what it serves is judged by itself.",
    advice: "Correct the reference wherever it is written. Replace every credential that was ever sent to the host.",
};

pub(crate) const SQUAT: Detection = Detection {
    id: "S-META-SQUAT",
    title: "Look-alike of an official name",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Name,
    stage: Stage::Static,
    techniques: &["T1036.005"],
    why: "The repository's name is an official image's name with a typing mistake, a digit for a letter, or a \
          word such as `official` added. People do mistype names, and campaigns wait there. One changed letter in \
          a short name also gives ordinary words, which is why that counts least.",
    advice: "Check that the name is the one that was meant, and who publishes it.",
};

pub(crate) const NAMESPACE_SQUAT: Detection = Detection {
    id: "S-META-NSSQUAT",
    title: "Look-alike of a publisher",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Name,
    stage: Stage::Static,
    techniques: &["T1684.001", "T1656"],
    why: "The namespace is almost that of a well-known publisher: a letter changed, or a word such as `official` \
          or `os` added. The account azurenql, one letter from azuresql, served miners two million times.",
    advice: "Check on the publisher's own site which namespace it publishes under.",
};

pub(crate) const IMPERSONATION: Detection = Detection {
    id: "S-META-IMPERSON",
    title: "Official name in another namespace",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Name,
    stage: Stage::Static,
    techniques: &["T1036.005"],
    why: "A user's repository has the name of an official image. Thousands of honest ones do; so did `openjdk` \
          and `golang` of the 2021 campaign.",
    advice: "Use the official image unless this publisher is known to you.",
};

pub(crate) const HEX_NAMESPACE: Detection = Detection {
    id: "S-META-HEXNS",
    title: "Machine-made namespace",
    severity: Severity::Medium,
    role: Role::Corroborates,
    class: Class::Name,
    stage: Stage::Static,
    techniques: &["T1585"],
    why: "The namespace is a run of hexadecimal digits, such as a container's default host name. People do not \
          call themselves so; scripts that register accounts by the dozen do.",
    advice: "Find out who the publisher is before using anything from there.",
};

pub(crate) const HEX_TAG: Detection = Detection {
    id: "S-META-HEXTAG",
    title: "Hexadecimal tag",
    severity: Severity::Low,
    role: Role::Context,
    class: Class::Name,
    stage: Stage::Static,
    techniques: &[],
    why: "The tag is a run of hexadecimal digits. Build systems tag by commit, so this says something only \
          beside other signs.",
    advice: "Pin images by digest rather than by a tag that means nothing to a reader.",
};

const DETECTIONS: &[Detection] = &[HOST, SQUAT, NAMESPACE_SQUAT, IMPERSONATION, HEX_NAMESPACE, HEX_TAG];
