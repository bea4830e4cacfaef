//! What short machine code does, read from its constants. Only asked of tiny programs: in megabytes of code every
//! constant is found somewhere.

/// System calls and protections that short code spells out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Calls {
    pub(super) socket: bool,
    pub(super) connect: bool,
    /// Maps or changes memory.
    pub(super) memory: bool,
    /// The number for readable, writable and executable at once.
    pub(super) all_rights: bool,
    pub(super) memfd: bool,
    pub(super) exec: bool,
}

const EM_386: u16 = 3;
const EM_X86_64: u16 = 62;
const EM_AARCH64: u16 = 183;

/// Reads code that calls the kernel itself; nothing is set where it has no such call.
pub(super) fn system_calls(code: &[u8], machine: u16) -> Calls {
    let mut calls = Calls::default();
    match machine {
        EM_X86_64 if contains(code, &[0x0f, 0x05]) => {
            let number = |number: u8| x86_number(code, number);
            calls.socket = number(41);
            calls.connect = number(42);
            calls.memory = number(9) || number(10);
            calls.memfd = contains(code, &[0xb8, 0x3f, 1, 0, 0]);
            calls.exec = number(59) || contains(code, &[0xb8, 0x42, 1, 0, 0]);
        }
        EM_386 if contains(code, &[0xcd, 0x80]) => {
            let number = |number: u8| x86_number(code, number);
            // One call stands for all that sockets do; connecting is its third.
            calls.socket = number(102) || contains(code, &[0xb8, 0x67, 1, 0, 0]);
            calls.connect = calls.socket;
            calls.memory = number(125) || number(192) || number(90);
            calls.memfd = contains(code, &[0xb8, 0x64, 1, 0, 0]);
            calls.exec = number(11) || contains(code, &[0xb8, 0x66, 1, 0, 0]);
        }
        EM_AARCH64 if contains(code, &[0x01, 0, 0, 0xd4]) => {
            // `mov x8, #number`
            let number = |number: u32| contains(code, &(0xd280_0008 | number << 5).to_le_bytes());
            calls.socket = number(198);
            calls.connect = number(203);
            calls.memory = number(222) || number(226);
            calls.memfd = number(279);
            calls.exec = number(221) || number(281);
        }
        _ => {}
    }
    calls.all_rights = all_rights(code, machine);
    calls
}

/// Whether memory is asked for that may be written and run.
pub(super) fn all_rights(code: &[u8], machine: u16) -> bool {
    match machine {
        // push 7; pop rdx | mov edx, 7 | mov dl, 7 | push 7
        EM_X86_64 | EM_386 => {
            contains(code, &[0x6a, 7, 0x5a])
                || contains(code, &[0xba, 7, 0, 0, 0])
                || contains(code, &[0xb2, 7])
                || contains(code, &[0x6a, 7])
        }
        // mov x2, #7 | mov w2, #7
        EM_AARCH64 => {
            contains(code, &0xd280_00e2_u32.to_le_bytes()) || contains(code, &0x5280_00e2_u32.to_le_bytes())
        }
        _ => false,
    }
}

/// push n; pop rax | mov eax, n | mov al, n
fn x86_number(code: &[u8], number: u8) -> bool {
    contains(code, &[0x6a, number, 0x58])
        || contains(code, &[0xb8, number, 0, 0, 0])
        || contains(code, &[0xb0, number])
}

fn contains(code: &[u8], pattern: &[u8]) -> bool {
    memchr::memmem::find(code, pattern).is_some()
}
