//! Whether the configuration of an image names a program to start.
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::fmt;
use std::io::Read as _;
use std::path::Path;

/// Largest configuration that is read.
const LARGEST: u64 = 4 << 20;

/// Whether a configuration names an entrypoint or a command. What cannot be read is taken to.
pub(super) fn is_named(path: &Path) -> bool {
    let mut bytes = Vec::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut bytes));
    read.is_err() || is_named_in(&bytes)
}

fn is_named_in(bytes: &[u8]) -> bool {
    serde_json::from_slice::<Config>(bytes).map_or(true, |config| config.0)
}

/// Read as no runtime is stricter: a name may be written twice and in any case, and each place counts, so that what one
/// runtime starts is not hidden from us by how it is written.
struct Config(bool);

/// What the runtime is asked to do.
struct Run(bool);

macro_rules! read_map {
    ($name:ident, $names:expr, $value:ty, $starts:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                        formatter.write_str("an object or null")
                    }

                    fn visit_unit<E: Error>(self) -> Result<$name, E> {
                        Ok($name(false))
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        let mut starts = false;
                        while let Some(key) = map.next_key::<String>()? {
                            if $names.iter().any(|name: &&str| key.eq_ignore_ascii_case(name)) {
                                let value: $value = map.next_value()?;
                                starts |= $starts(&value);
                            } else {
                                map.next_value::<IgnoredAny>()?;
                            }
                        }
                        Ok($name(starts))
                    }
                }
                deserializer.deserialize_any(Fields)
            }
        }
    };
}

read_map!(Config, ["config"], Run, |run: &Run| run.0);
read_map!(Run, ["entrypoint", "cmd"], Value, has_words);

fn has_words(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(words) => !words.is_empty(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::is_named_in;

    #[test]
    fn a_start_is_found_however_it_is_written() {
        let check = |text: &str, expect: bool| assert_eq!(is_named_in(text.as_bytes()), expect, "{text}");
        check("{}", false);
        check(r#"{"os":"linux","rootfs":{"diff_ids":[]}}"#, false);
        check(r#"{"config":null}"#, false);
        check(r#"{"config":{"Env":["PATH=/bin"],"Cmd":null,"Entrypoint":[]}}"#, false);
        // What the builder ran is not what is started.
        check(r#"{"config":{},"container_config":{"Cmd":["/bin/sh"]}}"#, false);
        check(r#"{"config":{"Cmd":["/app"]}}"#, true);
        check(r#"{"config":{"Entrypoint":"/app"}}"#, true);
        check(r#"{"config":{"entrypoint":["/app"]}}"#, true);
        check(r#"{"Config":{"ENTRYPOINT":["/app"]}}"#, true);
        check(r#"{"config":{"Cmd":["/app"]},"config":{}}"#, true);
        check(r#"{"config":{"Cmd":["/app"],"Cmd":null}}"#, true);
        check(r#"{"config":{"\u0043md":["/app"]}}"#, true);
        check(r#"{"config":{"Cmd":{"0":"/app"}}}"#, true);
        check(r#"{"config":["Cmd"]}"#, true);
        check("no JSON", true);
        check("", true);
    }
}
