use crate::talk::Talk;
use sha2::{Digest, Sha256};
use std::io;

/// What a guest's greeting says, whether or not a handshake follows.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    pub(crate) name: Option<Vec<u8>>,
    pub(crate) protocols: Vec<Vec<u8>>,
    /// JA4: what the greeting offers, without what programs vary on purpose.
    pub(crate) fingerprint: String,
}

/// The longest greeting that is read. TLS would allow 16 MiB in many records; no program sends more than some KiB.
const LONGEST: usize = 64 << 10;

impl Hello {
    /// Reads a greeting without taking it off of the talk.
    pub(crate) async fn read(talk: &mut Talk) -> io::Result<Self> {
        loop {
            match message(&talk.ahead) {
                Some(message) => return Ok(Self::parse(&message).unwrap_or_default()),
                None if talk.ahead.len() > LONGEST => return Ok(Self::default()),
                None if !looks(&talk.ahead) => return Ok(Self::default()),
                None => talk.more().await?,
            }
        }
    }

    /// Takes a ClientHello apart; none where it is not one.
    pub(crate) fn parse(message: &[u8]) -> Option<Self> {
        let mut body = Cut(message);
        let mut version = body.number(2)? as u16;
        body.take(32)?;
        let session = body.number(1)?;
        body.take(session)?;
        let count = body.number(2)?;
        let ciphers: Vec<u16> = pairs(body.take(count)?);
        let methods = body.number(1)?;
        body.take(methods)?;
        let mut hello = Self::default();
        let (mut kinds, mut signatures, mut alpn) = (Vec::new(), Vec::new(), None);
        let length = body.number(2).unwrap_or(0);
        let mut extensions = Cut(body.take(length).unwrap_or_default());
        while let (Some(kind), Some(length)) = (extensions.number(2), extensions.number(2)) {
            let Some(value) = extensions.take(length) else { break };
            let mut value = Cut(value);
            match kind {
                0 => {
                    value.take(3);
                    hello.name = value.number(2).and_then(|length| value.take(length)).map(<[u8]>::to_vec);
                }
                13 => {
                    value.take(2);
                    signatures = pairs(value.0);
                }
                16 => {
                    value.take(2);
                    while let Some(offer) = value.number(1).and_then(|length| value.take(length)) {
                        alpn.get_or_insert_with(|| offer.to_vec());
                        hello.protocols.push(offer.to_vec());
                    }
                }
                43 => {
                    value.take(1);
                    version = pairs(value.0).into_iter().filter(|it| !grease(*it)).max().unwrap_or(version);
                }
                _ => {}
            }
            kinds.push(kind as u16);
        }
        hello.fingerprint = fingerprint(version, ciphers, kinds, &signatures, hello.name.is_some(), alpn);
        Some(hello)
    }
}

/// JA4 as FoxIO describes it: `t13d1516h2_8daaf6152771_e5627efa2ab1`.
fn fingerprint(
    version: u16,
    mut ciphers: Vec<u16>,
    mut kinds: Vec<u16>,
    signatures: &[u16],
    named: bool,
    alpn: Option<Vec<u8>>,
) -> String {
    let version = match version {
        0x0304 => "13",
        0x0303 => "12",
        0x0302 => "11",
        0x0301 => "10",
        0x0300 => "s3",
        _ => "00",
    };
    ciphers.retain(|it| !grease(*it));
    kinds.retain(|it| !grease(*it));
    let (many, some) = (ciphers.len().min(99), kinds.len().min(99));
    let letter = |byte: Option<&u8>| byte.copied().filter(u8::is_ascii_alphanumeric).map_or('0', char::from);
    let alpn = alpn.unwrap_or_default();
    let (first, last) = (letter(alpn.first()), letter(alpn.last()));
    ciphers.sort_unstable();
    kinds.retain(|kind| !matches!(kind, 0 | 16));
    kinds.sort_unstable();
    let list = |numbers: &[u16]| numbers.iter().map(|it| format!("{it:04x}")).collect::<Vec<_>>().join(",");
    let mut tail = list(&kinds);
    if !signatures.is_empty() {
        tail = format!("{tail}_{}", list(signatures));
    }
    let short = |text: String, empty: bool| {
        if empty {
            return "000000000000".to_owned();
        }
        let mut hex = data_encoding::HEXLOWER.encode(&Sha256::digest(text));
        hex.truncate(12);
        hex
    };
    let head = format!("t{version}{}{many:02}{some:02}{first}{last}", if named { 'd' } else { 'i' });
    format!("{head}_{}_{}", short(list(&ciphers), ciphers.is_empty()), short(tail, kinds.is_empty()))
}

fn grease(number: u16) -> bool {
    number & 0x0f0f == 0x0a0a && number >> 8 == number & 0xff
}

fn pairs(bytes: &[u8]) -> Vec<u16> {
    bytes.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).collect()
}

/// Whether this is, or may yet become, records with a greeting.
pub(crate) fn looks(bytes: &[u8]) -> bool {
    let is = |at: usize, expect: &dyn Fn(u8) -> bool| bytes.get(at).is_none_or(|byte| expect(*byte));
    is(0, &|byte| byte == 22)
        && is(1, &|byte| byte == 3)
        && is(2, &|byte| byte <= 4)
        && is(5, &|byte| byte == 1)
}

/// The greeting out of one or several records; none as long as something is missing.
fn message(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut records = Cut(bytes);
    let mut message = Vec::new();
    loop {
        if records.number(1)? != 22 {
            return None;
        }
        records.take(2)?;
        let length = records.number(2)?;
        message.extend(records.take(length)?);
        let mut head = Cut(&message);
        if head.number(1) != Some(1) {
            return Some(Vec::new());
        }
        if let Some(length) = head.number(3)
            && let Some(body) = head.take(length)
        {
            return Some(body.to_vec());
        }
    }
}

struct Cut<'a>(&'a [u8]);

impl<'a> Cut<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }
}
