use super::lzma::Lzma;
use super::nrv::Nrv;
use super::*;
use crate::analyzers::elf::tests::builder::Program;

/// Packs with NRV2: bytes as they are, and runs of one byte as matches, so that all kinds of codes occur.
struct Packer {
    output: Vec<u8>,
    width: usize,
    /// Where the bits lie that are being filled, and how many are left of them.
    at: usize,
    left: usize,
}

impl Packer {
    fn bit(&mut self, bit: u32) {
        if self.left == 0 {
            self.at = self.output.len();
            self.output.resize(self.at + self.width, 0);
            self.left = self.width * 8;
        }
        self.left -= 1;
        if bit == 1 {
            self.output[self.at + self.left / 8] |= 1 << (self.left % 8);
        }
    }

    /// The upper part of a distance, written so that the reader of it gets `value`.
    fn prefix(&mut self, value: u32, kind: Nrv) {
        // Found backwards: what the reader held before each of its steps.
        let mut steps = Vec::new();
        let mut rest = value;
        if kind == Nrv::B {
            while rest > 1 {
                steps.push(rest & 1);
                rest >>= 1;
            }
            for (number, bit) in steps.iter().rev().enumerate() {
                self.bit(*bit);
                self.bit(u32::from(number + 1 == steps.len()));
            }
            return;
        }
        steps.push(rest & 1);
        rest >>= 1;
        while rest > 1 {
            steps.push(rest & 1);
            rest = (rest >> 1) + 1;
            steps.push(rest & 1);
            rest >>= 1;
        }
        let steps: Vec<_> = steps.into_iter().rev().collect();
        self.bit(steps[0]);
        for pair in steps[1..].chunks(2) {
            self.bit(0);
            self.bit(pair[0]);
            self.bit(pair[1]);
        }
        self.bit(1);
    }

    fn gamma(&mut self, value: u32) {
        let bits = 31 - value.leading_zeros();
        for number in (0..bits).rev() {
            self.bit(value >> number & 1);
            self.bit(u32::from(number == 0));
        }
    }

    /// A match. `again` says that its distance is that of the last one.
    fn run(&mut self, distance: u32, length: u32, again: bool, kind: Nrv) {
        self.bit(0);
        let far = if kind == Nrv::B { 0xd00 } else { 0x500 };
        let length = length - 1 - u32::from(distance > far);
        // The lengths that fit into the few bits beside the distance.
        let short = if kind == Nrv::B { length < 4 } else { length < if kind == Nrv::E { 3 } else { 4 } };
        let hint = match kind {
            Nrv::B => 0,
            Nrv::D => u32::from(short && length >= 2),
            Nrv::E => u32::from(short),
        };
        if again {
            self.prefix(2, kind);
            if kind != Nrv::B {
                self.bit(hint);
            }
        } else {
            let coded = match kind {
                Nrv::B => distance - 1,
                _ => (distance - 1) << 1 | (1 - hint),
            };
            self.prefix((coded >> 8) + 3, kind);
            self.output.push(coded as u8);
        }
        match kind {
            Nrv::B if short => {
                self.bit(length >> 1);
                self.bit(length & 1);
            }
            Nrv::B => {
                self.bit(0);
                self.bit(0);
                self.gamma(length - 2);
            }
            Nrv::D if short => self.bit(length & 1),
            Nrv::D => {
                self.bit(0);
                self.gamma(length - 2);
            }
            Nrv::E if short => self.bit(length - 1),
            Nrv::E if length < 5 => {
                self.bit(1);
                self.bit(length - 3);
            }
            Nrv::E => {
                self.bit(0);
                self.gamma(length - 3);
            }
        }
    }

    fn end(&mut self, kind: Nrv) {
        self.bit(0);
        self.prefix(0x00ff_ffff + 3, kind);
        self.output.push(0xff);
    }
}

