use super::detections::UNSIGNED;
use super::{BackdoorFacts, Subject, live};
use crate::analyzers::start::base_name;
use crate::{ImageView, Outcome};

/// Most lines of one file, and most pieces of evidence.
const MAX_LINES: usize = 16;

/// The lines that switch off the check of signatures.
pub(super) fn unsigned(subject: Subject, bytes: &[u8]) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for (line, number) in bytes.split(|&byte| byte == b'\n').zip(1_u32..) {
        const LONGEST: usize = 4 << 10;
        let line = line.get(..line.len().min(LONGEST)).unwrap_or_default().trim_ascii();
        if line.is_empty() || line.starts_with(b"#") || line.starts_with(b"//") {
            continue;
        }
        let small: Vec<u8> =
            line.iter().filter(|byte| !byte.is_ascii_whitespace()).map(u8::to_ascii_lowercase).collect();
        let has = |text: &str| memchr::memmem::find(&small, text.as_bytes()).is_some();
        let off = match subject {
            Subject::AptSources => has("trusted=yes") || small == b"trusted:yes",
            Subject::AptSettings => {
                let on = ["\"true\"", "\"1\"", "\"yes\"", "true;", "1;", "yes;"].iter().any(|on| has(on));
                on && (has("allowunauthenticated") || has("allowinsecurerepositories"))
            }
            Subject::RpmSettings => {
                matches!(
                    small.as_slice(),
                    b"gpgcheck=0" | b"gpgcheck=no" | b"gpgcheck=false" | b"gpgcheck=off"
                )
            }
            Subject::PipSettings => small.starts_with(b"trusted-host="),
            _ => false,
        };
        if off {
            found.push((
                number,
                String::from_utf8_lossy(line.get(..line.len().min(200)).unwrap_or_default()).into(),
            ));
            if found.len() >= MAX_LINES {
                break;
            }
        }
    }
    found
}

/// Tells, in one finding, where the check of signatures is switched off and which keys no package brought.
pub(super) fn judge(image: &ImageView<'_>, out: &mut Outcome) {
    const OPTIONS: [&str; 5] =
        ["--allow-unauthenticated", "--allow-untrusted", "--nogpgcheck", "--no-gpg-checks", "--trusted-host"];
    let mut evidence = Vec::new();
    let mut first = None;
    for (place, fact) in live(image) {
        if let (BackdoorFacts::Unsigned(lines), Some(entry)) = (fact, image.tree.entry(place)) {
            first.get_or_insert(place);
            let path = model::escape_bytes(entry.path);
            evidence.extend(
                lines.iter().map(|(number, text)| ("line", format!("/{path}, line {number}: {text}"))),
            );
        }
    }
    for step in &image.config.history {
        let option = OPTIONS.iter().find(|option| has_word(&step.created_by, option));
        evidence.extend(option.map(|option| ("history", (*option).to_owned())));
    }
    let unchecked = evidence.len();
    for (path, place) in image.tree.iter() {
        if evidence.len() >= MAX_LINES {
            break;
        }
        let folder = path.get(..path.len() - base_name(&path).len()).unwrap_or_default();
        let key =
            matches!(folder, b"etc/apk/keys/" | b"etc/apt/trusted.gpg.d/") || path == b"etc/apt/trusted.gpg";
        // Without a database nothing is owned, and nothing is missing from it.
        if key && !image.ownership.is_empty() && image.ownership.owner(&path).is_none() {
            first.get_or_insert(place);
            evidence.push(("key", format!("/{}", model::escape_bytes(&path))));
        }
    }
    if evidence.is_empty() {
        return;
    }
    let why = match unchecked {
        0 => "Keys that no package brought are trusted for all repositories.",
        _ => "The check of signatures is switched off.",
    };
    let mut finding = match first {
        Some(place) => image.finding_at(&UNSIGNED, why, place),
        None => image.finding(&UNSIGNED, why),
    };
    for (kind, text) in evidence.iter().take(MAX_LINES) {
        finding = finding.with_evidence(kind, text, None);
    }
    out.findings.push(finding);
}

fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let after = text.get(at + word.len()..).and_then(|rest| rest.bytes().next());
        after.is_none_or(|byte| !(byte.is_ascii_alphanumeric() || byte == b'-'))
    })
}
