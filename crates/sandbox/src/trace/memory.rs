//! Reads what arguments point to. Lengths are bounded; what cannot be read is told apart from what is empty.

use super::kernel;
use events::{Bytes, MAX_BYTES, MAX_WORDS};

/// The most bytes that one call of [`kernel::read`] gives, whatever the address.
pub(super) const LONGEST_READ: usize = 64 << 10;

/// Memory that cannot be read: another thread took it away, or it never was there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// Most texts are not longer than this.
const SHORT_TEXT: usize = 256;

/// The most bytes of a command line that are read in one piece.
const LONGEST_WORDS: usize = 64 << 10;

/// Bytes up to a zero byte, at most [`MAX_BYTES`].
pub(super) fn text(tid: i32, address: u64) -> Result<Vec<u8>, Unreadable> {
    // Most texts are short: a first piece saves clearing and copying what comes after.
    let mut short = [0; SHORT_TEXT];
    let read = kernel::read(tid, address, &mut short);
    let first = short.get(..read).unwrap_or_default();
    if let Some(end) = first.iter().position(|&byte| byte == 0) {
        return Ok(first.get(..end).unwrap_or_default().to_vec());
    }
    if read < SHORT_TEXT {
        return Err(Unreadable);
    }
    let mut bytes = short.to_vec();
    bytes.resize(MAX_BYTES, 0);
    let rest = bytes.get_mut(SHORT_TEXT..).unwrap_or_default();
    let read = kernel::read(tid, address.checked_add(SHORT_TEXT as u64).ok_or(Unreadable)?, rest);
    match rest.iter().take(read).position(|&byte| byte == 0) {
        Some(end) => bytes.truncate(SHORT_TEXT + end),
        None if read < rest.len() => return Err(Unreadable),
        None => {}
    }
    Ok(bytes)
}

/// Exactly so many bytes.
pub(super) fn array<const N: usize>(tid: i32, address: u64) -> Result<[u8; N], Unreadable> {
    let mut bytes = [0; N];
    if kernel::read(tid, address, &mut bytes) == N { Ok(bytes) } else { Err(Unreadable) }
}

/// A word.
pub(super) fn word(tid: i32, address: u64) -> Result<u64, Unreadable> {
    array(tid, address).map(u64::from_le_bytes)
}

/// Up to so many bytes; fewer where memory ends.
pub(super) fn some(tid: i32, address: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length.min(MAX_BYTES)];
    let read = kernel::read(tid, address, &mut bytes);
    bytes.truncate(read);
    bytes
}

/// A null-ended list of texts, and how many bytes they have in all as far as they were looked at.
pub(super) fn words(tid: i32, address: u64) -> (Vec<Bytes>, u64) {
    let mut words = Vec::new();
    let mut length = 0;
    for index in 0..MAX_WORDS as u64 {
        let Ok(at) = word(tid, address.wrapping_add(index * 8)) else { break };
        if at == 0 {
            break;
        }
        let Ok(text) = text(tid, at) else { break };
        length += text.len() as u64 + 1;
        words.push(Bytes::from(text));
    }
    (words, length)
}

/// What the kernel put on the stack of a program that starts.
#[derive(Debug, Default)]
pub(super) struct Started {
    pub(super) arguments: Vec<Bytes>,
    pub(super) arguments_length: u64,
    /// The command line as far as it is read, a zero byte behind each word.
    pub(super) line: Vec<u8>,
    pub(super) environment: Vec<Bytes>,
    /// The path that was asked for.
    pub(super) asked: Option<Vec<u8>>,
    /// Where the entry of the auxiliary vector stands that names the vDSO.
    pub(super) vdso: Option<u64>,
    /// The effective user, as the guest numbers it.
    pub(super) euid: u32,
}

/// The stack of a program that starts, read in one piece as far as it is short, as most are.
struct Stack {
    tid: i32,
    from: u64,
    bytes: Vec<u8>,
}

/// How much is read in one piece. It ends before that, with the memory of the stack, where all of it was read.
const SHORT_STACK: usize = 12 << 10;

impl Stack {
    fn read(tid: i32, from: u64) -> Self {
        let mut bytes = vec![0; SHORT_STACK];
        let read = kernel::read(tid, from, &mut bytes);
        bytes.truncate(read);
        Self { tid, from, bytes }
    }

