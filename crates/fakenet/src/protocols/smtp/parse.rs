use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The verb in upper case, and the rest.
pub(super) fn verb(line: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(line.get(..line.len().min(4096)).unwrap_or_default()).into_owned();
    let (verb, rest) = text.split_once([' ', ':']).unwrap_or((&text, ""));
    (verb.to_ascii_uppercase(), rest.trim().to_owned())
}

/// What base64 stands for; the text itself where it is none.
pub(super) fn decode(text: &[u8]) -> Vec<u8> {
    STANDARD.decode(text.trim_ascii()).unwrap_or_else(|_| text.to_vec())
}

/// `\0user\0password`, as user and password.
pub(super) fn plain(text: &[u8]) -> Vec<u8> {
    let decoded = decode(text);
    let mut parts = decoded.split(|byte| *byte == 0);
    parts.next();
    parts.collect::<Vec<_>>().join(&b' ')
}
