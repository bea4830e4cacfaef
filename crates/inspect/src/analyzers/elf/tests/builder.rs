//! Builds small ELF files for tests: segments, symbols, texts, as a linker would lay them out.

/// What goes into a file.
#[derive(Clone)]
pub(crate) struct Program {
    pub(crate) machine: u16,
    pub(crate) wide: bool,
    pub(crate) little: bool,
    pub(crate) kind: u16,
    pub(crate) interpreter: Option<String>,
    pub(crate) code: Vec<u8>,
    pub(crate) data: Vec<u8>,
    pub(crate) imports: Vec<String>,
    pub(crate) exports: Vec<String>,
    pub(crate) run_path: Option<String>,
    /// Flags of the segment that holds the code.
    pub(crate) code_flags: u32,
    /// Whether there is a section table with one section of code.
    pub(crate) sections: bool,
    pub(crate) overlay: Vec<u8>,
}

impl Program {
    /// A dynamic program with a loader and sections.
    pub(crate) fn new() -> Self {
        Self {
            machine: 62,
            wide: true,
            little: true,
            kind: 3,
            interpreter: Some("/lib64/ld-linux-x86-64.so.2".to_owned()),
            code: vec![0x90; 64],
            data: Vec::new(),
            imports: vec!["puts".to_owned()],
            exports: Vec::new(),
            run_path: None,
            code_flags: 5,
            sections: true,
            overlay: Vec::new(),
        }
    }

    pub(crate) fn library() -> Self {
        Self { interpreter: None, ..Self::new() }
    }

    /// A program of nothing but code.
    pub(crate) fn bare(code: &[u8]) -> Self {
        Self { kind: 2, interpreter: None, imports: Vec::new(), sections: false, ..Self::new() }.code(code)
    }

    pub(crate) fn code(mut self, code: &[u8]) -> Self {
        self.code = code.to_vec();
        self
    }

    /// Texts, each ended by a zero.
    pub(crate) fn texts(mut self, texts: &[&str]) -> Self {
        self.data.push(0);
        for text in texts {
            self.data.extend(text.bytes());
            self.data.push(0);
        }
        self
    }

    /// Texts that run into each other.
    pub(crate) fn prose(mut self, texts: &[&str]) -> Self {
        for text in texts {
            self.data.extend(text.bytes());
            self.data.push(b' ');
        }
        self
    }

    pub(crate) fn imports(mut self, names: &[&str]) -> Self {
        self.imports.extend(names.iter().map(|&name| name.to_owned()));
        self
    }

    pub(crate) fn exports(mut self, names: &[&str]) -> Self {
        self.exports.extend(names.iter().map(|&name| name.to_owned()));
        self
    }

