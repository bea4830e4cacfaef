//! Payloads without an expression that leads to them: literals that decode to something, whatever the code
//! around them does. Nothing says that they are run.

use super::inflate::sniff;
use super::value::{Data, Found};
use super::{Budget, Runner, StepKind, alphabets, gate, marshal};
use memchr::memmem;

/// Shortest literal that is tried.
const SHORTEST: usize = 64;
/// Most literals that are tried in one text.
const MOST: usize = 512;

/// Base64 that begins like a script, a program or an archive, wherever it stands.
pub(super) fn magic<'t>(text: &'t [u8], budget: &mut Budget, found: &mut Vec<Found<'t>>) {
    let mut tried = 0;
    for mark in gate::MAGIC {
        let mut end = 0;
        for at in memmem::find_iter(text, mark) {
            let before = at.checked_sub(1).and_then(|before| text.get(before));
            if at < end || before.is_some_and(|&byte| is_base64(byte)) {
                continue;
            }
            let run = run_at(text, at);
            end = at + run.len();
            if run.len() < SHORTEST {
                continue;
            }
            tried += 1;
            if tried > MOST {
                budget.note(super::Limit::Stages);
                return;
            }
            let data = Data::text(run, at);
            if let Some(data) = data.decode(StepKind::Base64, budget)
                && is_content(&data.bytes)
            {
                found.push(Found { data, runner: None });
            }
        }
    }
}

/// Base64 from here on, over line breaks and what joins literals of neighbouring lines.
fn run_at(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    let mut end = 0;
    while let Some(&byte) = rest.get(end) {
        if is_base64(byte) {
            end += 1;
            continue;
        }
        let between = rest.get(end..).unwrap_or_default();
        let gap = between.iter().take_while(|byte| b" \t\r\n\\+'\",".contains(byte)).count();
        let line = between.get(..gap).is_some_and(|gap| gap.contains(&b'\n'));
        let next = between.get(gap..).unwrap_or_default();
        if !line || next.iter().take_while(|&&byte| is_base64(byte)).take(16).count() < 16 {
            break;
        }
        end += gap;
    }
    rest.get(..end).unwrap_or_default()
}

fn is_base64(byte: u8) -> bool {
    matches!(byte, b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' | b'=' | b'-' | b'_')
}

/// Lines of the strings of serialized code: which of them decodes to a text or to more code. What the code does
/// with it is not read; `exec` among its names says that it runs something.
pub(super) fn constants<'t>(text: &'t [u8], budget: &mut Budget, found: &mut Vec<Found<'t>>) {
    let has = |word: &str| memmem::find(text, word.as_bytes()).is_some();
    let runner = (has("exec\n") || has("eval\n")).then_some(Runner::Python);
    let (decodes, marshals) = (has("b64decode") || has("decompress") || has("decode"), has("loads"));
    if !decodes {
        return;
    }
    let mut at = 0;
    for line in text.split(|&byte| byte == b'\n') {
        if line.len() >= SHORTEST && line.iter().all(|byte| byte.is_ascii_graphic()) {
            let data = Data { at, ..Data::text(line, at) };
            let guesses = [
                data.decode(StepKind::Base64, budget),
                data.decode(StepKind::Reverse, budget).and_then(|data| data.decode(StepKind::Base64, budget)),
                data.decode(StepKind::Base85, budget),
                data.decode(StepKind::Hex, budget),
            ];
            for data in guesses.into_iter().flatten() {
                let data = match sniff(&data.bytes) {
                    Some(_) => data.inflate(None, budget),
                    None => Some(data),
                };
                let Some(mut data) = data else { continue };
                if marshals && marshal::is_code(&data.bytes) {
                    let Some(strings) = data.decode(StepKind::Marshal, budget) else { continue };
                    data = strings;
                }
                if is_content(&data.bytes) {
                    found.push(Found { data, runner });
                    break;
                }
            }
        }
        at += line.len() + 1;
    }
}

/// Whether bytes are something: text, or a file with a head that is known.
pub(super) fn is_content(bytes: &[u8]) -> bool {
    if is_program(bytes) || sniff(bytes).is_some() {
        return true;
    }
    let head = bytes.get(..bytes.len().min(512)).unwrap_or_default();
    let odd =
        head.iter().filter(|byte| !matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7e | 0x80..)).count();
    let high = head.iter().filter(|byte| **byte >= 0x80).count();
    odd == 0 && high * 3 <= head.len() && !head.is_empty()
}

/// Whether bytes begin like a script, a program or an archive.
pub(super) fn is_program(bytes: &[u8]) -> bool {
    let heads: [&[u8]; 3] = [b"#!", b"\x7fELF", b"PK\x03\x04"];
    heads.iter().any(|head| bytes.starts_with(head))
}

/// Whether bytes begin like a script, or hint at something that runs or decodes.
pub(super) fn is_code(bytes: &[u8]) -> bool {
    bytes.starts_with(b"#!") || gate::hints(bytes).any()
}

/// Decoded bytes that are compressed, inflated; others as they are.
pub(super) fn opened<'t>(data: Data<'t>, budget: &mut Budget) -> Data<'t> {
    match sniff(&data.bytes) {
        Some(_) if !data.steps.is_empty() => data.inflate(None, budget).unwrap_or(data),
        _ => data,
    }
}

/// The text of a string with its escapes read; a step where most of it is escapes.
pub(super) fn unescaped<'t>(content: &'t [u8], at: usize, raw: bool, budget: &mut Budget) -> Data<'t> {
    if raw || memchr::memchr(b'\\', content).is_none() {
        return Data::text(content, at);
    }
    let (out, count) = alphabets::escapes(content);
    // Four characters an escape: more than half of the text.
    if count >= 8 && count * 8 >= content.len() {
        return Data::text(content, at)
            .stepped(StepKind::Escapes, out.clone(), budget)
            .unwrap_or(Data::text(out, at));
    }
    Data::text(out, at)
}
