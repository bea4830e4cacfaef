//! What values of the configuration are made of: secrets, spans of time, sizes.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Far longer than any password or token.
const LONGEST_SECRET: u64 = 64 << 10;
const REDACTED: &str = "[redacted]";

/// A secret. However it is printed or written, it is not: what is logged or shown by mistake is redacted by its type
/// (CVE-2025-48374).
///
/// In a file it is either the text itself or `{ file = "/run/secrets/…" }`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text as a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself, for where it is used.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, deny_unknown_fields, expecting = "a text or { file = \"…\" }")]
        enum Written {
            Text(String),
            File { file: std::path::PathBuf },
        }
        match Written::deserialize(deserializer)? {
            Written::Text(text) => Ok(Self(text)),
            Written::File { file } => read_secret(&file).map(Self).map_err(|why| {
                let shown = model::escape_text(&file.to_string_lossy());
                serde::de::Error::custom(format!("cannot read the secret in {shown}: {why}"))
            }),
        }
    }
}

fn read_secret(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(LONGEST_SECRET + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST_SECRET {
        return Err(std::io::Error::other("it is larger than 64 KiB"));
    }
    // What editors and `echo` leave behind is no part of it.
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// A span of time as people write it: `250ms`, `20s`, `5m`, `12h`, `14d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// A number of bytes as people write it: `512`, `64KiB`, `10MiB`, `20GiB`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

const SPANS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];
const SIZES: [(&str, u64); 5] =
    [("", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];

/// A number with a unit behind it.
fn counted(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

/// The largest unit that leaves no rest.
fn written(count: u64, units: &[(&'static str, u64)], formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
    let fits = units.iter().rev().find(|(_, factor)| count.is_multiple_of(*factor) && count > 0);
    let (unit, factor) = fits.copied().unwrap_or(units[0]);
    write!(formatter, "{}{unit}", count / factor)
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let millis = counted(text, &SPANS)
            .ok_or_else(|| format!("{text:?} is no span of time; write 250ms, 20s, 5m, 12h or 14d"))?;
        Ok(Self(Duration::from_millis(millis)))
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bytes = counted(text, &SIZES)
            .ok_or_else(|| format!("{text:?} is no size; write bytes, or 64KiB, 10MiB, 20GiB"))?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return formatter.write_str("0s");
        }
        written(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX), &SPANS, formatter)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        written(self.0, &SIZES, formatter)
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

as_text!(Span);
as_text!(Size);

#[cfg(test)]
mod tests {
    use super::*;

    fn check_span(text: &str, expect: Option<&str>) {
        assert_eq!(text.parse::<Span>().ok().map(|span| span.to_string()).as_deref(), expect, "{text}");
    }

    fn check_size(text: &str, expect: Option<&str>) {
        assert_eq!(text.parse::<Size>().ok().map(|size| size.to_string()).as_deref(), expect, "{text}");
    }

    #[test]
    fn spans_have_a_unit() {
        for (text, expect) in
            [("250ms", "250ms"), ("20s", "20s"), ("120s", "2m"), ("36h", "36h"), ("14d", "14d"), ("0s", "0s")]
        {
            check_span(text, Some(expect));
        }
        for text in ["", "20", "s", "-1s", "1.5h", "20 s", "99999999999999999999d", "5w", "١s"] {
            check_span(text, None);
        }
    }

    #[test]
    fn sizes_may_have_one() {
        for (text, expect) in
            [("512", "512"), ("1024", "1KiB"), ("10MiB", "10MiB"), ("1024MiB", "1GiB"), ("0", "0")]
        {
            check_size(text, Some(expect));
        }
        for text in ["", "KiB", "1KB", "1 MiB", "-1", "99999999TiB"] {
            check_size(text, None);
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::new("hunter2");
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(serde_json::to_string(&secret).unwrap(), "\"[redacted]\"");
        assert_eq!(secret.expose(), "hunter2");
    }

    #[test]
    fn a_secret_may_lie_in_a_file() {
        use std::io::Write as _;
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"from a file\n").unwrap();
        let text = serde_json::json!({ "file": file.path() }).to_string();
        assert_eq!(serde_json::from_str::<Secret>(&text).unwrap().expose(), "from a file");
        assert!(serde_json::from_str::<Secret>("{\"file\":\"/nowhere\"}").is_err());
        assert!(serde_json::from_str::<Secret>("{\"path\":\"/nowhere\"}").is_err());
    }
}
