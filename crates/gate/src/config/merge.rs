//! How the sources come together: each is laid over the one below it, and the whole is then read strictly.

use super::{Config, KEYS, Key, Kind, check};
use crate::Error;
use std::io::Read as _;
use std::path::Path;
use toml::{Table, Value};

/// Far larger than any configuration.
const LARGEST: u64 = 1 << 20;

/// What one source says, for keys that are single values.
pub struct Overlay<'a> {
    /// What messages call the source: `the environment`, `the command line`.
    pub name: &'a str,
    /// The values of a key; none where the source does not say anything.
    pub get: &'a dyn Fn(&Key) -> Option<Vec<String>>,
}

/// Reads the configuration: what `default` says, over it the file where one is named, and over that each overlay, the
/// later ones winning.
///
/// # Errors
/// Where a source cannot be read, a key is unknown, or what is asked for cannot be meant.
pub fn load(
    default: &dyn Fn(&Key) -> Option<Vec<String>>,
    file: Option<&Path>,
    overlays: &[Overlay<'_>],
) -> Result<Config, Error> {
    let mut table = match file {
        Some(path) => read(path)?,
        None => Table::new(),
    };
    for key in KEYS {
        if !has(&table, key.key)
            && let Some(Ok(value)) = default(key).map(|texts| value(key, &texts))
        {
            put(&mut table, key.key, value);
        }
    }
    for overlay in overlays {
        for key in KEYS {
            if let Some(texts) = (overlay.get)(key) {
                let value = value(key, &texts).map_err(|why| Error::Setting {
                    key: key.key,
                    whence: overlay.name.to_owned(),
                    why,
                })?;
                put(&mut table, key.key, value);
            }
        }
    }
    let config: Config = table.try_into().map_err(|error: toml::de::Error| Error::Config {
        why: model::escape_text(error.to_string().trim()),
    })?;
    check::check(&config)?;
    Ok(config)
}

fn read(path: &Path) -> Result<Table, Error> {
    let shown = model::escape_text(&path.to_string_lossy());
    let mut text = String::new();
    let opened = std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_string(&mut text));
    opened.map_err(|source| Error::ConfigFile { path: shown.clone(), source })?;
    if text.len() as u64 > LARGEST {
        return Err(Error::Config { why: format!("{shown} is larger than 1 MiB") });
    }
    // Once for itself, so that the message has line and column.
    if let Err(error) = toml::from_str::<Config>(&text) {
        let why = error.to_string();
        let lines: Vec<_> = why.trim().lines().map(model::escape_text).collect();
        return Err(Error::Config { why: format!("{shown}: {}", lines.join("\n  ")) });
    }
    text.parse().map_err(|error: toml::de::Error| Error::Config { why: format!("{shown}: {error}") })
}

fn value(key: &Key, texts: &[String]) -> Result<Value, String> {
    let [first, ..] = texts else { return Ok(Value::Array(Vec::new())) };
    // What is wrong with a secret is said without it.
    let shown = if key.kind == Kind::Secret { "it".to_owned() } else { format!("{first:?}") };
    match key.kind {
        Kind::Text | Kind::Secret => Ok(Value::String(first.clone())),
        Kind::Truth => {
            first.parse().map(Value::Boolean).map_err(|_| format!("{shown} is neither true nor false"))
        }
        Kind::Number => {
            first.parse().map(Value::Integer).map_err(|_| format!("{shown} is not a whole number"))
        }
        Kind::List => Ok(Value::Array(texts.iter().cloned().map(Value::String).collect())),
        Kind::Tables => Err("it can only be written in a file".to_owned()),
    }
}

fn has(table: &Table, path: &str) -> bool {
    match path.split_once('.') {
        None => table.contains_key(path),
        Some((first, rest)) => {
            matches!(table.get(first), Some(Value::Table(below)) if has(below, rest))
        }
    }
}

