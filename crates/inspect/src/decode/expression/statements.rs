use super::{MAX_SMALL, MAX_VARIABLES, Scan, Value, is_name, named};
use crate::decode::{Limit, MIN_STORED, Runner};

impl<'t> Scan<'t, '_> {
    pub(super) fn statement(&mut self) {
        self.space(true);
        let start = self.at;
        let name = self.name();
        match name {
            b"import" | b"from" if self.language != Some(Runner::JavaScript) => return self.import(),
            b"def" | b"function" | b"sub" => return self.function(),
            _ => {}
        }
        if !name.is_empty() {
            while self.peek() == b'.' && self.text.get(self.at + 1).is_some_and(|&byte| is_name(byte)) {
                self.at += 1;
                self.name();
            }
            let target = self.text.get(start..self.at).unwrap_or_default();
            self.space(false);
            let appends = self.next_is(b"+=") || self.next_is(b".=");
            let plain =
                self.peek() == b'=' && !matches!(self.text.get(self.at + 1), Some(b'=' | b'>' | b'~'));
            if appends || plain {
                self.at += if appends { 2 } else { 1 };
                let value = self.expression();
                return self.assign(target, value, appends);
            }
            self.at = start;
        }
        let value = self.expression();
        self.sink(&value);
    }

    pub(super) fn assign(&mut self, target: &'t [u8], value: Value<'t>, appends: bool) {
        let value = if appends {
            match self.variables.remove(target) {
                Some(old) => self.add(old, value),
                None => Value::Unknown,
            }
        } else {
            value
        };
        self.sink(&value);
        let held = match &value {
            Value::Unknown => {
                self.variables.remove(target);
                return;
            }
            Value::Data(data) => !data.steps.is_empty() || data.bytes.len() >= MIN_STORED,
            Value::Codes(..) | Value::Parts(_) | Value::Lambda(..) => true,
            Value::Int(_) | Value::Name(..) => false,
        };
        if self.variables.len() < if held { MAX_VARIABLES } else { MAX_SMALL } {
            self.longest = self.longest.max(target.len());
            self.variables.insert(target, value);
        } else if held {
            self.budget.note(Limit::Work);
        }
    }

    /// Other names for modules and functions: `import base64 as b`, `from base64 import b64decode as d`.
    pub(super) fn import(&mut self) {
        let start = self.at;
        self.skip_line();
        let line = self.text.get(start..self.at.min(start + 4096)).unwrap_or_default();
        let end = memchr::memchr(b';', line).unwrap_or(line.len());
        self.at = start + memchr::memchr(b';', line).unwrap_or(self.at - start);
        let words: Vec<_> = line
            .get(..end)
            .unwrap_or_default()
            .split(|byte| byte.is_ascii_whitespace() || b",()".contains(byte))
            .filter(|word| !word.is_empty())
            .collect();
        for triple in words.windows(3) {
            let [from, middle, to] = triple else { continue };
            if *middle == b"as" && self.variables.len() < MAX_VARIABLES {
                self.variables.insert(to, named(from));
            }
        }
    }

    /// A function of one parameter that does nothing but return: `def f(x): return …`.
    pub(super) fn function(&mut self) {
        self.space(false);
        let name = self.name();
        self.space(false);
        if self.peek() != b'(' {
            return;
        }
        self.at += 1;
        self.space(false);
        let parameter = self.name();
        self.space(false);
        if self.peek() != b')' {
            return;
        }
        self.at += 1;
        self.space(true);
        if matches!(self.peek(), b':' | b'{') {
            self.at += 1;
        }
        self.space(true);
        let body = self.at;
        if self.name() == b"return" && !name.is_empty() && self.variables.len() < MAX_VARIABLES {
            self.variables.insert(name, Value::Lambda(parameter, self.at));
        } else {
            self.at = body;
        }
    }
}
