use super::{ARCHITECTURE, CALL, FOREIGN, FOREIGN_FROM, REFUSE, When, refusals};

/// One instruction of the kernel's packet filter.
#[repr(C)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Instruction {
    pub(crate) code: u16,
    pub(crate) yes: u8,
    pub(crate) no: u8,
    pub(crate) value: u32,
}

const LOAD: u16 = 0x20;
const EQUAL: u16 = 0x15;
const AT_LEAST: u16 = 0x35;
const ANY_BIT: u16 = 0x45;
const RETURN: u16 = 0x06;

/// Where things lie in what the filter is shown.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
/// The low half of an argument.
const fn argument(index: usize) -> u32 {
    16 + 8 * index as u32
}

const RET_USER_NOTIF: u32 = 0x7fc0_0000;
const RET_TRACE: u32 = 0x7ff0_0000;
const RET_ALLOW: u32 = 0x7fff_0000;

/// The filter: refusals first, then what is traced. What is not named passes; the kernel keeps a map of the
/// numbers that always pass, so that the length of the table costs them nothing. Those that pass by their arguments,
/// which programs make all the time, stand before all others.
pub(crate) fn program() -> Vec<Instruction> {
    with(Vec::new())
}

/// The same, with the calls that the tracer answers itself.
pub(crate) fn answered() -> Vec<Instruction> {
    with(crate::trace::answered(RET_USER_NOTIF, RET_TRACE | CALL))
}

fn with(first: Vec<Instruction>) -> Vec<Instruction> {
    let refused = |number: u32| refusals().any(|refused| refused.number == number);
    let early = |number: u32, narrowed: bool| narrowed && !refused(number);
    let mut program = vec![
        load(ARCH),
        jump(EQUAL, ARCHITECTURE, 1, 0),
        answer(RET_TRACE | FOREIGN),
        load(NUMBER),
        jump(AT_LEAST, FOREIGN_FROM, 0, 1),
        answer(RET_TRACE | FOREIGN),
    ];
    program.extend(first);
    program.extend(crate::trace::stops(RET_TRACE | CALL, RET_ALLOW, early));
    for refused in refusals() {
        let word = RET_TRACE | REFUSE | refused.error;
        let body = match refused.when {
            When::Always => vec![answer(word)],
            When::Bits(index, bits) => {
                vec![load(argument(index)), jump(ANY_BIT, bits, 0, 1), answer(word), load(NUMBER)]
            }
            When::FirstAndBits(first, bits) => vec![
                load(argument(0)),
                jump(EQUAL, first, 0, 3),
                load(argument(1)),
                jump(ANY_BIT, bits, 0, 1),
                answer(word),
                load(NUMBER),
            ],
            When::NoneOf(index, allowed) => {
                let mut body = vec![load(argument(index))];
                for (place, value) in allowed.iter().enumerate() {
                    // Over the rest of the list and the answer.
                    body.push(jump(EQUAL, *value, (allowed.len() - place) as u8, 0));
                }
                body.extend([answer(word), load(NUMBER)]);
                body
            }
        };
        program.push(jump(EQUAL, refused.number, 0, body.len() as u8));
        program.extend(body);
    }
    let late = |number: u32, narrowed: bool| !early(number, narrowed);
    program.extend(crate::trace::stops(RET_TRACE | CALL, RET_ALLOW, late));
    program.push(answer(RET_ALLOW));
    program
}

const fn load(offset: u32) -> Instruction {
    Instruction { code: LOAD, yes: 0, no: 0, value: offset }
}

const fn jump(code: u16, value: u32, yes: u8, no: u8) -> Instruction {
    Instruction { code, yes, no, value }
}

