use super::Noted;
use events::{Bytes, Descriptor, Ended, Exec, Process};

/// One process or thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessRecord {
    /// Which.
    pub process: Process,
    /// Of whom it was born; 0 for the first.
    pub parent: Process,
    /// The process that it belongs to: itself, unless it is a thread.
    pub leader: Process,
    /// Its pid as the guest sees it.
    pub pid: u32,
    /// When it was born and when it ended.
    pub life: Life,
    /// The programs it became, in order; failed attempts among them.
    pub execs: Vec<Noted<Exec>>,
    /// The names it gave itself.
    pub names: Vec<Noted<Bytes>>,
    /// Effective users it became.
    pub users: Vec<Noted<u32>>,
    /// What it put at its standard descriptors.
    pub standard: Vec<Noted<(u8, Descriptor)>>,
    /// Samples of the processor time it used: user and system nanoseconds in all so far, threads, bytes resident.
    pub used: Vec<Noted<(u64, u64, u32, u64)>>,
}

impl ProcessRecord {
    /// The program that it was last successfully made.
    pub fn program(&self) -> Option<&Exec> {
        self.execs.iter().rev().map(|exec| &exec.what).find(|exec| exec.result == 0)
    }

    /// What stands at a standard descriptor in the end: what was put there after the last exec, or what the exec
    /// found there.
    pub fn stands_at(&self, number: u8) -> Option<&Descriptor> {
        let exec = self.execs.iter().rev().find(|exec| exec.what.result == 0);
        let put = self.standard.iter().rev().find(|put| put.what.0 == number);
        match (exec, put) {
            (Some(exec), Some(put)) if put.at > exec.at => Some(&put.what.1),
            (Some(exec), _) => exec.what.standard.get(usize::from(number)),
            (None, put) => put.map(|put| &put.what.1),
        }
    }
}

/// When a process lived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Life {
    /// Its birth.
    pub born: super::At,
    /// Its end and how, where it ended within the run.
    pub ended: Option<(super::At, Ended)>,
}

/// A program that a process became.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NamedExec<'a> {
    /// Who.
    pub process: Process,
    /// What and when.
    pub exec: &'a Noted<Exec>,
}
