//! The apk database: `apk-package(5)` and the file `installed` as apk-tools 2 and 3 write it. A block of
//! lines `LETTER:value` for each package; `F:` opens a folder, `R:` names a file in it, `Z:` its checksum.

use crate::Promise;
use crate::claims::Claims;
use crate::part::{Content, Database, Installed, Package, Part, Reading};
use crate::text::{hex, lines, word};
use base64::Engine as _;

/// Reads `installed`.
pub(crate) fn installed(bytes: &[u8]) -> Part {
    let mut reading = Reading::new();
    let mut packages = Vec::new();
    let mut draft = Draft::default();
    for (offset, line) in lines(bytes) {
        let more = if line.is_empty() {
            std::mem::take(&mut draft).close(&mut reading, &mut packages)
        } else {
            draft.line(offset, line, &mut reading)
        };
        if !more {
            break;
        }
    }
    draft.close(&mut reading, &mut packages);
    reading.finish(Content::Packages(packages))
}

/// A package while its lines come in.
#[derive(Default)]
struct Draft<'a> {
    started: Option<usize>,
    /// P, V, A, m.
    fields: [Option<&'a [u8]>; 4],
    folder: Option<&'a [u8]>,
    /// The last `R:`, until the next one: its checksum comes after it.
    file: Option<File<'a>>,
    claims: Claims,
}

struct File<'a> {
    offset: usize,
    folder: &'a [u8],
    name: &'a [u8],
    promise: Option<Promise<'a>>,
}

impl<'a> Draft<'a> {
    /// Takes one line. False when the allowance is used up.
    fn line(&mut self, offset: usize, line: &'a [u8], reading: &mut Reading) -> bool {
        self.started.get_or_insert(offset);
        let [letter, b':', value @ ..] = line else {
            reading.skip(offset, "a line that is not a letter, a colon and a value");
            return true;
        };
        match letter {
            b'P' => self.field(0, value, offset, reading),
            b'V' => self.field(1, value, offset, reading),
            b'A' => self.field(2, value, offset, reading),
            b'm' => self.field(3, value, offset, reading),
            b'F' => {
                let more = self.file_done(reading);
                self.folder = Some(value);
                return more;
            }
            b'R' => {
                let more = self.file_done(reading);
                match self.folder {
                    Some(folder) => self.file = Some(File { offset, folder, name: value, promise: None }),
                    None => reading.skip(offset, "a file before any folder"),
                }
                return more;
            }
            b'Z' => match (&mut self.file, checksum(value)) {
                (None, _) => reading.skip(offset, "a checksum before any file"),
                (Some(File { promise: Some(_), .. }), _) => {
                    reading.skip(offset, "a second checksum of one file");
                }
                (Some(_), None) => reading.skip(offset, "a checksum that is none"),
                (Some(file), promise) => file.promise = promise,
            },
            _ => {}
        }
        true
    }

    fn field(&mut self, field: usize, value: &'a [u8], offset: usize, reading: &mut Reading) {
        match self.fields.get_mut(field) {
            Some(slot @ None) => *slot = Some(value),
            _ => reading.skip(offset, "a field that stands twice in one package"),
        }
    }

    fn file_done(&mut self, reading: &mut Reading) -> bool {
        let Some(file) = self.file.take() else { return true };
        let promise = file.promise.unwrap_or(Promise::None);
        let config = is_config(file.folder);
        reading.take(file.offset, &mut self.claims, &[file.folder, file.name], promise, config)
    }

    /// Ends the package. False when no more may be taken.
    fn close(mut self, reading: &mut Reading, packages: &mut Vec<Installed>) -> bool {
        let Some(started) = self.started else { return true };
        let more = self.file_done(reading);
        let text = |field: usize| self.fields.get(field).copied().flatten().map(word).unwrap_or_default();
        let name = text(0);
        if name.is_empty() {
            reading.skip(started, "a package without a name");
            return more;
        }
        let (version, architecture, vendor) = (text(1), text(2), text(3));
        let package =
            Package { name, version, architecture, vendor, database: Database::Apk, removed: false };
        if !reading.admit(started, &package) {
            return false;
        }
        packages.push(Installed { package, claims: self.claims.shrink() });
        more
    }
}

/// apk keeps what people changed under `etc` and puts its own file beside it, but for init scripts and its
/// own settings (`apk-protected_paths(5)`, the built-in rules).
fn is_config(folder: &[u8]) -> bool {
    let is_in = |parent: &[u8]| {
        folder.strip_prefix(parent).is_some_and(|rest| rest.is_empty() || rest.first() == Some(&b'/'))
    };
    is_in(b"etc") && !is_in(b"etc/init.d")
}

/// `Q1` and base64 of SHA-1, `Q2` of SHA-256; `X1`, `X2` the same in hexadecimal; bare hexadecimal is MD5.
fn checksum(value: &[u8]) -> Option<Promise<'static>> {
    let base64 = |text: &[u8]| base64::engine::general_purpose::STANDARD.decode(text).ok();
    match value {
        [b'Q', b'1', text @ ..] => base64(text)?.try_into().ok().map(Promise::Sha1),
        [b'Q', b'2', text @ ..] => base64(text)?.try_into().ok().map(Promise::Sha256),
        [b'X', b'1', text @ ..] => hex(text).map(Promise::Sha1),
        [b'X', b'2', text @ ..] => hex(text).map(Promise::Sha256),
        text => hex(text).map(Promise::Md5),
    }
}

#[cfg(test)]
mod tests;