    /// What stands at an address, in place of asking the kernel again.
    fn held(&self, at: u64, length: usize) -> Option<&[u8]> {
        let start = usize::try_from(at.checked_sub(self.from)?).ok()?;
        self.bytes.get(start..start.checked_add(length)?)
    }

    fn fill(&self, at: u64, into: &mut [u8]) -> usize {
        match self.held(at, into.len()) {
            Some(held) => {
                into.copy_from_slice(held);
                into.len()
            }
            None => kernel::read(self.tid, at, into),
        }
    }

    fn word(&self, at: u64) -> Result<u64, Unreadable> {
        let mut word = [0; 8];
        if self.fill(at, &mut word) == 8 { Ok(u64::from_le_bytes(word)) } else { Err(Unreadable) }
    }

    fn text(&self, at: u64) -> Result<Vec<u8>, Unreadable> {
        let start = at.checked_sub(self.from).and_then(|start| usize::try_from(start).ok());
        let rest = start.and_then(|start| self.bytes.get(start..)).unwrap_or_default();
        match rest.iter().take(MAX_BYTES).position(|&byte| byte == 0) {
            Some(end) => Ok(rest.get(..end).unwrap_or_default().to_vec()),
            None => text(self.tid, at),
        }
    }
}

/// Reads the stack of a program that starts: it is its own and nobody else's yet, so that nothing races with it.
pub(super) fn started(tid: i32, stack: u64, keep: impl Fn(&[u8]) -> bool) -> Result<Started, Unreadable> {
    let mut started = Started::default();
    let held = Stack::read(tid, stack);
    let count = held.word(stack)?;
    let arguments = stack.checked_add(8).ok_or(Unreadable)?;
    let environment = count
        .checked_add(1)
        .and_then(|words| arguments.checked_add(words.checked_mul(8)?))
        .ok_or(Unreadable)?;
    let first = held.word(arguments)?;
    let first_variable = held.word(environment)?;
    // The kernel copies pointers that nobody bounds but the size of the stack: they are walked in blocks.
    let mut at = environment;
    let mut block = [0; 1024];
    let auxiliary = loop {
        let read = held.fill(at, &mut block) & !7;
        let words = block.get(..read).unwrap_or_default().chunks_exact(8);
        if let Some(end) = words.clone().position(|word| word == [0; 8]) {
            break at + (end as u64 + 1) * 8;
        }
        if read == 0 || at - environment > 8 << 20 {
            return Err(Unreadable);
        }
        at += read as u64;
    };
    let mut name = 0;
    let mut vector = [0; 64 * 16];
    let read = held.fill(auxiliary, &mut vector);
    for (index, pair) in vector.get(..read).unwrap_or_default().chunks_exact(16).enumerate() {
        let value = pair.last_chunk().map_or(0, |value| u64::from_le_bytes(*value));
        match pair.first_chunk().map(|kind| u64::from_le_bytes(*kind)) {
            None | Some(libc::AT_NULL) => break,
            Some(libc::AT_SYSINFO_EHDR) => started.vdso = Some(auxiliary + index as u64 * 16),
            Some(libc::AT_EUID) => started.euid = value as u32,
            Some(libc::AT_EXECFN) => name = value,
            Some(_) => {}
        }
    }
    started.asked = held.text(name).ok();
    let end = if first_variable != 0 { first_variable } else { name };
    if count > 0 {
        started.arguments_length = end.saturating_sub(first);
        let (words, whole) = strings(&held, first, end);
        started.line.clone_from(&words.0);
        started.arguments = words.take((count as usize).min(MAX_WORDS), whole, |_| true);
    }
    if first_variable != 0 {
        let (words, whole) = strings(&held, first_variable, name);
        started.environment = words.take(MAX_WORDS, whole, keep);
    }
    Ok(started)
}

/// Strings that stand one behind the other.
struct Strings(Vec<u8>);

fn strings(held: &Stack, from: u64, to: u64) -> (Strings, bool) {
    let whole = usize::try_from(to.saturating_sub(from)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; whole.min(LONGEST_WORDS)];
    let read = held.fill(from, &mut bytes);
    bytes.truncate(read);
    (Strings(bytes), read == whole)
}

impl Strings {
    fn take(self, most: usize, whole: bool, keep: impl Fn(&[u8]) -> bool) -> Vec<Bytes> {
        let mut bytes = &self.0[..];
        if whole {
            bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
        }
        let words = bytes.split(|&byte| byte == 0);
        words.filter(|word| keep(word)).take(most).map(events::bounded).collect()
    }
}
