use super::{Exceptions, ExceptionsError, ImageScope, Scoped};
use model::{Date, Digest, Exception, ImageRef, escape_text};
use serde::Deserialize;
use std::str::FromStr;

impl FromStr for Exceptions {
    type Err = ExceptionsError;

    /// Reads a list of `[[exception]]` tables in TOML. A field that is not known is an error: a misspelt
    /// restriction must not make an exception wider than it was meant.
    fn from_str(text: &str) -> Result<Self, ExceptionsError> {
        let file: File =
            toml::from_str(text).map_err(|error| ExceptionsError::Syntax(escape_text(&error.to_string())))?;
        if file.exception.len() > MAX_EXCEPTIONS {
            return Err(ExceptionsError::TooMany(file.exception.len()));
        }
        let list =
            file.exception.into_iter().enumerate().map(|(at, raw)| {
                scoped(raw).map_err(|why| ExceptionsError::Exception { number: at + 1, why })
            });
        Ok(Self { list: list.collect::<Result<_, _>>()? })
    }
}

/// More than a person has looked at one by one.
const MAX_EXCEPTIONS: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    exception: Vec<Raw>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    finding: String,
    sha256: Option<String>,
    path: Option<String>,
    image: Option<String>,
    reason: String,
    author: String,
    expires: toml::Value,
}

fn scoped(raw: Raw) -> Result<Scoped, String> {
    if !is_id(&raw.finding) {
        return Err(format!(
            "finding {} is no id such as S-PER-CRON; an exception is for one finding, and there are no wildcards",
            escape_text(&raw.finding)
        ));
    }
    let sha256 = raw.sha256.as_deref().map(sha256).transpose()?;
    let image = raw.image.as_deref().map(image_scope).transpose()?;
    if sha256.is_none() && image.is_none() {
        return Err("it is for no content (sha256) and no image; give at least one of them".to_owned());
    }
    if raw.path.as_ref().is_some_and(|path| !path.starts_with('/')) {
        return Err("its path does not begin with a slash".to_owned());
    }
    for (name, text) in [("reason", &raw.reason), ("author", &raw.author)] {
        if text.trim().is_empty() {
            return Err(format!("its {name} is empty"));
        }
    }
    let exception = Exception {
        finding: raw.finding,
        sha256,
        path: raw.path.as_deref().map(escape_text),
        image: raw.image.as_deref().map(escape_text),
        reason: escape_text(raw.reason.trim()),
        author: escape_text(raw.author.trim()),
        expires: date(&raw.expires)?,
    };
    Ok(Scoped { exception, image })
}

fn is_id(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    };
    text.split('-').count() >= 3 && text.split('-').all(part)
}

fn sha256(text: &str) -> Result<Digest, String> {
    let hex = text.strip_prefix("sha256:").unwrap_or(text);
    format!("sha256:{hex}")
        .parse()
        .map_err(|_| "its sha256 is not 64 lower-case hexadecimal digits".to_owned())
}

fn image_scope(text: &str) -> Result<ImageScope, String> {
    if let Ok(digest) = text.parse::<Digest>() {
        return Ok(ImageScope::Digest(digest));
    }
    let name: ImageRef = text.parse().map_err(|error: model::ImageRefError| error.to_string())?;
    let path = text.split('@').next().unwrap_or_default();
    let tag_written = path.rsplit('/').next().is_some_and(|last| last.contains(':'));
    Ok(ImageScope::Name { name, tag_written })
}

/// A date, with or without quotes; TOML has dates of its own.
fn date(value: &toml::Value) -> Result<Date, String> {
    let text = match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Datetime(date) => date.to_string(),
        other => other.to_string(),
    };
    text.parse().map_err(|error: model::DateError| format!("expires: {error}"))
}
