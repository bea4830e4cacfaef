//! Keeps programs that are given to an interpreter in no file: on its command line, or through a pipe.

use super::Tracer;
use super::calls::Entry;
use super::kernel::{self, Call};
use super::task::Later;
use super::{Next, memory};
use events::{Act, Descriptor, HostAct, LostWhy, Source};

/// The longest text that is kept, and the most texts of a run.
const LONGEST: usize = 1 << 20;
const MOST: usize = 5000;

impl Tracer {
    /// A program that is no script has begun: keeps the text that an interpreter is given with it, or begins to gather
    /// what it will read.
    pub(super) fn given_at_start(
        &mut self,
        tid: i32,
        program: Option<&[u8]>,
        line: &[u8],
        input: &Descriptor,
    ) {
        let group = self.tasks.group_of(tid);
        self.keep_given(group);
        let Some(program) = program else { return };
        let mut words = line.split(|&byte| byte == 0);
        let Some(letter) = words.next().and_then(|called| option_of(program, called)) else { return };
        let mut from_input = true;
        while let Some(word) = words.next() {
            match word {
                [b'-'] | [b'-', b'-', ..] | [] => {}
                [b'-', letters @ ..] if letters.contains(&letter) => {
                    if line.len() >= memory::LONGEST_READ {
                        self.lost(LostWhy::Content);
                    }
                    return self.keep_text(group, words.next().unwrap_or_default());
                }
                [b'-', letters @ ..] => from_input |= letters.contains(&b's'),
                _ => {
                    from_input = false;
                    break;
                }
            }
        }
        if from_input
            && matches!(input, Descriptor::Pipe(_))
            && let Some(group) = self.tasks.group_mut(group)
        {
            group.given = Some(Vec::new());
        }
    }

    pub(super) fn read_entry(&mut self, tid: i32, _: Entry, call: &Call) -> Next {
        let group = self.tasks.group(self.tasks.group_of(tid));
        match group.is_some_and(|group| group.given.is_some()) {
            true => Next::Later(Box::new(Later::Given { address: call.arguments[1] })),
            false => Next::On,
        }
    }

    /// An interpreter has read on. What is longer than any program is lost.
    pub(super) fn given_more(&mut self, tid: i32, address: u64, result: i64) {
        let group = self.tasks.group_of(tid);
        let Ok(length @ 1..) = usize::try_from(result) else { return self.keep_given(group) };
        let Some(given) = self.tasks.group_mut(group).and_then(|group| group.given.as_mut()) else { return };
        let before = given.len();
        given.resize(before.saturating_add(length).min(LONGEST), 0);
        let mut at = before;
        while let Some(room) = given.get_mut(at..).filter(|room| !room.is_empty()) {
            let part = room.len().min(memory::LONGEST_READ);
            let read = room
                .get_mut(..part)
                .map_or(0, |room| kernel::read(tid, address.wrapping_add((at - before) as u64), room));
            if read == 0 {
                break;
            }
            at += read;
        }
        given.truncate(at);
        if at < before.saturating_add(length) {
            self.keep_given(group);
            self.lost(LostWhy::Content);
        }
    }

    /// The text that a process has read is whole, or nothing more will come.
    pub(super) fn keep_given(&mut self, group: i32) {
        let text = self.tasks.group_mut(group).and_then(|group| group.given.take()).unwrap_or_default();
        self.keep_text(group, &text);
    }

    fn keep_text(&mut self, group: i32, text: &[u8]) {
        if text.is_empty() || self.captures.texts >= MOST {
            return;
        }
        let given = self.tasks.group(group).map(|group| group.leader);
        match self.keep_bytes(text) {
            Ok(Some(content)) => {
                self.captures.texts += 1;
                if self.captures.texts == MOST {
                    self.lost(LostWhy::Content);
                }
                self.tell(Source::Host, Act::Host(HostAct::Captured { content, path: None, given }));
            }
            Ok(None) => {}
            Err(_) => self.lost(LostWhy::Content),
        }
    }
}

/// The letter of the option that gives an interpreter its program; none where the program is no interpreter. One that
/// is many programs is the one that it is called by.
fn option_of(program: &[u8], called: &[u8]) -> Option<u8> {
    let last = |path: &'_ [u8]| path.rsplit(|&byte| byte == b'/').next().unwrap_or_default().to_vec();
    let name = match last(program) {
        name if name == b"busybox" => last(called.strip_prefix(b"-").unwrap_or(called)),
        name => name,
    };
    let end = name.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |at| at + 1);
    match name.get(..end).unwrap_or_default() {
        b"sh" | b"bash" | b"dash" | b"ash" | b"zsh" | b"ksh" | b"python" | b"pypy" => Some(b'c'),
        b"perl" | b"ruby" | b"node" | b"lua" => Some(b'e'),
        b"php" => Some(b'r'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(program: &str, called: &str, expect: Option<char>) {
        let found = option_of(program.as_bytes(), called.as_bytes()).map(char::from);
        assert_eq!(found, expect, "{program} {called}");
    }

    #[test]
    fn interpreters_by_what_they_are() {
        check("/usr/bin/dash", "grep", Some('c'));
        check("/usr/bin/python3.11", "python3", Some('c'));
        check("/usr/bin/perl", "perl", Some('e'));
        check("/usr/bin/php8.2", "php", Some('r'));
        check("/bin/busybox", "-sh", Some('c'));
        check("/bin/busybox", "/bin/sh", Some('c'));
        check("/bin/busybox", "grep", None);
        check("/usr/bin/grep", "sh", None);
        check("", "", None);
    }
}
