//! Which `runsc` is there, and whether it is new enough.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// gVisor's program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Runsc {
    /// Where it lies.
    pub program: PathBuf,
    /// Its release, as the day that it was made.
    pub release: u32,
}

/// Why gVisor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunscError {
    /// There is no such program.
    #[error("there is no runsc: install gVisor, release 20240729 or newer (package runsc of Debian 13)")]
    Missing,
    /// It cannot be asked for its version.
    #[error("{} cannot be asked for its version", program.display())]
    Silent {
        /// Where it lies.
        program: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It says something else.
    #[error("{} says no release that is known: {}", program.display(), said.escape_debug())]
    Unknown {
        /// Where it lies.
        program: PathBuf,
        /// The beginning of what it said.
        said: String,
    },
    /// It is too old.
    #[error(
        "{} is of {release}: before {OLDEST} it fails the calls that programs of today begin with; install a newer \
         gVisor (package runsc of Debian 13)",
        program.display()
    )]
    Old {
        /// Where it lies.
        program: PathBuf,
        /// Its release.
        release: u32,
    },
}

/// The oldest release that runs today's programs: those before refuse `statx` as the C library calls it.
const OLDEST: u32 = 20_240_729;

/// How much of what it says is looked at.
const LONGEST: usize = 400;

impl Runsc {
    /// The first `runsc` in these directories, where it is new enough.
    ///
    /// # Errors
    /// When there is none, or it cannot be used.
    pub fn find<'a>(directories: impl IntoIterator<Item = &'a Path>) -> Result<Self, RunscError> {
        let mut programs = directories.into_iter().map(|directory| directory.join("runsc"));
        Self::at(&programs.find(|program| program.is_file()).ok_or(RunscError::Missing)?)
    }

    /// The program of this name, where it is new enough.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn at(program: &Path) -> Result<Self, RunscError> {
        let program = program.to_owned();
        let asked = Command::new(&program).arg("--version").env_clear().stdin(Stdio::null()).output();
        let asked = match asked {
            Ok(asked) => asked,
            Err(source) => return Err(RunscError::Silent { program, source }),
        };
        let said = String::from_utf8_lossy(&asked.stdout);
        match release(&said) {
            Some(release) if release < OLDEST => Err(RunscError::Old { program, release }),
            Some(release) => Ok(Self { program, release }),
            None => Err(RunscError::Unknown { program, said: said.chars().take(LONGEST).collect() }),
        }
    }
}

/// The day in the line with the version: `release-20240729.0`, or `0.0~20240729.0` as Debian writes it.
fn release(said: &str) -> Option<u32> {
    let version = said.lines().next()?.strip_prefix("runsc version ")?;
    version.split(|letter: char| !letter.is_ascii_digit()).find(|digits| digits.len() == 8)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_read_as_they_are_written() {
        let check = |said: &str, expect: Option<u32>| assert_eq!(release(said), expect, "{said}");
        check("runsc version 0.0~20240729.0\nspec: 1.2.0\n", Some(20_240_729));
        check("runsc version 0.0~20221219.0\nspec: 1.0.2\n", Some(20_221_219));
        check("runsc version release-20250820.0\nspec: 1.1.0\n", Some(20_250_820));
        check("runsc version VERSION_MISSING\n", None);
        check("runc version 1.1.5\n", None);
        check("", None);
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        use std::os::unix::fs::PermissionsExt;
        let check = |script: &str, expect: &str| {
            let directory = tempfile::tempdir().unwrap();
            let program = directory.path().join("runsc");
            std::fs::write(&program, script).unwrap();
            std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
            let found = Runsc::find([Path::new("/nowhere"), directory.path()]);
            let said = found.map(|found| found.release.to_string()).unwrap_or_else(|error| error.to_string());
            assert!(said.contains(expect), "{said}");
        };
        check("#!/bin/sh\necho 'runsc version 0.0~20221219.0'\n", "is of 20221219: before 20240729");
        check("#!/bin/sh\necho 'runsc version release-20260105.0'\n", "20260105");
        check("#!/bin/sh\necho hello\n", "says no release");
        check("#!/not/there\n", "cannot be asked");
        assert!(matches!(Runsc::find([Path::new("/nowhere")]), Err(RunscError::Missing)));
    }
}
