use crate::Promise;
use crate::claims::Claims;
use crate::part::{Content, Database, Package, Part, Reading};
use crate::text::{hex, lines, word};
use serde::{Deserialize, Serialize};

/// One package in dpkg's status, installed or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stanza {
    pub(crate) package: Package,
    pub(crate) state: State,
    /// The name under which its file lies in `status.d`; its digests lie beside it under the same.
    pub(crate) stem: Option<String>,
    /// Configuration files with the digest they were shipped with.
    pub(crate) conffiles: Claims,
}

/// How much of a package is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum State {
    /// Unpacked at least: it owns what it lists.
    Present,
    /// Removed, its configuration kept: it owns that alone.
    ConfigFiles,
    /// It owns nothing.
    Absent,
}

/// Reads `status`, or with a stem one file of `status.d`: RFC 822 like stanzas, as `deb-control(5)` says.
pub(crate) fn status(bytes: &[u8], stem: Option<String>) -> Part {
    let mut reading = Reading::new();
    let mut stanzas = Vec::new();
    let mut draft = Draft::default();
    for (offset, line) in lines(bytes) {
        if line.trim_ascii().is_empty() {
            if !std::mem::take(&mut draft).close(&mut reading, &mut stanzas, &stem) {
                return reading.finish(Content::DpkgStatus(stanzas));
            }
        } else {
            draft.line(offset, line, &mut reading);
        }
    }
    draft.close(&mut reading, &mut stanzas, &stem);
    reading.finish(Content::DpkgStatus(stanzas))
}

/// A stanza while its lines come in.
#[derive(Default)]
struct Draft<'a> {
    started: Option<usize>,
    fields: [Option<&'a [u8]>; FIELDS.len()],
    /// Whether the lines that follow continue the field `Conffiles`.
    in_conffiles: bool,
    conffiles: Claims,
}

const FIELDS: [&[u8]; 6] = [b"package", b"status", b"version", b"architecture", b"maintainer", b"conffiles"];
const CONFFILES: usize = 5;

impl<'a> Draft<'a> {
    fn line(&mut self, offset: usize, line: &'a [u8], reading: &mut Reading) {
        self.started.get_or_insert(offset);
        if let Some(b' ' | b'\t') = line.first() {
            if self.in_conffiles {
                self.conffile(offset, line, reading);
            }
            return;
        }
        self.in_conffiles = false;
        let Some(colon) = memchr::memchr(b':', line) else {
            return reading.skip(offset, "a line without a field name");
        };
        let (name, value) = line.split_at_checked(colon).unwrap_or_default();
        let Some(field) = FIELDS.iter().position(|field| name.eq_ignore_ascii_case(field)) else { return };
        let Some(slot) = self.fields.get_mut(field) else { return };
        if slot.is_some() {
            // Two readers would take two values; dpkg itself refuses such a file.
            return reading.skip(offset, "a field that stands twice in one package");
        }
        *slot = Some(value.strip_prefix(b":").unwrap_or(value));
        self.in_conffiles = field == CONFFILES;
    }

    /// ` PATH MD5 [obsolete] [remove-on-upgrade]`. The path itself may hold spaces.
    fn conffile(&mut self, offset: usize, line: &[u8], reading: &mut Reading) {
        let mut rest = line.trim_ascii();
        for flag in [b" remove-on-upgrade".as_slice(), b" obsolete"] {
            rest = rest.strip_suffix(flag).unwrap_or(rest);
        }
        let Some(space) = memchr::memrchr(b' ', rest) else {
            return reading.skip(offset, "a configuration file without a digest");
        };
        let (path, digest) = rest.split_at_checked(space).unwrap_or_default();
        let digest = digest.trim_ascii();
        // dpkg writes `newconffile` until the package is configured.
        let promise = match hex(digest) {
            Some(md5) => Promise::Md5(md5),
            None if digest == b"newconffile" => Promise::None,
            None => return reading.skip(offset, "a configuration file whose digest is not an MD5"),
        };
        reading.take(offset, &mut self.conffiles, &[path], promise, true);
    }

    /// Ends the stanza. False when no more packages may be taken.
    fn close(self, reading: &mut Reading, stanzas: &mut Vec<Stanza>, stem: &Option<String>) -> bool {
        let Some(started) = self.started else { return true };
        let text = |field: usize| self.fields.get(field).copied().flatten().map(word).unwrap_or_default();
        let name = text(0);
        if name.is_empty() {
            reading.skip(started, "a package without a name");
            return true;
        }
        let state = match self.fields.get(1).copied().flatten() {
            // Images without a package manager keep the control file as it was, which states none.
            None if stem.is_some() => State::Present,
            None => State::Absent,
            Some(status) => state(status),
        };
        let (version, architecture, vendor) = (text(2), text(3), text(4));
        let removed = state == State::ConfigFiles;
        let package = Package { name, version, architecture, vendor, database: Database::Dpkg, removed };
        if !reading.admit(started, &package) {
            return false;
        }
        stanzas.push(Stanza { package, state, stem: stem.clone(), conffiles: self.conffiles.shrink() });
        true
    }
}

/// The third word of `Status: WANT FLAG STATE`.
fn state(status: &[u8]) -> State {
    let mut words = status.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    match words.nth(2) {
        Some(b"not-installed") | None => State::Absent,
        Some(b"config-files") => State::ConfigFiles,
        Some(_) => State::Present,
    }
}
