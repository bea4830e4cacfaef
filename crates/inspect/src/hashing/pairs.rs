//! SHA-256 of files two by two.

use sha2::{Digest as _, Sha256};

/// Bytes that one file is hashed on before it is the other's turn: few enough that a processor sees into the next
/// turn while it waits, enough that turns cost nothing.
const TURN: usize = 128;

/// Hashes the files of `order`; `done` is given each file's number and SHA-256. Neighbours should be about as long
/// as each other: what one is longer than the other is hashed alone.
pub(super) fn hash(order: &[usize], contents: &[&[u8]], mut done: impl FnMut(usize, [u8; 32])) {
    let (pairs, last) = order.as_chunks::<2>();
    for &[left, right] in pairs {
        let (of_left, of_right) = pair(contents[left], contents[right]);
        done(left, of_left);
        done(right, of_right);
    }
    for &file in last {
        done(file, Sha256::digest(contents[file]).into());
    }
}

fn pair(left: &[u8], right: &[u8]) -> ([u8; 32], [u8; 32]) {
    let (mut of_left, mut of_right) = (Sha256::new(), Sha256::new());
    let common = left.len().min(right.len()) / TURN * TURN;
    let (left, left_rest) = left.split_at(common);
    let (right, right_rest) = right.split_at(common);
    for (left, right) in left.chunks_exact(TURN).zip(right.chunks_exact(TURN)) {
        of_left.update(left);
        of_right.update(right);
    }
    of_left.update(left_rest);
    of_right.update(right_rest);
    (of_left.finalize().into(), of_right.finalize().into())
}
