//! Reads the tables of an ELF file. Each offset, size and count in it is the attacker's: what leads out of the
//! file is told as a trait, and tables are read up to a bound, so that overlapping ones cost no more than others.

/// More program headers than any linker writes.
const MAX_SEGMENTS: usize = 256;
/// More section headers than any file but an object built with one section a function has.
const MAX_SECTIONS: usize = 8192;
/// Symbols that are looked at: libraries have tens of thousands.
const MAX_SYMBOLS: usize = 1 << 17;
/// Entries of the dynamic section.
const MAX_DYNAMIC: usize = 1024;
/// Longest text that is read from a string table.
const MAX_TEXT: usize = 1024;

const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const SHT_SYMTAB: u32 = 2;
const SHT_NOBITS: u32 = 8;
/// `PF_X`, `PF_W`, and the same of a section: `SHF_EXECINSTR`.
const EXECUTABLE: u32 = 1;
const WRITABLE: u32 = 2;
const SHF_EXECINSTR: u64 = 4;

/// An ELF file whose header could be read.
pub(super) struct ElfFile<'b> {
    pub(super) bytes: &'b [u8],
    wide: bool,
    pub(super) little: bool,
    pub(super) kind: u16,
    pub(super) machine: u16,
    pub(super) entry: u64,
    pub(super) segments: Vec<Segment>,
    pub(super) sections: Vec<Section>,
    /// Where the program headers end.
    pub(super) headers_end: u64,
    /// Where the section header table ends; zero where there is none.
    pub(super) sections_end: u64,
    /// Whether the header counts more of something than is read.
    pub(super) beyond: bool,
}

pub(super) struct Segment {
    kind: u32,
    flags: u32,
    pub(super) offset: u64,
    address: u64,
    pub(super) size: u64,
    memory: u64,
}

impl Segment {
    pub(super) fn is_load(&self) -> bool {
        self.kind == PT_LOAD
    }

    pub(super) fn is_executable(&self) -> bool {
        self.is_load() && self.flags & EXECUTABLE != 0
    }

    pub(super) fn is_writable(&self) -> bool {
        self.is_load() && self.flags & WRITABLE != 0
    }

    pub(super) fn end(&self) -> u64 {
        self.offset.saturating_add(self.size)
    }

    pub(super) fn holds_address(&self, address: u64) -> bool {
        self.is_load() && address >= self.address && address - self.address < self.memory.max(self.size)
    }

    /// Whether two segments claim the same bytes of memory.
    pub(super) fn overlaps(&self, other: &Segment) -> bool {
        let end = |one: &Segment| one.address.saturating_add(one.memory);
        self.memory > 0 && other.memory > 0 && self.address < end(other) && other.address < end(self)
    }
}

pub(super) struct Section {
    kind: u32,
    flags: u64,
    offset: u64,
    size: u64,
    link: u32,
}

impl Section {
    pub(super) fn end(&self) -> u64 {
        if self.kind == SHT_NOBITS { 0 } else { self.offset.saturating_add(self.size) }
    }

    pub(super) fn is_code(&self) -> bool {
        self.flags & SHF_EXECINSTR != 0 && self.kind != SHT_NOBITS
    }
}

/// What the dynamic section says.
#[derive(Default)]
pub(super) struct Dynamic {
    symbols: Option<u64>,
    strings: Option<u64>,
    strings_size: u64,
    hash: Option<u64>,
    gnu_hash: Option<u64>,
    /// Offsets into the string table of `DT_RPATH` and `DT_RUNPATH`.
    library_paths: Vec<u64>,
    /// Whether it calls itself a program (`DF_1_PIE`).
    pub(super) is_program: bool,
}

/// One symbol.
pub(super) struct Symbol<'b> {
    pub(super) name: &'b [u8],
    pub(super) defined: bool,
}

