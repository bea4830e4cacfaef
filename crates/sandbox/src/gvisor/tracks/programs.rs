//! Programs that begin.

use super::{Loss, Tracks, result};
use crate::gvisor::points::Fields;
use crate::gvisor::tree::is_file;
use crate::trace::{join, matters};
use events::{Act, Content, Exec, MAX_WORDS, Origin, ProcessAct, bounded};

impl Tracks {
    /// As a shell finds it: a name without a slash in the first directory of `PATH` that has it.
    pub(super) fn program(&self, name: &[u8], environment: &[&[u8]], thread: i32) -> Vec<u8> {
        if name.contains(&b'/') {
            return self.absolute(thread, name);
        }
        let path = environment.iter().find_map(|variable| variable.strip_prefix(b"PATH="));
        let path = path.unwrap_or(b"/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        let mut places = path.split(|byte| *byte == b':').map(|directory| join(directory, name));
        let found = places.find(|place| self.tree.find(place).is_some_and(|found| is_file(&found.stat)));
        found.unwrap_or_else(|| name.to_vec())
    }

    /// A program is asked for, or was refused.
    pub(super) fn asked(&mut self, thread: i32, body: &Fields<'_>) {
        let (path, directory) = (body.bytes(6), body.bytes(5));
        let asked = if path.is_empty() { directory.to_vec() } else { self.below(thread, directory, path) };
        let result = result(body);
        match result {
            // The enter point has no result.
            None => {
                if let Some(known) = self.threads.get_mut(&thread) {
                    known.asked = asked;
                }
            }
            Some(result) if result < 0 => {
                let words: Vec<&[u8]> = body.all(7).collect();
                self.exec(thread, &asked, &asked, &words, &[], result);
            }
            Some(_) => {}
        }
    }

    /// The new program is in place.
    pub(super) fn became(&mut self, thread: i32, body: &Fields<'_>) {
        let Some(known) = self.threads.get_mut(&thread) else { return };
        known.name.clear();
        let (asked, group) = (std::mem::take(&mut known.asked), known.group);
        let binary = body.bytes(2);
        self.close_all(group, 3);
        let words: Vec<&[u8]> = body.all(3).collect();
        let environment: Vec<&[u8]> = body.all(4).collect();
        let asked = if asked.is_empty() { binary.to_vec() } else { asked };
        self.exec(thread, &asked, binary, &words, &environment, 0);
    }

    pub(super) fn exec(
        &mut self,
        thread: i32,
        asked: &[u8],
        binary: &[u8],
        words: &[&[u8]],
        environment: &[&[u8]],
        result: i64,
    ) {
        let Some((process, group)) = self.threads.get(&thread).and_then(|known| {
            let group = self.groups.get(&known.group)?;
            Some((group.leader, group))
        }) else {
            return;
        };
        let (directory, euid, standard) = (bounded(&group.cwd), group.identity.1, group.standard.clone());
        let (mut program, mut interpreter) = (binary.to_vec(), None);
        // Of a script gVisor tells the interpreter: what was asked for is the program.
        if self.tree.begins(asked).starts_with(b"#!") {
            let script = self.tree.find(asked).map_or_else(|| asked.to_vec(), |found| found.path);
            let runs = std::mem::replace(&mut program, script);
            interpreter = (runs != program && runs != asked).then(|| bounded(&runs));
        }
        let (origin, content) = if result < 0 { (Origin::Unknown, None) } else { self.runs(&mut program) };
        if let Some(under) = interpreter.as_ref().filter(|_| result >= 0) {
            // It may be the one that was dropped.
            self.runs(&mut under.to_vec());
        }
        let length = words.iter().map(|word| word.len() as u64 + 1).sum();
        let exec = Exec {
            process,
            asked: bounded(asked),
            program: bounded(&program),
            origin,
            content,
            interpreter,
            arguments: words.iter().take(MAX_WORDS).map(|word| bounded(word)).collect(),
            arguments_length: length,
            environment: environment
                .iter()
                .filter(|variable| matters(variable))
                .take(MAX_WORDS)
                .map(|variable| bounded(variable))
                .collect(),
            directory,
            euid,
            standard,
            result,
        };
        self.tell(Act::Process(ProcessAct::Exec(Box::new(exec))));
    }

    /// Where a program comes from that begins; what is not the image's is kept.
    fn runs(&mut self, program: &mut Vec<u8>) -> (Origin, Option<Content>) {
        let Some(found) = self.tree.find(program) else {
            if let Some(content) = self.known.get(program) {
                return (Origin::Written, Some(content.clone()));
            }
            // A name that only gVisor knows: memory, its own file systems, or a file that is gone already.
            self.lose(Loss::Content, 1);
            return match program {
                name if name.starts_with(b"/memfd:") => (Origin::Memory, None),
                name if name.ends_with(b" (deleted)") => (Origin::Deleted, None),
                name if name.starts_with(b"/dev/") || self.tree.is_written(name) => (Origin::Written, None),
                _ => (Origin::Unknown, None),
            };
        };
        *program = found.path;
        match self.tree.named(program) {
            origin @ (Origin::Image | Origin::Planted) => (origin, None),
            origin => (origin, self.keep(&program.clone())),
        }
    }
}
