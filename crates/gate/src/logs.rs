//! Logs: on standard error, as text for people or JSON for programs, with nothing in them that hides itself.

use crate::config::{Log, LogFormat};
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, IsTerminal as _, Write};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;
use tracing::Instrument as _;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Starts logging. Where somebody logs already, as in a program's own tests, that stays.
pub(crate) fn start(log: &Log) -> Result<(), crate::Error> {
    let filter = EnvFilter::builder().parse(&log.level).map_err(|error| crate::Error::Setting {
        key: "log.level",
        whence: "the configuration".to_owned(),
        why: error.to_string(),
    })?;
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let builder =
        tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(Escaping { json });
    let _ = if json {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init()
    } else {
        builder.try_init()
    };
    Ok(())
}

/// Gives each request a number, which the answer and every line about it carry, and writes how it ended. The registry does
/// so for its own.
pub(crate) async fn requests(request: Request, next: Next) -> Response {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    static START: LazyLock<u64> = LazyLock::new(|| RandomState::new().hash_one(std::process::id()));
    let id = format!("{:016x}+{:x}", *START, COUNT.fetch_add(1, Ordering::Relaxed));
    let started = Instant::now();
    // What is asked for all day long by machines tells nothing.
    let quiet = matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics");
    let path: String = request.uri().path().chars().take(200).collect();
    let span =
        tracing::info_span!("request", %id, method = %request.method(), path = model::escape_text(&path));
    let mut response = next.run(request).instrument(span.clone()).await;
    let (status, seconds) = (response.status().as_u16(), started.elapsed().as_secs_f64());
    if quiet {
        tracing::debug!(parent: &span, status, seconds, "answered");
    } else {
        tracing::info!(parent: &span, status, seconds, "answered");
    }
    if let Ok(id) = HeaderValue::try_from(id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

/// Writes lines in which no character moves or hides others: names of images and of clients' programs are the attacker's,
/// and a log is read in a terminal (RUSTSEC-2025-0055).
#[derive(Clone, Copy)]
struct Escaping {
    json: bool,
}

impl<'a> MakeWriter<'a> for Escaping {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        *self
    }
}

impl Write for Escaping {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(escaped(line, self.json).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

fn escaped(line: &[u8], json: bool) -> String {
    let text = String::from_utf8_lossy(line);
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        if character == '\n' || !model::is_hidden(character) {
            out.push(character);
        } else if json {
            // In JSON by its own escapes, so that the line stays JSON.
            let mut units = [0; 2];
            for unit in character.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            out.push_str(&model::escape_text(character.encode_utf8(&mut [0; 4])));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, json: bool, expect: &str) {
        assert_eq!(escaped(line.as_bytes(), json), expect);
    }

    #[test]
    fn nothing_hides_in_a_line() {
        check("a\x1b[2Jb\n", false, "a\\u{1b}[2Jb\n");
        check("{\"name\":\"gnp.\u{202e}exe\"}\n", true, "{\"name\":\"gnp.\\u202eexe\"}\n");
        check("{\"name\":\"\u{e0041}\"}\n", true, "{\"name\":\"\\udb40\\udc41\"}\n");
        let read: serde_json::Value =
            serde_json::from_str(&escaped("{\"a\":\"\u{e0041}\"}".as_bytes(), true)).unwrap();
        assert_eq!(read["a"], "\u{e0041}");
        check("größe\n", false, "größe\n");
    }
}
