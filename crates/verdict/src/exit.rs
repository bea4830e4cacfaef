use model::Verdict;
use std::str::FromStr;

/// The exit code of `scan`, `detonate` and `verify`: 1 for a verdict at or above `fail_on`, 3 where something
/// was not looked at, 0 where the image passed. 2, the command that could not run, is the command's own.
///
/// A verdict below the bar does not hide a gap: an image that is suspicious and partly unread leaves with 3
/// where only `malicious` fails, because the unread part may hold the conviction.
pub fn exit_code(verdict: Verdict, gaps_present: bool, fail_on: FailOn) -> u8 {
    if verdict >= fail_on.verdict() {
        1
    } else if gaps_present || verdict == Verdict::Incomplete {
        3
    } else {
        0
    }
}

/// From which verdict on a command fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FailOn {
    /// Suspicion is enough.
    Suspicious,
    /// Only proof.
    #[default]
    Malicious,
}

/// A word that is no [`FailOn`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no verdict to fail on; write suspicious or malicious")]
pub struct UnknownFailOn(String);

impl FailOn {
    fn verdict(self) -> Verdict {
        match self {
            Self::Suspicious => Verdict::Suspicious,
            Self::Malicious => Verdict::Malicious,
        }
    }
}

impl FromStr for FailOn {
    type Err = UnknownFailOn;

    fn from_str(text: &str) -> Result<Self, UnknownFailOn> {
        match text {
            "suspicious" => Ok(Self::Suspicious),
            "malicious" => Ok(Self::Malicious),
            _ => Err(UnknownFailOn(model::escape_text(text))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(verdict: Verdict, gaps: bool, fail_on: &str, expect: u8) {
        assert_eq!(exit_code(verdict, gaps, fail_on.parse().unwrap()), expect, "{verdict} {gaps} {fail_on}");
    }

    #[test]
    fn the_shell_hears_the_worst() {
        check(Verdict::Clean, false, "malicious", 0);
        check(Verdict::Clean, false, "suspicious", 0);
        check(Verdict::Incomplete, true, "malicious", 3);
        check(Verdict::Incomplete, true, "suspicious", 3);
        check(Verdict::Suspicious, false, "malicious", 0);
        check(Verdict::Suspicious, true, "malicious", 3);
        check(Verdict::Suspicious, false, "suspicious", 1);
        check(Verdict::Suspicious, true, "suspicious", 1);
        check(Verdict::Malicious, false, "malicious", 1);
        check(Verdict::Malicious, true, "malicious", 1);
        check(Verdict::Malicious, true, "suspicious", 1);
    }

    #[test]
    fn what_contradicts_itself_is_not_passed() {
        check(Verdict::Clean, true, "malicious", 3);
        check(Verdict::Incomplete, false, "malicious", 3);
        assert!("clean".parse::<FailOn>().is_err());
    }
}
