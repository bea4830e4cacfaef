//! The programs of the machine that runs the tests are honest: nothing may be said of them that counts.

use super::*;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// Files that are looked at, and bytes of each; a machine for builds has gigabytes of them.
const MAX_FILES: usize = 400;
const MAX_BYTES: u64 = 1 << 20;

#[test]
fn programs_of_this_machine_are_not_told() {
    let mut files = Vec::new();
    for directory in ["/bin", "/usr/sbin", "/usr/lib", "/usr/libexec"] {
        walk(Path::new(directory), 0, &mut files);
    }
    let mut image = Fixture::new();
    let mut looked = 0;
    files.sort();
    // Every so many-th, so that all directories are met.
    let step = (files.len() / MAX_FILES).max(1);
    for path in files
        .iter()
        .filter(|path| path.starts_with("/bin"))
        .take(MAX_FILES / 2)
        .chain(files.iter().step_by(step))
    {
        let Ok(bytes) = std::fs::read(path) else { continue };
        let inside = path.to_string_lossy();
        let mode = std::fs::metadata(path).map_or(0o755, |meta| meta.permissions().mode() & 0o7777);
        image.file(inside.trim_start_matches('/'), mode, &bytes);
        looked += 1;
    }
    // Said of a program that is started, more would count; a script runs at most 256.
    let programs = files.iter().filter(|path| path.starts_with("/bin")).take(MAX_FILES / 2);
    let lines: String = programs.map(|path| format!("{}\n", path.display())).collect();
    image.file("start.sh", 0o755, format!("#!/bin/sh\n{lines}").as_bytes()).start(&["/start.sh"], &[]);
    if looked == 0 {
        println!("SKIPPED: this machine has no programs in /bin or /usr/lib");
        return;
    }
    let found = image.run(&ElfStructure);
    assert!(found.chain.len() > 1, "nothing is started");
    let counts: Vec<_> = found.findings.iter().filter(|one| one.role != Role::Context).collect();
    assert!(counts.is_empty(), "{counts:#?}");
    assert!(found.gaps.is_empty(), "{:?}", found.gaps);
}

fn walk(directory: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth < 6 {
            walk(&path, depth + 1, files);
        } else if kind.is_file()
            && entry.metadata().is_ok_and(|meta| meta.len() <= MAX_BYTES)
            && is_elf(&path)
        {
            files.push(path);
        }
    }
}

fn is_elf(path: &Path) -> bool {
    use std::io::Read as _;
    let mut head = [0; 4];
    std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == *b"\x7fELF"
}
