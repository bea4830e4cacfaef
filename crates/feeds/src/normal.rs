//! Brings what feeds and files say into the one form in which they are compared.

use crate::reject::Refused;
use crate::text_table::TextKind;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Longest URL that is kept or compared.
const MAX_URL: usize = 2048;

/// What a text of a feed names, in normal form.
pub(crate) fn indicator(text: &[u8]) -> Result<(TextKind, String), Refused> {
    let refused = |why| Refused::new(why, text);
    let text = str::from_utf8(text).map_err(|_| refused("is not UTF-8"))?.trim();
    let text = refang(text);
    if text.len() > MAX_URL {
        return Err(refused("is longer than 2048 bytes"));
    }
    let text = text.split('#').next().unwrap_or_default();
    let (scheme, bare) = split_scheme(text);
    let authority_end = bare.find(['/', '?']).unwrap_or(bare.len());
    let (authority, path) = bare.split_at(authority_end);
    let bits = path.strip_prefix('/').unwrap_or_default();
    if scheme.is_empty() && address(authority).is_some() && bits.parse::<u8>().is_ok() {
        return Err(refused("is a range of addresses, which is not read"));
    }
    if authority.is_empty() {
        return Err(refused("is a path without a host"));
    }
    let (name, port) = split_port(authority).ok_or_else(|| refused("has a port that is none"))?;
    let no_host = || refused("is neither a host, an address nor a URL");
    if !matches!(path, "" | "/") {
        return Ok((TextKind::Url, url(text).ok_or_else(no_host)?));
    }
    if let Some(address) = address(name) {
        return Ok(match port {
            Some(port) => (TextKind::Endpoint, SocketAddr::new(address, port).to_string()),
            None => (TextKind::Address, address.to_string()),
        });
    }
    Ok((TextKind::Domain, host(name).ok_or_else(no_host)?))
}

/// Undoes what people write so that a link cannot be clicked: `hxxp`, `[.]`, `[:]`, `(dot)`.
fn refang(text: &str) -> Cow<'_, str> {
    let scheme = text.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("hxxp"));
    if !scheme && !text.contains(['[', '(', '{']) {
        return Cow::Borrowed(text);
    }
    let mut text = text.to_owned();
    for (fanged, plain) in [
        ("[.]", "."),
        ("(.)", "."),
        ("{.}", "."),
        ("[dot]", "."),
        ("(dot)", "."),
        ("[:]", ":"),
        ("[://]", "://"),
        ("[/]", "/"),
    ] {
        text = text.replace(fanged, plain);
    }
    if scheme {
        text.replace_range(1..3, "tt");
    }
    Cow::Owned(text)
}

/// A host in normal form: lower case, without a last dot, in A-labels. None for what cannot be a host name of
/// the Internet.
pub fn host(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.len() > 253 {
        return None;
    }
    let name = if name.is_ascii() { name.to_ascii_lowercase() } else { idna::domain_to_ascii(name).ok()? };
    let good = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let last = name.rsplit('.').next()?;
    let named = last.bytes().any(|byte| byte.is_ascii_alphabetic());
    (named && name.contains('.') && name.len() <= 253 && name.split('.').all(good)).then_some(name)
}

/// A URL as it is compared: host in normal form, port unless it is the scheme's own, path and query; without
/// scheme, user and fragment. None where there is no host in it.
pub fn url(text: &str) -> Option<String> {
    if text.len() > MAX_URL {
        return None;
    }
    let (scheme, rest) = split_scheme(text);
    let rest = rest.split('#').next().unwrap_or(rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (name, port) = split_port(authority)?;
    let name = match address(name) {
        Some(IpAddr::V6(address)) => format!("[{address}]"),
        Some(address) => address.to_string(),
        None => host(name)?,
    };
    let own = match scheme.to_ascii_lowercase().as_str() {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let port = port.filter(|&port| Some(port) != own).map(|port| format!(":{port}")).unwrap_or_default();
    let path = if path == "/" { "" } else { path };
    Some(format!("{name}{port}{path}"))
}

/// Scheme and rest; the scheme is empty where there is none.
fn split_scheme(text: &str) -> (&str, &str) {
    let is_scheme = |scheme: &str| {
        scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    };
    text.split_once("://").filter(|(scheme, _)| is_scheme(scheme)).unwrap_or(("", text))
}

/// Host and port of an authority, without the user. None where the port is no number.
pub(crate) fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        return match port.strip_prefix(':') {
            Some(port) => Some((address, Some(port.parse().ok()?))),
            None => port.is_empty().then_some((address, None)),
        };
    }
    match authority.split_once(':') {
        Some((_, port)) if port.contains(':') => Some((authority, None)),
        Some((name, port)) => Some((name, Some(port.parse().ok()?))),
        None => Some((authority, None)),
    }
}

