//! Peers that find each other without a server: recognised, answered with no peers.

#[cfg(test)]
mod tests;

use crate::recorder::Flow;
use crate::server::Shared;

/// What UDP trackers are greeted with.
const TRACKER: [u8; 8] = [0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80];

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    if bytes.starts_with(&TRACKER) && bytes.len() >= 16 {
        return 92;
    }
    let query = bytes.starts_with(b"d1:ad2:id20:") || bytes.starts_with(b"d1:rd2:id20:");
    if query && bytes.ends_with(b"e") { 92 } else { 0 }
}

pub(crate) fn datagram(bytes: &[u8], flow: &Flow, _: &Shared) -> Option<Vec<u8>> {
    if bytes.starts_with(&TRACKER) {
        flow.step("bittorrent", "tracker");
        return Some([&[0, 0, 0, 0], bytes.get(12..16)?, &[0x5d, 0x3f, 0x0a, 0x7c, 9, 8, 7, 6]].concat());
    }
    let between = |key: &[u8]| {
        let at = bytes.windows(key.len()).position(|window| window == key)? + key.len();
        let digits = bytes.get(at..)?.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let length: usize = std::str::from_utf8(bytes.get(at..at + digits)?).ok()?.parse().ok()?;
        bytes.get(at + digits + 1..(at + digits + 1).checked_add(length)?)
    };
    let what = between(b"1:q").unwrap_or(b"answer");
    flow.step("bittorrent", [b"dht ", what].concat());
    let transaction = between(b"1:t")?;
    let transaction = transaction.get(..transaction.len().min(32))?;
    let head = b"d1:rd2:id20:mnopqrstuvwxyz1234565:nodes0:e1:t";
    Some([&head[..], transaction.len().to_string().as_bytes(), b":", transaction, b"1:y1:re"].concat())
}