fn pack(bytes: &[u8], kind: Nrv, width: usize) -> Vec<u8> {
    let mut packer = Packer { output: Vec::new(), width, at: 0, left: 0 };
    let mut at = 0;
    let mut last = 1;
    while at < bytes.len() {
        let best = [1, 2, 7, 64, 1000, 1281, 1300, 3329, 4000]
            .into_iter()
            .filter(|&distance| distance <= at)
            .map(|distance| {
                let same =
                    (at..bytes.len()).take_while(|&here| bytes[here] == bytes[here - distance]).count();
                (same, distance)
            })
            .max();
        match best {
            Some((length, distance)) if length >= 6 => {
                packer.run(distance as u32, length as u32, distance == last, kind);
                last = distance;
                at += length;
            }
            _ => {
                packer.bit(1);
                packer.output.push(bytes[at]);
                at += 1;
            }
        }
    }
    packer.end(kind);
    packer.output
}

fn sample() -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in 0..200_u32 {
        bytes.extend(number.wrapping_mul(0x9e37_79b1).to_le_bytes());
        bytes.extend(std::iter::repeat_n(number as u8, number as usize % 40));
        if number % 9 == 0 && bytes.len() > 1300 {
            let start = bytes.len() - 1300;
            bytes.extend_from_within(start..start + 20 + number as usize);
        }
    }
    bytes
}

#[test]
fn what_nrv_packs_is_unpacked() {
    let bytes = sample();
    for kind in [Nrv::B, Nrv::D, Nrv::E] {
        for width in [1, 2, 4] {
            let packed = pack(&bytes, kind, width);
            assert!(packed.len() < bytes.len());
            let unpacked = nrv::unpack(&packed, bytes.len(), kind, width);
            assert!(unpacked.as_deref() == Some(&bytes), "{kind:?} {width}");
            assert_eq!(nrv::unpack(&packed, bytes.len() - 1, kind, width), None);
            assert_eq!(nrv::unpack(&packed, bytes.len() + 1, kind, width), None);
            for len in 0..packed.len() {
                assert_eq!(nrv::unpack(&packed[..len], bytes.len(), kind, width), None);
            }
        }
    }
}

/// The same text, packed by another implementation of LZMA with two sets of parameters.
const LZMA_302: &str = "\
    00311b0a4221b040cd5858c68face75a3ecc0c4761951733493554c061049456a679ca6d3f758a6aa87c9d775d95503dab86\
    ee2c598fb3a68c8fb64f6f4f143ad945d9b5739f4853ad5ac2d0f90178dc3b0faa00e3ccf63cf69157ec6b9c40a07831432c\
    2276ea61149eb2cc53c463da99615c202f418ceaaa543addc9c8a24e596265ad7e68ea0fab3d073db59f0f3af42d594b471b\
    b1388c22bfc82cf462d9df099b16a133da239774c1a522cd7876ec6c0f468d0cf363279992c91c83fd9f59a021d26bc385f4\
    245b8bf6fa3f51428a75c07e77a79c1c0aa5f4105528eeccde65514df0034ec9400d840d950d1c4568561df6b1932f0cf72d\
    d29acb0c149ac30b6394af73550f339c0016ec9c675d239cc649c7d7b40f8ecf5689e07dee64ce43ffff9d080e80";
const LZMA_020: &str = "\
    00311be337c418b803eb42b5689d01cc9abd027276d04fbcd618b6844e5e29ab632b62b57048650e1fb6f5f9741f5177e7d3\
    599690adcf1baf6b40b6a3eeda7bcce929f33d0305ef91cb63566cc2b2cc735fc49063edbcc30e619e94a0bb2bb1bb040678\
    39ad4f110cfe7f711c6f98f1fc69bc9d198df158ed85943e3197388f650ac19b6012ecb5abe4603b0764e5557d1e2d80ac54\
    7be1bd6983d7135b6ccd408b3db7fe205e130bd2ec29f8b7188d0b5cc2f2813fbeccb77142d52e49240d607c6a851cb367a1\
    15fa475ca61de5bff5940a970457cf337eed0508ddad1c9c3912fa94e2cf1f24a35400f6b524a84dba2d7d05580e7572da64\
    5213a2e5c6697befdbd959d0d0e49b8670eddcf3009b8b2034985247a894aa5139664d1eafd8eda95dad7f2e61fb65f0d7e0\
    d8630e397776e9bd6f8fcc8372c7733c4364e473ffa7abd880";

