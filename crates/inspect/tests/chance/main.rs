//! Files by chance: bytes, pieces of every format in any order, and honest files that were damaged. Every reader of
//! files is asked, at every place at which it looks.

mod laws;
mod pieces;

use laws::{PLACES, check, program};
use pieces::{PIECES, honest};

/// Files for each kind of chance. A fuzzer goes on where this ends.
const ROUNDS: u64 = 250;

/// Numbers by chance, the same in every run.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    /// Pieces of formats in any order.
    fn pieces(&mut self, count: usize) -> Vec<u8> {
        (0..count).flat_map(|_| PIECES[self.below(PIECES.len())].bytes()).collect()
    }

    /// A file that was damaged in a few places.
    fn damaged(&mut self, file: &[u8]) -> Vec<u8> {
        let mut file = file.to_vec();
        for _ in 0..=self.below(6) {
            let at = self.below(file.len());
            match self.below(7) {
                0 => file.truncate(at),
                1 => file.splice(at..at, PIECES[self.below(PIECES.len())].bytes()).for_each(drop),
                2 => {
                    let end = (at + self.below(200)).min(file.len());
                    let part = file[at..end].to_vec();
                    let times = self.below(40);
                    file.splice(at..at, part.repeat(times)).for_each(drop);
                }
                3 => drop(file.drain(at..(at + self.below(40)).min(file.len()))),
                4 => {
                    let value = [0, 0xff, 0x80, 0x7f, b'\n', b'"'][self.below(6)];
                    let end = (at + 1 + self.below(8)).min(file.len());
                    file[at.min(end)..end].fill(value);
                }
                _ => {
                    if let Some(byte) = file.get_mut(at) {
                        *byte ^= 1 << (at % 8);
                    }
                }
            }
        }
        file
    }
}

fn round(number: u64, make: impl Fn(&mut Chance, &str) -> Vec<u8>) {
    for (at, place) in PLACES.iter().enumerate() {
        let mut chance = Chance(number << 16 | at as u64);
        check(place, &make(&mut chance, place));
    }
}

#[test]
fn bytes_by_chance_are_read() {
    for number in 0..ROUNDS {
        round(number, |chance, _| {
            let len = chance.below(3000);
            chance.bytes(len)
        });
    }
}

#[test]
fn pieces_of_formats_in_any_order_are_read() {
    for number in 0..ROUNDS {
        round(number, |chance, _| {
            let count = chance.below(400);
            chance.pieces(count)
        });
    }
}

#[test]
fn honest_files_that_were_damaged_are_read() {
    for number in 0..ROUNDS {
        round(number, |chance, place| chance.damaged(&honest(place)));
    }
}

#[test]
fn programs_by_chance_are_read() {
    for number in 0..ROUNDS * 40 {
        let mut chance = Chance(number << 20);
        let len = chance.below(4000);
        let input = if number % 2 == 0 {
            chance.bytes(len)
        } else {
            // Small numbers lead into the file.
            chance.bytes(len).into_iter().map(|byte| if byte % 3 == 0 { byte % 16 } else { 0 }).collect()
        };
        check("usr/bin/a", &program(&input));
    }
}
