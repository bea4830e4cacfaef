use crate::error::Error;
use crate::options::Options;
use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

/// The host of a URL, with its port where it is not the scheme's own.
pub(crate) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether a list of hosts that a person wrote has this one; an entry without a port means every port.
pub(crate) fn lists(list: &[String], url: &Url) -> bool {
    let (host, authority) = (url.host_str().unwrap_or_default(), authority(url));
    list.iter().any(|entry| entry.eq_ignore_ascii_case(host) || entry.eq_ignore_ascii_case(&authority))
}

/// Whether a URL may be spoken to at all: TLS, or plain HTTP where a person asked for it.
///
/// # Errors
/// Where it may not; the message says how it is allowed.
pub(crate) fn check_scheme(url: &Url, options: &Options) -> Result<(), Error> {
    let refuse = |why: String| Err(Error::Unsafe { host: shown(url), why });
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => {
            refuse("its address carries a user name or password".to_owned())
        }
        "https" => Ok(()),
        "http" if lists(&options.plain_http, url) => Ok(()),
        "http" => refuse(format!("HTTP without TLS was not asked for; allow it for {} by name", shown(url))),
        other => refuse(format!("{} is no scheme to fetch from", crate::content::clip(other))),
    }
}

/// Whether a token service may see the credentials for a registry: one on the same host, on a host above or
/// below it in the same domain, one of the known pairs, or one that a person listed. A registry, or whoever
/// speaks for it, names the service itself; sending it whatever it names is how credentials leak
/// (CVE-2026-33540).
pub(crate) fn may_issue_tokens(realm: &Url, registry: &str, options: &Options) -> bool {
    let host = registry.rsplit_once(':').filter(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()));
    let registry = host.map_or(registry, |(host, _)| host).to_ascii_lowercase();
    let realm_host = realm.host_str().unwrap_or_default().to_ascii_lowercase();
    let is_below = |lower: &str, upper: &str| {
        lower.strip_suffix(upper).is_some_and(|rest| rest.ends_with('.'))
            && upper.contains('.')
            && upper.parse::<IpAddr>().is_err()
    };
    realm_host == registry
        || is_below(&realm_host, &registry)
        || is_below(&registry, &realm_host)
        || KNOWN_PAIRS.contains(&(registry.as_str(), realm_host.as_str()))
        || lists(&options.token_realms, realm)
}

const KNOWN_PAIRS: [(&str, &str); 2] =
    [("registry-1.docker.io", "auth.docker.io"), ("docker.elastic.co", "docker-auth.elastic.co")];

/// The addresses of a URL's host. Connections are then made to these and to no others, so that a name cannot
/// change its meaning between the check and the connection.
///
/// # Errors
/// Where the host has none, or where only public ones are allowed and it has another.
pub(crate) fn resolve(url: &Url, public_only: bool) -> Result<Vec<SocketAddr>, Error> {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let addresses: Vec<SocketAddr> = (bare, port)
        .to_socket_addrs()
        .map_err(|source| Error::Network { host: shown(url), source: source.into() })?
        .collect();
    if let Some(private) = addresses.iter().find(|address| public_only && !is_public(address.ip())) {
        let why = format!(
            "the registry sent us to it, and it lies at {}, inside a private network; list it as a host to be \
             redirected to if that is meant",
            private.ip()
        );
        return Err(Error::Unsafe { host: shown(url), why });
    }
    if addresses.is_empty() {
        let source = std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
        return Err(Error::Network { host: shown(url), source: source.into() });
    }
    Ok(addresses)
}

/// A URL's host for messages. Escaped.
pub(crate) fn shown(url: &Url) -> String {
    crate::content::clip(&authority(url))
}

/// Whether an address is one of the public internet. Everything with a special meaning is not (the IANA
/// special-purpose registries), and neither is an address that carries such a one inside.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || a == 10
        || a == 127
        || a >= 224
        || (a, b) == (169, 254)
        || (a, b) == (192, 168)
        || (a == 172 && (16..32).contains(&b))
        || (a == 100 && (64..128).contains(&b))
        || (a == 198 && (b == 18 || b == 19))
        || matches!((a, b, c), (192, 0, 0 | 2) | (198, 51, 100) | (203, 0, 113) | (192, 88, 99)))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] => embedded(high, low),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        // Global unicast, without the parts for documentation and protocols.
        [first, second, ..] => {
            first & 0xe000 == 0x2000
                && !(first == 0x2001 && (second < 0x200 || second == 0xdb8))
                && first != 0x3fff
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_address(text: &str, expect: bool) {
        assert_eq!(is_public(text.parse().unwrap()), expect, "{text}");
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for public in
            ["1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1", "64:ff9b::101:101"]
        {
            check_address(public, true);
        }
        for private in [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "198.18.0.1",
            "::1",
            "::",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "::127.0.0.1",
        ] {
            check_address(private, false);
        }
    }

    fn check_realm(registry: &str, realm: &str, expect: bool) {
        let options = Options { token_realms: vec!["tokens.example".to_owned()], ..Options::default() };
        assert_eq!(
            may_issue_tokens(&realm.parse().unwrap(), registry, &options),
            expect,
            "{registry} {realm}"
        );
    }

    #[test]
    fn a_token_service_belongs_to_its_registry() {
        check_realm("ghcr.io", "https://ghcr.io/token", true);
        check_realm("registry-1.docker.io", "https://auth.docker.io/token", true);
        check_realm("registry.gitlab.com", "https://gitlab.com/jwt/auth", true);
        check_realm("example.org:5000", "https://auth.example.org/token", true);
        check_realm("example.org", "https://tokens.example/", true);
        check_realm("127.0.0.1:5000", "http://127.0.0.1:6000/", true);
        check_realm("example.org", "https://example.org.evil.example/", false);
        check_realm("example.org", "https://evilexample.org/", false);
        check_realm("example.org", "https://org/", false);
        check_realm("ghcr.io", "https://evil.example/?ghcr.io", false);
        check_realm("10.127.0.0.1", "https://127.0.0.1/", false);
        check_realm("evil.example", "https://auth.docker.io/token", false);
    }

    fn check_http(url: &str, expect: bool) {
        let options = Options {
            plain_http: vec!["one.example".to_owned(), "two.example:5000".to_owned()],
            ..Options::default()
        };
        assert_eq!(check_scheme(&url.parse().unwrap(), &options).is_ok(), expect, "{url}");
    }

    #[test]
    fn plain_http_is_only_for_hosts_that_it_was_asked_for() {
        check_http("https://any.example/", true);
        check_http("http://one.example:81/", true);
        check_http("http://two.example:5000/", true);
        check_http("http://two.example/", false);
        check_http("http://three.example/", false);
        check_http("file:///etc/passwd", false);
        check_http("https://user:secret@any.example/", false);
    }
}
