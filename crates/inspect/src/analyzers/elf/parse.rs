//! From the bytes of a program to its facts, without judgement.

mod code;
mod file;
mod literals;
mod symbols;

use super::{ElfFacts, Packer, Traits, upx};
use file::ElfFile;

pub use literals::Literals;
pub(crate) use literals::{Group, Telling, find};
pub use symbols::Symbols;

/// Larger programs are no stagers: all a stager does is fetch the next one.
const MAX_STAGER: u64 = 20 << 10;
/// The smallest part whose randomness says anything.
const MIN_MEASURED: usize = 4 << 10;
/// A block of a tail.
const BLOCK: usize = 4 << 10;

/// The facts about an ELF file of which `bytes` are at hand, from its start; `size` is that of the whole.
pub(super) fn elf(bytes: &[u8], size: u64) -> Option<ElfFacts> {
    let file = ElfFile::read(bytes)?;
    let mut facts = contents(&file);
    let traits = &mut facts.traits;
    let whole = bytes.len() as u64 >= size;
    traits.add(Traits::CUT, !whole);
    traits.add(Traits::BEYOND_BOUND, file.beyond);
    traits.add(Traits::NO_SECTIONS, file.sections.is_empty());
    let loads = || file.segments.iter().filter(|segment| segment.is_load());
    traits
        .add(Traits::WRITE_AND_RUN, loads().any(|segment| segment.is_writable() && segment.is_executable()));
    traits.add(Traits::BEYOND_FILE, loads().any(|segment| segment.end() > size));
    // Segments are sorted by address, so that neighbours are all that can overlap.
    let neighbours = loads().zip(loads().skip(1));
    traits.add(Traits::OVERLAPS, neighbours.into_iter().any(|(one, next)| one.overlaps(next)));
    let starts = |segment: &&file::Segment| segment.holds_address(file.entry);
    if file.entry != 0 && file.kind != 1 {
        traits.add(
            Traits::ENTRY_ASTRAY,
            !loads().filter(|segment| segment.is_executable()).any(|one| starts(&one)),
        );
        traits
            .add(Traits::ENTRY_LAST, loads().count() > 1 && loads().next_back().as_ref().is_some_and(starts));
    }
    let end = described_end(&file);
    facts.overlay = size.saturating_sub(end);
    if whole {
        facts.tail = silent_tail(bytes);
    }
    // Ordinary programs have tables; to measure them all would take as long as to hash them.
    if file.sections.is_empty() || traits.has(Traits::NO_IMPORTS) {
        facts.entropy = file
            .segments
            .iter()
            .filter(|segment| segment.is_executable())
            .take(8)
            .map(|segment| file.part(segment.offset, segment.size))
            .filter(|part| part.len() >= MIN_MEASURED)
            .map(entropy)
            .max()
            .unwrap_or(0);
    }
    let stager = size <= MAX_STAGER && matches!(file.kind, 2 | 3) && stages(&file, &facts);
    facts.traits.add(Traits::STAGER, stager);
    unpack(&file, &mut facts);
    Some(facts)
}

/// The facts about a program behind which something lies that is no part of it.
pub(super) fn appended(program: &[u8], size: u64) -> Option<ElfFacts> {
    let mut facts = elf(program, program.len() as u64)?;
    let read = program.len() as u64;
    facts.traits.0 &= !(Traits::BEYOND_FILE.0);
    facts.overlay = size.saturating_sub(read);
    facts.tail = 0;
    Some(facts)
}

/// What a program contains, whether it is a file or was unpacked from one.
fn contents(file: &ElfFile<'_>) -> ElfFacts {
    let (symbols, counts) = Symbols::read(file);
    let mut facts = ElfFacts { literals: literals::find(file.bytes), symbols, ..ElfFacts::default() };
    let traits = &mut facts.traits;
    let loader = file.interpreter();
    let dynamic = file.dynamic();
    traits.add(Traits::NO_IMPORTS, counts.imports == 0);
    traits.add(Traits::HOST, counts.exports >= MIN_HOST);
    let library = file.kind == 3 && loader.is_none();
    traits.add(Traits::LIBRARY, library && dynamic.as_ref().is_some_and(|dynamic| !dynamic.is_program));
    traits.add(Traits::STATIC_PIE, library && dynamic.as_ref().is_some_and(|dynamic| dynamic.is_program));
    traits.add(Traits::GO, memchr::memmem::find(file.bytes, b"\xff Go buildinf:").is_some());
    let runs = symbols.imports("fexecve") || symbols.imports("execveat");
    traits.add(Traits::RUNS_FROM_MEMORY, runs && symbols.imports("memfd_create"));
    traits.add(Traits::XZ_BACKDOOR, has_xz_backdoor(file));
    if facts.literals.count(Group::IrcMessage) > 1 {
        traits.add(Traits::CHANNEL, names_channel(file.bytes));
    }
    let paths = dynamic.map(|dynamic| file.library_paths(&dynamic)).unwrap_or_default();
    let directories = paths.into_iter().flat_map(|list| list.split(|&byte| byte == b':'));
    let shared = directories.filter(|path| is_everybodys(path));
    let hidden = loader.filter(|path| is_everybodys(path) || is_hidden(path));
    let shared = shared.chain(hidden).take(MAX_PATHS);
    facts.loads_from = shared.map(<[u8]>::to_vec).collect();
    if facts.literals.has(b"E: neither argv[0] nor $_ works.") && facts.literals.has(b"%lu %d%c") {
        facts.packer = Some(Packer::Shc);
    } else if facts.literals.has(b"main.runFromMemory") && facts.literals.has(b"main.aesDec") {
        facts.packer = Some(Packer::Ezuri);
    }
    facts
}