    /// The file. One segment of code, one of the rest, and the tables of the dynamic section where there is anything
    /// to say in them.
    pub(crate) fn build(&self) -> Vec<u8> {
        let dynamic = !(self.imports.is_empty() && self.exports.is_empty() && self.run_path.is_none());
        let (header, entry) = if self.wide { (64, 56) } else { (52, 32) };
        let count = 2 + usize::from(dynamic) + usize::from(self.interpreter.is_some());
        let code_at = header + entry * count;
        let data_at = code_at + self.code.len();
        let mut rest = self.data.clone();
        let base = 0x40_0000_u64;
        let address = |offset: usize| base + offset as u64;

        let interpreter_at = data_at + rest.len();
        if let Some(loader) = &self.interpreter {
            rest.extend(loader.bytes());
            rest.push(0);
        }
        let mut strings = vec![0];
        let mut name = |text: &str| {
            let at = strings.len() as u32;
            strings.extend(text.bytes());
            strings.push(0);
            at
        };
        let mut symbols = vec![0; if self.wide { 24 } else { 16 }];
        let imports = self.imports.iter().map(|one| (one, 0_u16));
        let exports = self.exports.iter().map(|one| (one, 1_u16));
        let mut number = 1_u32;
        for (one, section) in imports.chain(exports) {
            let at = name(one);
            symbols.extend(self.u32(at));
            if self.wide {
                symbols.extend([0x12, 0]);
                symbols.extend(self.u16(section));
                symbols.extend([0; 16]);
            } else {
                symbols.extend([0; 8]);
                symbols.extend([0x12, 0]);
                symbols.extend(self.u16(section));
            }
            number += 1;
        }
        let run_path = self.run_path.as_ref().map(|path| name(path));
        let symbols_at = data_at + rest.len();
        rest.extend(&symbols);
        let hash_at = data_at + rest.len();
        for value in [1, number, 0] {
            rest.extend(self.u32(value));
        }
        let strings_at = data_at + rest.len();
        rest.extend(&strings);
        let dynamic_at = data_at + rest.len();
        let mut tags = vec![
            (4, address(hash_at)),
            (5, address(strings_at)),
            (6, address(symbols_at)),
            (10, strings.len() as u64),
        ];
        tags.extend(run_path.map(|at| (29, u64::from(at))));
        tags.push((0, 0));
        if dynamic {
            for (tag, value) in &tags {
                rest.extend(self.word(*tag));
                rest.extend(self.word(*value));
            }
        }
        let rest_end = data_at + rest.len();

        let mut file = vec![0x7f, b'E', b'L', b'F', 1 + u8::from(self.wide), 2 - u8::from(self.little), 1];
        file.resize(16, 0);
        file.extend(self.u16(self.kind));
        file.extend(self.u16(self.machine));
        file.extend(self.u32(1));
        file.extend(self.word(address(code_at)));
        file.extend(self.word(header as u64));
        file.extend(self.word(if self.sections { rest_end as u64 } else { 0 }));
        file.extend(self.u32(0));
        let section_size = if self.wide { 64 } else { 40 };
        let sections = if self.sections { 2 } else { 0 };
        for value in [header, entry, count, section_size, sections, 0] {
            file.extend(self.u16(value as u16));
        }
        let mut segment = |kind: u32, flags: u32, start: usize, end: usize| {
            file.extend(self.u32(kind));
            if self.wide {
                file.extend(self.u32(flags));
            }
            file.extend(self.word(start as u64));
            file.extend(self.word(address(start)));
            file.extend(self.word(address(start)));
            file.extend(self.word((end - start) as u64));
            file.extend(self.word((end - start) as u64));
            if !self.wide {
                file.extend(self.u32(flags));
            }
            file.extend(self.word(1));
        };
        segment(1, self.code_flags, 0, data_at);
        segment(1, 4, data_at, rest_end);
        if dynamic {
            segment(2, 4, dynamic_at, rest_end);
        }
        if let Some(loader) = &self.interpreter {
            segment(3, 4, interpreter_at, interpreter_at + loader.len() + 1);
        }
        assert_eq!(file.len(), code_at);
        file.extend(&self.code);
        file.extend(rest);
        if self.sections {
            file.resize(file.len() + section_size, 0);
            let start = file.len();
            file.extend(self.u32(0));
            file.extend(self.u32(1));
            file.extend(self.word(6));
            file.extend(self.word(address(code_at)));
            file.extend(self.word(code_at as u64));
            file.extend(self.word(self.code.len() as u64));
            file.resize(start + section_size, 0);
        }
        file.extend(&self.overlay);
        file
    }

    fn u16(&self, value: u16) -> [u8; 2] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    fn u32(&self, value: u32) -> [u8; 4] {
        if self.little { value.to_le_bytes() } else { value.to_be_bytes() }
    }

    fn word(&self, value: u64) -> Vec<u8> {
        match (self.wide, self.little) {
            (true, true) => value.to_le_bytes().to_vec(),
            (true, false) => value.to_be_bytes().to_vec(),
            (false, _) => self.u32(value as u32).to_vec(),
        }
    }
}
