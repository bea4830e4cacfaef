use md5::{Digest, Md5};

/// Fields one after the other; what is missing is empty.
pub(super) struct Words<'a>(pub(super) &'a [u8]);

impl<'a> Words<'a> {
    pub(super) fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    pub(super) fn number(&mut self) -> u32 {
        let (first, rest) = self.0.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
        self.0 = rest;
        u32::from_be_bytes(*first)
    }

    pub(super) fn string(&mut self) -> &'a [u8] {
        let length = self.number() as usize;
        let (string, rest) = self.0.split_at_checked(length).unwrap_or((self.0, &[]));
        self.0 = rest;
        string
    }
}

/// The same where what is missing matters.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (string, rest) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        self.0 = rest;
        Some(string)
    }
}

pub(super) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend((bytes.len() as u32).to_be_bytes());
    out.extend(bytes);
}

pub(super) fn message(kind: u8, strings: &[&[u8]]) -> Vec<u8> {
    let mut out = vec![kind];
    for part in strings {
        string(&mut out, part);
    }
    out
}

/// A number of many digits, with its length.
pub(super) fn number(bytes: &[u8]) -> Vec<u8> {
    let significant = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let mut digits = bytes.get(significant..).unwrap_or_default().to_vec();
    if digits.first().is_some_and(|first| first & 0x80 != 0) {
        digits.insert(0, 0);
    }
    let mut out = Vec::new();
    string(&mut out, &digits);
    out
}

/// What a client offers.
pub(super) struct Offer {
    kex: String,
    ciphers: String,
    /// HASSH: what tells one SSH library from another.
    pub(super) fingerprint: String,
}

pub(super) fn offer(packet: &[u8]) -> Option<Offer> {
    let (20, rest) = packet.split_first().map(|(kind, rest)| (*kind, rest))? else { return None };
    let mut fields = Reader(rest.get(16..)?);
    let mut lists = Vec::new();
    for _ in 0..10 {
        lists.push(String::from_utf8_lossy(fields.string()?).into_owned());
    }
    let at = |index: usize| lists.get(index).cloned().unwrap_or_default();
    let text = [at(0), at(2), at(4), at(6)].join(";");
    let fingerprint = data_encoding::HEXLOWER.encode(&Md5::digest(text));
    Some(Offer { kex: at(0), ciphers: at(2), fingerprint })
}

impl Offer {
    /// The first cipher of theirs that is one of ours.
    pub(super) fn cipher(&self, ours: &str) -> Option<String> {
        self.ciphers.split(',').find(|name| ours.split(',').any(|known| known == *name)).map(str::to_owned)
    }

    pub(super) fn speaks(&self, ours: &str) -> bool {
        self.kex.split(',').any(|name| ours.split(',').any(|known| known == name))
    }
}

/// The public half of a private key as OpenSSH writes it.
pub(super) fn public_of(private: &str) -> Option<Vec<u8>> {
    let body: String = private.lines().filter(|line| !line.starts_with('-')).collect();
    let bytes = data_encoding::BASE64.decode(body.as_bytes()).ok()?;
    let mut fields = Reader(bytes.strip_prefix(b"openssh-key-v1\0")?);
    for _ in 0..3 {
        fields.string()?;
    }
    fields.0 = fields.0.get(4..)?;
    fields.string().map(<[u8]>::to_vec)
}
