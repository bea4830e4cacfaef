use super::{MAX_DEPTH, MAX_DOCUMENTS, Shell};
use crate::decode::value::Data;
use crate::decode::{Budget, StepKind, alphabets};

impl<'t> Shell<'t, '_> {
    /// The body of a here-document, the cursor behind `<<`.
    pub(super) fn document(&mut self) -> Option<Data<'t>> {
        let strip = self.peek() == b'-';
        self.at += usize::from(strip);
        self.blanks();
        if !(matches!(self.peek(), b'\'' | b'"' | b'\\' | b'_') || self.peek().is_ascii_alphabetic()) {
            return None;
        }
        let mark = self.word();
        self.documents += 1;
        if self.documents > MAX_DOCUMENTS || self.endless > MAX_DOCUMENTS || mark.bytes.is_empty() {
            return None;
        }
        let (line, start) = match self.skip {
            Some((line, end)) => (line, end),
            None => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let line = self.at + memchr::memchr(b'\n', rest)?;
                (line, line + 1)
            }
        };
        let mut end = start;
        while let Some(rest) = self.text.get(end..).filter(|rest| !rest.is_empty()) {
            let len = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
            let this = rest.get(..len).unwrap_or_default();
            let this = this.strip_suffix(b"\r").unwrap_or(this);
            let tabs = if strip { this.iter().take_while(|&&byte| byte == b'\t').count() } else { 0 };
            if this.get(tabs..) == Some(mark.bytes.as_slice()) {
                self.skip = Some((line, end + len + 1));
                let body = self.text.get(start..end)?;
                return self.budget.work(body.len()).then(|| Data::text(body, start));
            }
            end += len + 1;
        }
        self.endless += 1;
        None
    }

    /// One word; what only running shows makes all of it unknown.
    pub(super) fn word(&mut self) -> Data<'t> {
        let start = self.at;
        let mut word = Data::text([].as_slice(), start);
        let mut quoted = false;
        while let Some(&byte) = self.text.get(self.at) {
            let part = match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b'&' | b'<' | b'>' | b'(' | b')' if !quoted => {
                    break;
                }
                b'"' => {
                    quoted = !quoted;
                    self.at += 1;
                    continue;
                }
                b'\'' if !quoted => {
                    let rest = self.text.get(self.at + 1..).unwrap_or_default();
                    let Some(len) = memchr::memchr(b'\'', rest) else {
                        self.at += 1;
                        break;
                    };
                    let at = self.at;
                    self.at += len + 2;
                    Data::text(rest.get(..len).unwrap_or_default(), at)
                }
                b'\\' => {
                    let next = self.text.get(self.at + 1).copied();
                    self.at += 2;
                    match next {
                        None | Some(b'\n') => continue,
                        Some(next) if quoted && !b"$`\"\\".contains(&next) => {
                            Data::text(vec![b'\\', next], self.at)
                        }
                        Some(next) => Data::text(vec![next], self.at),
                    }
                }
                b'$' => self.dollar(quoted),
                b'`' if self.backtick => break,
                b'`' if self.depth < MAX_DEPTH => {
                    let at = self.at;
                    self.at += 1;
                    self.list(Some(b'`')).unwrap_or_else(|| Data::unknown(at))
                }
                _ => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let inside = if quoted { &IN_QUOTES } else { &PLAIN };
                    let len = rest.iter().take_while(|&&byte| inside[usize::from(byte)]).count();
                    let at = self.at;
                    self.at += len.max(1);
                    Data::text(rest.get(..len.max(1)).unwrap_or_default(), at)
                }
            };
            let empty = word.bytes.is_empty() && word.steps.is_empty() && word.known;
            word = if empty {
                Data { at: part.at, ..part }
            } else {
                match word.append(&part, self.budget) {
                    Some(word) => word,
                    None => Data::unknown(start),
                }
            };
        }
        word
    }

    pub(super) fn dollar(&mut self, quoted: bool) -> Data<'t> {
        let at = self.at;
        self.at += 1;
        let rest = self.text.get(self.at..).unwrap_or_default();
        match rest.first() {
            Some(b'(') if rest.get(1) == Some(&b'(') => {
                self.at += 2;
                Data::unknown(at)
            }
            Some(b'(') => {
                self.at += 1;
                self.list(Some(b')')).unwrap_or_else(|| Data::unknown(at))
            }
            Some(b'\'') if !quoted => {
                let mut end = 1;
                while let Some(&byte) = rest.get(end) {
                    match byte {
                        b'\'' => break,
                        b'\\' => end += 2,
                        _ => end += 1,
                    }
                }
                self.at += end + 1;
                let content = rest.get(1..end.min(rest.len())).unwrap_or_default();
                escaped(Data::text(content, at), self.budget)
            }
            Some(b'{') => {
                let inner = rest.get(1..).unwrap_or_default();
                let len = inner.iter().take(256).position(|&byte| byte == b'}');
                let name = len.and_then(|len| inner.get(..len));
                self.at += len.map_or(1, |len| len + 2);
                self.variable(name.unwrap_or_default(), at)
            }
            _ => {
                let len =
                    rest.iter().take_while(|&&byte| byte.is_ascii_alphanumeric() || byte == b'_').count();
                let special = rest.first().is_some_and(|byte| b"@*#?!$-".contains(byte));
                self.at += if len == 0 && special { 1 } else { len };
                self.variable(rest.get(..len).unwrap_or_default(), at)
            }
        }
    }

    pub(super) fn variable(&self, name: &[u8], at: usize) -> Data<'t> {
        self.variables.get(name).cloned().unwrap_or_else(|| Data::unknown(at))
    }
}

/// What a word has outside of quotes that means nothing but itself, and what it has within them.
static PLAIN: [bool; 256] = all_but(b" \t\r\n;|&<>()\"'\\$`");
static IN_QUOTES: [bool; 256] = all_but(b"\"\\$`");

const fn all_but(bytes: &[u8]) -> [bool; 256] {
    let mut set = [true; 256];
    let mut at = 0;
    while at < bytes.len() {
        set[bytes[at] as usize] = false;
        at += 1;
    }
    set
}

/// A text with its escapes read; a step where there are enough of them to hide something.
pub(in crate::decode) fn escaped<'t>(data: Data<'t>, budget: &mut Budget) -> Data<'t> {
    let (out, count) = alphabets::escapes(&data.bytes);
    if count >= 8 && count * 8 >= data.bytes.len() {
        return data.stepped(StepKind::Escapes, out, budget).unwrap_or(data);
    }
    Data { bytes: out.into(), ..data }
}
