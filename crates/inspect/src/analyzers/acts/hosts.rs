use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The other end of a transfer, as far as the script alone tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Its host as written; with a `$` in it where only running tells it.
    pub host: Vec<u8>,
    /// What kind of host that is.
    pub kind: HostKind,
    /// Whether nothing on the way is protected: `http`, `ftp`, `tftp`.
    pub plain: bool,
    /// Whether certificates are not checked.
    pub unchecked: bool,
    /// Whether the port is none of those on which files are usually served.
    pub odd_port: bool,
}

/// Kinds of hosts, told from their names and numbers alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum HostKind {
    /// The container itself.
    Loopback,
    /// A network that is not the Internet: RFC 1918 and its like, names without a dot, names of clusters.
    Private,
    /// The service that gives a cloud machine its credentials.
    Metadata,
    /// A public address without a name.
    Address,
    /// A hidden service.
    Onion,
    /// A service where anyone leaves a text or file without an account.
    Paste,
    /// A service that hands out content or addresses of people nobody knows: chats, tunnels, IPFS, gists.
    DeadDrop,
    /// A service that collects what is sent to it for whoever made the address up.
    Collector,
    /// A service that answers with one's own public address.
    WhoAmI,
    /// Any other name.
    Name,
    /// Only running tells it.
    Unknown,
}

impl Remote {
    /// Whether it is somewhere on the Internet, or may be.
    pub fn is_outside(&self) -> bool {
        !matches!(self.kind, HostKind::Loopback | HostKind::Private | HostKind::Metadata)
    }

    /// Whether nobody honest serves programs from there: a bare public address, a hidden service, a paste.
    pub fn is_nameless(&self) -> bool {
        matches!(self.kind, HostKind::Address | HostKind::Onion | HostKind::Paste)
    }
}

/// The other end that an address such as `https://user@host:port/path` names; without a scheme only where it has
/// the shape of a host. Anything else is none.
pub(super) fn remote(address: &[u8]) -> Option<Remote> {
    let text = address.get(..address.len().min(2048))?;
    let (scheme, rest) = match memchr::memmem::find(text, b"://") {
        Some(at) => (text.get(..at)?, text.get(at + 3..)?),
        None => (b"".as_slice(), text),
    };
    let scheme = scheme.to_ascii_lowercase();
    let (plain, known) = match scheme.as_slice() {
        b"http" | b"ftp" | b"tftp" | b"ws" => (true, true),
        b"https" | b"ftps" | b"sftp" | b"wss" => (false, true),
        b"" => (true, false),
        _ => return None,
    };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    // A variable right behind a whole address is a path: `http://169.254.170.2$CREDENTIALS`.
    let address = memchr::memchr(b'$', authority).and_then(|at| authority.get(..at));
    let authority = address.filter(|address| is_whole_address(address)).unwrap_or(authority);
    let authority = authority.rsplit(|&byte| byte == b'@').next().unwrap_or(authority);
    let (host, port) = split_port(authority);
    if host.is_empty() || (!known && !looks_like_host(host)) {
        return None;
    }
    let host = host.to_ascii_lowercase();
    let mut kind = kind_of(&host);
    if kind == HostKind::Name {
        kind = kind_of_page(&host, path);
    }
    let usual: [&[u8]; 8] = [b"", b"80", b"443", b"8080", b"8443", b"21", b"5000", b"3000"];
    let odd_port = !usual.contains(&port) && port.iter().all(u8::is_ascii_digit);
    Some(Remote { host: bounded(host), kind, plain, unchecked: false, odd_port })
}

fn is_whole_address(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::Ipv4Addr>().is_ok())
}

/// The other end of a connection that is named by its host alone.
pub(super) fn host(name: &[u8]) -> Remote {
    let host = bounded(name.to_ascii_lowercase());
    Remote { kind: kind_of(&host), host, plain: true, unchecked: false, odd_port: false }
}

fn bounded(mut host: Vec<u8>) -> Vec<u8> {
    host.truncate(128);
    host
}

