use crate::phrase::{counted, safe, shortened};
use model::{Exception, ExceptionState, ExceptionUse, Finding, Report};

/// The exceptions that need somebody's hand: those that have expired, and those that are for nothing that was
/// found, one sentence each. What is kept for nothing hides the next finding that it happens to fit.
pub fn exception_warnings(report: &Report) -> Vec<String> {
    report.exceptions.iter().filter_map(warning).collect()
}

fn warning(used: &ExceptionUse) -> Option<String> {
    let exception = &used.exception;
    let what = format!("the exception for {} ({})", text(&exception.finding), text(&exception.scope()));
    match used.state {
        ExceptionState::Used => None,
        ExceptionState::Unused => {
            Some(format!("{what} is unused: nothing that was found is what it is for; remove it"))
        }
        ExceptionState::Expired if used.findings == 0 => Some(format!(
            "{what} expired on {} and is for nothing that was found; remove it",
            exception.expires
        )),
        ExceptionState::Expired => Some(format!(
            "{what} expired on {}: {} counted again; look anew and renew it, or remove it",
            exception.expires,
            if used.findings == 1 {
                "1 finding is".to_owned()
            } else {
                counted(used.findings, "finding") + " are"
            }
        )),
    }
}

/// The exception of a finding in a sentence: who accepts it, until when, and why.
pub(crate) fn in_force(finding: &Finding) -> Option<String> {
    finding.exception.as_ref().map(told)
}

fn told(exception: &Exception) -> String {
    let (author, reason, scope) =
        (text(&exception.author), text(&exception.reason), text(&exception.scope()));
    format!("accepted by {author} until {}: {reason} (for {scope})", exception.expires)
}

fn text(raw: &str) -> String {
    shortened(&safe(raw), 300).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn what_needs_a_hand_is_named_and_what_is_used_is_not() {
        assert_eq!(
            exception_warnings(&sample::excepted()),
            [
                "the exception for S-PER-CRON (/etc/cron.d/backup in registry.example/team/app) is unused: nothing \
                 that was found is what it is for; remove it",
                "the exception for S-META-IMPERSON (docker.io/700888880a0/golang) expired on 2026-01-31: 1 finding is \
                 counted again; look anew and renew it, or remove it",
            ]
        );
        assert!(exception_warnings(&sample::miner()).is_empty());
        for warning in exception_warnings(&sample::hostile()) {
            assert!(!warning.chars().any(model::is_hidden), "{warning}");
        }
    }
}
