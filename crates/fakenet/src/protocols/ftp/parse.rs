/// The verb in upper case, and the rest.
pub(super) fn verb(line: &[u8]) -> (String, String) {
    let text = String::from_utf8_lossy(line.get(..line.len().min(4096)).unwrap_or_default()).into_owned();
    let (verb, rest) = text.split_once(' ').unwrap_or((&text, ""));
    (verb.to_ascii_uppercase(), rest.trim().to_owned())
}
