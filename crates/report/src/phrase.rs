use model::{Coverage, Finding, Report, Role, Severity, Verdict, thousands};
use std::borrow::Cow;

/// Makes a text safe that should have been escaped already; escaping twice changes nothing.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~')) || !text.chars().any(model::is_hidden);
    if plain { text.into() } else { model::escape_text(text).into() }
}

/// Every severity, worst first.
pub(crate) const SEVERITIES: [Severity; 4] =
    [Severity::Critical, Severity::High, Severity::Medium, Severity::Low];

/// The sign of a verdict. It differs in shape, so that it speaks without colour.
pub(crate) fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Clean => "✔",
        Verdict::Incomplete => "◌",
        Verdict::Suspicious => "▲",
        Verdict::Malicious => "✖",
    }
}

/// What a finding is worth, in a few words.
pub(crate) fn worth(finding: &Finding) -> &'static str {
    match finding.role {
        _ if finding.exception.is_some() => "under an exception",
        Role::Convicts if finding.is_residue() => "removed by a later layer",
        Role::Convicts => "decides alone",
        Role::Corroborates => "counts with others",
        Role::Context => "for context",
    }
}

/// The SHA-256 of the file that a finding is about, where no evidence says it already.
pub(crate) fn content(finding: &Finding) -> Option<String> {
    let content = finding.content?;
    let said = finding.evidence.iter().any(|piece| piece.kind == "sha256" && piece.value == content.hex());
    (!said).then(|| content.to_string())
}

/// Whether the start of the image leads to it, where that is known.
pub(crate) fn reach(finding: &Finding) -> Option<&'static str> {
    match finding.reachable {
        Some(true) => Some("the start of the image leads to it"),
        Some(false) if finding.is_residue() => Some("nothing can run it: a later layer removed it"),
        Some(false) => Some("the start of the image was not seen to lead to it"),
        None => None,
    }
}

/// `1 file`, `3,120 files`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", thousands(count), if count == 1 { "" } else { "s" })
}

/// A size as people read it: `115.7 MiB`.
pub(crate) fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["bytes", "KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 || unit == "TiB" {
            return if unit == "bytes" { counted(bytes, "byte") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    counted(bytes, "byte")
}

/// A duration as people read it: `480 ms`, `1.2 s`, `3 min 20 s`.
pub(crate) fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{:.1} s", milliseconds as f64 / 1000.0),
        _ => format!("{} min {} s", thousands(milliseconds / 60_000), milliseconds % 60_000 / 1000),
    }
}

/// How much was looked at and how long it took, in one line.
pub(crate) fn coverage(report: &Report) -> String {
    let Coverage { layers, files, bytes, bytes_read, runs, events_dropped } = report.coverage;
    let amount = if bytes_read == bytes {
        format!("all {}", size(bytes))
    } else {
        format!("{} of {} bytes", thousands(bytes_read), thousands(bytes))
    };
    let platforms = report.image.platforms.len() as u64;
    let mut line = format!(
        "{amount} read: {} in {} of {}",
        counted(files, "file"),
        counted(layers, "layer"),
        counted(platforms, "platform")
    );
    if runs > 0 {
        let lost = if events_dropped == 0 { "no".to_owned() } else { thousands(events_dropped) };
        line += &format!("; {} in the sandbox, {lost} events lost", counted(runs, "run"));
    }
    line + &format!("; {}", duration(report.timing_ms.total))
}

/// Cuts a text that is longer than `most` characters and says how much is missing.
pub(crate) fn shortened(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        None => text.into(),
        Some((end, _)) => {
            let rest = text.get(end..).unwrap_or_default().chars().count() as u64;
            let start = text.get(..end).unwrap_or_default();
            format!("{start}… ({})", counted(rest, "more character")).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: String, expect: &str) {
        assert_eq!(text, expect);
    }

    #[test]
    fn amounts_are_read_at_a_glance() {
        check(size(0), "0 bytes");
        check(size(1), "1 byte");
        check(size(1023), "1,023 bytes");
        check(size(121_367_552), "115.7 MiB");
        check(size(u64::MAX), "16777216.0 TiB");
        check(duration(999), "999 ms");
        check(duration(1_240), "1.2 s");
        check(duration(200_000), "3 min 20 s");
        check(shortened("äöü", 3).into_owned(), "äöü");
        check(shortened("äöüß", 3).into_owned(), "äöü… (1 more character)");
    }
}