fn lzma_text() -> Vec<u8> {
    let blocks = (0..40).map(|number| format!("block {} of a text that repeats, ", number % 7));
    blocks.flat_map(String::into_bytes).chain(0..=255).collect()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len() / 2).map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap()).collect()
}

#[test]
fn what_lzma_packs_is_unpacked() {
    let text = lzma_text();
    for (packed, literal_context, literal_position, position) in [(LZMA_302, 3, 0, 2), (LZMA_020, 0, 2, 0)] {
        let parameters = Lzma { literal_context, literal_position, position };
        let packed = from_hex(packed);
        assert!(lzma::unpack(&packed, text.len(), parameters).as_deref() == Some(&text));
        for len in 0..packed.len() - 12 {
            assert_eq!(lzma::unpack(&packed[..len], text.len(), parameters), None);
        }
        let wide = Lzma { literal_context: 8, literal_position: 4, position: 4 };
        assert_eq!(lzma::unpack(&packed, text.len(), wide), None);
    }
}

/// A packed program: a stub, and the chain of blocks behind its headers.
struct Upx {
    program: Vec<u8>,
    method: u8,
    mark: [u8; 4],
    size: u32,
}

impl Upx {
    fn new(program: Vec<u8>, method: u8) -> Self {
        Self { size: program.len() as u32, program, method, mark: *b"UPX!" }
    }

    fn build(&self) -> Vec<u8> {
        let mut chain = Vec::new();
        chain.extend([0; 4]);
        chain.extend(self.mark);
        chain.extend([0; 4]);
        for word in [0, self.size, self.size] {
            chain.extend(word.to_le_bytes());
        }
        let headers = 64 + 56 * usize::from(self.program[56]);
        let spans = crate::analyzers::elf::parse::load_spans(&self.program);
        let first = spans[0].1;
        let parts = [&self.program[..headers], &self.program[headers..first], &self.program[first..]];
        for part in parts {
            let width = [4, 1, 2][usize::from(self.method - 2) % 3];
            let kind = [Nrv::B, Nrv::D, Nrv::E][usize::from(self.method - 2) / 3];
            let packed = pack(part, kind, width);
            let packed = if packed.len() < part.len() { packed } else { part.to_vec() };
            chain.extend((part.len() as u32).to_le_bytes());
            chain.extend((packed.len() as u32).to_le_bytes());
            chain.extend([self.method, 0, 0, 0]);
            chain.extend(packed);
        }
        chain.extend([0; 12]);
        // The stub, which the packer's mark follows.
        chain.extend([0x90; 64]);
        chain.extend(self.mark);
        Program { code_flags: 7, ..Program::bare(&chain) }.build()
    }
}

/// A program packed as UPX does, with this for its mark.
pub(in crate::analyzers::elf) fn packed(program: &[u8], mark: [u8; 4]) -> Vec<u8> {
    Upx { mark, ..Upx::new(program.to_vec(), 8) }.build()
}

fn inner() -> Vec<u8> {
    let mut program = Program::new().texts(&["donate-level", "rx/0", "cn/r", "kawpow"]);
    program.code = vec![0x90; 5000];
    program.sections = false;
    program.build()
}

fn check(packed: &[u8], expect: Option<(bool, bool)>) -> Vec<u8> {
    let end = 64 + 56 * 2;
    let found = with_unpacked(packed, end, true, |unpacked| {
        ((unpacked.plain, unpacked.complete), unpacked.bytes.clone())
    });
    assert_eq!(found.as_ref().map(|found| found.0), expect);
    found.map(|found| found.1).unwrap_or_default()
}

#[test]
fn a_packed_program_is_unpacked_by_every_method() {
    for method in 2..=10 {
        let upx = Upx::new(inner(), method);
        let bytes = check(&upx.build(), Some((true, true)));
        assert!(bytes == upx.program, "{method}");
    }
}

