//! Constant expressions, as Python, JavaScript, PHP, Perl and Ruby have them in common: strings, lists, calls,
//! methods, slices, functions of one parameter, and variables that are given such a value.
//!
//! It reads a text once from front to back. What it does not understand is a value that is not known, and it goes
//! on behind it.

mod lists;
mod statements;

use self::lists::listed;
use super::literals::{Dead, literal};
use super::value::{Data, Found, Value};
use super::{Budget, Limit, Runner, calls, loose};
use hashbrown::HashMap;
use memchr::memmem;
use std::borrow::Cow;

/// Parentheses inside each other that are followed.
const MAX_DEPTH: u32 = 96;
/// Decoders inside each other from which on it is said that they were not followed.
const CUT: usize = 16;
/// Most variables of a text.
const MAX_VARIABLES: usize = 1 << 16;
/// Variables from which on numbers and names are remembered no more: long lists of constants hold no payload.
const MAX_SMALL: usize = 1 << 13;
/// Most arguments of a call, and most texts of a list. Lists of plain numbers may be longer.
const MAX_ELEMENTS: usize = 1 << 16;
/// Most findings of one text, before those that say the same become one.
const MAX_FOUND: usize = 2048;

/// A name up to this length is looked up for nothing; it is work to look up a longer one.
const SHORT: usize = 256;
/// What a call costs beside reading its body, in bytes.
const CALL: usize = 64;

/// Reads a text in one of these languages; `None` where it is not known.
pub(super) fn read<'t>(text: &'t [u8], language: Option<Runner>, budget: &mut Budget) -> Vec<Found<'t>> {
    let mut scan = Scan {
        text,
        language,
        at: 0,
        depth: 0,
        variables: HashMap::new(),
        longest: 0,
        dead: Dead::default(),
        comment_dead: false,
        deep: false,
        cut: false,
        budget,
        found: Vec::new(),
    };
    loop {
        scan.skip_idle();
        let before = scan.at;
        if before >= text.len() {
            break;
        }
        scan.deep = false;
        scan.statement();
        // A row of decoders that was cut; parentheses of prose have none between them.
        let read = text.get(before..scan.at).unwrap_or_default();
        scan.cut = scan.deep && memmem::find_iter(read, b"dec").take(CUT).count() == CUT;
        if scan.at <= before {
            scan.at = before + 1;
        }
    }
    scan.found
}

pub(super) struct Scan<'t, 'b> {
    pub(super) text: &'t [u8],
    pub(super) language: Option<Runner>,
    at: usize,
    depth: u32,
    variables: HashMap<&'t [u8], Value<'t>>,
    /// Length of the longest name of a variable.
    longest: usize,
    dead: Dead,
    comment_dead: bool,
    /// Whether the statement is given up, as its parentheses lie too deep. In prose they need not be in pairs.
    deep: bool,
    /// Whether the statement before was given up in the middle of decoders.
    cut: bool,
    pub(super) budget: &'b mut Budget,
    found: Vec<Found<'t>>,
}

