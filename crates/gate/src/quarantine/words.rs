//! What clients read.
use super::number;
use crate::decide::Record;
use registry::Standing;
use serde_json::{Value, json};
use std::time::Duration;

/// What a job is at, in words, and how long that will take at a guess.
pub(super) fn progress(progress: Option<&Value>, runs: Option<Duration>) -> (String, Duration) {
    let sandbox = if runs.is_some() { ", sandbox next" } else { "" };
    let run = runs.unwrap_or_default();
    let Some(value) = progress else { return ("waiting for its turn".to_owned(), Duration::from_secs(10)) };
    let (bytes, total) = (number(value, "bytes"), number(value, "total"));
    // As fast as a slow line fetches, and one thread reads.
    let left = |rate: u64| Duration::from_secs((total.saturating_sub(bytes) / rate).clamp(2, 120));
    match value.get("stage").and_then(Value::as_str).unwrap_or_default() {
        "fetching" => {
            let (done, of) = (number(value, "done"), number(value, "of"));
            let next = if runs.is_some() { "analysis and sandbox" } else { "analysis" };
            (format!("fetching blob {done} of {of}, {next} next"), left(10 << 20))
        }
        "reading layers" => {
            let (done, layers) = (share(bytes, total), number(value, "layers"));
            (format!("analysing {layers} layers, {done}% read{sandbox}"), left(20 << 20) + run)
        }
        "" | "opening the image" => (format!("opening the image{sandbox}"), Duration::from_secs(5) + run),
        stage => (format!("analysing: {stage}"), Duration::from_secs(5) + run),
    }
}

fn share(bytes: u64, total: u64) -> u64 {
    bytes.saturating_mul(100).checked_div(total).unwrap_or(0).min(100)
}

/// What the end of fetching says, where it is the end of all.
pub(super) fn fetched(result: &Value) -> Option<Standing> {
    let message = || result.get("message").and_then(Value::as_str).unwrap_or_default();
    match result.get("outcome").and_then(Value::as_str)? {
        "missing" => Some(Standing::Unknown),
        "refused" => {
            let message = format!("roadstead: {}", message());
            let detail = json!({"state": "refused", "rule": "upstream", "message": message});
            Some(Standing::Denied { message, detail })
        }
        _ => None,
    }
}

/// The message with the page of the image behind it: clients print the message and nothing else of an answer, so that whoever
/// reads it has to find there where to go on.
pub(super) fn see(message: String, page: Option<&str>) -> String {
    match page {
        Some(page) => format!("{message}; see {page}"),
        None => message,
    }
}

pub(super) fn not_listed(why: &str) -> Standing {
    let message = format!("roadstead: {why}");
    let detail = json!({"state": "refused", "rule": "upstream-list", "message": message});
    Standing::Denied { message, detail }
}

pub(super) fn detail(state: &str, record: Option<&Record>, page: Option<String>) -> Value {
    let Some(record) = record else { return json!({"state": state, "page": page}) };
    json!({
        "state": state, "rule": record.rule, "message": record.message, "verdict": record.verdict,
        "findings": record.findings, "report": record.report, "page": page,
    })
}

/// Why something newer is not served, where it is not.
pub(super) fn why_not(standing: &Standing) -> Option<String> {
    let short = |text: &str| text.strip_prefix("roadstead: ").unwrap_or(text).to_owned();
    match standing {
        Standing::Released(..) => None,
        Standing::Held { message, .. } => Some(format!("which is held ({})", short(message))),
        Standing::Denied { message, .. } => Some(format!("which is refused ({})", short(message))),
        Standing::Unknown => Some("which cannot be fetched".to_owned()),
        Standing::Unavailable { message, .. } => {
            Some(format!("which cannot be fetched ({})", short(message)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_refused_is_told_where_to_go_on() {
        let said = "roadstead: a/b is denied by the rule malicious".to_owned();
        let page = "https://gate.example/q/a/b@sha256:0";
        assert_eq!(see(said.clone(), Some(page)), format!("{said}; see {page}"));
        assert_eq!(see(said.clone(), None), said);
    }

    fn check(value: Option<Value>, runs: Option<u64>, expect: &str, seconds: u64) {
        let (text, wait) = progress(value.as_ref(), runs.map(Duration::from_secs));
        assert_eq!((text.as_str(), wait.as_secs()), (expect, seconds));
    }

    #[test]
    fn progress_is_told_in_words() {
        check(None, None, "waiting for its turn", 10);
        let fetching = json!({"stage": "fetching", "done": 3, "of": 7, "bytes": 0, "total": 100 << 20});
        check(Some(fetching.clone()), None, "fetching blob 3 of 7, analysis next", 10);
        check(Some(fetching), Some(60), "fetching blob 3 of 7, analysis and sandbox next", 10);
        let reading = json!({"stage": "reading layers", "layers": 7, "bytes": 50, "total": 100});
        check(Some(reading), Some(60), "analysing 7 layers, 50% read, sandbox next", 62);
        check(Some(json!({"stage": "judging"})), None, "analysing: judging", 5);
        check(Some(json!({})), None, "opening the image", 5);
        let odd = json!({"stage": "reading layers", "layers": -1, "bytes": u64::MAX, "total": 0});
        check(Some(odd), None, "analysing 0 layers, 0% read", 2);
    }
}