fn split_port(authority: &[u8]) -> (&[u8], &[u8]) {
    if let Some(rest) = authority.strip_prefix(b"[") {
        let end = memchr::memchr(b']', rest).unwrap_or(rest.len());
        let (host, after) = rest.split_at(end);
        return (host, after.strip_prefix(b"]:").unwrap_or_default());
    }
    match memchr::memchr(b':', authority) {
        Some(at) => (authority.get(..at).unwrap_or_default(), authority.get(at + 1..).unwrap_or_default()),
        None => (authority, b""),
    }
}

/// Whether a word without a scheme is a host and no file: an address, or a name below a usual top-level domain.
fn looks_like_host(host: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(host) else { return false };
    let dotted = text.split('.').count() > 1;
    let ending = text.rsplit('.').next().unwrap_or_default();
    let files = [
        "sh", "py", "tar", "gz", "tgz", "zip", "json", "txt", "conf", "log", "deb", "rpm", "js", "xz", "pl",
        "rb",
    ];
    text.parse::<Ipv4Addr>().is_ok()
        || (dotted
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-'))
            && ending.len() >= 2
            && ending.bytes().all(|byte| byte.is_ascii_alphabetic())
            && !text.starts_with('.')
            && !files.contains(&ending))
}

fn kind_of(host: &[u8]) -> HostKind {
    if host.is_empty() || host.contains(&b'$') || host.contains(&b'{') || host.contains(&b'%') {
        return HostKind::Unknown;
    }
    let Ok(text) = std::str::from_utf8(host) else { return HostKind::Unknown };
    let text = text.trim_end_matches('.');
    if METADATA.contains(&text) {
        return HostKind::Metadata;
    }
    if let Some(address) = address(text) {
        return match address {
            IpAddr::V4(v4) => kind_of_v4(v4),
            IpAddr::V6(v6) => kind_of_v6(v6),
        };
    }
    let below = |domains: &[&str]| domains.iter().any(|domain| is_below(text, domain));
    if text == "localhost" || text.ends_with(".localhost") || text == "ip6-localhost" {
        HostKind::Loopback
    } else if !text.contains('.') || below(PRIVATE) {
        HostKind::Private
    } else if text.ends_with(".onion") || below(ONION_GATES) {
        HostKind::Onion
    } else if below(WHO_AM_I) {
        HostKind::WhoAmI
    } else if below(PASTES) {
        HostKind::Paste
    } else if below(COLLECTORS) {
        HostKind::Collector
    } else if below(DEAD_DROPS) {
        HostKind::DeadDrop
    } else {
        HostKind::Name
    }
}

/// Services that are many things, told by the path.
fn kind_of_page(host: &[u8], path: &[u8]) -> HostKind {
    match host {
        // Only with the number of whoever is sent to: with a variable there it is the user's own.
        b"discord.com" | b"discordapp.com" if followed_by_digit(path, b"/api/webhooks/") => {
            HostKind::Collector
        }
        b"api.telegram.org" if followed_by_digit(path, b"/bot") => HostKind::Collector,
        _ => HostKind::Name,
    }
}

fn followed_by_digit(path: &[u8], start: &[u8]) -> bool {
    path.strip_prefix(start).and_then(|rest| rest.first()).is_some_and(u8::is_ascii_digit)
}

fn is_below(name: &str, domain: &str) -> bool {
    name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// An address in any of the forms that `inet_aton` takes: dotted, a single number, with octal or hexadecimal
/// parts. The odd forms are there to be overlooked.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address);
    }
    let parts: Vec<&str> = text.split('.').take(5).collect();
    let number = |part: &str| match part.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if part.len() > 1 && part.starts_with('0') => u32::from_str_radix(part, 8).ok(),
        None => part.parse::<u32>().ok(),
    };
    let numbers: Option<Vec<u32>> = parts.iter().map(|part| number(part)).collect();
    match numbers?.as_slice() {
        // Small numbers are no addresses anybody means.
        [one] if *one > 0xffff => Some(IpAddr::V4(Ipv4Addr::from(*one))),
        [a, b, c, d] if [a, b, c, d].iter().all(|part| **part < 256) => {
            Some(IpAddr::V4(Ipv4Addr::new(*a as u8, *b as u8, *c as u8, *d as u8)))
        }
        _ => None,
    }
}

