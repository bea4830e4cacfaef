use crate::recorder::Flow;
use hyper::HeaderMap;
use hyper::http::request::Parts;
use std::borrow::Cow;
use std::net::SocketAddr;

/// What a guest asked for.
pub(crate) struct Asked<'a> {
    pub(crate) method: String,
    /// Lower case, without port.
    pub(crate) host: String,
    pub(crate) port: u16,
    /// Path and query as they were sent.
    pub(crate) target: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) agent: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
    /// How long the body was; longer than what is kept of it, perhaps.
    pub(crate) length: u64,
    pub(crate) tls: bool,
    pub(crate) to: SocketAddr,
    pub(crate) flow: &'a Flow,
}

impl<'a> Asked<'a> {
    pub(super) fn new(head: Parts, body: Vec<u8>, length: u64, tls: bool, port: u16, flow: &'a Flow) -> Self {
        let text = |name: &str| {
            head.headers
                .get(name)
                .map_or(Cow::Borrowed(""), |value| String::from_utf8_lossy(value.as_bytes()))
        };
        let named = head.uri.authority().map_or_else(|| text("host").into_owned(), ToString::to_string);
        Self {
            method: head.method.to_string(),
            host: host(&named),
            port,
            target: head.uri.path_and_query().map_or_else(|| named.clone(), ToString::to_string),
            path: head.uri.path().to_owned(),
            query: head.uri.query().unwrap_or_default().to_owned(),
            agent: text("user-agent").into_owned(),
            headers: head.headers,
            body,
            length,
            tls,
            to: flow.to,
            flow,
        }
    }

    /// A header's value; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> Cow<'_, str> {
        self.headers.get(name).map_or(Cow::Borrowed(""), |value| String::from_utf8_lossy(value.as_bytes()))
    }

    /// Whether the host is this name or one below it.
    pub(crate) fn at(&self, domain: &str) -> bool {
        self.host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    }

    /// The value of a parameter of the query, decoded.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let pair = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pair.filter(|(key, _)| *key == name).map(|(_, value)| unescape(value)).next()
    }

    /// Line, target and headers, as a text in which canaries are looked for.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = format!("{} {}\n{}\n", self.method, self.host, self.target).into_bytes();
        for (name, value) in &self.headers {
            text.extend(name.as_str().bytes());
            text.extend(b": ");
            text.extend(value.as_bytes());
            text.push(b'\n');
        }
        text
    }

    /// The body as JSON; nothing where it is none.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

fn host(named: &str) -> String {
    let named = named.rsplit('@').next().unwrap_or(named);
    let host = match named.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((inside, _)) => inside,
        None => named.rsplit_once(':').map_or(named, |(host, _)| host),
    };
    host.trim_end_matches('.').to_ascii_lowercase()
}

/// Takes percent signs off.
pub(crate) fn unescape(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|pair| data_encoding::HEXLOWER_PERMISSIVE.decode(pair).ok());
        match (first, digits) {
            (b'%', Some(byte)) => {
                out.extend(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                out.push(b' ');
                rest = after;
            }
            (byte, _) => {
                out.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
