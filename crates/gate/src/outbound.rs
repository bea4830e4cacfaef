//! Requests to addresses that people write into the configuration: webhooks, identity providers. They must not become a way
//! into the network behind the gate (CVE-2020-13788, CVE-2026-24117): a name is resolved here, what it resolves to is
//! looked at, and the very addresses that were looked at are connected to. Redirects are not followed, answers are
//! bounded, no proxy of the environment is used.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Client, Method, Response, Url};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

/// Time for one exchange as a whole.
const TIME: Duration = Duration::from_secs(15);
const CONNECT: Duration = Duration::from_secs(5);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The address leads to a place that must not be asked.
    #[error("{0} is a private, local or reserved address; allow-private = true allows it")]
    Private(IpAddr),
    /// It is no address of a server.
    #[error("it is no http:// or https:// address")]
    Address,
    /// It did not work.
    #[error("{0}")]
    Failed(String),
    /// The answer is longer than anybody needs.
    #[error("the answer is longer than {0} bytes")]
    Long(usize),
}

/// Makes requests.
#[derive(Debug, Clone)]
pub(crate) struct Outbound {
    client: Client,
    allow_private: bool,
}

impl Outbound {
    pub(crate) fn new(allow_private: bool) -> Result<Self, Error> {
        let client = Client::builder()
            .user_agent(concat!("roadstead/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(TIME)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(Arc::new(Pinned { allow_private }))
            .build()
            .map_err(|error| Error::Failed(model::error_chain(&error)))?;
        Ok(Self { client, allow_private })
    }

    /// Sends a request, and gives the answer's head. What a redirect points to is not asked.
    pub(crate) async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<Response, Error> {
        let url: Url = url.parse().map_err(|_| Error::Address)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::Address);
        }
        // An address that is written as one is not resolved, so it is looked at here.
        if let Some(address) = literal(&url)
            && !self.allow_private
            && !is_public(address)
        {
            return Err(Error::Private(address));
        }
        let mut request = self.client.request(method, url).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        // The error would quote the address, in which people hide tokens.
        request.send().await.map_err(|error| Error::Failed(model::error_chain(&error.without_url())))
    }

    /// The body of an answer, up to a limit.
    pub(crate) async fn body(mut response: Response, limit: usize) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            match chunk.map_err(|error| Error::Failed(model::error_chain(&error.without_url())))? {
                Some(chunk) if body.len() + chunk.len() > limit => return Err(Error::Long(limit)),
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(body),
            }
        }
    }
}

/// The address of a URL whose host is one. The parser has made `0x7f.1` and `2130706433` to what they are.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Resolves a name and leaves out what must not be asked.
#[derive(Debug)]
struct Pinned {
    allow_private: bool,
}

impl Resolve for Pinned {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let (mut kept, mut refused) = (Vec::<SocketAddr>::new(), None);
            for address in found {
                if allow_private || is_public(address.ip()) {
                    kept.push(address);
                } else {
                    refused = Some(address.ip());
                }
            }
            // One bad address among good ones is an attempt to be lucky with the second look.
            match refused {
                Some(address) => Err(Error::Private(address).into()),
                None => Ok(Box::new(kept.into_iter()) as Addrs),
            }
        })
    }
}

/// Whether an address is one of the public network.
pub(crate) fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b)) // carriers' own, RFC 6598
        || (a == 192 && b == 0 && c == 0) // protocol assignments
        || (a == 192 && b == 88 && c == 99) // 6to4 relays
        || (a == 198 && (b == 18 || b == 19))) // benchmarks
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, ..] = address.segments();
    // What is embedded is where the packet ends (NAT64, 6to4).
    let embedded = match (a, b, c) {
        (0x64, 0xff9b, _) => {
            let [.., high, low] = address.segments();
            Some(v4(high, low))
        }
        (0x2002, high, low) => Some(v4(high, low)),
        _ => None,
    };
    if let Some(embedded) = embedded {
        return is_public_v4(embedded);
    }
    // Global unicast is 2000::/3; the rest is local, multicast or reserved.
    (a & 0xe000) == 0x2000
        && !(a == 0x2001 && b < 0x200) // protocol assignments, Teredo among them
        && !(a == 0x2001 && b == 0xdb8) // documentation
        && !(a == 0x3fff && b < 0x1000) // documentation
}

fn v4(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(address: &str, expect: bool) {
        assert_eq!(is_public(address.parse().unwrap()), expect, "{address}");
    }

    #[test]
    fn only_the_public_network_is_public() {
        for address in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.32.0.1",
            "2606:4700::1",
            "::ffff:1.1.1.1",
        ] {
            check(address, true);
        }
        for address in [
            "0.0.0.0",
            "10.0.0.1",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:10.0.0.1",
            "::127.0.0.1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
            "100::1",
        ] {
            check(address, false);
        }
    }

    fn ask(url: &str, allow_private: bool) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outbound = Outbound::new(allow_private).unwrap();
        match runtime.block_on(outbound.send(Method::GET, url, &[], Vec::new())) {
            Ok(response) => response.status().to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn private_places_are_not_asked_however_they_are_written() {
        for url in [
            "http://127.0.0.1:9/",
            "http://[::1]:9/",
            "http://localhost:9/",
            "http://0x7f.1:9/",
            "http://2130706433:9/",
            "http://127.1:9/",
            "http://[::ffff:127.0.0.1]:9/",
            "http://169.254.169.254/",
        ] {
            let told = ask(url, false);
            assert!(told.contains("private, local or reserved"), "{url}: {told}");
        }
        assert!(!ask("http://127.0.0.1:9/", true).contains("private"));
        assert!(ask("file:///etc/passwd", true).contains("no http"));
        assert!(ask("gopher://a.example/", true).contains("no http"));
    }
}
