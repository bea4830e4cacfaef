use super::dots;
use super::endpoint::Endpoint;
use crate::analyzers::miner::PoolList;

/// Longest name of a host.
const MAX_HOST: usize = 253;

/// Calls `found` with the offset of every host in a text that a list of pools holds, until it says that this is
/// enough. Only whole names count.
///
/// Code has a dot in every other word, so each is asked first whether what follows it begins as the last label of any
/// pool does. Only then is the name read, from its end to its beginning.
pub(in crate::analyzers::miner) fn scan(
    text: &[u8],
    pools: &PoolList,
    found: &mut dyn FnMut(usize, Endpoint) -> bool,
) {
    let mut done = 0;
    dots::for_each(text, |dot| {
        let after = text.get(dot + 1..).unwrap_or_default();
        let Some(&first) = after.first() else { return false };
        let name = if first.is_ascii_digit() {
            if dot < done { None } else { address_at(text, dot) }
        } else if pools.may_begin(after) {
            name_at(text, dot, pools)
        } else {
            None
        };
        let Some((start, end)) = name else { return true };
        let (port, digits) = port_at(text.get(end..).unwrap_or_default());
        done = end + digits;
        let host = text.get(start..end).and_then(|host| std::str::from_utf8(host).ok());
        let Some(host) = host.filter(|host| pools.holds(host, port)) else { return true };
        found(start, Endpoint { host: host.to_ascii_lowercase(), port, stratum: false })
    });
}

/// The name whose last dot this is, where a list may hold it.
fn name_at(text: &[u8], dot: usize, pools: &PoolList) -> Option<(usize, usize)> {
    let after = text.get(dot + 1..text.len().min(dot + MAX_HOST))?;
    let label = after.get(..after.iter().take_while(|&&byte| IN_NAME[usize::from(byte)]).count())?;
    let mut rest = after.get(label.len()..)?.iter();
    let is_last = rest.next() != Some(&b'.') || !rest.next().is_some_and(u8::is_ascii_alphanumeric);
    if !is_last || !pools.may_end_in(label) || !ends_in_letter(text, dot) {
        return None;
    }
    let (mut start, end) = (name_start(text, dot), dot + 1 + label.len());
    if !pools.may_hold(text.get(start..end)?) {
        return None;
    }
    while let Some(before) = start.checked_sub(1).filter(|&at| text.get(at) == Some(&b'.'))
        && ends_in_letter(text, before)
        && end - start < MAX_HOST
    {
        start = name_start(text, before);
    }
    Some((start, end))
}

/// The address whose first dot this is.
fn address_at(text: &[u8], dot: usize) -> Option<(usize, usize)> {
    const LONGEST: usize = 12;
    let start = name_start(text, dot);
    let after = text.get(dot + 1..text.len().min(dot + 1 + LONGEST))?;
    let is_digit = |byte: &u8| byte.is_ascii_digit();
    let begins = start.checked_sub(1).is_none_or(|at| text.get(at) != Some(&b'.'));
    if start == dot || !begins || !text.get(start..dot)?.iter().all(is_digit) {
        return None;
    }
    let inside = |(at, byte): &(usize, &u8)| {
        is_digit(byte) || **byte == b'.' && after.get(at + 1).is_some_and(u8::is_ascii_digit)
    };
    let rest = after.iter().enumerate().take_while(inside).count();
    let goes_on = text.get(dot + 1 + rest).is_some_and(|&byte| IN_NAME[usize::from(byte)]);
    let dots = after.get(..rest)?.iter().filter(|&&byte| byte == b'.').count();
    (dots == 2 && !goes_on).then_some((start, dot + 1 + rest))
}

fn ends_in_letter(text: &[u8], dot: usize) -> bool {
    dot.checked_sub(1).and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric)
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
