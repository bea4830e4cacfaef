use anyhow::{Result, bail};

/// What a program needs of the machine that runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Linkage {
    /// Nothing but the kernel.
    Static,
    /// A loader, and a C library of this version or a newer one where it is glibc.
    Dynamic { loader: String, glibc: Option<(u32, u32)> },
}

impl Linkage {
    /// The target as archives name it.
    pub(super) fn target(&self) -> &'static str {
        match self {
            Self::Static => "x86_64-linux",
            Self::Dynamic { .. } => "x86_64-linux-gnu",
        }
    }

    /// In words, for whoever makes a release.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Static => "the program is static: it needs nothing but a kernel".to_owned(),
            Self::Dynamic { loader, glibc } => {
                let library = glibc.map_or("its C library".to_owned(), |(major, minor)| {
                    format!("glibc {major}.{minor} or newer")
                });
                format!("the program is NOT static: it needs {loader} and {library}")
            }
        }
    }
}

const PT_INTERP: u32 = 3;

/// Reads the program headers of an ELF program of x86-64.
pub(super) fn linkage(program: &[u8]) -> Result<Linkage> {
    let short = || anyhow::anyhow!("the program is cut short");
    let number = |at: usize, size: usize| -> Result<usize> {
        let bytes = program.get(at..at.saturating_add(size)).ok_or_else(short)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    };
    // Class 64 bits, little-endian, and the machine x86-64.
    if program.get(..6) != Some(b"\x7fELF\x02\x01") || number(18, 2)? != 62 {
        bail!("is no program for Linux on x86-64");
    }
    let (table, size, count) = (number(32, 8)?, number(54, 2)?, number(56, 2)?);
    for at in (0..count).map(|index| table.saturating_add(index * size)) {
        if number(at, 4)? == PT_INTERP as usize {
            let (from, length) = (number(at + 8, 8)?, number(at + 32, 8)?);
            let name = program.get(from..from.saturating_add(length)).ok_or_else(short)?;
            let loader = String::from_utf8_lossy(name).trim_end_matches('\0').to_owned();
            return Ok(Linkage::Dynamic { loader, glibc: glibc(program) });
        }
    }
    Ok(Linkage::Static)
}

/// The newest version of glibc that a symbol is asked for by: `GLIBC_2.34` among the strings.
fn glibc(program: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"GLIBC_";
    let starts = program
        .windows(MARK.len())
        .enumerate()
        .filter(|(_, window)| *window == MARK)
        .map(|(at, _)| at + MARK.len());
    let versions = starts.filter_map(|at| {
        let rest = program.get(at..)?;
        let end = rest.iter().position(|byte| *byte == 0)?;
        let (major, minor) = std::str::from_utf8(rest.get(..end.min(12))?).ok()?.split_once('.')?;
        Some((major.parse().ok()?, minor.split('.').next()?.parse().ok()?))
    });
    versions.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A program with one header of this type, and these bytes after it.
    fn program(kind: u8, tail: &[u8]) -> Vec<u8> {
        let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
        bytes.resize(64, 0);
        bytes[18] = 62;
        bytes[32] = 64;
        bytes[54] = 56;
        bytes[56] = 1;
        let mut header = vec![kind, 0, 0, 0, 0, 0, 0, 0, 120];
        header.resize(56, 0);
        header[32] = 10;
        [&bytes[..], &header, tail].concat()
    }

    #[test]
    fn it_is_told_what_a_program_needs() {
        assert_eq!(linkage(&program(1, b"")).unwrap(), Linkage::Static);
        let dynamic = linkage(&program(3, b"/lib/ld.so\0GLIBC_2.9\0GLIBC_2.34\0GLIBC_PRIVATE\0")).unwrap();
        assert_eq!(dynamic, Linkage::Dynamic { loader: "/lib/ld.so".to_owned(), glibc: Some((2, 34)) });
        assert!(dynamic.told().contains("NOT static") && dynamic.told().contains("glibc 2.34"));
        assert_eq!(dynamic.target(), "x86_64-linux-gnu");
        assert!(linkage(b"#!/bin/sh\n").is_err());
        assert!(linkage(&program(3, b"/lib")).is_err(), "cut short");
        assert!(linkage(&program(1, b"")[..60]).is_err(), "cut short");
    }
}
