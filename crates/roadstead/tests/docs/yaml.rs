//! YAML as the JSON that it stands for.

use serde_json::{Map, Value};
use yaml_rust2::{Yaml, YamlLoader};

/// All documents of a text. Keys that stand twice are an error, as two readers would take two values.
pub(crate) fn read(text: &str) -> Result<Vec<Value>, String> {
    let documents = YamlLoader::load_from_str(text).map_err(|error| format!("is no YAML: {error}"))?;
    documents.iter().map(value).collect()
}

fn value(yaml: &Yaml) -> Result<Value, String> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(is) => (*is).into(),
        Yaml::Integer(number) => (*number).into(),
        Yaml::Real(text) => text.parse::<f64>().map_err(|_| format!("{text} is no number"))?.into(),
        Yaml::String(text) => text.as_str().into(),
        Yaml::Array(items) => items.iter().map(value).collect::<Result<Vec<_>, _>>()?.into(),
        Yaml::Hash(fields) => {
            let mut read = Map::new();
            for (name, field) in fields {
                let name = match name {
                    Yaml::String(name) => name.clone(),
                    // `on:` of GitHub is a boolean to YAML 1.1, and a number may be a key.
                    Yaml::Integer(number) => number.to_string(),
                    Yaml::Boolean(is) => is.to_string(),
                    other => return Err(format!("{other:?} is no name of a field")),
                };
                read.insert(name, value(field)?);
            }
            read.into()
        }
        Yaml::Alias(_) | Yaml::BadValue => {
            return Err("has an alias, or a value that cannot be read".to_owned());
        }
    })
}

#[test]
fn yaml_is_read_strictly() {
    assert_eq!(
        read("a: 1\n---\nb: [x, true, ~]\n").unwrap(),
        [serde_json::json!({"a": 1}), serde_json::json!({"b": ["x", true, null]})]
    );
    assert!(read("a: 1\na: 2\n").is_err(), "a key stands twice");
    assert!(read("a: [1\n").is_err());
}
