use super::{At, Noted};
use events::{Content, FileOp, Origin, Process};

/// What happened to one path.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FileHistory {
    /// Every step but looks at files of the image that nobody asks about, in order.
    pub steps: Vec<Noted<FileStep>>,
    /// Contents that it had, where they were kept.
    pub contents: Vec<Content>,
    /// Whether it differs from the image at the end of the run, or is gone.
    pub changed: bool,
    /// Whether it is gone at the end.
    pub removed: bool,
}

/// One step of a file's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStep {
    /// Who.
    pub process: Process,
    /// What.
    pub op: FileOp,
    /// What the file was then.
    pub origin: Origin,
    /// Whether it succeeded.
    pub done: bool,
}

impl FileHistory {
    /// Who wrote to it, with when.
    pub fn writers(&self) -> impl Iterator<Item = (Process, At)> {
        self.steps.iter().filter(|step| step.what.done).filter_map(|step| match step.what.op {
            FileOp::Wrote { .. } | FileOp::Open { write: true, .. } | FileOp::Truncate(_) => {
                Some((step.what.process, step.at))
            }
            _ => None,
        })
    }

    /// Whether it was written, and neither removed nor moved away afterwards.
    pub fn is_left(&self) -> bool {
        let last = self.steps.iter().rev().find(|step| step.what.done);
        let gone = last.is_some_and(|step| matches!(step.what.op, FileOp::Unlink | FileOp::Rename(_)));
        !self.removed && !gone && (self.changed || self.writers().next().is_some())
    }

    /// Who removed it, with when.
    pub fn removers(&self) -> impl Iterator<Item = (Process, At)> {
        self.steps
            .iter()
            .filter(|step| step.what.done && step.what.op == FileOp::Unlink)
            .map(|step| (step.what.process, step.at))
    }

    /// Who opened it for reading, with when.
    pub fn readers(&self) -> impl Iterator<Item = (Process, At)> {
        self.steps.iter().filter(|step| step.what.done).filter_map(|step| match step.what.op {
            FileOp::Open { read: true, .. } => Some((step.what.process, step.at)),
            _ => None,
        })
    }
}
