//! What is different on another processor: where calls, results and arguments stand.

use super::kernel;
use std::mem::offset_of;

/// The door that programs of this machine use.
pub(super) const NATIVE: u32 = 0xc000_003e;

/// Bit of a call's number that asks for the x32 table.
pub(super) const X32: u64 = 0x4000_0000;

const NUMBER: usize = offset_of!(libc::user_regs_struct, orig_rax);
const RESULT: usize = offset_of!(libc::user_regs_struct, rax);
const ARGUMENTS: [usize; 6] = [
    offset_of!(libc::user_regs_struct, rdi),
    offset_of!(libc::user_regs_struct, rsi),
    offset_of!(libc::user_regs_struct, rdx),
    offset_of!(libc::user_regs_struct, r10),
    offset_of!(libc::user_regs_struct, r8),
    offset_of!(libc::user_regs_struct, r9),
];

/// Lets the call that a tracee is about to make not happen, and answers it.
pub(super) fn answer(tid: i32, result: i64) {
    kernel::set_register(tid, NUMBER, u64::MAX);
    kernel::set_register(tid, RESULT, result.cast_unsigned());
}

/// What a call returned.
pub(super) fn result(tid: i32) -> Option<i64> {
    kernel::register(tid, RESULT).map(u64::cast_signed)
}

/// Gives a call that returned another result.
pub(super) fn set_result(tid: i32, result: i64) {
    kernel::set_register(tid, RESULT, result.cast_unsigned());
}

/// Changes an argument of the call that a tracee is about to make.
pub(super) fn set_argument(tid: i32, which: usize, value: u64) {
    if let Some(&offset) = ARGUMENTS.get(which) {
        kernel::set_register(tid, offset, value);
    }
}

/// Number, result and arguments of the call that a stopped tracee is in.
pub(super) fn interrupted(tid: i32) -> Option<(i64, i64, [u64; 6])> {
    let registers = kernel::registers(tid)?;
    let arguments = [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9];
    Some((registers.orig_rax.cast_signed(), registers.rax.cast_signed(), arguments))
}

/// Flags of the `clone` that a stopped tracee is in; none for `fork` and `vfork`.
pub(super) fn clone_flags(tid: i32) -> Option<u64> {
    let is_clone = kernel::register(tid, NUMBER)? == libc::SYS_clone as u64;
    is_clone.then(|| kernel::register(tid, ARGUMENTS[0])).flatten()
}

/// Where the stack of a stopped tracee ends.
pub(super) fn stack(tid: i32) -> Option<u64> {
    kernel::register(tid, offset_of!(libc::user_regs_struct, rsp))
}