const fn answer(value: u32) -> Instruction {
    Instruction { code: RETURN, yes: 0, no: 0, value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::refused;
    use crate::trace::{TRACED, narrowed};

    /// Runs the filter as the kernel does.
    fn run(program: &[Instruction], arch: u32, number: u32, arguments: [u64; 6]) -> u32 {
        let load = |offset: u32| match offset {
            NUMBER => number,
            ARCH => arch,
            high if high % 8 != 0 => (arguments[(high as usize - 20) / 8] >> 32) as u32,
            _ => arguments[(offset as usize - 16) / 8] as u32,
        };
        let (mut at, mut held) = (0, 0);
        loop {
            let Instruction { code, yes, no, value } = program[at];
            let holds = match code {
                LOAD => {
                    held = load(value);
                    false
                }
                RETURN => return value,
                EQUAL => held == value,
                AT_LEAST => held >= value,
                _ => held & value != 0,
            };
            at += 1 + if code == LOAD { 0 } else { usize::from(if holds { yes } else { no }) };
        }
    }

    /// What the filter has to say of a call, by what the tracer acts by; none lets it pass unseen.
    fn word(arch: u32, number: u32, arguments: &[u64; 6]) -> Option<u32> {
        if arch != ARCHITECTURE || number >= FOREIGN_FROM {
            return Some(FOREIGN);
        }
        let traced = || (TRACED.contains(&number) && narrowed(number, arguments)).then_some(CALL);
        refused(number, arguments).map(|error| REFUSE | error).or_else(traced)
    }

    #[track_caller]
    fn check(arch: u32, number: libc::c_long, arguments: [u64; 6], expect: Option<u32>) {
        let number = number as u32;
        let said = run(&program(), arch, number, arguments);
        assert_eq!(said, expect.map_or(RET_ALLOW, |word| RET_TRACE | word));
        assert_eq!(word(arch, number, &arguments), expect, "the table says otherwise");
    }

    #[test]
    fn calls_are_refused_by_number_and_argument() {
        let of = |value: u64| [value, 0, 0, 0, 0, 0];
        check(ARCHITECTURE, libc::SYS_io_uring_setup, of(0), Some(REFUSE | libc::ENOSYS as u32));
        check(ARCHITECTURE, libc::SYS_unshare, of(0), Some(REFUSE | libc::EPERM as u32));
        check(ARCHITECTURE, libc::SYS_getppid, of(0), None);
        check(ARCHITECTURE, libc::SYS_seccomp, [1, 8, 0, 0, 0, 0], Some(REFUSE | libc::EINVAL as u32));
        let family = |family: i32| of(family as u64 | 7 << 32);
        check(
            ARCHITECTURE,
            libc::SYS_socket,
            family(libc::AF_VSOCK),
            Some(REFUSE | libc::EAFNOSUPPORT as u32),
        );
        let new = libc::CLONE_NEWUSER as u64 | libc::SIGCHLD as u64;
        check(ARCHITECTURE, libc::SYS_clone, of(new), Some(REFUSE | libc::EPERM as u32));
        check(ARCHITECTURE, libc::SYS_personality, of(0x004_0000), Some(REFUSE | libc::EPERM as u32));
    }

    #[test]
    fn what_is_not_refused_is_traced_or_passes() {
        let traced = |number: libc::c_long| TRACED.contains(&(number as u32)).then_some(CALL);
        check(ARCHITECTURE, libc::SYS_clone, [libc::SIGCHLD as u64, 0, 0, 0, 0, 0], None);
        for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_PACKET] {
            check(ARCHITECTURE, libc::SYS_socket, [family as u64, 1, 0, 0, 0, 0], traced(libc::SYS_socket));
        }
        for (number, arguments) in [
            (libc::SYS_seccomp, [1, 0, 0, 0, 0, 0]),
            (libc::SYS_seccomp, [0, 8, 0, 0, 0, 0]),
            (libc::SYS_personality, [0xffff_ffff, 0, 0, 0, 0, 0]),
        ] {
            check(ARCHITECTURE, number, arguments, traced(number));
        }
    }

    #[test]
    fn what_only_reads_is_answered() {
        let check = |number: libc::c_long, arguments: [u64; 6], expect: u32| {
            let said = run(&answered(), ARCHITECTURE, number as u32, arguments);
            assert_eq!(said, expect, "{number} {arguments:x?}");
        };
        let (here, traced) = (libc::AT_FDCWD as u64, RET_TRACE | CALL);
        let plain = (libc::O_CLOEXEC | libc::O_DIRECTORY | libc::O_NONBLOCK | libc::O_NOCTTY) as u64;
        for flags in [0, plain, 0o100_000] {
            check(libc::SYS_openat, [here, 1, flags, 0, 0, 0], RET_USER_NOTIF);
            check(libc::SYS_open, [1, flags, 0, 0, 0, 0], RET_USER_NOTIF);
        }
        let others =
            [libc::O_WRONLY, libc::O_RDWR, libc::O_CREAT, libc::O_TRUNC, libc::O_PATH, libc::O_NOFOLLOW];
        for flags in others.map(|flags| flags as u64).into_iter().chain([1 << 32]) {
            check(libc::SYS_openat, [here, 1, flags, 0, 0, 0], traced);
            check(libc::SYS_open, [1, flags, 0, 0, 0, 0], traced);
        }
        check(libc::SYS_openat2, [here, 1, 0, 24, 0, 0], traced);
        check(libc::SYS_getpid, [0; 6], RET_ALLOW);
    }

    #[test]
    fn other_doors_are_told_apart() {
        check(0x4000_0003, 5, [0; 6], Some(FOREIGN));
        check(ARCHITECTURE, 0x4000_0001, [0; 6], Some(FOREIGN));
    }

    #[test]
    fn the_kernel_would_take_it() {
        assert!(answered().len() <= 4096);
    }
}
