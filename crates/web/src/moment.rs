use std::fmt;

/// A moment, in milliseconds since 1970, as the store keeps it. It prints itself as an element `time` in UTC: digits
/// of ours and nothing else, which templates need not escape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(pub i64);

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (day, seconds) = self.parts();
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "<time datetime=\"{day}T{hour:02}:{minute:02}:{second:02}Z\">{day} {hour:02}:{minute:02}</time>"
        )
    }
}

impl Moment {
    /// The day on which it lies, as a field of the type `date` takes it.
    pub fn day(self) -> model::Date {
        self.parts().0
    }

    fn parts(self) -> (model::Date, u64) {
        let seconds = u64::try_from(self.0.div_euclid(1000)).unwrap_or(0);
        (model::Date::of_unix_seconds(seconds), seconds % 86_400)
    }
}

/// A length of time as people read it: `3 d 4 h`.
pub(crate) fn length(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", model::thousands(seconds / 86_400), seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(milliseconds: i64, expect: &str) {
        assert_eq!(Moment(milliseconds).to_string(), expect);
    }

    #[test]
    fn a_moment_is_read_by_people_and_programs() {
        check(0, "<time datetime=\"1970-01-01T00:00:00Z\">1970-01-01 00:00</time>");
        check(1_795_880_047_999, "<time datetime=\"2026-11-28T15:34:07Z\">2026-11-28 15:34</time>");
        check(-1, "<time datetime=\"1970-01-01T00:00:00Z\">1970-01-01 00:00</time>");
        assert!(Moment(i64::MAX).to_string().contains("9999-12-31"));
    }

    #[test]
    fn lengths_are_told_in_two_units() {
        for (seconds, expect) in [(59, "59 s"), (61, "1 min"), (3_700, "1 h 1 min"), (277_300, "3 d 5 h")] {
            assert_eq!(length(seconds), expect);
        }
    }
}