impl<'b> ElfFile<'b> {
    /// None where the bytes are no ELF file, or the header is cut off or names no class or byte order.
    pub(super) fn read(bytes: &'b [u8]) -> Option<Self> {
        let mut file = Self::empty(bytes)?;
        file.kind = file.u16(16)?;
        file.machine = file.u16(18)?;
        file.entry = file.word(24)?;
        let count = file.segment_count()?;
        file.beyond |= count > MAX_SEGMENTS;
        file.segments =
            (0..count.min(MAX_SEGMENTS) as u64).map_while(|number| file.segment(number)).collect();
        file.headers_end =
            file.segment_table()?.saturating_add(file.segment_size()?.saturating_mul(count as u64));
        file.read_sections();
        Some(file)
    }

    /// A file of which only class and byte order are known.
    fn empty(bytes: &'b [u8]) -> Option<Self> {
        if !bytes.starts_with(b"\x7fELF") {
            return None;
        }
        let wide = match bytes.get(4)? {
            1 => false,
            2 => true,
            _ => return None,
        };
        let little = match bytes.get(5)? {
            1 => true,
            2 => false,
            _ => return None,
        };
        Some(Self {
            bytes,
            wide,
            little,
            kind: 0,
            machine: 0,
            entry: 0,
            segments: Vec::new(),
            sections: Vec::new(),
            headers_end: 0,
            sections_end: 0,
            beyond: false,
        })
    }

    fn segment_table(&self) -> Option<u64> {
        self.word(if self.wide { 32 } else { 28 })
    }

    fn segment_size(&self) -> Option<u64> {
        self.u16(if self.wide { 54 } else { 42 }).map(u64::from)
    }

    fn segment_count(&self) -> Option<usize> {
        self.u16(if self.wide { 56 } else { 44 }).map(usize::from)
    }

    fn segment(&self, number: u64) -> Option<Segment> {
        let at = number.checked_mul(self.segment_size()?)?.checked_add(self.segment_table()?)?;
        let at = usize::try_from(at).ok()?;
        let (flags, offset, address, length, memory) =
            if self.wide { (4, 8, 16, 32, 40) } else { (24, 4, 8, 16, 20) };
        Some(Segment {
            kind: self.u32(at)?,
            flags: self.u32(at.checked_add(flags)?)?,
            offset: self.word(at.checked_add(offset)?)?,
            address: self.word(at.checked_add(address)?)?,
            size: self.word(at.checked_add(length)?)?,
            memory: self.word(at.checked_add(memory)?)?,
        })
    }

    fn read_sections(&mut self) -> Option<()> {
        let table = self.word(if self.wide { 40 } else { 32 })?;
        let size = u64::from(self.u16(if self.wide { 58 } else { 46 })?);
        let count = usize::from(self.u16(if self.wide { 60 } else { 48 })?);
        if table == 0 || count == 0 {
            return None;
        }
        self.beyond |= count > MAX_SECTIONS;
        self.sections_end = table.saturating_add(size.saturating_mul(count as u64));
        for number in 0..count.min(MAX_SECTIONS) as u64 {
            let at = usize::try_from(number.checked_mul(size)?.checked_add(table)?).ok()?;
            let (offset, length, link) = if self.wide { (24, 32, 40) } else { (16, 20, 24) };
            let section = Section {
                kind: self.u32(at.checked_add(4)?)?,
                flags: self.word(at.checked_add(8)?)?,
                offset: self.word(at.checked_add(offset)?)?,
                size: self.word(at.checked_add(length)?)?,
                link: self.u32(at.checked_add(link)?)?,
            };
            self.sections.push(section);
        }
        Some(())
    }

