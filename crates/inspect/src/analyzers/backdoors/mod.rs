//! Back doors that come in through packages: releases that are known to be bad, commands that are run at the
//! installation of a package, files that an installation did not bring, and trust that was switched off.
//!
//! Databases and manifests lie in the image and are its maker's to write. What they confess is believed; nothing
//! that they say excuses anything.

mod command;
mod detections;
mod installed;
mod manifest;
mod origins;
mod python;
mod scripts;
#[cfg(test)]
mod tests;
mod typo;
mod xz;

use crate::analyzers::start::base_name;
use crate::{Fact, FactSink, FileAnalyzer, FileView, ImageAnalyzer, ImageView, Outcome, Want};
use layers::{Entry, Kind, Place};
use model::Detection;
use serde::{Deserialize, Serialize};

/// What one file says of the origin of software.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackdoorFacts {
    /// What is run at the installation of a package does these things.
    Steps(Vec<InstallStep>),
    /// Lines that switch off the check of signatures.
    Unsigned(Vec<(u32, String)>),
    /// What a Python package says it brought.
    Record(RecordFacts),
}

/// One step of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallStep {
    /// The hook or script, such as `postinstall`.
    pub name: String,
    /// Its line, the first is 1.
    pub line: u32,
    /// What it does.
    pub act: Act,
    /// The line, shortened.
    pub text: String,
}

/// What a step of an installation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Act {
    /// It runs what it fetches.
    FetchRun,
    /// It sends away what the machine or its user is called.
    Sends,
    /// It runs what it hides.
    Obfuscated,
    /// It is longer than is read.
    TooLong,
}

/// The Python sources that the RECORD of an installed package lists.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordFacts {
    /// Paths as they are written, with the first half of the SHA-256.
    pub files: Vec<(String, Option<[u8; 16]>)>,
    /// Whether it lists more than is kept here.
    pub cut: bool,
}

/// Reads what packages say of themselves, and judges it.
#[derive(Debug)]
pub struct Backdoors;

/// Largest manifest, script or list that is read.
const MAX_TEXT: u64 = 1 << 20;
/// Largest list of files. That of the largest frameworks has two megabytes.
const MAX_RECORD: u64 = 8 << 20;

/// What a file is for this analyzer, by its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Subject {
    Manifest,
    Gyp,
    Dpkg,
    ApkScripts,
    AptSources,
    AptSettings,
    RpmSettings,
    PipSettings,
    Record,
}

fn subject(path: &[u8]) -> Option<Subject> {
    let name = base_name(path);
    Some(match name {
        b"package.json" => Subject::Manifest,
        b"binding.gyp" => Subject::Gyp,
        b"RECORD" => path.strip_suffix(b".dist-info/RECORD").map(|_| Subject::Record)?,
        b"sources.list" if path == b"etc/apt/sources.list" => Subject::AptSources,
        b"apt.conf" if path == b"etc/apt/apt.conf" => Subject::AptSettings,
        b"yum.conf" | b"dnf.conf" if path.starts_with(b"etc/") => Subject::RpmSettings,
        b"pip.conf" => Subject::PipSettings,
        b"scripts.tar" if path.ends_with(b"lib/apk/db/scripts.tar") => Subject::ApkScripts,
        b"scripts.tar.gz" if path.ends_with(b"lib/apk/db/scripts.tar.gz") => Subject::ApkScripts,
        _ if path.starts_with(b"var/lib/dpkg/info/") => {
            let ends: [&[u8]; 4] = [b".preinst", b".postinst", b".prerm", b".postrm"];
            ends.iter().any(|end| name.ends_with(end)).then_some(Subject::Dpkg)?
        }
        _ if path.starts_with(b"etc/apt/sources.list.d/") => Subject::AptSources,
        _ if path.starts_with(b"etc/apt/apt.conf.d/") => Subject::AptSettings,
        _ if path.starts_with(b"etc/yum.repos.d/") || path.starts_with(b"etc/zypp/repos.d/") => {
            Subject::RpmSettings
        }
        _ => return None,
    })
}

impl FileAnalyzer for Backdoors {
    fn name(&self) -> &'static str {
        "backdoors"
    }

    fn version(&self) -> u32 {
        2
    }

    fn wants(&self, entry: &Entry, head: &[u8]) -> Want {
        if entry.kind != Kind::File || head.is_empty() {
            return Want::Nothing;
        }
        match subject(&entry.path) {
            None => Want::Nothing,
            Some(Subject::Record | Subject::ApkScripts) => Want::Whole(MAX_RECORD),
            Some(_) => Want::Whole(MAX_TEXT),
        }
    }

    fn reads_stages(&self) -> bool {
        false
    }

    fn analyze(&self, file: &FileView<'_>, facts: &mut FactSink) -> Result<(), String> {
        let Some(subject) = subject(&file.entry.path) else { return Ok(()) };
        let mut steps = |steps: Vec<InstallStep>| {
            if !steps.is_empty() {
                facts.push(Fact::Backdoor(BackdoorFacts::Steps(steps)));
            }
        };
        match subject {
            Subject::Manifest => steps(manifest::package_json(file.bytes)?),
            Subject::Gyp => steps(manifest::binding_gyp(file.bytes)),
            Subject::Dpkg => {
                let name = String::from_utf8_lossy(base_name(&file.entry.path)).into_owned();
                steps(command::steps(&name, file.bytes));
            }
            Subject::ApkScripts => steps(scripts::of_apk(file.bytes)?),
            Subject::AptSources | Subject::AptSettings | Subject::RpmSettings | Subject::PipSettings => {
                let lines = origins::unsigned(subject, file.bytes);
                if !lines.is_empty() {
                    facts.push(Fact::Backdoor(BackdoorFacts::Unsigned(lines)));
                }
            }
            Subject::Record => facts.push(Fact::Backdoor(BackdoorFacts::Record(python::record(file.bytes)))),
        }
        Ok(())
    }
}

impl ImageAnalyzer for Backdoors {
    fn name(&self) -> &'static str {
        "backdoors"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        detections::DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        xz::installed(image, out);
        installed::judge(image, out);
        origins::judge(image, out);
        python::judge(image, out);
        typo::judge(image, out);
    }
}

/// The facts of this analyzer about files that a runtime shows.
fn live<'a>(image: &ImageView<'a>) -> impl Iterator<Item = (Place, &'a BackdoorFacts)> {
    let (layers, tree) = (image.layers, image.tree);
    layers.iter().zip(0..).flat_map(move |(layer, number)| {
        layer.facts.facts.iter().filter_map(move |(entry, fact)| {
            let place = Place { layer: number, entry: *entry };
            match fact {
                Fact::Backdoor(fact) if tree.is_live(place) => Some((place, fact)),
                _ => None,
            }
        })
    })
}
