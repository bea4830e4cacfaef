//! Addresses with right checksums that belong to nobody: their keys are fixed patterns of bytes.

use sha3::{Digest as _, Keccak256};

/// A standard Monero address (network byte 18) over keys that are a pattern; 95 characters.
pub fn monero(pattern: u8) -> String {
    let mut bytes = vec![18];
    bytes.extend((0..64).map(|at| pattern.wrapping_mul(7).wrapping_add(at)));
    bytes.extend_from_slice(&Keccak256::digest(&bytes)[..4]);
    bytes.chunks(8).map(block).collect()
}

/// One block of Monero's base58: eight bytes become eleven characters, the last five bytes seven.
fn block(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    const LENGTHS: [usize; 9] = [0, 2, 3, 5, 6, 7, 9, 10, 11];
    let mut number = bytes.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
    let mut text = vec![b'1'; LENGTHS[bytes.len()]];
    for place in text.iter_mut().rev() {
        *place = ALPHABET[(number % 58) as usize];
        number /= 58;
    }
    text.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::monero;

    #[test]
    fn an_address_has_the_form_of_one() {
        let address = monero(1);
        assert_eq!(address.len(), 95);
        assert!(address.starts_with('4'));
        assert_ne!(address, monero(2));
    }
}
