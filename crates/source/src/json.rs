use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::fmt;

/// A document of an image, read as a runtime written in Go reads it: the last of two equal keys holds, and a
/// known key is known in any case. Both are how a scanner is shown one image and a runtime another, so both
/// are recorded.
#[derive(Debug)]
pub(crate) struct Document {
    /// The document, with known keys in their canonical spelling.
    pub(crate) value: Value,
    /// Keys that stand twice in one object.
    pub(crate) twice: Vec<String>,
    /// Known keys in the wrong case.
    pub(crate) misspelled: Vec<String>,
}

/// Why bytes are no document.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct JsonError(#[from] serde_json::Error);

/// What is known of the keys of a kind of document.
pub(crate) struct Keys {
    /// Keys with a meaning, in their canonical spelling.
    pub(crate) known: &'static [&'static str],
    /// Of these, the ones whose value is a free map: below them every key is the author's own.
    pub(crate) free: &'static [&'static str],
}

const MAX_DEPTH: usize = 48;
/// A value takes up to a hundred bytes once it is read, and one in the document: without a limit, four
/// megabytes of zeros would become hundreds.
const MAX_VALUES: usize = 262_144;
const MAX_NOTED: usize = 32;

/// Reads a whole document.
///
/// # Errors
/// Where the bytes are no JSON, are followed by other bytes, or nest or number beyond the limits.
pub(crate) fn parse(bytes: &[u8], keys: &Keys) -> Result<Document, JsonError> {
    let state = RefCell::new(State { values: 0, twice: Vec::new(), misspelled: Vec::new() });
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Node { keys, state: &state, depth: 0, free: false }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    let state = state.into_inner();
    Ok(Document { value, twice: state.twice, misspelled: state.misspelled })
}

/// A typed view of a document.
pub(crate) fn typed<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, JsonError> {
    Ok(serde_json::from_value(value)?)
}

/// The same for a document that is an object. A list of the values of the fields in order, which serde would
/// take as well, is none.
pub(crate) fn typed_object<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, JsonError> {
    if !value.is_object() {
        return Err(JsonError(serde_json::Error::custom("the document is not an object")));
    }
    typed(value)
}

struct State {
    values: usize,
    twice: Vec<String>,
    misspelled: Vec<String>,
}

#[derive(Clone, Copy)]
struct Node<'a> {
    keys: &'a Keys,
    state: &'a RefCell<State>,
    depth: usize,
    free: bool,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let mut state = self.state.borrow_mut();
        state.values += 1;
        if state.values > MAX_VALUES {
            return Err(D::Error::custom(format_args!("more than {MAX_VALUES} values")));
        }
        if self.depth > MAX_DEPTH {
            return Err(D::Error::custom(format_args!("nested deeper than {MAX_DEPTH}")));
        }
        drop(state);
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }
    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = seq.next_element_seed(Node { depth: self.depth + 1, ..self })? {
            list.push(value);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            let known = if self.free { None } else { known(self.keys.known, &key) };
            if known.is_some_and(|known| known != key) {
                note(&mut self.state.borrow_mut().misspelled, &key);
            }
            let free = self.free || known.is_some_and(|known| self.keys.free.contains(&known));
            let value = map.next_value_seed(Node { depth: self.depth + 1, free, ..self })?;
            let key = known.map_or(key, str::to_owned);
            if object.contains_key(&key) {
                note(&mut self.state.borrow_mut().twice, &key);
            }
            object.insert(key, value);
        }
        Ok(Value::Object(object))
    }
}

fn note(list: &mut Vec<String>, key: &str) {
    if list.len() < MAX_NOTED {
        list.push(key.chars().take(64).collect());
    }
}

/// The known key that Go's decoder takes this one for. It folds case over Unicode, so the Kelvin sign is a
/// `k` and the long s is an `s`.
fn known(known: &[&'static str], key: &str) -> Option<&'static str> {
    if let Some(exact) = known.iter().find(|known| **known == key) {
        return Some(exact);
    }
    let folded = |character: char| match character {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    };
    known.iter().copied().find(|known| known.chars().map(folded).eq(key.chars().map(folded)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEYS: Keys = Keys { known: &["layers", "annotations", "Entrypoint"], free: &["annotations"] };

    fn check(input: &str, expect: Value, twice: &[&str], misspelled: &[&str]) {
        let document = parse(input.as_bytes(), &KEYS).unwrap();
        assert_eq!(document.value, expect, "{input}");
        assert_eq!(document.twice, twice, "{input}");
        assert_eq!(document.misspelled, misspelled, "{input}");
    }

    #[test]
    fn a_document_is_read_as_go_reads_it() {
        check(r#"{"layers":[1]}"#, json!({"layers":[1]}), &[], &[]);
        check(r#"{"layers":[1],"layers":[2]}"#, json!({"layers":[2]}), &["layers"], &[]);
        check(r#"{"layers":[1],"LAYERS":[2]}"#, json!({"layers":[2]}), &["layers"], &["LAYERS"]);
        check("{\"layer\u{17f}\":[2]}", json!({"layers":[2]}), &[], &["layer\u{17f}"]);
        check(r#"{"entrypoint":"x"}"#, json!({"Entrypoint":"x"}), &[], &["entrypoint"]);
        check(r#"{"other":1,"Other":2}"#, json!({"other":1,"Other":2}), &[], &[]);
        check(
            r#"{"annotations":{"layers":1,"Layers":2,"a":1,"a":2}}"#,
            json!({"annotations":{"layers":1,"Layers":2,"a":2}}),
            &["a"],
            &[],
        );
    }

    #[test]
    fn a_document_has_bounds() {
        for bad in ["", "{", "{} {}", "{\"a\":\"\u{0}\"}", "[1,]", "{\"a\":1e999}"] {
            assert!(parse(bad.as_bytes(), &KEYS).is_err(), "{bad}");
        }
        assert!(parse(b"{\"a\":\"\xff\"}", &KEYS).is_err());
        assert!(parse(&b"[".repeat(100_000), &KEYS).is_err());
        let nested = |depth: usize| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        assert!(parse(&nested(MAX_DEPTH), &KEYS).is_ok());
        assert!(parse(&nested(MAX_DEPTH + 2), &KEYS).is_err());
        assert!(parse(format!("[{}0]", "0,".repeat(MAX_VALUES)).as_bytes(), &KEYS).is_err());
    }
}
