use serde::de::{self, Deserializer};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A day of the calendar, as RFC 3339 writes a full date: `2026-11-27`. Days compare as they follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// A text that is no [`Date`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no date; write it as 2026-11-27")]
pub struct DateError(String);

impl Date {
    /// The day in UTC on which a moment lies, given in seconds since 1970; no moment before that year and none
    /// after the year 9999 is told apart from the first and the last.
    pub fn of_unix_seconds(seconds: u64) -> Self {
        const LAST: Date = Date { year: 9999, month: 12, day: 31 };
        let mut days = seconds / 86_400;
        for year in 1970..=9999 {
            let of_year = if is_leap(year) { 366 } else { 365 };
            if days >= of_year {
                days -= of_year;
                continue;
            }
            for month in 1..=12 {
                let of_month = u64::from(days_of(year, month));
                if days < of_month {
                    return Self { year, month, day: u8::try_from(days + 1).unwrap_or(1) };
                }
                days -= of_month;
            }
        }
        LAST
    }
}

fn is_leap(year: u16) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u16, month: u8) -> u8 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Self, DateError> {
        let fail = || DateError(crate::escape_text(&text.chars().take(40).collect::<String>()));
        let number = |range: std::ops::Range<usize>| {
            let digits = text.get(range).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
            digits.parse::<u16>().ok()
        };
        let bytes = text.as_bytes();
        if bytes.len() != 10 || bytes.get(4) != Some(&b'-') || bytes.get(7) != Some(&b'-') {
            return Err(fail());
        }
        let parts = (number(0..4), number(5..7), number(8..10));
        let (Some(year), Some(month @ 1..=12), Some(day)) = parts else { return Err(fail()) };
        let (month, day) = (month as u8, day as u8);
        if day == 0 || day > days_of(year, month) {
            return Err(fail());
        }
        Ok(Self { year, month, day })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(seconds: u64, expect: &str) {
        assert_eq!(Date::of_unix_seconds(seconds).to_string(), expect);
        assert_eq!(expect.parse::<Date>(), Ok(Date::of_unix_seconds(seconds)));
    }

    #[test]
    fn days_are_counted_as_the_calendar_counts_them() {
        check(0, "1970-01-01");
        check(86_399, "1970-01-01");
        check(86_400, "1970-01-02");
        check(951_782_400, "2000-02-29");
        check(1_709_164_800, "2024-02-29");
        check(1_795_737_600, "2026-11-27");
        check(4_107_542_400, "2100-03-01");
        check(u64::MAX, "9999-12-31");
    }

    #[test]
    fn days_follow_each_other() {
        let date = |text: &str| text.parse::<Date>().unwrap();
        assert!(date("2026-09-30") < date("2026-10-01") && date("2026-12-31") < date("2027-01-01"));
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "",
            "2026-11-27T00:00:00Z",
            "2026-1-27",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-11-00",
            "2026-11-31",
            "+026-11-27",
            "2026/11/27",
            "20261127",
            "２０26-1-2",
            "never",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }
}