/// Directories in which anybody may write.
fn is_everybodys(path: &[u8]) -> bool {
    [b"/tmp".as_slice(), b"/var/tmp", b"/dev/shm"].iter().any(|directory| {
        path.strip_prefix(*directory).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    })
}

/// Whether a path leads through a hidden directory.
fn is_hidden(path: &[u8]) -> bool {
    path.split(|&byte| byte == b'/').any(|name| name.starts_with(b".") && !matches!(name, b"." | b".."))
}

/// Functions that a program offers to what it loads, from which on it is made to be extended.
const MIN_HOST: usize = 64;
/// Paths that are kept of one program.
const MAX_PATHS: usize = 4;

fn stages(file: &ElfFile<'_>, facts: &ElfFacts) -> bool {
    let uses = |name| facts.symbols.imports(name);
    let code = file.code();
    let asks = || code.iter().any(|part| code::all_rights(part, file.machine));
    let connects = uses("socket") && uses("connect");
    let prepares = uses("mprotect") || uses("mmap") || uses("mmap64");
    if facts.traits.has(Traits::RUNS_FROM_MEMORY) || connects && prepares && asks() {
        return true;
    }
    // Without any table of symbols, the code itself is all there is.
    facts.traits.has(Traits::NO_IMPORTS)
        && code.iter().any(|part| {
            let calls = code::system_calls(part, file.machine);
            let runnable =
                calls.all_rights || file.segments.iter().any(|one| one.is_writable() && one.is_executable());
            calls.memfd && calls.exec || calls.socket && calls.connect && calls.memory && runnable
        })
}

/// Adds what an unpacked program contains.
fn unpack(file: &ElfFile<'_>, facts: &mut ElfFacts) {
    if facts.traits.has(Traits::CUT) {
        return;
    }
    let found = upx::with_unpacked(file.bytes, file.headers_end, file.little, |unpacked| {
        (unpacked.plain, unpacked.complete, ElfFile::read(&unpacked.bytes).map(|inner| contents(&inner)))
    });
    let Some((plain, complete, inner)) = found else { return };
    facts.packer = Some(if plain { Packer::Upx } else { Packer::UpxChanged });
    facts.traits.add(Traits::NOT_UNPACKED, !complete || inner.is_none());
    let Some(inner) = inner else { return };
    facts.literals.join(&inner.literals);
    facts.symbols.join(&inner.symbols);
    facts.traits.0 |= inner.traits.0 & !Traits::NO_IMPORTS.0 | Traits::UNPACKED.0;
    facts.loads_from.extend(inner.loads_from);
    facts.loads_from.truncate(MAX_PATHS);
}

impl ElfFacts {
    /// Whether anything could ever be concluded from it.
    pub(super) fn is_notable(&self) -> bool {
        let odd = Traits(
            Traits::WRITE_AND_RUN.0
                | Traits::STAGER.0
                | Traits::RUNS_FROM_MEMORY.0
                | Traits::XZ_BACKDOOR.0
                | Traits::NOT_UNPACKED.0
                | Traits::ENTRY_ASTRAY.0
                | Traits::STATIC_PIE.0
                | Traits::NO_SECTIONS.0,
        );
        self.traits.0 & odd.0 != 0
            || self.packer.is_some()
            || !self.literals.is_empty()
            || !self.symbols.is_empty()
            || !self.loads_from.is_empty()
            || self.entropy > 0
            || self.tail > 0
    }
}

/// Where all that the tables of a program describe ends.
fn described_end(file: &ElfFile<'_>) -> u64 {
    let segments = file.segments.iter().map(file::Segment::end);
    let sections = file.sections.iter().map(file::Section::end);
    segments.chain(sections).fold(file.headers_end.max(file.sections_end), u64::max)
}

/// Whether a large program is built as no linker builds one, or its head does not tell.
pub(super) fn is_odd_build(head: &[u8], size: u64) -> bool {
    file::outline(head)
        .is_none_or(|outline| !outline.sections || outline.loads < 2 || outline.loaded_end < size / 2)
}

