//! Files that are opened, written and kept.

use super::{Loss, MOST_KNOWN, MOST_WRITING, Tracks, described, result};
use crate::gvisor::points::Fields;
use crate::gvisor::tree::{Kept, is_file};
use crate::trace::opening;
use events::{Act, Content, Descriptor, FileAct, FileOp, HostAct, Origin, Process, ProcessAct, bounded};
use std::collections::HashSet;

impl Tracks {
    pub(super) fn opened(&mut self, thread: i32, body: &Fields<'_>) {
        let Some(process) = self.threads.get(&thread).map(|known| known.process) else { return };
        let path = self.below(thread, body.bytes(5), body.bytes(6));
        let result = result(body).unwrap_or(0);
        let number = body.number(3);
        let flags = match number as i64 {
            libc::SYS_creat => (libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC) as u64,
            _ => body.number(7),
        };
        let mut op = opening(flags);
        let before = self.tree.named(&path);
        let mut origin = before;
        if let FileOp::Open { write, create, .. } = &mut op {
            // It was made by this call where it was not the image's and nobody had written it.
            *create = *create && before == Origin::Written && !self.tree.is_written(&path);
            let written = *write && result >= 0 && before != Origin::Kernel;
            if written {
                let led = self.tree.find(&path).map_or_else(|| path.clone(), |found| found.path);
                self.known.remove(&led);
                self.tree.wrote(&led);
                self.tree.wrote(&path);
                origin = Origin::Written;
                self.reopened(thread, result as i32, Descriptor::File(bounded(&led)), Some(led));
            } else if result >= 0 {
                self.reopened(thread, result as i32, described(&path), None);
            }
        }
        if result < 0 && origin == Origin::Image {
            origin = Origin::Unknown;
        }
        self.tell(Act::File(FileAct { process, op, path: bounded(&path), origin, result }));
    }

    /// Something else is at a descriptor now; what it was open at for writing was closed.
    pub(super) fn reopened(&mut self, thread: i32, number: i32, is: Descriptor, path: Option<Vec<u8>>) {
        let closed = is == Descriptor::Closed;
        let Some(process) = self.threads.get(&thread).map(|known| known.process) else { return };
        let Some(group) = self.group(thread) else { return };
        let before = match path {
            Some(path) if group.writing.len() < MOST_WRITING => group.writing.insert(number, path),
            _ => group.writing.remove(&number),
        };
        let done = before.filter(|before| !group.writing.values().any(|open| open == before));
        let leader = group.leader;
        if let Some(place) = usize::try_from(number).ok().and_then(|number| group.standard.get_mut(number)) {
            *place = is.clone();
            if !closed {
                let number = number as u8;
                self.tell(Act::Process(ProcessAct::Standard { process, number, descriptor: is }));
            }
        }
        if let Some(path) = done {
            self.wrote(leader, &path);
        }
    }

    /// Closes what a process has open for writing, from a descriptor on.
    pub(super) fn close_all(&mut self, group: i32, from: i32) {
        let Some(group) = self.groups.get_mut(&group) else { return };
        let closed = group.writing.split_off(&from);
        let (leader, open) = (group.leader, group.writing.values().cloned().collect::<HashSet<_>>());
        let paths: HashSet<Vec<u8>> = closed.into_values().filter(|path| !open.contains(path)).collect();
        paths.iter().for_each(|path| self.wrote(leader, path));
    }

    fn wrote(&mut self, process: Process, path: &[u8]) {
        let found = self.tree.find(path);
        let bytes = found.as_ref().map_or(0, |found| found.stat.st_size.unsigned_abs());
        match found {
            Some(found) if is_file(&found.stat) && bytes > 0 => {
                self.keep(path);
            }
            Some(_) => {}
            None => {
                if self.missing.len() < MOST_WRITING {
                    self.missing.insert(path.to_vec());
                } else {
                    self.lose(Loss::Content, 1);
                }
            }
        }
        let act = FileAct {
            process,
            op: FileOp::Wrote { bytes },
            path: bounded(path),
            origin: Origin::Written,
            result: 0,
        };
        self.tell(Act::File(act));
    }

    /// Keeps what stands at a path now.
    pub(super) fn keep(&mut self, path: &[u8]) -> Option<Content> {
        match self.tree.keep(path) {
            Kept::New(content) => {
                self.remember(path, &content);
                self.tell_host(HostAct::Captured {
                    content: content.clone(),
                    path: Some(bounded(path)),
                    given: None,
                });
                Some(content)
            }
            Kept::Known(content) => {
                self.remember(path, &content);
                Some(content)
            }
            Kept::Lost => {
                self.lose(Loss::Content, 1);
                None
            }
        }
    }

    fn remember(&mut self, path: &[u8], content: &Content) {
        if self.known.len() < MOST_KNOWN {
            self.known.insert(path.to_vec(), content.clone());
        }
    }

    /// A file has another name now; what was to be kept of it is found there.
    pub(in crate::gvisor) fn moved(&mut self, from: &[u8], to: &[u8]) {
        self.known.remove(to);
        if let Some(content) = self.known.remove(from) {
            self.remember(to, &content);
        }
        if self.missing.remove(from) {
            self.keep(to);
        }
        for group in self.groups.values_mut() {
            group.writing.values_mut().filter(|path| *path == from).for_each(|path| *path = to.to_vec());
        }
    }

    /// A file has no name any more. One that was looked for in vain was gone before it was seen.
    pub(in crate::gvisor) fn removed(&mut self, path: &[u8]) {
        self.known.remove(path);
        if self.missing.remove(path) {
            self.lose(Loss::Content, 1);
        }
        self.groups.values_mut().for_each(|group| group.writing.retain(|_, open| open != path));
    }
}
