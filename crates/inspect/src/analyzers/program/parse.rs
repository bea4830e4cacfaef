use super::{Elf, ProgramFacts};

/// Reads the head of an ELF file: identification, header and program headers, as far as they lie within
/// `bytes`. None where it is no ELF file; a header that cannot be is told apart from one that was not at hand.
pub(super) fn program(bytes: &[u8]) -> Option<ProgramFacts> {
    let ident: &[u8; 16] = bytes.first_chunk()?;
    if !ident.starts_with(b"\x7fELF") {
        return None;
    }
    let wide = match ident.get(4)? {
        1 => false,
        2 => true,
        _ => return Some(ProgramFacts::Malformed),
    };
    let little = match ident.get(5)? {
        1 => true,
        2 => false,
        _ => return Some(ProgramFacts::Malformed),
    };
    let reader = Reader { bytes, little, wide };
    Some(reader.header().map_or(ProgramFacts::Malformed, ProgramFacts::Elf))
}

const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
/// More program headers than any linker writes; the rest is not looked at.
const MAX_SEGMENTS: u16 = 256;
/// Longer than any loader's path.
const MAX_INTERPRETER: usize = 4096;

struct Reader<'b> {
    bytes: &'b [u8],
    little: bool,
    wide: bool,
}

impl Reader<'_> {
    fn header(&self) -> Option<Elf> {
        let mut elf = Elf {
            machine: self.u16(18)?,
            wide: self.wide,
            little: self.little,
            kind: self.u16(16)?,
            interpreter: None,
            dynamic: false,
            sections: self.u16(if self.wide { 60 } else { 48 })?,
        };
        let table = self.address(if self.wide { 32 } else { 28 })?;
        let size = u64::from(self.u16(if self.wide { 54 } else { 42 })?);
        let count = self.u16(if self.wide { 56 } else { 44 })?;
        for number in 0..u64::from(count.min(MAX_SEGMENTS)) {
            let Some(at) = number.checked_mul(size).and_then(|offset| offset.checked_add(table)) else {
                break;
            };
            let Some(at) = usize::try_from(at).ok().filter(|&at| at < self.bytes.len()) else { break };
            match self.u32(at) {
                Some(PT_DYNAMIC) => elf.dynamic = true,
                Some(PT_INTERP) => elf.interpreter = self.interpreter(at),
                _ => {}
            }
        }
        Some(elf)
    }

    fn interpreter(&self, segment: usize) -> Option<Vec<u8>> {
        let (offset, size) = if self.wide { (8, 32) } else { (4, 16) };
        let start = usize::try_from(self.address(segment.checked_add(offset)?)?).ok()?;
        let len = usize::try_from(self.address(segment.checked_add(size)?)?).ok()?.min(MAX_INTERPRETER);
        let text = self.bytes.get(start..start.checked_add(len)?)?;
        text.split(|&byte| byte == 0).next().map(<[u8]>::to_vec)
    }

    fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn address(&self, at: usize) -> Option<u64> {
        if !self.wide {
            return self.u32(at).map(u64::from);
        }
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
    }
}
