//! The NRV2 family of compressions (UCL): literals and matches, told apart by bits that lie between the bytes.

/// Which member of the family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nrv {
    B,
    D,
    E,
}

/// Unpacks `source` to exactly `size` bytes. `width` says how many bytes of bits are read at once: 1, 2 or 4.
/// None where the stream is damaged.
pub(super) fn unpack(source: &[u8], size: usize, kind: Nrv, width: usize) -> Option<Vec<u8>> {
    let mut input = Input { source, at: 0, width, bits: 0, left: 0 };
    // Grows as it is filled: what a header claims is not yet owed.
    let mut output = Vec::with_capacity(size.min(source.len().saturating_mul(8)));
    let mut last = 1_u32;
    loop {
        while input.bit()? == 1 {
            if output.len() >= size {
                return None;
            }
            output.push(input.byte()?);
        }
        let mut distance = input.prefix(kind)?;
        let mut length = 0;
        if distance == 2 {
            distance = last;
            if kind != Nrv::B {
                length = input.bit()?;
            }
        } else {
            distance = distance.checked_sub(3)?.checked_mul(256)? | input.byte_u32()?;
            if distance == u32::MAX {
                break;
            }
            if kind != Nrv::B {
                length = !distance & 1;
                distance >>= 1;
            }
            distance = distance.checked_add(1)?;
            last = distance;
        }
        length = match kind {
            Nrv::B => {
                let two = input.bit()? << 1 | input.bit()?;
                if two == 0 { input.gamma()?.checked_add(2)? } else { two }
            }
            Nrv::D => {
                let two = length << 1 | input.bit()?;
                if two == 0 { input.gamma()?.checked_add(2)? } else { two }
            }
            Nrv::E if length == 1 => 1 + input.bit()?,
            Nrv::E if input.bit()? == 1 => 3 + input.bit()?,
            Nrv::E => input.gamma()?.checked_add(3)?,
        };
        let far = if kind == Nrv::B { 0xd00 } else { 0x500 };
        let length = length.checked_add(1 + u32::from(distance > far))?;
        copy(&mut output, size, distance as usize, length as usize)?;
    }
    (output.len() == size).then_some(output)
}

/// Appends a match, which may overlap with what it makes.
pub(super) fn copy(output: &mut Vec<u8>, size: usize, distance: usize, length: usize) -> Option<()> {
    let start = output.len().checked_sub(distance)?;
    if distance == 0 || length > size.checked_sub(output.len())? {
        return None;
    }
    if distance >= length {
        output.extend_from_within(start..start + length);
    } else {
        for at in start..start + length {
            output.push(*output.get(at)?);
        }
    }
    Some(())
}

struct Input<'b> {
    source: &'b [u8],
    at: usize,
    width: usize,
    bits: u32,
    left: u32,
}

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        let byte = *self.source.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn byte_u32(&mut self) -> Option<u32> {
        self.byte().map(u32::from)
    }

    fn bit(&mut self) -> Option<u32> {
        if self.left == 0 {
            self.bits = 0;
            for number in 0..self.width {
                self.bits |= self.byte_u32()? << (8 * number);
            }
            self.left = 8 * self.width as u32;
        }
        self.left -= 1;
        Some(self.bits >> self.left & 1)
    }

    /// The upper part of a distance.
    fn prefix(&mut self, kind: Nrv) -> Option<u32> {
        let mut value = 1_u32;
        loop {
            value = value.checked_mul(2)? | self.bit()?;
            if self.bit()? == 1 {
                return Some(value);
            }
            if kind != Nrv::B {
                value = value.checked_sub(1)?.checked_mul(2)? | self.bit()?;
            }
        }
    }

    /// A number of at least two, its bits parted by flags that say whether it goes on.
    fn gamma(&mut self) -> Option<u32> {
        let mut value = 1_u32;
        loop {
            value = value.checked_mul(2)? | self.bit()?;
            if self.bit()? == 1 {
                return Some(value);
            }
        }
    }
}