    /// The bytes of a part of the file, as far as they are there.
    pub(super) fn part(&self, offset: u64, size: u64) -> &'b [u8] {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = usize::try_from(offset.saturating_add(size)).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// The parts that hold code: of sections where they say so, of segments otherwise. Each byte is in one part at
    /// most: a table of eight thousand equal entries would have the file read as often.
    pub(super) fn code(&self) -> Vec<&'b [u8]> {
        let sections = self.sections.iter().filter(|section| section.is_code());
        let mut spans: Vec<_> = sections.map(|one| (one.offset, one.end())).collect();
        if spans.is_empty() {
            let segments = self.segments.iter().filter(|segment| segment.is_executable());
            spans = segments.map(|one| (one.offset, one.end())).collect();
        }
        spans.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::new();
        for (start, end) in spans {
            match joined.last_mut() {
                Some(last) if start <= last.1 => last.1 = last.1.max(end),
                _ => joined.push((start, end)),
            }
        }
        joined.into_iter().map(|(start, end)| self.part(start, end.saturating_sub(start))).collect()
    }

    /// Path of the loader that it asks for.
    pub(super) fn interpreter(&self) -> Option<&'b [u8]> {
        let segment = self.segments.iter().find(|segment| segment.kind == PT_INTERP)?;
        let text = self.part(segment.offset, segment.size.min(MAX_TEXT as u64));
        text.split(|&byte| byte == 0).next()
    }

    pub(super) fn dynamic(&self) -> Option<Dynamic> {
        let segment = self.segments.iter().find(|segment| segment.kind == PT_DYNAMIC)?;
        let word = if self.wide { 8 } else { 4 };
        let start = usize::try_from(segment.offset).ok()?;
        let mut dynamic = Dynamic::default();
        for number in 0..MAX_DYNAMIC {
            let at = start.checked_add(number * word * 2)?;
            let (Some(tag), Some(value)) = (self.word(at), self.word(at.checked_add(word)?)) else { break };
            match tag {
                0 => break,
                4 => dynamic.hash = Some(value),
                5 => dynamic.strings = Some(value),
                6 => dynamic.symbols = Some(value),
                10 => dynamic.strings_size = value,
                15 | 29 if dynamic.library_paths.len() < 4 => dynamic.library_paths.push(value),
                0x6fff_fffb => dynamic.is_program = value & 0x0800_0000 != 0,
                0x6fff_fef5 => dynamic.gnu_hash = Some(value),
                _ => {}
            }
        }
        Some(dynamic)
    }

    /// Directories in which libraries are looked for, as one text each, parted by colons.
    pub(super) fn library_paths(&self, dynamic: &Dynamic) -> Vec<&'b [u8]> {
        let strings = self.dynamic_strings(dynamic);
        dynamic.library_paths.iter().filter_map(|&at| text_at(strings, at)).collect()
    }

    fn dynamic_strings(&self, dynamic: &Dynamic) -> &'b [u8] {
        let offset = dynamic.strings.and_then(|address| self.offset_of(address));
        offset.map(|offset| self.part(offset, dynamic.strings_size)).unwrap_or_default()
    }

    /// The symbols that the loader works with. The section table does not count: the loader does not read it.
    pub(super) fn dynamic_symbols(&self, dynamic: &Dynamic) -> impl Iterator<Item = Symbol<'b>> {
        let strings = self.dynamic_strings(dynamic);
        let start = dynamic.symbols.and_then(|address| self.offset_of(address));
        let count = if start.is_some() { self.symbol_count(dynamic) } else { 0 };
        let start = start.and_then(|start| usize::try_from(start).ok()).unwrap_or(usize::MAX);
        (0..count.min(MAX_SYMBOLS)).map_while(move |number| self.symbol(start, number, strings))
    }

    /// The symbols of a program that was linked into one piece and not stripped: what it uses is defined in it.
    pub(super) fn static_symbols(&self) -> impl Iterator<Item = Symbol<'b>> {
        let table = self.sections.iter().find(|section| section.kind == SHT_SYMTAB);
        let strings = table.and_then(|table| self.sections.get(table.link as usize));
        let strings = strings.map(|strings| self.part(strings.offset, strings.size)).unwrap_or_default();
        let start = table.and_then(|table| usize::try_from(table.offset).ok()).unwrap_or(usize::MAX);
        let count = table.map_or(0, |table| table.size / self.symbol_size() as u64);
        let count = usize::try_from(count).unwrap_or(MAX_SYMBOLS).min(MAX_SYMBOLS);
        (0..count).map_while(move |number| self.symbol(start, number, strings))
    }

    fn symbol_size(&self) -> usize {
        if self.wide { 24 } else { 16 }
    }

    fn symbol(&self, table: usize, number: usize, strings: &'b [u8]) -> Option<Symbol<'b>> {
        let at = number.checked_mul(self.symbol_size())?.checked_add(table)?;
        let name = text_at(strings, u64::from(self.u32(at)?)).unwrap_or_default();
        let section = self.u16(at.checked_add(if self.wide { 6 } else { 14 })?)?;
        Some(Symbol { name, defined: section != 0 })
    }

    /// How many symbols there are, which only hash tables tell; without any, all up to the strings behind them.
    fn symbol_count(&self, dynamic: &Dynamic) -> usize {
        let table = |address: Option<u64>| usize::try_from(self.offset_of(address?)?).ok();
        if let Some(count) = table(dynamic.hash).and_then(|at| self.u32(at.checked_add(4)?)) {
            return count as usize;
        }
        if let Some(count) = table(dynamic.gnu_hash).and_then(|at| self.gnu_count(at)) {
            return count;
        }
        match (dynamic.symbols, dynamic.strings) {
            (Some(symbols), Some(strings)) => {
                let bytes = strings.saturating_sub(symbols);
                usize::try_from(bytes).unwrap_or(usize::MAX) / self.symbol_size()
            }
            _ => 0,
        }
    }

    /// The highest symbol that a GNU hash table leads to: the end of the chain of its highest bucket.
    fn gnu_count(&self, table: usize) -> Option<usize> {
        let buckets = self.u32(table)? as usize;
        let first = self.u32(table.checked_add(4)?)? as usize;
        let filter = self.u32(table.checked_add(8)?)? as usize;
        let word = if self.wide { 8 } else { 4 };
        let list = table.checked_add(16)?.checked_add(filter.checked_mul(word)?)?;
        let mut highest = 0;
        for number in 0..buckets.min(MAX_SYMBOLS) {
            let Some(start) = self.u32(list.checked_add(number.checked_mul(4)?)?) else { break };
            highest = highest.max(start as usize);
        }
        if highest < first {
            return Some(first);
        }
        let chains = list.checked_add(buckets.checked_mul(4)?)?;
        while highest < MAX_SYMBOLS {
            let at = chains.checked_add((highest - first).checked_mul(4)?)?;
            let Some(hash) = self.u32(at) else { break };
            highest += 1;
            if hash & 1 != 0 {
                break;
            }
        }
        Some(highest)
    }

    /// Where in the file an address lies.
    fn offset_of(&self, address: u64) -> Option<u64> {
        self.segments
            .iter()
            .filter(|segment| segment.is_load() && address >= segment.address)
            .find(|segment| address - segment.address < segment.size)
            .and_then(|segment| segment.offset.checked_add(address - segment.address))
    }

    pub(super) fn u16(&self, at: usize) -> Option<u16> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    }

    pub(super) fn u32(&self, at: usize) -> Option<u32> {
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    fn word(&self, at: usize) -> Option<u64> {
        if !self.wide {
            return self.u32(at).map(u64::from);
        }
        let bytes = *self.bytes.get(at..)?.first_chunk()?;
        Some(if self.little { u64::from_le_bytes(bytes) } else { u64::from_be_bytes(bytes) })
    }
}

/// What the head of a file tells of all of it.
pub(super) struct Outline {
    /// Whether it has section headers.
    pub(super) sections: bool,
    pub(super) loads: usize,
    /// Where the last loaded segment ends.
    pub(super) loaded_end: u64,
}

/// Reads the head of a file without keeping anything; none where it does not tell.
pub(super) fn outline(head: &[u8]) -> Option<Outline> {
    let file = ElfFile::empty(head)?;
    let sections = file.u16(if file.wide { 60 } else { 48 })? > 0;
    let mut outline = Outline { sections, loads: 0, loaded_end: 0 };
    for number in 0..file.segment_count()?.min(MAX_SEGMENTS) as u64 {
        let segment = file.segment(number)?;
        if segment.is_load() {
            outline.loads += 1;
            outline.loaded_end = outline.loaded_end.max(segment.end());
        }
    }
    Some(outline)
}

fn text_at(strings: &[u8], at: u64) -> Option<&[u8]> {
    let rest = strings.get(usize::try_from(at).ok()?..)?;
    let rest = rest.get(..rest.len().min(MAX_TEXT))?;
    rest.get(..memchr::memchr(0, rest).unwrap_or(rest.len()))
}