/// Lays a value at a path. What stands in the way was no table, and the strict reading said so.
fn put(table: &mut Table, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            table.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let below = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(below) = below {
                put(below, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn check(text: &str, env: &[(&str, &str)], flags: &[(&str, &str)], expect: Result<&str, &str>) {
        let file = file(text);
        let given = |given: &[(&str, &str)], name: Option<&str>| {
            let found = given.iter().find(|(key, _)| Some(*key) == name);
            found.map(|(_, value)| vec![(*value).to_owned()])
        };
        let default = |key: &Key| (key.key == "data-dir").then(|| vec!["/d".to_owned()]);
        let overlays = [
            Overlay { name: "the environment", get: &|key| given(env, key.env) },
            Overlay { name: "the command line", get: &|key| given(flags, key.flag) },
        ];
        match (load(&default, Some(file.path()), &overlays), expect) {
            (Ok(config), Ok(expect)) => assert!(config.shown().contains(expect), "{}", config.shown()),
            (Err(error), Err(expect)) => {
                let told = model::error_chain(&error);
                assert!(told.contains(expect), "{told} does not say {expect}");
            }
            (found, expect) => panic!("{found:?} where {expect:?} was expected"),
        }
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let text = "listen = \"127.0.0.1:1\"\n";
        check("", &[], &[], Ok("listen = \"127.0.0.1:5000\""));
        check(text, &[], &[], Ok("listen = \"127.0.0.1:1\""));
        check(text, &[("ROADSTEAD_LISTEN", "127.0.0.1:2")], &[], Ok("listen = \"127.0.0.1:2\""));
        check(text, &[("ROADSTEAD_LISTEN", "127.0.0.1:2")], &[("listen", "127.0.0.1:3")], Ok("127.0.0.1:3"));
    }

    #[test]
    fn what_is_misspelt_is_an_error() {
        check("lisen = \"127.0.0.1:1\"\n", &[], &[], Err("lisen"));
        check("[tls]\nmodes = \"off\"\n", &[], &[], Err("modes"));
        check("[tls]\nmode = \"on\"\n", &[], &[], Err("mode"));
        check(
            "[[webhooks]]\nname = \"a\"\nurl = \"https://a.example\"\nsecrt = \"x\"\n",
            &[],
            &[],
            Err("secrt"),
        );
        check("[upstreams.\"docker.io\"]\nalow = []\n", &[], &[], Err("alow"));
        check("listen = 5\n", &[], &[], Err("listen"));
        check("", &[("ROADSTEAD_SCAN_WORKERS", "many")], &[], Err("scan.workers"));
        check("", &[("ROADSTEAD_SIGNING_ENABLED", "yes")], &[], Err("true nor false"));
    }

    #[test]
    fn secrets_are_not_shown() {
        let text = "[metrics]\ntoken = \"hunter2hunter2hunter2\"\n";
        check(text, &[], &[], Ok("token = \"[redacted]\""));
        check("", &[("ROADSTEAD_METRICS_TOKEN", "hunter2hunter2hunter2")], &[], Ok("token = \"[redacted]\""));
    }

    /// Every key of the table is one that is read, and every one that is read stands in the table.
    #[test]
    fn the_table_is_the_configuration() {
        let mut table = Table::new();
        let mut list = Table::new();
        for key in KEYS.iter().filter(|key| key.kind != Kind::Tables) {
            let value = value(key, &[key.example.to_owned()]).unwrap();
            match key.key.split_once("[].") {
                Some((path, below)) => put(
                    list.entry(path).or_insert_with(|| Table::new().into()).as_table_mut().unwrap(),
                    below,
                    value,
                ),
                None => put(&mut table, &key.key.replace("NAME", "docker"), value),
            }
        }
        for (path, below) in list {
            put(&mut table, &path, Value::Array(vec![below]));
        }
        let config: Config = table.clone().try_into().unwrap();
        let shown: Table = config.shown().parse().unwrap();
        let mut paths = Vec::new();
        flatten("", &Value::Table(shown), &mut paths);
        for path in &paths {
            let known = path.replace("upstreams.docker.", "upstreams.NAME.");
            assert!(KEYS.iter().any(|key| key.key == known), "{path} does not stand in the table");
        }
        // A list of tables that is empty has no key of its own.
        paths.retain(|path| !path.ends_with(".grants"));
        let known = KEYS.iter().filter(|key| key.kind != Kind::Tables).count();
        assert_eq!(paths.len(), known, "{paths:?}");
    }

    #[test]
    fn the_defaults_of_the_table_are_those_in_force() {
        let shown: Table = Config::default().shown().parse().unwrap();
        let mut paths = Vec::new();
        let root = Value::Table(shown);
        flatten("", &root, &mut paths);
        for path in paths {
            // A list of tables is empty and no key of its own.
            let Some(key) = KEYS.iter().find(|key| key.key == path) else { continue };
            let mut at = &root;
            for part in path.split('.') {
                at = &at[part];
            }
            let text = match at {
                Value::String(text) if path != "data-dir" => text.clone(),
                Value::Integer(number) => number.to_string(),
                Value::Boolean(truth) => truth.to_string(),
                _ => continue,
            };
            assert_eq!(key.default, text, "{path}");
        }
    }

    fn flatten(prefix: &str, value: &Value, into: &mut Vec<String>) {
        match value {
            Value::Table(table) => {
                for (name, value) in table {
                    let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                    flatten(&path, value, into);
                }
            }
            Value::Array(items) if matches!(items.first(), Some(Value::Table(_))) => {
                flatten(&format!("{prefix}[]"), &items[0], into);
            }
            _ => into.push(prefix.to_owned()),
        }
    }
}
