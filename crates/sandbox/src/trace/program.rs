//! The filter's instructions for the calls that stop the guest.

use super::absent::ONLY_READS;
use super::calls::{NARROWED, NUMBERS, Test, When};
use crate::filter::Instruction;

const LOAD: u16 = 0x20;
const AND: u16 = 0x54;
const EQUAL: u16 = 0x15;
const ABOVE: u16 = 0x25;
const LEAST: u16 = 0x35;
const ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

const fn load(offset: u32) -> Instruction {
    Instruction { code: LOAD, yes: 0, no: 0, value: offset }
}

const fn give(value: u32) -> Instruction {
    Instruction { code: RETURN, yes: 0, no: 0, value }
}

const fn jump(code: u16, value: u32, yes: u8, no: u8) -> Instruction {
    Instruction { code, yes, no, value }
}

/// Whether a call with one of the tracer's numbers is of interest by its arguments.
pub(crate) fn narrowed(number: u32, arguments: &[u64; 6]) -> bool {
    let rows = NARROWED.iter().find(|(narrowed, _)| *narrowed == i64::from(number)).map(|(_, rows)| *rows);
    rows.is_none_or(|rows| rows.iter().any(|row| row.iter().all(|test| holds(*test, arguments))))
}

fn holds((argument, test): When, arguments: &[u64; 6]) -> bool {
    let whole = arguments.get(usize::from(argument)).copied().unwrap_or(0);
    let low = whole as u32;
    match test {
        Test::Any(mask) => low & mask != 0,
        Test::Given => whole != 0,
        Test::Is(value, mask) => low & mask == value,
        Test::Positive => low.cast_signed() > 0,
        Test::AtLeast(least) => whole >= least,
        Test::AtMost(most) => low <= most,
    }
}

/// Instructions that give `stop` for each call that the tracer wants to see and `which` says, `pass` for those of the
/// same numbers that it does not, and go on behind their end for all others. They begin with the number of the call
/// loaded, and end so.
pub(crate) fn stops(stop: u32, pass: u32, which: impl Fn(u32, bool) -> bool) -> Vec<Instruction> {
    let mut program = Vec::new();
    for &number in &NUMBERS {
        let rows =
            NARROWED.iter().find(|(narrowed, _)| *narrowed == i64::from(number)).map(|(_, rows)| *rows);
        if !which(number, rows.is_some()) {
            continue;
        }
        let mut block = Vec::new();
        match rows {
            None => block.push(give(stop)),
            Some(rows) => {
                for row in rows {
                    let mut tests: Vec<Instruction> = Vec::new();
                    // The last one first, so that each knows how far it is to the end of its row.
                    let mut behind: u8 = 1;
                    for (argument, test) in row.iter().rev() {
                        let mut one = instructions(*argument, *test, behind);
                        behind = behind.saturating_add(one.len() as u8);
                        one.append(&mut tests);
                        tests = one;
                    }
                    block.append(&mut tests);
                    block.push(give(stop));
                }
                block.push(give(pass));
            }
        }
        program.push(jump(EQUAL, number, 0, block.len() as u8));
        program.append(&mut block);
    }
    program
}

/// Instructions that give `answer` for opening a file that is only to be read, and `stop` for all other ways of the
/// same calls. They begin and end as those of [`stops`].
pub(crate) fn answered(answer: u32, stop: u32) -> Vec<Instruction> {
    let mut program = Vec::new();
    for (number, flags) in [(libc::SYS_openat, 2), (libc::SYS_open, 1)] {
        let block = [
            // What only the tracer puts there, and nobody means.
            load(20 + 8 * flags),
            jump(EQUAL, 0, 0, 3),
            load(16 + 8 * flags),
            jump(ANY_BIT, !ONLY_READS, 1, 0),
            give(answer),
            give(stop),
        ];
        program.push(jump(EQUAL, number as u32, 0, block.len() as u8));
        program.extend(block);
    }
    program
}

