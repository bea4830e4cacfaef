//! The few functions that analyzers ask for, each one bit.

use super::file::ElfFile;
use serde::{Deserialize, Serialize};

/// Functions that a program takes from elsewhere, and functions that it offers to others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbols {
    imports: u64,
    exports: u64,
}

impl Symbols {
    pub(crate) fn imports(&self, name: &str) -> bool {
        number(name.as_bytes()).is_some_and(|number| self.imports >> number & 1 == 1)
    }

    pub(crate) fn exports(&self, name: &str) -> bool {
        number(name.as_bytes()).is_some_and(|number| self.exports >> number & 1 == 1)
    }

    /// Whether it offers functions for memory and nothing else of the table, and takes none that starts programs or
    /// speaks to the network. What such a library does beside that, if anything, it does without the help of others.
    pub(crate) fn are_of_an_allocator(&self) -> bool {
        // What jemalloc, mimalloc and tcmalloc offer and take of the table.
        const OFFERED: [&str; 3] = ["malloc", "mmap", "mmap64"];
        const TAKEN: [&str; 9] =
            ["access", "dlsym", "mmap", "mmap64", "mprotect", "open", "open64", "readlink", "unlink"];
        let bits = |names: &[&str]| {
            let numbers = names.iter().filter_map(|name| number(name.as_bytes()));
            numbers.fold(0, |bits, number| bits | 1_u64 << number)
        };
        self.exports("malloc") && self.exports & !bits(&OFFERED) == 0 && self.imports & !bits(&TAKEN) == 0
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.imports |= other.imports;
        self.exports |= other.exports;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.imports | self.exports == 0
    }

    /// The functions of this table, and how many there are in all that the file imports and exports.
    pub(super) fn read(file: &ElfFile<'_>) -> (Self, Counts) {
        let mut symbols = Self::default();
        let mut counts = Counts::default();
        match file.dynamic() {
            Some(dynamic) => {
                for symbol in file.dynamic_symbols(&dynamic).filter(|symbol| !symbol.name.is_empty()) {
                    if symbol.defined {
                        counts.exports += 1;
                    } else {
                        counts.imports += 1;
                    }
                    symbols.note(symbol.name, symbol.defined);
                }
            }
            // Linked into one piece, a program contains what it uses.
            None => {
                for symbol in file.static_symbols() {
                    symbols.note(symbol.name, false);
                }
            }
        }
        (symbols, counts)
    }

    fn note(&mut self, name: &[u8], defined: bool) {
        let Some(number) = number(name) else { return };
        let bits = if defined { &mut self.exports } else { &mut self.imports };
        *bits |= 1 << number;
    }
}

/// How many functions a file imports and exports.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) imports: usize,
    pub(super) exports: usize,
}

fn number(name: &[u8]) -> Option<usize> {
    NAMES.binary_search_by(|known| known.as_bytes().cmp(name)).ok()
}

/// Sorted. A change asks for another version of the analyzer.
const NAMES: [&str; 42] = [
    "__lxstat",
    "__xstat",
    "accept",
    "access",
    "connect",
    "dirfd",
    "dlsym",
    "execl",
    "execve",
    "execveat",
    "execvp",
    "fexecve",
    "fopen",
    "getdents64",
    "kill",
    "listen",
    "lstat",
    "lzma_code",
    "malloc",
    "memfd_create",
    "mmap",
    "mmap64",
    "mprotect",
    "open",
    "open64",
    "openat",
    "opendir",
    "pam_authenticate",
    "pam_open_session",
    "pcap_loop",
    "popen",
    "ptrace",
    "readdir",
    "readdir64",
    "readlink",
    "recv",
    "rmdir",
    "socket",
    "stat",
    "system",
    "unlink",
    "unlinkat",
];

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_sorted() {
        assert!(super::NAMES.is_sorted());
    }
}
