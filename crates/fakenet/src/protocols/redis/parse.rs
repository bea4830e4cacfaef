use crate::talk::Talk;
use std::io;

/// Words of one command, and bytes of one word, that are read.
const WORDS: usize = 1024;

const INLINE: &[&str] = &[
    "PING",
    "INFO",
    "CONFIG ",
    "AUTH ",
    "SLAVEOF ",
    "REPLICAOF ",
    "FLUSHALL",
    "KEYS ",
    "SET ",
    "GET ",
    "SAVE",
    "EVAL ",
    "MODULE ",
];

pub(super) fn taste(bytes: &[u8], port: u16) -> u8 {
    if let Some(rest) = bytes.strip_prefix(b"*") {
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let after = rest.get(digits..).unwrap_or_default();
        return if digits > 0 && digits < 5 && after.starts_with(b"\r\n$") { 95 } else { 0 };
    }
    let first =
        String::from_utf8_lossy(bytes.get(..bytes.len().min(16)).unwrap_or_default()).to_ascii_uppercase();
    let inline = INLINE.iter().any(|word| first.starts_with(word));
    if inline && port == 6379 { 82 } else { 0 }
}

/// The next command, in either form.
pub(super) async fn command(talk: &mut Talk) -> io::Result<Vec<Vec<u8>>> {
    let line = talk.line().await?;
    let Some(count) = line.strip_prefix(b"*") else {
        return Ok(line
            .split(u8::is_ascii_whitespace)
            .filter(|word| !word.is_empty())
            .take(WORDS)
            .map(<[u8]>::to_vec)
            .collect());
    };
    let count = number(count).filter(|count| *count <= WORDS).ok_or(io::ErrorKind::InvalidData)?;
    let (mut words, mut bytes) = (Vec::new(), 0);
    for _ in 0..count {
        let head = talk.line().await?;
        let length = head.strip_prefix(b"$").and_then(number).ok_or(io::ErrorKind::InvalidData)?;
        bytes += length;
        if bytes > talk.flow.recorder.limits().frame {
            return Err(io::ErrorKind::InvalidData.into());
        }
        words.push(talk.exactly(length).await?);
        talk.array::<2>().await?;
    }
    Ok(words)
}

fn number(digits: &[u8]) -> Option<usize> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
