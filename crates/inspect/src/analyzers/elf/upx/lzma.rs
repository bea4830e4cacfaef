//! Raw LZMA of known size, as packers of programs use it: no header, and the output is its own dictionary.

use super::nrv::copy;

/// The parameters of a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lzma {
    pub(super) literal_context: u32,
    pub(super) literal_position: u32,
    pub(super) position: u32,
}

/// More context than this is not read: its tables would be larger than most programs.
const MAX_LITERAL_BITS: u32 = 8;

/// Unpacks `source` to exactly `size` bytes; none where the stream is damaged.
pub(super) fn unpack(source: &[u8], size: usize, parameters: Lzma) -> Option<Vec<u8>> {
    let Lzma { literal_context, literal_position, position } = parameters;
    if literal_context.checked_add(literal_position)? > MAX_LITERAL_BITS || position > 4 {
        return None;
    }
    let mut model = Model::new(literal_context + literal_position);
    let mut coder = Coder::new(source)?;
    let mut output: Vec<u8> = Vec::with_capacity(size.min(source.len().saturating_mul(8)));
    let mut state = 0_usize;
    let mut distances = [0_u32; 4];
    while output.len() < size {
        let column = output.len() & ((1 << position) - 1);
        if coder.bit(model.is_match.get_mut(state << 4 | column)?)? == 0 {
            let before = u32::from(output.last().copied().unwrap_or(0));
            let row = (output.len() as u32 & ((1 << literal_position) - 1)) << literal_context
                | before >> (8 - literal_context.min(8));
            let table = model.literal.get_mut(row as usize * 0x300..)?.get_mut(..0x300)?;
            let matched = (state >= 7).then(|| {
                output.len().checked_sub(distances[0] as usize + 1).and_then(|at| output.get(at).copied())
            });
            let byte = match matched {
                Some(byte) => coder.matched_literal(table, byte?)?,
                None => coder.tree(table, 8)?,
            };
            output.push(byte as u8);
            state = match state {
                0..4 => 0,
                4..10 => state - 3,
                _ => state - 6,
            };
            continue;
        }
        let length;
        if coder.bit(model.is_repeat.get_mut(state)?)? == 0 {
            distances.rotate_right(1);
            length = coder.length(&mut model.match_length, column)?;
            distances[0] = coder.distance(&mut model, length)?;
            if distances[0] == u32::MAX {
                break;
            }
            state = if state < 7 { 7 } else { 10 };
        } else if coder.bit(model.is_repeat_0.get_mut(state)?)? == 0 {
            if coder.bit(model.is_long_0.get_mut(state << 4 | column)?)? == 0 {
                state = if state < 7 { 9 } else { 11 };
                copy(&mut output, size, distances[0] as usize + 1, 1)?;
                continue;
            }
            length = coder.length(&mut model.repeat_length, column)?;
            state = if state < 7 { 8 } else { 11 };
        } else {
            let which = if coder.bit(model.is_repeat_1.get_mut(state)?)? == 0 {
                1
            } else {
                2 + coder.bit(model.is_repeat_2.get_mut(state)?)? as usize
            };
            distances.get_mut(..=which)?.rotate_right(1);
            length = coder.length(&mut model.repeat_length, column)?;
            state = if state < 7 { 8 } else { 11 };
        }
        copy(&mut output, size, distances[0] as usize + 1, length as usize + 2)?;
    }
    (output.len() == size).then_some(output)
}

/// Half: an even chance of both bits.
const EVEN: u16 = 1 << 10;

struct Model {
    literal: Vec<u16>,
    is_match: [u16; 12 << 4],
    is_repeat: [u16; 12],
    is_repeat_0: [u16; 12],
    is_repeat_1: [u16; 12],
    is_repeat_2: [u16; 12],
    is_long_0: [u16; 12 << 4],
    match_length: Lengths,
    repeat_length: Lengths,
    slots: [[u16; 64]; 4],
    /// A tree for each of the middle distances, end to end.
    special: [u16; 128],
    align: [u16; 16],
}

impl Model {
    fn new(literal_bits: u32) -> Self {
        Self {
            literal: vec![EVEN; 0x300 << literal_bits],
            is_match: [EVEN; 12 << 4],
            is_repeat: [EVEN; 12],
            is_repeat_0: [EVEN; 12],
            is_repeat_1: [EVEN; 12],
            is_repeat_2: [EVEN; 12],
            is_long_0: [EVEN; 12 << 4],
            match_length: Lengths::new(),
            repeat_length: Lengths::new(),
            slots: [[EVEN; 64]; 4],
            special: [EVEN; 128],
            align: [EVEN; 16],
        }
    }
}

