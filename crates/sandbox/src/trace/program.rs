//! The filter's instructions for the calls that stop the guest.

use super::calls::{NARROWED, NUMBERS, Test};
use libc::sock_filter;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const AND: u16 = (libc::BPF_ALU | libc::BPF_AND | libc::BPF_K) as u16;
const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const ABOVE: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
const LEAST: u16 = (libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Where the number of a call stands in what the filter is shown.
pub(crate) const NUMBER: u32 = 0;
/// Where its door stands.
pub(crate) const DOOR: u32 = 4;

pub(crate) const fn load(offset: u32) -> sock_filter {
    sock_filter { code: LOAD, jt: 0, jf: 0, k: offset }
}

pub(crate) const fn give(value: u32) -> sock_filter {
    sock_filter { code: RETURN, jt: 0, jf: 0, k: value }
}

pub(crate) const fn jump(code: u16, value: u32, yes: u8, no: u8) -> sock_filter {
    sock_filter { code, jt: yes, jf: no, k: value }
}

/// Instructions that give `stop` for each call that the tracer wants to see, `pass` for those of the same numbers
/// that it does not, and go on behind their end for all others. They begin with the number of the call loaded, and
/// end so.
pub(crate) fn stops(stop: u32, pass: u32) -> Vec<sock_filter> {
    let mut program = Vec::new();
    for &number in &NUMBERS {
        let rows = NARROWED.iter().find(|(narrowed, _)| *narrowed == i64::from(number)).map(|(_, rows)| *rows);
        let mut block = Vec::new();
        match rows {
            None => block.push(give(stop)),
            Some(rows) => {
                for row in rows {
                    let mut tests: Vec<sock_filter> = Vec::new();
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

/// A test of an argument: it goes on behind its end where it holds, and `behind` instructions further where not.
fn instructions(argument: u8, test: Test, behind: u8) -> Vec<sock_filter> {
    let low = load(16 + 8 * u32::from(argument));
    let high = load(20 + 8 * u32::from(argument));
    let and = |mask| sock_filter { code: AND, jt: 0, jf: 0, k: mask };
    match test {
        Test::Any(mask) => vec![low, and(mask), jump(EQUAL, 0, behind, 0)],
        Test::Is(value, mask) => vec![low, and(mask), jump(EQUAL, value, 0, behind)],
        Test::Given => vec![low, jump(EQUAL, 0, 0, 2), high, jump(EQUAL, 0, behind, 0)],
        Test::Positive => vec![low, jump(EQUAL, 0, behind.saturating_add(1), 0), jump(ABOVE, i32::MAX as u32, behind, 0)],
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
    fn run(program: &[sock_filter], number: u32, arguments: [u64; 6]) -> Option<u32> {
        let mut at = 0;
        let mut value = number;
        while let Some(step) = program.get(at) {
            at += 1;
            let mut go = |holds: bool| at += usize::from(if holds { step.jt } else { step.jf });
            match step.code {
                LOAD => {
                    let argument = arguments[(step.k as usize - 16) / 8];
                    value = if step.k % 8 == 0 { argument as u32 } else { (argument >> 32) as u32 };
                }
                AND => value &= step.k,
                EQUAL => go(value == step.k),
                ABOVE => go(value > step.k),
                LEAST => go(value >= step.k),
                RETURN => return Some(step.k),
                other => panic!("{other}"),
            }
        }
        None
    }

    #[test]
    fn ordinary_calls_pass_and_others_stop() {
        let program = stops(1, 2);
        assert!(program.len() < 2048);
        let check = |number: i64, arguments: [u64; 6], expect: Option<u32>| {
            assert_eq!(run(&program, number as u32, arguments), expect, "{number} {arguments:?}");
        };
        let high = 1 << 32;
        check(libc::SYS_read, [0; 6], None);
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
