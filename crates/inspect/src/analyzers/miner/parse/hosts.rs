use super::endpoint::Endpoint;
use crate::analyzers::miner::PoolList;

/// Longest name of a host.
const MAX_HOST: usize = 253;

/// Calls `found` with the offset of every host in a text that a list of pools holds, until it says that this is
/// enough. Only whole names count: what a dot stands in is followed to both ends before it is looked up.
pub(in crate::analyzers::miner) fn scan(
    text: &[u8],
    pools: &PoolList,
    found: &mut dyn FnMut(usize, Endpoint) -> bool,
) {
    let mut done = 0;
    for dot in memchr::memchr_iter(b'.', text) {
        if dot < done {
            continue;
        }
        let Some(&before) = dot.checked_sub(1).and_then(|at| text.get(at)) else { continue };
        let Some(&after) = text.get(dot + 1) else { continue };
        if !before.is_ascii_alphanumeric() || !after.is_ascii_alphanumeric() {
            continue;
        }
        // The first dot of a name is met first; what follows belongs to the same name.
        let rest = text.get(dot + 1..text.len().min(dot + MAX_HOST)).unwrap_or_default();
        let mut end = 0;
        let (mut dots, mut last) = (0, None);
        while let Some(&byte) = rest.get(end) {
            if byte == b'.' && rest.get(end + 1).is_some_and(u8::is_ascii_alphanumeric) {
                (dots, last) = (dots + 1, Some(end));
            } else if !IN_NAME[usize::from(byte)] {
                break;
            }
            end += 1;
        }
        done = dot + 1 + end;
        let name = rest.get(..end).unwrap_or_default();
        let label = name.get(last.map_or(0, |last| last + 1)..).unwrap_or_default();
        let is_address = before.is_ascii_digit()
            && dots == 2
            && name.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
        if !is_address && !pools.may_end_in(label) {
            continue;
        }
        let start = name_start(text, dot);
        // From the label before the last dot to the end.
        let two = match last {
            None => start,
            Some(last) => {
                let within = rest.get(..last).unwrap_or_default();
                dot + 1 + memchr::memrchr(b'.', within).map_or(0, |at| at + 1)
            }
        };
        if !is_address && !pools.may_hold(text.get(two..done).unwrap_or_default()) {
            continue;
        }
        let Some(host) = text.get(start..done).and_then(|host| std::str::from_utf8(host).ok()) else {
            continue;
        };
        let (port, digits) = port_at(text.get(done..).unwrap_or_default());
        done += digits;
        if pools.holds(host, port)
            && !found(start, Endpoint { host: host.to_ascii_lowercase(), port, stratum: false })
        {
            return;
        }
    }
}

/// What a name of a host has between its dots.
static IN_NAME: [bool; 256] = {
    let mut inside = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        inside[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'-' | b'_');
        byte += 1;
    }
    inside
};

fn name_start(text: &[u8], dot: usize) -> usize {
    let before = text.get(dot.saturating_sub(64)..dot).unwrap_or_default();
    let len = before
        .iter()
        .rev()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        .count();
    // `\nhost.example` in code: the letter belongs to the backslash.
    let start = dot - len;
    let escaped = start.checked_sub(1).and_then(|at| text.get(at)) == Some(&b'\\')
        && matches!(text.get(start), Some(b'n' | b't' | b'r'));
    start + usize::from(escaped && len > 1)
}

/// The number behind a colon, and how many bytes both take.
fn port_at(text: &[u8]) -> (u16, usize) {
    let Some(rest) = text.strip_prefix(b":") else { return (0, 0) };
    let digits = rest.iter().take(5).take_while(|byte| byte.is_ascii_digit()).count();
    let port = rest.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
    port.map_or((0, 0), |port| (port, digits + 1))
}
