use super::EndpointFacts;
use crate::analyzers::indicators;
use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Most hosts of one file that are kept.
const MAX_HOSTS: usize = 512;
/// Most bytes of them.
const MAX_BYTES: usize = 16 << 10;
/// Longest host name.
const MAX_HOST: usize = 253;

/// The hosts that a text names: in addresses, quoted, or alone, as indicators are read.
pub(super) fn in_text(path: &[u8], text: &[u8]) -> EndpointFacts {
    let mut found = Found::default();
    let (network, cut) = indicators::named(path, text);
    let quoted = quoted_addresses(text);
    let code = indicators::is_code(path, text);
    for mention in network.lines() {
        let (scheme, rest) = match mention.split_once("://") {
            Some((scheme, rest)) => (Some(scheme), rest),
            None => (None, mention),
        };
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host.split(':').next().unwrap_or_default().as_bytes();
        // Four numbers in code are a version, or part of a picture.
        let number = code && address(host).is_some_and(|address| !quoted.contains(&address));
        if scheme.is_some() || (is_plain_host(host) && !number) {
            found.push(host);
        }
    }
    found.cut |= cut;
    found.facts()
}

/// The addresses that stand in quotes.
fn quoted_addresses(text: &[u8]) -> BTreeSet<Ipv4Addr> {
    let mut found = BTreeSet::new();
    for at in memchr::memchr3_iter(b'"', b'\'', b'`', text) {
        let rest = text.get(at + 1..).unwrap_or_default();
        let len = rest.iter().take(16).take_while(|byte| byte.is_ascii_digit() || **byte == b'.').count();
        let ends = matches!(rest.get(len), Some(b'"' | b'\'' | b'`' | b':' | b'/'));
        if let Some(address) = rest.get(..len).filter(|_| ends && len >= 7).and_then(address)
            && found.len() < MAX_HOSTS
        {
            found.insert(address);
        }
    }
    found
}

/// The hosts that a program names: behind a scheme, or as a text of its own with a zero byte before and behind.
pub(super) fn in_program(bytes: &[u8]) -> EndpointFacts {
    let mut found = Found::default();
    for at in memchr::memmem::find_iter(bytes, b"://") {
        if at.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphabetic) {
            found.push(behind_scheme(bytes.get(at + 3..).unwrap_or_default()));
        }
        if found.cut {
            return found.facts();
        }
    }
    let mut next = 0;
    for dot in memchr::memchr_iter(b'.', bytes) {
        if dot < next {
            continue;
        }
        let before = bytes.get(dot.saturating_sub(MAX_HOST)..dot).unwrap_or_default();
        let start = dot - before.iter().rev().take_while(|byte| is_of_host(**byte)).count();
        let run = bytes.get(start..).unwrap_or_default();
        let len = run.iter().take(2 * MAX_HOST).take_while(|byte| is_of_host(**byte)).count();
        next = start + len;
        let alone = start.checked_sub(1).is_none_or(|at| bytes.get(at) == Some(&0));
        let after = run.get(len..).unwrap_or_default();
        let port = after.strip_prefix(b":").is_some_and(|port| port.first().is_some_and(u8::is_ascii_digit));
        let host = run.get(..len).unwrap_or_default();
        if alone && (port || after.first() == Some(&0)) && is_plain_host(host) {
            found.push(host);
        }
        if found.cut {
            break;
        }
    }
    found.facts()
}

/// The host of an address whose scheme was just read. Compilers lay texts of equal length one behind the other
/// without a gap, so the next address may begin where this host ends.
fn behind_scheme(rest: &[u8]) -> &[u8] {
    const SCHEMES: [&[u8]; 8] = [b"https", b"http", b"wss", b"ws", b"ftp", b"ssh", b"git", b"tcp"];
    let window = rest.get(..rest.len().min(2 * MAX_HOST)).unwrap_or_default();
    let end = window.iter().position(|byte| !is_of_host(*byte)).unwrap_or(window.len());
    let mut host = window.get(..end).unwrap_or_default();
    let mut after = rest.get(end..).unwrap_or_default();
    if let Some(behind) = after.strip_prefix(b"@") {
        let end = behind.iter().take(MAX_HOST).take_while(|byte| is_of_host(**byte)).count();
        host = behind.get(..end).unwrap_or_default();
        after = behind.get(end..).unwrap_or_default();
    }
    if after.starts_with(b"://")
        && let Some(first) = SCHEMES.iter().find_map(|scheme| host.strip_suffix(*scheme))
    {
        host = first;
    }
    host
}

fn is_of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-'
}

/// Whether a text that stands alone is a host and neither a file name nor a member of an object, which
/// look alike: only under ends of names that no file and no method has.
fn is_plain_host(host: &[u8]) -> bool {
    const ENDS: [&[u8]; 28] = [
        b"com", b"net", b"org", b"io", b"dev", b"xyz", b"ru", b"cn", b"cc", b"co", b"pw", b"su", b"tk",
        b"ml", b"ga", b"cf", b"gq", b"biz", b"onion", b"icu", b"uk", b"de", b"fr", b"nl", b"eu", b"ir",
        b"invalid", b"example",
    ];
    let last = host.rsplit(|&byte| byte == b'.').next().unwrap_or_default();
    let lower = host.iter().all(|byte| !byte.is_ascii_uppercase());
    address(host).is_some() || (lower && ENDS.contains(&last))
}

#[derive(Default)]
struct Found {
    hosts: BTreeSet<String>,
    bytes: usize,
    cut: bool,
}

impl Found {
    fn push(&mut self, host: &[u8]) {
        let mut host = host;
        while let [rest @ .., b'.' | b'-'] = host {
            host = rest;
        }
        let Ok(host) = str::from_utf8(host) else { return };
        let host = host.to_ascii_lowercase();
        if !is_host(&host) || self.hosts.contains(&host) {
            return;
        }
        self.bytes += host.len();
        if self.hosts.len() >= MAX_HOSTS || self.bytes > MAX_BYTES {
            self.cut = true;
            return;
        }
        self.hosts.insert(host);
    }

    fn facts(self) -> EndpointFacts {
        let hosts: Vec<String> = self.hosts.into_iter().collect();
        EndpointFacts { hosts: hosts.join("\n"), cut: self.cut }
    }
}

/// Whether it is a name with a dot or an address, outside of the container itself.
fn is_host(host: &str) -> bool {
    if let Some(address) = address(host.as_bytes()) {
        return !(address.is_loopback()
            || address.is_unspecified()
            || address.is_broadcast()
            || address.is_multicast()
            || address.octets()[0] == 0);
    }
    let last = host.rsplit('.').next().unwrap_or_default();
    let ends = last.len() >= 2 && (last.starts_with("xn--") || last.bytes().all(|b| b.is_ascii_lowercase()));
    let label = |label: &str| (1..=63).contains(&label.len()) && !label.starts_with('-');
    host.len() <= MAX_HOST && ends && host.contains('.') && host.split('.').all(label)
}

fn address(host: &[u8]) -> Option<Ipv4Addr> {
    if host.len() > 15 || !host.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(host).ok()?.parse().ok()
}
