use model::Report;
use serde_json::ser::{CharEscape, Formatter, PrettyFormatter, Serializer};
use std::io;

/// Writes the contract: indented, keys in the order of the types, a line break at the end.
pub(crate) fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    write(report, out)
}

/// Writes any value as indented JSON in which nothing hides.
pub(crate) fn write(value: &impl serde::Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    let mut serializer = Serializer::with_formatter(&mut *out, Visible(PrettyFormatter::new()));
    value.serialize(&mut serializer)?;
    out.write_all(b"\n")
}

/// JSON lets bidi controls and DEL stand raw in a string. They are written as `\uXXXX`, so that the value
/// stays the same for a program and the text stays harmless on a terminal. So is the second of two `#`, for
/// build servers obey `##vso[…]` wherever a step prints it.
struct Visible(PrettyFormatter<'static>);

impl Formatter for Visible {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if fragment.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'#') {
            return writer.write_all(fragment.as_bytes());
        }
        let mut plain = 0;
        let mut before = ' ';
        for (at, character) in fragment.char_indices() {
            if model::is_hidden(character) || (character == '#' && before == '#') {
                writer.write_all(fragment.get(plain..at).unwrap_or_default().as_bytes())?;
                for unit in character.encode_utf16(&mut [0; 2]) {
                    write!(writer, "\\u{unit:04x}")?;
                }
                plain = at + character.len_utf8();
            }
            before = character;
        }
        writer.write_all(fragment.get(plain..).unwrap_or_default().as_bytes())
    }

    fn write_char_escape<W: ?Sized + io::Write>(
        &mut self,
        writer: &mut W,
        escape: CharEscape,
    ) -> io::Result<()> {
        self.0.write_char_escape(writer, escape)
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;
    use serde_json::Value;

    fn text(report: &Report) -> String {
        let mut out = Vec::new();
        render(report, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for report in [sample::miner(), sample::detonated(), sample::clean(), sample::hostile()] {
            assert_eq!(serde_json::from_str::<Report>(&text(&report)).unwrap(), report);
        }
    }

    const SCHEMA: &str = include_str!("../../../docs/reference/report.schema.json");

    fn schema() -> jsonschema::Validator {
        jsonschema::draft202012::new(&serde_json::from_str(SCHEMA).unwrap()).unwrap()
    }

    #[test]
    fn every_report_keeps_the_published_contract() {
        let schema = schema();
        jsonschema::draft202012::meta::validate(&serde_json::from_str(SCHEMA).unwrap()).unwrap();
        for report in
            [sample::miner(), sample::excepted(), sample::detonated(), sample::clean(), sample::many(30)]
        {
            let value: Value = serde_json::from_str(&text(&report)).unwrap();
            let errors: Vec<_> = schema.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
    }

    /// A contract that allows anything is none: a field too many or too few, at any depth, breaks it.
    #[test]
    fn the_contract_is_strict() {
        let schema = schema();
        let mut whole = sample::excepted();
        whole.detonation = sample::detonated().detonation;
        let value: Value = serde_json::from_str(&text(&whole)).unwrap();
        let objects = pointers(&value);
        assert!(objects.len() > 20);
        for at in objects {
            let mut more = value.clone();
            more.pointer_mut(&at).unwrap().as_object_mut().unwrap().insert("extra".into(), Value::Null);
            assert!(!schema.is_valid(&more), "{at} takes another field");
            for field in value.pointer(&at).unwrap().as_object().unwrap().keys() {
                let mut fewer = value.clone();
                fewer.pointer_mut(&at).unwrap().as_object_mut().unwrap().remove(field);
                // Reports of earlier versions do without these and are still read.
                let later = ["layers", "axis", "content", "exception", "exceptions", "detonation", "closed"]
                    .contains(&field.as_str());
                assert!(!schema.is_valid(&fewer) || later, "{at} does without {field}");
            }
        }
    }

    #[test]
    fn no_report_is_clean_and_has_gaps() {
        let report = Report { verdict: model::Verdict::Clean, ..sample::miner() };
        assert!(!schema().is_valid(&serde_json::from_str(&text(&report)).unwrap()));
    }

    fn pointers(value: &Value) -> Vec<String> {
        let below = |key: String, value: &Value| {
            pointers(value).into_iter().map(move |rest| format!("/{key}{rest}")).collect::<Vec<_>>()
        };
        match value {
            Value::Object(map) => {
                let inner = map.iter().flat_map(|(key, value)| below(key.clone(), value));
                std::iter::once(String::new()).chain(inner).collect()
            }
            Value::Array(list) => {
                list.iter().enumerate().flat_map(|(at, value)| below(at.to_string(), value)).collect()
            }
            _ => Vec::new(),
        }
    }

    #[test]
    fn the_miner_in_json() {
        insta::assert_snapshot!(text(&sample::miner()));
    }

    #[test]
    fn nothing_hides_in_the_text() {
        let text = text(&sample::hostile());
        assert!(text.contains("\\u202e") && text.contains("\\udb40\\udc41"));
        assert!(!text.chars().any(|character| character != '\n' && model::is_hidden(character)));
    }
}
