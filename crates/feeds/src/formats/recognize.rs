//! Tells from its beginning what a feed is.

use super::csv;
use crate::feed::{Kind, nibble};
use crate::import::Error;
use crate::normal;

/// Rows that are looked at.
const ROWS: usize = 50;

/// The kind of a feed that begins in this way. The ending of its name is asked only between what looks the same.
pub(crate) fn kind(head: &[u8], file_name: &str) -> Result<Kind, Error> {
    let ending = file_name.rsplit_once('.').map_or(String::new(), |(_, ending)| ending.to_ascii_lowercase());
    if matches!(head.trim_ascii_start().first(), Some(b'{' | b'[')) {
        return document(head).ok_or(Error::Unknown);
    }
    let lines = || head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let header = lines().filter_map(|line| line.strip_prefix(b"#")).find_map(|comment| {
        let names = csv::fields(comment);
        let has = |name: &[u8]| names.iter().any(|field| &**field == name);
        match () {
            () if has(b"sha256_hash") && has(b"md5_hash") => Some(Kind::MalwareBazaar),
            () if has(b"ioc_value") && has(b"ioc_type") => Some(Kind::ThreatFox),
            () if has(b"url_status") && has(b"url") => Some(Kind::UrlHaus),
            () => None,
        }
    });
    if let Some(kind) = header {
        return Ok(kind);
    }
    let mut votes: Vec<(Shape, usize)> = Vec::new();
    for line in lines().filter(|line| !line.starts_with(b"#")).take(ROWS) {
        let Some(shape) = shape(line) else { continue };
        match votes.iter_mut().find(|(known, _)| *known == shape) {
            Some((_, count)) => *count += 1,
            None => votes.push((shape, 1)),
        }
    }
    let (shape, _) = votes.into_iter().max_by_key(|(_, count)| *count).ok_or(Error::Unknown)?;
    match shape {
        Shape::Kind(kind) => Ok(kind),
        Shape::SizedHash => match ending.as_str() {
            "fp" | "sfp" => Ok(Kind::ClamavAllow),
            "hdb" | "hsb" | "hdu" | "hsu" => Ok(Kind::ClamavHashes),
            _ => Err(Error::Ambiguous(Kind::ClamavHashes.name(), Kind::ClamavAllow.name())),
        },
        Shape::Digest => Err(Error::Ambiguous(Kind::Images.name(), Kind::Layers.name())),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Kind(Kind),
    /// Bad files or files that are none: only the name tells.
    SizedHash,
    /// Images or layers: not even the name tells.
    Digest,
}

fn shape(line: &[u8]) -> Option<Shape> {
    let word = line.split(|byte| byte.is_ascii_whitespace() || *byte == b',').next().unwrap_or_default();
    let is_hash =
        |text: &[u8]| matches!(text.len(), 32 | 40 | 64) && text.iter().all(|&digit| nibble(digit).is_some());
    if word.rsplit(|&byte| byte == b'@').next().unwrap_or_default().starts_with(b"sha256:") {
        return Some(Shape::Digest);
    }
    let parts: Vec<&[u8]> = line.split(|&byte| byte == b':').take(5).collect();
    match parts.as_slice() {
        [hash, size, _, ..] if is_hash(hash) && (*size == b"*" || size.iter().all(u8::is_ascii_digit)) => {
            return Some(Shape::SizedHash);
        }
        [_, target, offset, signature, ..]
            if target.len() <= 2
                && target.iter().all(u8::is_ascii_digit)
                && !offset.is_empty()
                && signature.iter().all(|byte| nibble(*byte).is_some() || b"?*{}()|[]!-".contains(byte)) =>
        {
            return Some(Shape::Kind(Kind::ClamavPatterns));
        }
        _ => {}
    }
    let fields = csv::fields(line);
    let field = |at: usize| fields.get(at).map_or(b"".as_slice(), |field| field);
    let kind = match fields.len() {
        8..=10 if field(2).windows(3).any(|part| part == b"://") => Kind::UrlHaus,
        12..=15 if is_hash(field(1)) && is_hash(field(2)) => Kind::MalwareBazaar,
        14..=16 if matches!(field(3), b"ip:port" | b"domain" | b"url") || field(3).ends_with(b"_hash") => {
            Kind::ThreatFox
        }
        2 if is_hash(field(0)) && is_uuid(field(1)) => Kind::MispHashes,
        _ if is_hash(word) => Kind::Hashes,
        _ if matches!(word, b"0.0.0.0" | b"127.0.0.1" | b"::1") && word.len() < line.len() => Kind::Network,
        _ if normal::indicator(word).is_ok() => Kind::Network,
        _ => return None,
    };
    Some(Shape::Kind(kind))
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36
        && text.iter().zip(0..).all(|(&byte, at)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => nibble(byte).is_some(),
        })
}

/// A bundle names its type among its first members; a MISP event is called so.
fn document(head: &[u8]) -> Option<Kind> {
    let has = |text: &str| memchr::memmem::find(head, text.as_bytes()).is_some();
    match (has("\"Event\""), has("\"bundle\"") || has("\"spec_version\"")) {
        (true, false) => Some(Kind::Misp),
        (false, true) => Some(Kind::Stix),
        _ if has("\"Attribute\"") => Some(Kind::Misp),
        _ => None,
    }
}