/// A test of an argument: it goes on behind its end where it holds, and `behind` instructions further where not.
fn instructions(argument: u8, test: Test, behind: u8) -> Vec<Instruction> {
    let low = load(16 + 8 * u32::from(argument));
    let high = load(20 + 8 * u32::from(argument));
    let and = |mask| Instruction { code: AND, yes: 0, no: 0, value: mask };
    match test {
        Test::Any(mask) => vec![low, jump(ANY_BIT, mask, 0, behind)],
        Test::Is(value, mask) => vec![low, and(mask), jump(EQUAL, value, 0, behind)],
        Test::Given => vec![low, jump(EQUAL, 0, 0, 2), high, jump(EQUAL, 0, behind, 0)],
        Test::Positive => {
            vec![low, jump(EQUAL, 0, behind.saturating_add(1), 0), jump(ABOVE, i32::MAX as u32, behind, 0)]
        }
        Test::AtLeast(least) => {
            let (least_high, least_low) = ((least >> 32) as u32, least as u32);
            let below = behind;
            vec![
                high,
                jump(ABOVE, least_high, 3, 0),
                jump(EQUAL, least_high, 0, below.saturating_add(2)),
                low,
                jump(LEAST, least_low, 0, below),
            ]
        }
        Test::AtMost(most) => vec![low, jump(ABOVE, most, behind, 0)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the instructions as the kernel would.
    fn run(program: &[Instruction], number: u32, arguments: [u64; 6]) -> Option<u32> {
        let mut at = 0;
        let mut value = number;
        while let Some(step) = program.get(at) {
            at += 1;
            let mut go = |holds: bool| at += usize::from(if holds { step.yes } else { step.no });
            match step.code {
                LOAD => {
                    let argument = arguments[(step.value as usize - 16) / 8];
                    value = if step.value % 8 == 0 { argument as u32 } else { (argument >> 32) as u32 };
                }
                ANY_BIT => go(value & step.value != 0),
                AND => value &= step.value,
                EQUAL => go(value == step.value),
                ABOVE => go(value > step.value),
                LEAST => go(value >= step.value),
                RETURN => return Some(step.value),
                other => panic!("{other}"),
            }
        }
        None
    }

    #[test]
    fn ordinary_calls_pass_and_others_stop() {
        let program = stops(1, 2, |_, _| true);
        assert!(program.len() < 2048);
        let check = |number: i64, arguments: [u64; 6], expect: Option<u32>| {
            assert_eq!(run(&program, number as u32, arguments), expect, "{number} {arguments:?}");
            let traced = NUMBERS.contains(&(number as u32));
            assert!(!traced || narrowed(number as u32, &arguments) == (expect == Some(1)), "{number}");
        };
        let high = 1 << 32;
        check(libc::SYS_getpid, [0; 6], None);
        check(libc::SYS_read, [0; 6], Some(1));
        check(libc::SYS_read, [3, 0, 0, 0, 0, 0], Some(2));
        check(libc::SYS_execve, [0; 6], Some(1));
        check(libc::SYS_mmap, [0, 4096, 3, 0x22, 0, 0], Some(2));
        check(libc::SYS_mmap, [0, 4096, 5, 2, 3, 0], Some(1));
        check(libc::SYS_mmap, [0, 4096, 3, 0x40022, 0, 0], Some(1));
        check(libc::SYS_mmap, [0, 2 << 20, 3, 0x22, 0, 0], Some(1));
        check(libc::SYS_mmap, [0, 2 << 20, 3, 2, 3, 0], Some(2));
        check(libc::SYS_mmap, [0, 256 << 20, 3, 0x22, 0, 0], Some(1));
        check(libc::SYS_mmap, [0, (256 << 20) - 1, 3, 0x22, 0, 0], Some(2));
        check(libc::SYS_mmap, [0, high, 3, 0x22, 0, 0], Some(1));
        check(libc::SYS_clone, [0x0120_0011, 0, 0, 0, 0, 0], Some(2));
        check(libc::SYS_clone, [0x0080_0011, 0, 0, 0, 0, 0], Some(1));
        check(libc::SYS_clone, [0x1000_0011, 0, 0, 0, 0, 0], Some(1));
        check(libc::SYS_dup2, [5, 2, 0, 0, 0, 0], Some(1));
        check(libc::SYS_dup2, [5, 3, 0, 0, 0, 0], Some(2));
        check(libc::SYS_sendto, [5, 0, 0, 0, high, 0], Some(1));
        check(libc::SYS_sendto, [5, 0, 0, 0, 0, 16], Some(2));
        check(libc::SYS_futex, [0, 128, 0, 7, 0, 0], Some(1));
        check(libc::SYS_futex, [0, 129, 0, 7, 0, 0], Some(2));
        check(libc::SYS_futex, [0, 128 | 9, 0, high, 0, 0], Some(1));
        check(libc::SYS_futex, [0, 0, 0, 0, 0, 0], Some(2));
        check(libc::SYS_poll, [0, 0, u64::from(u32::MAX), 0, 0, 0], Some(2));
        check(libc::SYS_poll, [0, 0, 0, 0, 0, 0], Some(2));
        check(libc::SYS_poll, [0, 0, 5000, 0, 0, 0], Some(1));
        for (clock, stops) in [(0, 1), (1, 1), (2, 2), (3, 2), (4, 1), (7, 1), (8, 1), (11, 1), (12, 2)] {
            check(libc::SYS_clock_gettime, [clock, 0, 0, 0, 0, 0], Some(stops));
        }
        check(libc::SYS_clock_gettime, [u64::from(u32::MAX - 9), 0, 0, 0, 0, 0], Some(2));
    }
}
