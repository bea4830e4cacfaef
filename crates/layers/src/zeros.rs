//! Padding must be zero: bytes there are shown by no tool.

/// The position of the first byte that is not zero. Looks at 64 bytes at a time.
pub(crate) fn first_other(bytes: &[u8]) -> Option<usize> {
    let mut position = 0;
    for block in bytes.chunks(64) {
        if block.iter().fold(0, |all, byte| all | byte) != 0 {
            return block.iter().position(|&byte| byte != 0).map(|within| position + within);
        }
        position += block.len();
    }
    None
}

/// How many bytes are not zero.
pub(crate) fn count_others(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&byte| byte != 0).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_other_byte_is_found_wherever_it_lies() {
        assert_eq!(first_other(&[]), None);
        for len in [1, 63, 64, 65, 511, 1000] {
            let mut bytes = vec![0; len];
            assert_eq!(first_other(&bytes), None);
            for at in 0..len {
                bytes[at] = 1;
                bytes[len - 1] = 1;
                assert_eq!(first_other(&bytes), Some(at), "{at} of {len}");
                bytes[at] = 0;
                bytes[len - 1] = 0;
            }
        }
        assert_eq!(count_others(&[0, 1, 0, 2]), 2);
    }
}