struct Lengths {
    choice: [u16; 2],
    low: [[u16; 8]; 16],
    middle: [[u16; 8]; 16],
    high: [u16; 256],
}

impl Lengths {
    fn new() -> Self {
        Self { choice: [EVEN; 2], low: [[EVEN; 8]; 16], middle: [[EVEN; 8]; 16], high: [EVEN; 256] }
    }
}

/// The range decoder.
struct Coder<'b> {
    source: std::slice::Iter<'b, u8>,
    range: u32,
    code: u32,
}

impl<'b> Coder<'b> {
    fn new(source: &'b [u8]) -> Option<Self> {
        let mut source = source.iter();
        if *source.next()? != 0 {
            return None;
        }
        let mut code = 0;
        for _ in 0..4 {
            code = code << 8 | u32::from(*source.next()?);
        }
        Some(Self { source, range: u32::MAX, code })
    }

    fn normalize(&mut self) -> Option<()> {
        if self.range < 1 << 24 {
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(*self.source.next()?);
        }
        Some(())
    }

    fn bit(&mut self, chance: &mut u16) -> Option<u32> {
        self.normalize()?;
        let bound = (self.range >> 11) * u32::from(*chance);
        if self.code < bound {
            self.range = bound;
            *chance += ((1 << 11) - *chance) >> 5;
            Some(0)
        } else {
            self.range -= bound;
            self.code -= bound;
            *chance -= *chance >> 5;
            Some(1)
        }
    }

    /// Bits of even chance.
    fn direct(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for _ in 0..count {
            self.normalize()?;
            self.range >>= 1;
            let bit = u32::from(self.code >= self.range);
            self.code -= self.range * bit;
            value = value << 1 | bit;
        }
        Some(value)
    }

    fn tree(&mut self, table: &mut [u16], bits: u32) -> Option<u32> {
        let mut node = 1_u32;
        for _ in 0..bits {
            node = node << 1 | self.bit(table.get_mut(node as usize)?)?;
        }
        Some(node - (1 << bits))
    }

    fn reverse_tree(&mut self, table: &mut [u16], bits: u32) -> Option<u32> {
        let mut node = 1_u32;
        let mut value = 0;
        for number in 0..bits {
            let bit = self.bit(table.get_mut(node as usize)?)?;
            node = node << 1 | bit;
            value |= bit << number;
        }
        Some(value)
    }

    fn matched_literal(&mut self, table: &mut [u16], matched: u8) -> Option<u32> {
        let mut matched = u32::from(matched);
        let mut node = 1_u32;
        while node < 0x100 {
            let hint = matched >> 7 & 1;
            matched <<= 1;
            let bit = self.bit(table.get_mut(((1 + hint) << 8 | node) as usize)?)?;
            node = node << 1 | bit;
            if bit != hint {
                break;
            }
        }
        while node < 0x100 {
            node = node << 1 | self.bit(table.get_mut(node as usize)?)?;
        }
        Some(node & 0xff)
    }

    fn length(&mut self, lengths: &mut Lengths, column: usize) -> Option<u32> {
        if self.bit(&mut lengths.choice[0])? == 0 {
            return self.tree(lengths.low.get_mut(column)?, 3);
        }
        if self.bit(&mut lengths.choice[1])? == 0 {
            return Some(8 + self.tree(lengths.middle.get_mut(column)?, 3)?);
        }
        Some(16 + self.tree(&mut lengths.high, 8)?)
    }

    fn distance(&mut self, model: &mut Model, length: u32) -> Option<u32> {
        let slot = self.tree(model.slots.get_mut(length.min(3) as usize)?, 6)?;
        if slot < 4 {
            return Some(slot);
        }
        let bits = (slot >> 1) - 1;
        let base = (2 | slot & 1) << bits;
        if slot < 14 {
            let table = model.special.get_mut((base - slot) as usize..)?;
            return Some(base + self.reverse_tree(table, bits)?);
        }
        let upper = self.direct(bits - 4)? << 4;
        base.checked_add(upper)?.checked_add(self.reverse_tree(&mut model.align, 4)?)
    }
}
