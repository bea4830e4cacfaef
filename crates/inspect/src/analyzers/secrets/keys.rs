use super::SecretKind;
use super::formats::Hit;
use base64::Engine as _;

/// Longest key. One of 16,384 bits has 13 kilobytes.
const MAX_KEY: usize = 16 << 10;

/// A private key in the form of PEM (RFC 7468) or OpenSSH, where what stands between the marks decodes to one of
/// the length that it says: those in documentation are cut short.
pub(super) fn private_key(text: &[u8], at: usize) -> Option<Hit<'_>> {
    const END: &[u8] = b"PRIVATE KEY-----";
    let rest = text.get(at + "-----BEGIN ".len()..)?;
    let rest = rest.get(..rest.len().min(MAX_KEY))?;
    let label = rest.get(..rest.len().min(48))?;
    let label = label.get(..memchr::memmem::find(label, END)? + END.len())?;
    let body = rest.get(label.len()..)?;
    let (body, end) = body.split_at_checked(memchr::memmem::find(body, b"-----")?)?;
    if !end.starts_with(b"-----END") {
        return None;
    }
    let mut encrypted = memchr::memmem::find(label, b"ENCRYPTED").is_some();
    let mut data = body;
    if let Some(end) = memchr::memmem::find(body, b"DEK-Info:") {
        encrypted = true;
        // The headers of RFC 1421 end with an empty line.
        let after = body.get(end..)?;
        data = after.get(after.iter().position(|&byte| byte == b'\n')?..)?;
    }
    let bytes = decode(data)?;
    let right = match bytes.strip_prefix(b"openssh-key-v1\0") {
        Some(key) => {
            encrypted = !key.starts_with(b"\0\0\0\x04none");
            key.len() >= 64
        }
        None => encrypted && data.len() != body.len() || is_sequence(&bytes),
    };
    let account =
        memchr::memmem::find(text.get(at.saturating_sub(512)..at)?, b"\"service_account\"").is_some();
    let kind = match (encrypted, account) {
        (true, _) => SecretKind::EncryptedKey,
        (false, true) => SecretKind::ServiceAccount,
        (false, false) => SecretKind::PrivateKey,
    };
    right.then_some(Hit { kind, secret: data.trim_ascii() })
}

/// Whether bytes are one sequence of ASN.1 in DER, no byte more or less.
fn is_sequence(bytes: &[u8]) -> bool {
    let [0x30, length, rest @ ..] = bytes else { return false };
    let (width, len) = match usize::from(*length) {
        short @ 0..0x80 => (0, short),
        long => {
            let width = long & 0x7f;
            let Some(digits) = rest.get(..width).filter(|digits| digits.len() <= 4) else { return false };
            (width, digits.iter().fold(0, |len, &digit| len << 8 | usize::from(digit)))
        }
    };
    len >= 32 && rest.len().checked_sub(width) == Some(len)
}

/// Base64 in lines; in JSON the ends of lines are escaped.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut digits = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => _ = bytes.next().filter(|next| matches!(next, b'n' | b'r'))?,
            b'=' => {}
            byte if byte.is_ascii_whitespace() => {}
            byte => digits.push(byte),
        }
    }
    base64::engine::general_purpose::STANDARD_NO_PAD.decode(digits).ok()
}