/// How much of the beginning of a large program is all that its tables describe; zero where that is most of the file, or
/// too much to be held.
pub(super) fn described(head: &[u8], size: u64) -> usize {
    let Some(file) = ElfFile::read(head) else { return 0 };
    let end = file.segments.iter().map(file::Segment::end).fold(file.sections_end, u64::max);
    if end < size / 2 && end <= MAX_HELD as u64 { usize::try_from(end).unwrap_or(0) } else { 0 }
}

/// Whether a program says nothing of what it is made of, as a packed one.
pub(super) fn is_without_sections(head: &[u8]) -> bool {
    file::outline(head).is_some_and(|outline| !outline.sections)
}

/// Most of a large program that is held beside its beginning. What packs programs leaves them smaller.
const MAX_HELD: usize = 8 << 20;

/// Where the parts that are loaded lie in the file that begins with these headers.
pub(super) fn load_spans(headers: &[u8]) -> Vec<(usize, usize)> {
    let Some(file) = ElfFile::read(headers) else { return Vec::new() };
    let loads = file.segments.iter().filter(|segment| segment.is_load());
    loads
        .filter_map(|one| Some((usize::try_from(one.offset).ok()?, usize::try_from(one.size).ok()?)))
        .collect()
}

/// Bytes at the end that say nothing: one value almost throughout, or the same block over and over.
fn silent_tail(bytes: &[u8]) -> u64 {
    let mut tail = 0;
    let mut blocks = bytes.rchunks_exact(BLOCK).peekable();
    while let Some(block) = blocks.next() {
        let mut repeats = || blocks.peek() == Some(&block);
        if entropy(block) >= 100 && !repeats() {
            break;
        }
        tail += BLOCK as u64;
    }
    tail
}

/// Hundredths of a bit for each byte.
fn entropy(bytes: &[u8]) -> u16 {
    let mut counts = [0_u32; 256];
    for &byte in bytes {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let total = bytes.len() as f64;
    let bits: f64 = counts
        .iter()
        .filter(|&&count| count > 0)
        .map(|&count| {
            let share = f64::from(count) / total;
            -share * share.log2()
        })
        .sum();
    (bits * 100.0) as u16
}

/// The first bytes of the function that the back door of xz 5.6.0 and 5.6.1 puts into `liblzma`, as published by
/// those who found it. Detectors hold these bytes as text or data, so they count in code only.
const XZ_BACKDOOR: [u8; 34] = [
    0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xf5, 0x4c, 0x89, 0xce, 0x53, 0x89, 0xfb, 0x81, 0xe7, 0x00,
    0x00, 0x00, 0x80, 0x48, 0x83, 0xec, 0x28, 0x48, 0x89, 0x54, 0x24, 0x18, 0x48, 0x89, 0x4c, 0x24, 0x10,
];

fn has_xz_backdoor(file: &ElfFile<'_>) -> bool {
    let held = |part: &[u8]| memchr::memmem::find(part, &XZ_BACKDOOR).is_some();
    held(file.bytes) && file.code().into_iter().any(held)
}

/// Whether an archive of object files has one with the back door.
pub(super) fn archive_has_xz_backdoor(bytes: &[u8]) -> bool {
    if memchr::memmem::find(bytes, &XZ_BACKDOOR).is_none() {
        return false;
    }
    let mut at = 8_usize;
    while let Some(header) = bytes.get(at..).and_then(|rest| rest.first_chunk::<60>()) {
        let size = header.get(48..58).and_then(|field| std::str::from_utf8(field).ok());
        let Some(size) = size.and_then(|size| size.trim_end().parse::<usize>().ok()) else { break };
        let Some(start) = at.checked_add(60) else { break };
        let Some(end) = start.checked_add(size) else { break };
        let Some(member) = bytes.get(start..end) else { break };
        if ElfFile::read(member).is_some_and(|file| has_xz_backdoor(&file)) {
            return true;
        }
        at = end + (end & 1);
    }
    false
}

/// Whether a text of its own is the name of a channel, as a bot has it that knows where to go.
fn names_channel(bytes: &[u8]) -> bool {
    memchr::memchr_iter(b'#', bytes).any(|at| {
        let before = at.checked_sub(1).and_then(|at| bytes.get(at));
        let name = bytes.get(at + 1..).unwrap_or_default();
        let len = name.iter().take(MAX_CHANNEL + 1).take_while(|byte| is_channel_byte(**byte)).count();
        before == Some(&0)
            && (MIN_CHANNEL..=MAX_CHANNEL).contains(&len)
            && name.get(len) == Some(&0)
            && name.first().is_some_and(u8::is_ascii_alphabetic)
    })
}

fn is_channel_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

const MIN_CHANNEL: usize = 2;
const MAX_CHANNEL: usize = 49;
