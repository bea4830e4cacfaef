use super::{Act, InstallStep, command};
use std::io::Read as _;

const BLOCK: usize = 512;
/// Most scripts of one database that are read. A whole Alpine desktop has a few hundred.
const MAX_SCRIPTS: usize = 4096;
/// Most steps that are kept of all of them.
const MAX_STEPS: usize = 64;

/// Most bytes of an archive that is compressed.
const MAX_INFLATED: u64 = 32 << 20;

/// What the scripts of apk's packages do: they lie in a tar archive beside the database, which apk 3 compresses.
pub(super) fn of_apk(bytes: &[u8]) -> Result<Vec<InstallStep>, String> {
    if !bytes.starts_with(b"\x1f\x8b") {
        return of_archive(bytes);
    }
    let mut archive = Vec::new();
    let mut reader = flate2::bufread::MultiGzDecoder::new(bytes).take(MAX_INFLATED + 1);
    reader.read_to_end(&mut archive).map_err(|error| format!("its scripts cannot be inflated: {error}"))?;
    if archive.len() as u64 > MAX_INFLATED {
        return Err(format!("its scripts have more than the {MAX_INFLATED} bytes that are read of them"));
    }
    of_archive(&archive)
}

fn of_archive(bytes: &[u8]) -> Result<Vec<InstallStep>, String> {
    let mut steps = Vec::new();
    let mut at = 0_usize;
    for _ in 0..MAX_SCRIPTS {
        let Some(header) = bytes.get(at..at.saturating_add(BLOCK)) else { return Ok(steps) };
        if header.iter().all(|&byte| byte == 0) {
            return Ok(steps);
        }
        let size = header.get(124..136).and_then(octal).ok_or("an archive header has no size")?;
        let name = header.get(..100).unwrap_or_default().split(|&byte| byte == 0).next().unwrap_or_default();
        let start = at + BLOCK;
        let end = start.checked_add(size).ok_or("a script is larger than the archive")?;
        let text = bytes.get(start..end).ok_or("a script is larger than the archive")?;
        if matches!(header.get(156), Some(b'0' | 0)) {
            let name = String::from_utf8_lossy(name);
            steps.extend(command::steps(&name, text));
        }
        if steps.len() > MAX_STEPS {
            steps.truncate(MAX_STEPS - 1);
            steps.push(InstallStep { name: String::new(), line: 0, act: Act::TooLong, text: String::new() });
            return Ok(steps);
        }
        at = end.div_ceil(BLOCK).saturating_mul(BLOCK);
    }
    Err("it holds more scripts than are read".to_owned())
}

fn octal(field: &[u8]) -> Option<usize> {
    let mut digits = field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| byte.is_ascii_digit());
    digits.try_fold(0_usize, |value, digit| {
        let digit = usize::from(digit.checked_sub(b'0').filter(|digit| *digit < 8)?);
        value.checked_mul(8)?.checked_add(digit)
    })
}
