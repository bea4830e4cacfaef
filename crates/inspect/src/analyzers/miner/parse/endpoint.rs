use crate::analyzers::miner::PoolList;
use serde::{Deserialize, Serialize};

/// Where a miner is told to get its work.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Name or address, in lower case; empty where only running it shows.
    pub host: String,
    /// Port; 0 where none is written.
    pub port: u16,
    /// Whether it is written as one of the mining protocol.
    pub stratum: bool,
}

impl Endpoint {
    /// How it is shown.
    pub(in crate::analyzers::miner) fn shown(&self) -> String {
        let scheme = if self.stratum { "stratum://" } else { "" };
        let host = if self.host.is_empty() { "…" } else { &self.host };
        match self.port {
            0 => format!("{scheme}{host}"),
            port => format!("{scheme}{host}:{port}"),
        }
    }

    /// Whether it is one of a known pool.
    pub(in crate::analyzers::miner) fn is_listed(&self, pools: &PoolList) -> bool {
        !self.host.is_empty() && pools.holds(&self.host, self.port)
    }
}

/// Longest text of an endpoint.
const MAX_ENDPOINT: usize = 512;

/// Reads what follows an option for the server: `host:port`, `scheme://[account@]host[:port]`. Without the
/// mining scheme it needs a port, and a path makes it a page of the web.
pub(in crate::analyzers::miner) fn read(text: &[u8]) -> Option<Endpoint> {
    let text = std::str::from_utf8(text.get(..text.len().min(MAX_ENDPOINT))?).ok()?;
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let stratum = is_stratum(scheme.as_bytes());
    let plain = ["", "tcp", "ssl", "tls", "http", "https", "daemon+http", "daemon+https", "wss", "ws"];
    if !stratum && !plain.iter().any(|plain| scheme.eq_ignore_ascii_case(plain)) {
        return None;
    }
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let rest = match rest.split_once('/') {
        Some((host, _)) if stratum => host,
        Some(_) => return None,
        None => rest,
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) => match port.parse() {
            Ok(port) => (host, port),
            Err(_) if stratum => (host, 0),
            Err(_) => return None,
        },
        None => (rest, 0),
    };
    if port == 0 && !stratum {
        return None;
    }
    if is_host(host) {
        return Some(Endpoint { host: host.to_ascii_lowercase(), port, stratum });
    }
    // A variable: `$POOL:3333`, `{pool}:443`, `%s:%d`.
    let variable = host.starts_with(['$', '{', '%']);
    (variable && stratum).then(|| Endpoint { host: String::new(), port, stratum })
}

/// Whether a scheme is one of the mining protocol: `stratum`, `stratum2+tcp`, `stratum+ssl`, `stratum1+tls12`.
pub(in crate::analyzers::miner) fn is_stratum(scheme: &[u8]) -> bool {
    let Some(rest) = scheme.get(..7).filter(|name| name.eq_ignore_ascii_case(b"stratum")) else {
        return false;
    };
    let rest = scheme.get(rest.len()..).unwrap_or_default();
    let rest = match rest.split_first() {
        Some((digit, rest)) if digit.is_ascii_digit() => rest,
        _ => rest,
    };
    match rest.split_first() {
        None => true,
        Some((b'+' | b'-', transport)) => {
            (2..=6).contains(&transport.len()) && transport.iter().all(u8::is_ascii_alphanumeric)
        }
        Some(_) => false,
    }
}

/// A name of one or more labels, or an address.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let labels = || host.split('.');
    let number = labels().all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    host.len() <= 253 && labels().all(label) && (!number || host.parse::<std::net::Ipv4Addr>().is_ok())
}

/// The URI of the mining protocol that begins at the start of a text.
pub(in crate::analyzers::miner) fn stratum_at(text: &[u8]) -> Option<Endpoint> {
    let scheme = memchr::memmem::find(text.get(..text.len().min(24))?, b"://")?;
    if !is_stratum(text.get(..scheme)?) {
        return None;
    }
    read(text.get(..uri_len(text))?)
}

/// How long the URI at the start of a text is.
pub(super) fn uri_len(text: &[u8]) -> usize {
    let head = text.get(..text.len().min(MAX_ENDPOINT)).unwrap_or_default();
    let ends = |byte: &u8| !byte.is_ascii_graphic() || b"\"'`,;()[]<>|&\\".contains(byte);
    head.iter().position(ends).unwrap_or(head.len())
}