/// An address; an IPv6 address that only wraps one of IPv4 is that one.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    Some(match address {
        IpAddr::V6(wide) => wide.to_ipv4_mapped().map_or(address, IpAddr::V4),
        IpAddr::V4(_) => address,
    })
}

/// Whether an address can be one and the same machine for everybody.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => {
            let [first, second, ..] = address.octets();
            !(address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_broadcast()
                || address.is_multicast()
                || first == 0
                || first >= 240
                || (first == 100 && (64..128).contains(&second)))
        }
        IpAddr::V6(address) => {
            let local = address.is_unique_local() || address.is_unicast_link_local();
            !(address.is_loopback() || address.is_unspecified() || address.is_multicast() || local)
        }
    }
}

/// Resolvers that everybody asks.
pub(crate) const RESOLVERS: [Ipv4Addr; 7] = [
    Ipv4Addr::new(8, 8, 8, 8),
    Ipv4Addr::new(8, 8, 4, 4),
    Ipv4Addr::new(1, 1, 1, 1),
    Ipv4Addr::new(1, 0, 0, 1),
    Ipv4Addr::new(9, 9, 9, 9),
    Ipv4Addr::new(208, 67, 222, 222),
    Ipv4Addr::new(208, 67, 220, 220),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: Result<(TextKind, &str), &str>) {
        let found = indicator(text.as_bytes());
        let found =
            found.as_ref().map(|(kind, value)| (*kind, value.as_str())).map_err(|refused| refused.why);
        match (found, expect) {
            (Err(why), Err(part)) => assert!(why.contains(part), "{text}: {why}"),
            (found, expect) => assert_eq!(found, expect, "{text}"),
        }
    }

    #[test]
    fn values_have_one_form() {
        check("EVIL.Example.", Ok((TextKind::Domain, "evil.example")));
        check("evil[.]example", Ok((TextKind::Domain, "evil.example")));
        check("hxxps://Evil[.]example/A?b=c,d#e", Ok((TextKind::Url, "evil.example/A?b=c,d")));
        check("http://evil.example:80/x", Ok((TextKind::Url, "evil.example/x")));
        check("http://evil.example:8080/x", Ok((TextKind::Url, "evil.example:8080/x")));
        check("http://user:pw@evil.example/", Ok((TextKind::Domain, "evil.example")));
        check("evil.example:3333", Ok((TextKind::Domain, "evil.example")));
        check("192.0.2.1", Ok((TextKind::Address, "192.0.2.1")));
        check("http://192.0.2.1", Ok((TextKind::Address, "192.0.2.1")));
        check("192.0.2[.]1:3333", Ok((TextKind::Endpoint, "192.0.2.1:3333")));
        check("2001:DB8::1", Ok((TextKind::Address, "2001:db8::1")));
        check("::ffff:192.0.2.1", Ok((TextKind::Address, "192.0.2.1")));
        check("bücher.example", Ok((TextKind::Domain, "xn--bcher-kva.example")));
        check("192.0.2.0/24", Err("range"));
        check("/gate.php", Err("without a host"));
        check("evil.example:99999", Err("port"));
        check("localhost", Err("neither"));
        check("1.2.3", Err("neither"));
        check("a b.example", Err("neither"));
        check("", Err("without a host"));
        check("\0", Err("neither"));
        check(&"a.".repeat(2000), Err("longer"));
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own(text in "[a-zA-Z0-9.:/@#?\\[\\]-]{0,40}") {
            if let Ok((kind, value)) = indicator(text.as_bytes()) {
                if kind != TextKind::Url {
                    prop_assert_eq!(indicator(value.as_bytes()).ok(), Some((kind, value)));
                } else {
                    prop_assert_eq!(url(&value), Some(value));
                }
            }
        }

        #[test]
        fn no_text_panics(text: String, bytes: Vec<u8>) {
            let _ = (indicator(&bytes), url(&text), host(&text));
        }
    }
}
