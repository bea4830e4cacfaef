//! The dpkg database: `deb(5)`, `dpkg-query(1)`, `dpkg-divert(1)` and, for what lies under `info/` and in
//! `status.d/`, what dpkg and the builders of distroless images write.

mod status;

pub(crate) use status::{Stanza, State, status};

use crate::Promise;
use crate::claims::Claims;
use crate::part::{Content, Part, Reading};
use crate::text::{hex, lines, word};
use serde::{Deserialize, Serialize};

/// A path that is not its owner's: whoever but `package` ships `contested` has its file at `real`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Diversion {
    #[serde(with = "serde_bytes")]
    pub(crate) contested: Vec<u8>,
    #[serde(with = "serde_bytes")]
    pub(crate) real: Vec<u8>,
    /// The package that diverts and so may use `contested`; empty where an administrator diverted it from all.
    pub(crate) package: String,
}

/// The name by which the files of one package belong together: `libc6:amd64` for
/// `var/lib/dpkg/info/libc6:amd64.list`.
pub(crate) fn stem(path: &[u8]) -> String {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    word([b".list".as_slice(), b".md5sums"].iter().find_map(|end| name.strip_suffix(*end)).unwrap_or(name))
}

/// Reads `NAME.list`: one absolute path a line, a folder before what lies in it.
///
/// Folders are left out where the next line lies in them: every package lists the same ones, and nobody asks
/// who owns `/usr`.
pub(crate) fn list(bytes: &[u8], stem: String) -> Part {
    let mut reading = Reading::new();
    let mut claims = Claims::default();
    let mut paths = lines(bytes).peekable();
    while let Some((offset, path)) = paths.next() {
        if path.first() != Some(&b'/') {
            reading.skip(offset, "a path that does not begin with a slash");
            continue;
        }
        let inside = paths.peek().and_then(|(_, next)| next.strip_prefix(path));
        let is_folder = inside.is_some_and(|rest| rest.first() == Some(&b'/'));
        if !is_folder && !reading.take(offset, &mut claims, &[path], Promise::None, false) {
            break;
        }
    }
    reading.finish(Content::DpkgList { stem, claims: claims.shrink() })
}

/// Reads `NAME.md5sums`: the output of `md5sum` with paths relative to the root.
pub(crate) fn sums(bytes: &[u8], stem: String) -> Part {
    let mut reading = Reading::new();
    let mut claims = Claims::default();
    for (offset, line) in lines(bytes) {
        // A leading backslash says that the name holds escaped line feeds or backslashes.
        let (escaped, line) = line.strip_prefix(b"\\").map_or((false, line), |rest| (true, rest));
        let parsed = line.split_at_checked(32).and_then(|(digest, rest)| {
            let name = rest.strip_prefix(b" ")?;
            Some((hex(digest)?, name.strip_prefix(b" ").or(name.strip_prefix(b"*")).unwrap_or(name)))
        });
        let Some((digest, name)) = parsed else {
            reading.skip(offset, "a line that is not an MD5 and a path");
            continue;
        };
        let unescaped;
        let name = if escaped {
            unescaped = unescape(name);
            &unescaped
        } else {
            name
        };
        if !reading.take(offset, &mut claims, &[name], Promise::Md5(digest), false) {
            break;
        }
    }
    reading.finish(Content::DpkgSums { stem, claims: claims.shrink() })
}

fn unescape(name: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(name.len());
    let mut bytes = name.iter();
    while let Some(byte) = bytes.next() {
        match (*byte, bytes.as_slice().first()) {
            (b'\\', Some(b'n')) => out.push(b'\n'),
            (b'\\', Some(b'r')) => out.push(b'\r'),
            (b'\\', Some(b'\\')) => out.push(b'\\'),
            (byte, _) => {
                out.push(byte);
                continue;
            }
        }
        bytes.next();
    }
    out
}

/// Reads `diversions`: three lines each, the contested path, where the owner's file went, and who diverted it.
pub(crate) fn diversions(bytes: &[u8]) -> Part {
    let mut reading = Reading::new();
    let mut diversions = Vec::new();
    let mut all = lines(bytes);
    while let Some((offset, contested)) = all.next() {
        let (Some((_, real)), Some((_, package))) = (all.next(), all.next()) else {
            reading.skip(offset, "a diversion of fewer than three lines");
            break;
        };
        if !reading.admit_text(offset, package.len()) {
            break;
        }
        let (mut from, mut to) = (Claims::default(), Claims::default());
        let taken = reading.take(offset, &mut from, &[contested], Promise::None, false)
            && reading.take(offset, &mut to, &[real], Promise::None, false);
        if !taken {
            break;
        }
        if let (Some(contested), Some(real)) = (from.iter().next(), to.iter().next()) {
            diversions.push(Diversion {
                contested: contested.path.to_vec(),
                real: real.path.to_vec(),
                package: if package == b":" { String::new() } else { word(package) },
            });
        }
    }
    reading.finish(Content::DpkgDiversions(diversions))
}

#[cfg(test)]
mod tests;
