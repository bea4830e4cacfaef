use super::{MAX_ELEMENTS, Scan, Value, is_name, number};
use crate::decode::value::Data;
use crate::decode::{StepKind, calls};
use std::borrow::Cow;
use std::rc::Rc;

impl<'t> Scan<'t, '_> {
    /// A list; long ones of plain numbers are read without a value for each.
    pub(super) fn list(&mut self) -> Value<'t> {
        let at = self.at;
        let rest = self.text.get(at + 1..).unwrap_or_default();
        let plain = |byte: &u8| {
            byte.is_ascii_hexdigit() || matches!(byte, b'x' | b',' | b' ' | b'\r' | b'\n' | b'\t')
        };
        let len = rest.iter().take_while(|byte| plain(byte)).count();
        if rest.get(len) == Some(&b']') && len > 0 && self.budget.work(len) {
            let inner = rest.get(..len).unwrap_or_default();
            let codes: Option<Vec<u32>> = inner
                .split(|&byte| byte == b',')
                .map(<[u8]>::trim_ascii)
                .filter(|one| !one.is_empty())
                .map(|one| number(one).and_then(|value| u32::try_from(value).ok()))
                .collect();
            if let Some(codes) = codes {
                self.at += len + 2;
                return Value::Codes(Rc::new(codes), at);
            }
        }
        listed(self.elements(b']'))
    }

    /// What stands between parentheses, the cursor at the opening one.
    pub(in crate::decode) fn elements(&mut self, close: u8) -> Vec<Value<'t>> {
        let mut values = Vec::new();
        self.at += 1;
        self.depth += 1;
        while !self.deep {
            self.space(true);
            let start = self.at;
            if self.peek() == close {
                self.at += 1;
                break;
            }
            let mut value = self.expression();
            self.space(true);
            if self.next_is(b"for ") || self.next_is(b"for\t") {
                value = self.comprehension(start);
                self.space(true);
            }
            if self.peek() == b'=' && self.text.get(self.at + 1) != Some(&b'=') {
                // A named argument: its value is what counts.
                self.at += 1;
                value = self.expression();
                self.space(true);
            }
            let ends = self.peek() == b',' || self.peek() == close;
            if !ends {
                self.sink(&value);
                value = Value::Unknown;
            }
            if values.len() < MAX_ELEMENTS {
                values.push(value);
            }
            match self.peek() {
                b',' => self.at += 1,
                byte if byte == close => {}
                _ if self.at == start || self.deep => break,
                // Something not understood: what follows belongs to the same argument.
                _ => {
                    if !is_name(self.peek()) && !matches!(self.peek(), b'\'' | b'"' | b'(' | b'[') {
                        self.at += 1;
                    }
                    if self.at >= self.text.len() || matches!(self.peek(), b')' | b']' | b'}' | b';') {
                        if self.peek() == close {
                            continue;
                        }
                        break;
                    }
                }
            }
        }
        self.depth -= 1;
        values
    }

    /// `chr(c ^ 7) for c in data`: the element stands at `start`, the cursor at `for`.
    pub(super) fn comprehension(&mut self, start: usize) -> Value<'t> {
        let element = self.text.get(start..self.at).unwrap_or_default();
        self.at += 3;
        self.space(true);
        self.name();
        self.space(true);
        if self.name() != b"in" {
            return Value::Unknown;
        }
        let values = self.expression();
        self.each(element, &values)
    }

    /// What comes out where every element of a value goes through this text.
    pub(in crate::decode) fn each(&mut self, element: &[u8], values: &Value<'t>) -> Value<'t> {
        if element.len() > 256 {
            return Value::Unknown;
        }
        let Some(at) = memchr::memchr(b'^', element) else {
            return match values {
                Value::Parts(parts) => calls::numbers(parts),
                other => other.clone(),
            };
        };
        let Some(data) = values.data(self.budget) else { return Value::Unknown };
        let sides = [element.get(..at).unwrap_or_default(), element.get(at + 1..).unwrap_or_default()];
        let key = sides.iter().find_map(|side| {
            let mut words = side.split(|&byte| !is_name(byte)).filter(|word| !word.is_empty());
            words.find_map(|word| match number(word) {
                Some(key) => Some(key),
                None => self.variables.get(word).and_then(Value::int),
            })
        });
        match key.and_then(|key| u8::try_from(key).ok()) {
            Some(key) => data.xor(key, self.budget).map_or(Value::Unknown, Value::Data),
            None => Value::Unknown,
        }
    }

    /// `[::-1]`, `[2:]`, and names in brackets: `window["eval"]`.
    pub(super) fn index(&mut self, value: Value<'t>) -> Value<'t> {
        if self.next_is(b"[::-1]") {
            self.at += 6;
            let reversed =
                value.data(self.budget).and_then(|data| data.decode(StepKind::Reverse, self.budget));
            return reversed.map_or(Value::Unknown, Value::Data);
        }
        let rest = self.text.get(self.at + 1..).unwrap_or_default();
        let len = rest.iter().take(24).take_while(|byte| b"0123456789: ".contains(byte)).count();
        if rest.get(len) == Some(&b']')
            && let Some(inner) = rest.get(..len).filter(|inner| inner.contains(&b':'))
            && let Some(data) = value.data(self.budget)
        {
            self.at += len + 2;
            let mut bounds = inner.split(|&byte| byte == b':').map(|one| number(one.trim_ascii()));
            let bound = |value: Option<Option<i64>>, other| {
                value.flatten().and_then(|value| usize::try_from(value).ok()).unwrap_or(other)
            };
            let (from, to) = (bound(bounds.next(), 0), bound(bounds.next(), data.bytes.len()));
            let part = data.bytes.get(from..to.min(data.bytes.len())).unwrap_or_default().to_vec();
            self.budget.work(part.len());
            return Value::Data(Data { bytes: part.into(), ..data });
        }
        let inner = self.elements(b']');
        match (value, inner.first()) {
            (Value::Name(..) | Value::Unknown, Some(Value::Data(data))) if data.bytes.len() < 64 => {
                Value::Name(Cow::Borrowed(b"builtins"), Cow::Owned(data.bytes.to_vec()))
            }
            _ => Value::Unknown,
        }
    }
}

/// A list as the value that it is best read as.
pub(super) fn listed(values: Vec<Value<'_>>) -> Value<'_> {
    if values.is_empty() {
        return Value::Unknown;
    }
    let codes: Option<Vec<u32>> = values
        .iter()
        .map(|value| match value {
            Value::Int(value) => u32::try_from(*value).ok(),
            _ => None,
        })
        .collect();
    if let Some(codes) = codes {
        return Value::Codes(Rc::new(codes), 0);
    }
    if let [Value::Codes(codes, at)] = values.as_slice() {
        return Value::Codes(codes.clone(), *at);
    }
    let parts: Vec<Data<'_>> = values
        .into_iter()
        .filter_map(|value| match value {
            Value::Data(data) => Some(data),
            _ => None,
        })
        .collect();
    if parts.is_empty() { Value::Unknown } else { Value::Parts(Rc::new(parts)) }
}