impl<'t> Scan<'t, '_> {
    /// Where the reader is.
    pub(super) fn position(&self) -> usize {
        self.at
    }

    fn peek(&self) -> u8 {
        self.text.get(self.at).copied().unwrap_or(0)
    }

    fn next_is(&self, text: &[u8]) -> bool {
        self.text.get(self.at..).is_some_and(|rest| rest.starts_with(text))
    }

    /// Skips what no statement begins with and none ends in that is worth anything: half of all code, one byte at a time.
    fn skip_idle(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let idle = rest.iter().take_while(|&&byte| IDLE[usize::from(byte)]).count();
        self.at += idle;
        // A statement of nothing but a bracket or a comma is whole.
        self.cut &= rest.get(..idle).unwrap_or_default().iter().all(u8::is_ascii_whitespace);
    }

    /// Skips blanks and comments, and ends of lines where an expression may go on.
    #[inline]
    fn space(&mut self, lines: bool) {
        // Most places have neither.
        if matches!(self.peek(), b' ' | b'\t' | b'\r' | 0x0c | b'\n' | b'\\' | b'#' | b'/') {
            self.skip_space(lines);
        }
    }

    #[inline(never)]
    fn skip_space(&mut self, lines: bool) {
        while let Some(&byte) = self.text.get(self.at) {
            match byte {
                b' ' | b'\t' | b'\r' | 0x0c => self.at += 1,
                b'\n' if lines => self.at += 1,
                b'\\' if self.next_is(b"\\\n") => self.at += 2,
                b'\\' if self.next_is(b"\\\r\n") => self.at += 3,
                b'#' if lines && self.language != Some(Runner::JavaScript) && self.after_blank() => {
                    self.skip_line();
                }
                b'/' if lines
                    && self.next_is(b"//")
                    && matches!(self.language, Some(Runner::JavaScript | Runner::Php)) =>
                {
                    self.skip_line();
                }
                b'/' if self.next_is(b"/*") && !self.comment_dead => {
                    let rest = self.text.get(self.at + 2..).unwrap_or_default();
                    match memmem::find(rest, b"*/") {
                        Some(len) => self.at += len + 4,
                        None => self.comment_dead = true,
                    }
                }
                _ => return,
            }
        }
    }

    fn after_blank(&self) -> bool {
        let before = self.at.checked_sub(1).and_then(|before| self.text.get(before));
        before.is_none_or(u8::is_ascii_whitespace)
    }

    fn skip_line(&mut self) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        self.at += memchr::memchr(b'\n', rest).unwrap_or(rest.len());
    }

    fn name(&mut self) -> &'t [u8] {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let len = rest.iter().take_while(|&&byte| is_name(byte)).count();
        self.at += len;
        rest.get(..len).unwrap_or_default()
    }

    pub(super) fn expression(&mut self) -> Value<'t> {
        if self.depth >= MAX_DEPTH || self.budget.spent() {
            // Whoever reads on begins anew from here, so that what lies deeper is not lost.
            self.deep = true;
            return Value::Unknown;
        }
        self.depth += 1;
        let mut left = self.operand();
        loop {
            self.space(self.depth > 1);
            let next = self.text.get(self.at + 1).copied().unwrap_or(0);
            match self.peek() {
                b'+' if next != b'=' && next != b'+' => {
                    self.at += 1;
                    let right = self.operand();
                    left = self.add(left, right);
                }
                b'.' if matches!(self.language, Some(Runner::Php | Runner::Perl)) && next != b'=' => {
                    self.at += 1;
                    let right = self.operand();
                    left = self.add(left, right);
                }
                operator @ (b'^' | b'*' | b'-') if next != b'=' && next != b'*' && next != b'>' => {
                    self.at += 1;
                    let right = self.operand();
                    left = match (left.int(), right.int(), operator) {
                        (Some(left), Some(right), b'^') => Value::Int(left ^ right),
                        (Some(left), Some(right), b'*') => Value::Int(left.wrapping_mul(right)),
                        (Some(left), Some(right), _) => Value::Int(left.wrapping_sub(right)),
                        _ => {
                            self.sink(&left);
                            self.sink(&right);
                            Value::Unknown
                        }
                    };
                }
                _ => break,
            }
        }
        self.depth -= 1;
        left
    }

    fn add(&mut self, left: Value<'t>, right: Value<'t>) -> Value<'t> {
        match (left, right) {
            (Value::Int(left), Value::Int(right)) => Value::Int(left.wrapping_add(right)),
            (Value::Data(left), right) => match right.data(self.budget) {
                Some(right) => left.append(&right, self.budget).map_or(Value::Unknown, Value::Data),
                None => {
                    self.sink(&Value::Data(left));
                    Value::Unknown
                }
            },
            (_, right) => {
                self.sink(&right);
                Value::Unknown
            }
        }
    }

    fn operand(&mut self) -> Value<'t> {
        self.space(self.depth > 1);
        let start = self.at;
        let mut value = match self.peek() {
            b'\'' | b'"' | b'`' => self.string(false),
            b'0'..=b'9' => self.number(),
            b'(' => {
                let mut values = self.elements(b')');
                if values.len() == 1 { values.pop().unwrap_or(Value::Unknown) } else { listed(values) }
            }
            b'[' => self.list(),
            b'-' | b'~' | b'!' | b'&' | b'*' | b'@' => {
                self.at += 1;
                self.space(false);
                if self.peek().is_ascii_digit() { self.number() } else { self.word(self.at) }
            }
            byte if is_name(byte) => self.word(start),
            _ => return Value::Unknown,
        };
        loop {
            self.space(false);
            if self.at == start {
                return value;
            }
            let next = self.text.get(self.at + 1).copied().unwrap_or(0);
            match self.peek() {
                b'(' => {
                    let values = self.elements(b')');
                    value = calls::call(self, value, None, values);
                }
                b'[' => value = self.index(value),
                b'.' if self.concatenates() => return value,
                b'.' if is_name(next) && next != b'$' => {
                    self.at += 1;
                    value = self.member(value, start);
                }
                b':' if self.next_is(b"::") && self.text.get(self.at + 2).is_some_and(|&b| is_name(b)) => {
                    self.at += 2;
                    value = self.member(value, start);
                }
                b'-' if next == b'>' => {
                    self.at += 2;
                    value = self.member(value, start);
                }
                b'\'' | b'"' if matches!(value, Value::Data(_)) => {
                    let more = self.string(false);
                    value = self.add(value, more);
                }
                b'\n' | b'#' if self.depth > 1 || self.goes_on() => {
                    self.space(true);
                    // A string on the next line inside parentheses belongs to this one, a method too.
                    let prefixed = matches!(self.peek(), b'b' | b'r' | b'u' | b'B' | b'R')
                        && matches!(self.text.get(self.at + 1), Some(b'\'' | b'"'));
                    if matches!(self.peek(), b'\'' | b'"') && matches!(value, Value::Data(_)) || prefixed {
                        let more = if prefixed { self.word(self.at) } else { self.string(false) };
                        value = self.add(value, more);
                    } else if self.peek() != b'.' || self.concatenates() {
                        return value;
                    }
                }
                byte if matches!(byte, b'b' | b'r' | b'u') && matches!(next, b'\'' | b'"') => {
                    let more = self.word(self.at);
                    value = self.add(value, more);
                }
                _ => return value,
            }
        }
    }

    /// Whether the dot here joins texts and is no member.
    fn concatenates(&self) -> bool {
        matches!(self.language, Some(Runner::Php | Runner::Perl))
    }

    /// Whether the next line begins with a member of this value.
    fn goes_on(&self) -> bool {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blank = rest.iter().take(64).take_while(|byte| byte.is_ascii_whitespace()).count();
        matches!(rest.get(blank..), Some([b'.', next, ..]) if is_name(*next))
    }

    fn member(&mut self, value: Value<'t>, start: usize) -> Value<'t> {
        self.space(false);
        let name = self.name();
        let whole = self.text.get(start..self.at).unwrap_or_default();
        // A chain of calls is one long name after the other, so those that no variable has are not looked up.
        if whole.len() <= self.longest
            && (whole.len() <= SHORT || self.budget.work(whole.len()))
            && let Some(value) = self.variables.get(whole)
        {
            return value.clone();
        }
        self.space(false);
        if self.peek() == b'(' {
            let values = self.elements(b')');
            let function = match &value {
                Value::Name(_, base) => Value::Name(base.clone(), Cow::Borrowed(name)),
                _ => plain(name),
            };
            return calls::call(self, function, Some(value), values);
        }
        match value {
            Value::Name(_, base) => Value::Name(base, Cow::Borrowed(name)),
            // Ruby and Perl call without parentheses.
            value @ (Value::Data(_) | Value::Codes(..) | Value::Parts(_)) => {
                calls::call(self, plain(name), Some(value), Vec::new())
            }
            _ => plain(name),
        }
    }

    fn string(&mut self, raw: bool) -> Value<'t> {
        let at = self.at;
        match literal(self.text, at, &mut self.dead) {
            Some(string) => {
                self.at = string.end;
                Value::Data(loose::unescaped(string.content, at, raw, self.budget))
            }
            None => {
                self.at += 1;
                Value::Unknown
            }
        }
    }

    fn number(&mut self) -> Value<'t> {
        let text = self.name();
        number(text).map_or(Value::Unknown, Value::Int)
    }

    fn word(&mut self, start: usize) -> Value<'t> {
        let name = self.name();
        if name.is_empty() {
            return Value::Unknown;
        }
        if matches!(self.peek(), b'\'' | b'"') && name.len() <= 2 {
            let raw = name.iter().any(|byte| byte.eq_ignore_ascii_case(&b'r'));
            if name.iter().all(|byte| b"bruBRUfF".contains(byte)) {
                return self.string(raw);
            }
        }
        match name {
            b"lambda" => return self.lambda(),
            b"new" | b"await" | b"return" | b"yield" | b"print" | b"my" | b"var" | b"let" | b"const" => {
                self.space(false);
                // The words after it are the expression; a statement begins again with its target.
                if matches!(name, b"my" | b"var" | b"let" | b"const") || !is_name(self.peek()) {
                    return Value::Unknown;
                }
                return self.word(self.at);
            }
            b"for" | b"if" | b"in" | b"else" => return Value::Unknown,
            _ => {}
        }
        self.space(false);
        if self.next_is(b"=>") {
            self.at += 2;
            return self.body(name);
        }
        if let Some(value) = self.variables.get(name) {
            return value.clone();
        }
        // `eval $x`, `exec "…"`, `eval decode_base64 "…"`: a call without parentheses.
        let bare = calls::takes_bare_argument(name)
            && (matches!(self.peek(), b'\'' | b'"' | b'$') || is_name(self.peek()))
            && self.at > start + name.len();
        if bare && self.depth < MAX_DEPTH {
            let mut values = vec![self.expression()];
            while self.peek() == b',' && values.len() < 4 {
                self.at += 1;
                values.push(self.expression());
            }
            return calls::call(self, plain(name), None, values);
        }
        // A member of something not understood, such as a regular expression, is no function of the language.
        match start.checked_sub(1).and_then(|before| self.text.get(before)) {
            Some(b'.') => Value::Name(Cow::Borrowed(b"?"), Cow::Borrowed(name)),
            _ => plain(name),
        }
    }

    fn lambda(&mut self) -> Value<'t> {
        self.space(false);
        let parameter = self.name();
        self.space(false);
        if self.peek() != b':' {
            return Value::Unknown;
        }
        self.at += 1;
        self.body(parameter)
    }

    fn body(&mut self, parameter: &'t [u8]) -> Value<'t> {
        let start = self.at;
        let outer = self.variables.remove(parameter);
        self.expression();
        if let Some(outer) = outer {
            self.variables.insert(parameter, outer);
        }
        Value::Lambda(parameter, start)
    }

    /// The value of a function's body for this argument.
    pub(super) fn apply(&mut self, parameter: &'t [u8], body: usize, argument: Value<'t>) -> Value<'t> {
        let back = self.at;
        let outer = self.variables.insert(parameter, argument);
        self.at = body;
        let value = self.expression();
        // Bodies are read again with each call; that is work, however short they are.
        let read = self.at.saturating_sub(body).saturating_add(CALL);
        self.budget.work(read);
        self.at = back;
        match outer {
            Some(outer) => self.variables.insert(parameter, outer),
            None => self.variables.remove(parameter),
        };
        value
    }

    /// Something decoded is not run here, but it is there.
    pub(super) fn sink(&mut self, value: &Value<'t>) {
        match value {
            Value::Data(data) if !data.steps.is_empty() => self.find(data.clone(), None),
            Value::Codes(codes, _) if codes.len() >= super::MIN_STORED => {
                if let Some(data) = value.data(self.budget)
                    && loose::is_content(&data.bytes)
                {
                    self.find(data, None);
                }
            }
            _ => {}
        }
    }

    pub(super) fn find(&mut self, data: Data<'t>, runner: Option<Runner>) {
        // Single characters are put together everywhere.
        if runner.is_none()
            && data.steps.first().is_none_or(|step| (step.bytes_in as usize) < super::MIN_STORED)
        {
            return;
        }
        // Tables of characters are escaped everywhere; there is one for each of many strings.
        if runner.is_none()
            && data.steps.iter().all(|step| step.kind.is_weak())
            && !loose::is_code(&data.bytes)
        {
            return;
        }
        if self.cut {
            self.budget.note(Limit::Depth);
        }
        if self.found.len() < MAX_FOUND {
            self.found.push(Found { data, runner });
        } else {
            self.budget.note(Limit::Stages);
        }
    }
}

/// A name without a dot.
fn plain(name: &[u8]) -> Value<'_> {
    Value::Name(Cow::Borrowed(b""), Cow::Borrowed(name))
}

pub(super) fn named(name: &[u8]) -> Value<'_> {
    match memchr::memrchr(b'.', name) {
        Some(dot) => {
            let (base, last) = name.split_at(dot);
            Value::Name(Cow::Borrowed(base), Cow::Borrowed(last.get(1..).unwrap_or_default()))
        }
        None => Value::Name(Cow::Borrowed(b""), Cow::Borrowed(name)),
    }
}

pub(super) fn number(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Blanks, and what is neither a value nor stands before one.
static IDLE: [bool; 256] = {
    let (mut set, mut at) = ([false; 256], 0);
    let idle = b" \t\r\n\x0c{};,)]:?<>=|%";
    while at < idle.len() {
        set[idle[at] as usize] = true;
        at += 1;
    }
    set
};

fn is_name(byte: u8) -> bool {
    IN_NAME[usize::from(byte)]
}

static IN_NAME: [bool; 256] = {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        set[byte] = (byte as u8).is_ascii_alphanumeric() || matches!(byte as u8, b'_' | b'$' | 0x80..);
        byte += 1;
    }
    set
};