#[test]
fn wiped_marks_do_not_hide_a_packed_program() {
    let wiped = Upx { mark: *b"\0\0\0\0", ..Upx::new(inner(), 8) };
    assert!(check(&wiped.build(), Some((false, true))) == wiped.program);
    let other = Upx { mark: *b"YTS!", ..Upx::new(inner(), 8) };
    check(&other.build(), Some((false, true)));
    let sizes = Upx { size: 0, ..Upx::new(inner(), 8) };
    check(&sizes.build(), Some((false, true)));
}

#[test]
fn a_program_that_is_not_packed_is_left_alone() {
    check(&inner(), None);
    check(&Program::new().texts(&["UPX!", "packed with UPX!"]).build(), None);
    check(b"\x7fELF", None);
    check(b"", None);
}

#[test]
fn damaged_blocks_are_told_and_end() {
    let packed = Upx::new(inner(), 8).build();
    let second = memchr::memmem::find_iter(&packed, &[8, 0, 0, 0]).nth(1).unwrap();
    let mut damaged = packed.clone();
    damaged[second + 4..second + 40].fill(0);
    check(&damaged, Some((true, false)));
    let mut huge = packed.clone();
    huge[second - 8..second - 4].copy_from_slice(&u32::MAX.to_le_bytes());
    // Neither is it complete where the chain ends before the segments do.
    check(&huge, Some((true, false)));
    for len in 0..packed.len() {
        let _ = with_unpacked(&packed[..len], 176, true, |_| ());
    }
}

#[test]
fn a_small_file_does_not_unpack_to_a_large_one() {
    // Two blocks that unpack to far more than so small a file may.
    let program = Program { code: vec![0x90; 4 << 20], ..Program::new() };
    let packed = Upx::new(Program { sections: false, ..program }.build(), 8).build();
    assert!(packed.len() < 32 << 10);
    let bytes = check(&packed, Some((true, false)));
    assert!(bytes.len() <= packed.len() * MAX_RATIO);
}

#[test]
fn blocks_for_one_place_are_not_unpacked_for_ever() {
    const SEGMENTS: usize = 40;
    const SIZE: usize = 4 << 20;
    // Headers that claim the same part of the file for every segment, which lies behind them.
    let mut first = Program { sections: false, ..Program::new() }.build()[..64].to_vec();
    first[56..58].copy_from_slice(&(SEGMENTS as u16).to_le_bytes());
    for _ in 0..SEGMENTS {
        first.extend([1_u32, 4].map(u32::to_le_bytes).concat());
        first.extend([1_u64 << 12, 0, 0, SIZE as u64, SIZE as u64, 1].map(u64::to_le_bytes).concat());
    }
    let run = pack(&vec![0x90; SIZE], Nrv::E, 4);
    let mut chain = [vec![0; 4], MARK.to_vec(), vec![0; 16]].concat();
    for (size, packed) in
        [(first.len(), &first)].into_iter().chain(std::iter::repeat_n((SIZE, &run), SEGMENTS))
    {
        chain.extend([size as u32, packed.len() as u32].map(u32::to_le_bytes).concat());
        chain.extend([8, 0, 0, 0]);
        chain.extend(packed);
    }
    let program = Program { overlay: vec![0; 1 << 20], ..Program::bare(&chain) };
    // All blocks are there, so only the bound keeps it from being complete.
    check(&program.build(), Some((false, false)));
}

proptest::proptest! {
    #[test]
    fn no_stream_is_too_odd(bytes: Vec<u8>, size in 0_usize..5000, width in 0_usize..3) {
        for kind in [Nrv::B, Nrv::D, Nrv::E] {
            let _ = nrv::unpack(&bytes, size, kind, 1 << width);
        }
        let parameters = Lzma { literal_context: 3, literal_position: 0, position: 2 };
        let stream = [[0].as_slice(), &bytes].concat();
        let _ = lzma::unpack(&stream, size, parameters);
    }
}