fn kind_of_v4(address: Ipv4Addr) -> HostKind {
    let [a, b, ..] = address.octets();
    if address.is_loopback() || address.is_unspecified() {
        HostKind::Loopback
    } else if address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || (a == 100 && (64..128).contains(&b))
    {
        HostKind::Private
    } else {
        HostKind::Address
    }
}

fn kind_of_v6(address: Ipv6Addr) -> HostKind {
    let first = address.segments()[0];
    if let Some(v4) = address.to_ipv4_mapped() {
        kind_of_v4(v4)
    } else if address.is_loopback() || address.is_unspecified() {
        HostKind::Loopback
    } else if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80 || address.is_multicast() {
        HostKind::Private
    } else {
        HostKind::Address
    }
}

/// Documented by the clouds as the addresses of their metadata services.
const METADATA: &[&str] = &[
    "169.254.169.254",
    "169.254.170.2",
    "169.254.170.23",
    "100.100.100.200",
    "fd00:ec2::254",
    "metadata.google.internal",
    "metadata.goog",
    "metadata.tencentyun.com",
];
/// RFC 6762, RFC 8375, RFC 9476, ICANN's `internal`, and what clusters and offices use.
const PRIVATE: &[&str] =
    &["local", "internal", "lan", "home.arpa", "svc", "corp", "intranet", "private", "alt", "test"];
const ONION_GATES: &[&str] =
    &["onion.ly", "onion.ws", "onion.pet", "onion.sh", "tor2web.org", "tor2web.io", "tor2web.in"];
const WHO_AM_I: &[&str] = &[
    "ifconfig.me",
    "ifconfig.co",
    "ifconfig.io",
    "ipinfo.io",
    "icanhazip.com",
    "ipify.org",
    "ip.sb",
    "ident.me",
    "checkip.amazonaws.com",
    "checkip.dyndns.org",
    "ipecho.net",
    "ip-api.com",
    "api.myip.com",
    "whatismyip.akamai.com",
];
const PASTES: &[&str] = &[
    "pastebin.com",
    "paste.ee",
    "ghostbin.com",
    "hastebin.com",
    "ix.io",
    "sprunge.us",
    "termbin.com",
    "transfer.sh",
    "0x0.st",
    "file.io",
    "anonfiles.com",
    "bashupload.com",
    "temp.sh",
    "oshi.at",
    "catbox.moe",
    "rentry.co",
    "dpaste.com",
    "dpaste.org",
    "controlc.com",
    "gofile.io",
    "tmpfiles.org",
    "envs.sh",
    "paste.rs",
    "justpaste.it",
    "pst.moe",
    "paste.c-net.org",
];
const DEAD_DROPS: &[&str] = &[
    "gist.githubusercontent.com",
    "gist.github.com",
    "cdn.discordapp.com",
    "media.discordapp.net",
    "t.me",
    "ipfs.io",
    "cloudflare-ipfs.com",
    "dweb.link",
    "gateway.pinata.cloud",
    "icp0.io",
    "trycloudflare.com",
    "ngrok.io",
    "ngrok.app",
    "ngrok-free.app",
    "ngrok-free.dev",
    "serveo.net",
    "loca.lt",
    "localhost.run",
    "lhr.life",
    "bore.pub",
];
const COLLECTORS: &[&str] = &[
    "webhook.site",
    "requestbin.net",
    "requestbin.com",
    "m.pipedream.net",
    "oast.fun",
    "oast.live",
    "oast.me",
    "oast.online",
    "oast.pro",
    "oast.site",
    "interact.sh",
    "interactsh.com",
    "burpcollaborator.net",
    "oastify.com",
    "beeceptor.com",
    "requestcatcher.com",
    "dnslog.cn",
    "ceye.io",
];
