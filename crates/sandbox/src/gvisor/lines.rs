//! Lines of the log of calls, which a guest has a say in: names of processes, paths.
//!
//! A line is believed where it can be read in one way only. What a guest writes into a name to make it another line
//! makes it a line that is counted as lost.

use serde::Deserialize;

/// A call that has returned.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line<'a> {
    /// Thread group and thread, as the guest numbers them.
    pub(super) group: i32,
    pub(super) thread: i32,
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
    /// Negative is an error number.
    pub(super) result: i64,
}

/// What a line of the log is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read<'a> {
    Call(Line<'a>),
    /// The beginning of a call, or something else that gVisor notes.
    Other,
    /// It can be read in more ways than one, or not at all.
    Unclear,
}

/// The message in a line of JSON, and when it was written, in nanoseconds since the epoch.
pub(super) fn message(line: &[u8]) -> Option<(u64, String)> {
    #[derive(Deserialize)]
    struct Logged {
        msg: String,
        time: String,
    }
    let logged: Logged = serde_json::from_slice(line).ok()?;
    Some((time(&logged.time)?, logged.msg))
}

/// Reads `2026-11-28T01:44:27.359081576Z`.
fn time(text: &str) -> Option<u64> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, ""));
    let numbers = |text: &str, between: char| -> Option<[u64; 3]> {
        let mut parts = text.split(between).map(|part| part.parse::<u32>().ok().map(u64::from));
        Some([parts.next()??, parts.next()??, parts.next()??])
    };
    let ([year, month, day], [hours, minutes, seconds]) = (numbers(date, '-')?, numbers(clock, ':')?);
    // Years begin in March here, so that the day that comes every four years is a year's last.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day;
    let seconds = (days.checked_sub(719_469)? * 24 + hours) * 3600 + minutes * 60 + seconds;
    let fraction: u64 = format!("{fraction:0<9}").get(..9)?.parse().ok()?;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
}

/// The longest name of a process.
const LONGEST_NAME: usize = 15;

/// Reads `strace.go:599] [   1:   2] name X unlink(0x48d004 /tmp/a) = 0 (0x0) errno=2 (text) (28.573µs)`.
pub(super) fn read(message: &str) -> Read<'_> {
    if !message.starts_with("strace.go:") {
        return Read::Other;
    }
    let Some((_, rest)) = message.split_once("] [") else { return Read::Other };
    let Some((numbers, rest)) = rest.split_once("] ") else { return Read::Unclear };
    let numbers = numbers
        .split_once(':')
        .and_then(|(group, thread)| Some((group.trim().parse().ok()?, thread.trim().parse().ok()?)));
    let Some((group, thread)) = numbers else { return Read::Unclear };
    // The name comes first and may hold what looks like a call: then there are two places at which one begins.
    let mut begins = rest.char_indices().take(LONGEST_NAME + 1).filter_map(|(at, _)| {
        let rest = rest.get(at..)?;
        let (ended, rest) = rest
            .strip_prefix(" X ")
            .map(|rest| (true, rest))
            .or_else(|| Some((false, rest.strip_prefix(" E ")?)))?;
        let (name, rest) = rest.split_once('(')?;
        let plain = !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        plain.then_some((ended, name, rest))
    });
    let (Some((ended, name, rest)), None) = (begins.next(), begins.next()) else { return Read::Unclear };
    if !ended {
        return Read::Other;
    }
    match returned(rest) {
        Some((arguments, result)) => Read::Call(Line { group, thread, name, arguments, result }),
        None => Read::Unclear,
    }
}

/// Splits arguments from what came back. The last `) = ` is gVisor's: nothing of the guest's stands behind it.
fn returned(text: &str) -> Option<(&str, i64)> {
    let (arguments, back) = text.rsplit_once(") = ")?;
    let (value, rest) = back.split_once(" (0x")?;
    let value: i64 = value.parse().ok()?;
    let (_, rest) = rest.split_once(") ")?;
    let (result, took) = match rest.strip_prefix("errno=") {
        Some(error) => {
            let (error, rest) = error.split_once(" (")?;
            (error.parse::<i64>().ok()?.checked_neg()?, rest.split_once(") ")?.1)
        }
        None => (value, rest),
    };
    let took = took.strip_prefix('(')?.strip_suffix(")")?;
    // `28.573µs`, `1m2.5s`.
    took.chars()
        .all(|letter| letter.is_ascii_digit() || ".hmnsµ".contains(letter))
        .then_some((arguments, result))
}

/// Splits arguments where there are as many as the call has; a comma in a path makes more of them.
pub(super) fn arguments<const N: usize>(text: &str) -> Option<[&str; N]> {
    let mut parts = text.split(", ");
    let mut found = [""; N];
    for place in &mut found {
        *place = parts.next()?;
    }
    parts.next().is_none().then_some(found)
}

/// The text behind an address (`0x48d004 /tmp/a`), or behind a directory (`AT_FDCWD /`, `0x3 /tmp`).
pub(super) fn text(argument: &str) -> Option<&str> {
    argument.split_once(' ').map(|(_, text)| text)
}

/// The number of an argument: hexadecimal, octal as modes are, or one of the names that matter.
pub(super) fn number(argument: &str) -> u64 {
    let word = argument.split(' ').next().unwrap_or_default();
    if let Some(digits) = word.strip_prefix("0x") {
        return u64::from_str_radix(digits, 16).unwrap_or(0);
    }
    // A mode may have the kind of node before it: `S_IFIFO|0o600`.
    word.split('|').map(part).fold(0, |all, part| all | part)
}

fn part(word: &str) -> u64 {
    if let Some(digits) = word.strip_prefix("0o") {
        return u64::from_str_radix(digits, 8).unwrap_or(0);
    }
    let named = NAMES.iter().find(|(name, _)| *name == word).map(|(_, value)| *value);
    named.or_else(|| word.parse().ok()).unwrap_or(0)
}

/// Names that gVisor writes in place of numbers.
const NAMES: &[(&str, u64)] = &[
    ("AT_FDCWD", -100_i64 as u64),
    ("PTRACE_ATTACH", 16),
    ("PTRACE_SEIZE", 0x4206),
    ("PTRACE_PEEKTEXT", 1),
    ("PTRACE_PEEKDATA", 2),
    ("PTRACE_POKETEXT", 4),
    ("PTRACE_POKEDATA", 5),
    ("PTRACE_CONT", 7),
    ("PTRACE_KILL", 8),
    ("CLONE_NEWNS", 0x2_0000),
    ("CLONE_NEWCGROUP", 0x200_0000),
    ("CLONE_NEWUTS", 0x400_0000),
    ("CLONE_NEWIPC", 0x800_0000),
    ("CLONE_NEWUSER", 0x1000_0000),
    ("CLONE_NEWPID", 0x2000_0000),
    ("CLONE_NEWNET", 0x4000_0000),
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGKILL", 9),
    ("SIGUSR1", 10),
    ("SIGUSR2", 12),
    ("SIGTERM", 15),
    ("SIGCONT", 18),
    ("SIGSTOP", 19),
    ("S_IFIFO", 0o010_000),
    ("S_IFCHR", 0o020_000),
    ("S_IFBLK", 0o060_000),
    ("S_IFREG", 0o100_000),
    ("S_IFSOCK", 0o140_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(message: &str, expect: &str) {
        let told = match read(message) {
            Read::Call(line) => {
                format!("{}:{} {}<{}>{}", line.group, line.thread, line.name, line.arguments, line.result)
            }
            other => format!("{other:?}"),
        };
        assert_eq!(told, expect);
    }

    // Lines as gVisor 20240729 wrote them.
    #[test]
    fn calls_are_read() {
        check(
            "strace.go:599] [   1:   2] t X unlink(0x48d004 /tmp/th) = 0 (0x0) errno=2 (no such file or directory) (28.573µs)",
            "1:2 unlink<0x48d004 /tmp/th>-2",
        );
        check(
            "strace.go:602] [   1:   1] t X memfd_create(0x48d089 kworker, 0x0) = 5 (0x5) (10.245µs)",
            "1:1 memfd_create<0x48d089 kworker, 0x0>5",
        );
        check(
            "strace.go:605] [   9:   9]  X bpf(0x0, 0x0, 0x0) = 0 (0x0) errno=1 (operation not permitted) (360ns)",
            "9:9 bpf<0x0, 0x0, 0x0>-1",
        );
        check("strace.go:561] [   6:   6] rm E unlink(0x5eee68 /tmp/b)", "Other");
        check("kernel.go:1043] EXEC: [sh -c x]", "Other");
    }

    #[test]
    fn times_are_read() {
        let check = |text: &str, expect: Option<u64>| assert_eq!(time(text), expect, "{text}");
        check("1970-01-01T00:00:00Z", Some(0));
        check("2026-11-28T01:42:28.99519926Z", Some(1_795_830_148_995_199_260));
        check("2024-02-29T23:59:59.5Z", Some(1_709_251_199_500_000_000));
        check("2024-02-29 23:59:59", None);
        check("0000-00-00T00:00:00.Z", None);
        check("4294967295-4294967295-4294967295T4294967295:0:0.9999999999Z", None);
        check("", None);
        let line = br#"{"msg":"a\nb","level":"info","time":"1970-01-01T00:00:01Z"}"#;
        assert_eq!(message(line), Some((1_000_000_000, "a\nb".to_owned())));
        assert_eq!(message(b"{\"msg\":1}"), None);
    }

    #[test]
    fn what_a_guest_forges_is_unclear() {
        let end = " = 0 (0x0) (1µs)";
        // A name that looks like a call, in the call's beginning and in its end.
        check(&format!("strace.go:1] [ 1: 1] q X unlink(0x1  E unlink(0x48d004 /x){end}"), "Unclear");
        check(&format!("strace.go:1] [ 1: 1] q X unlink(0x1  X unlink(0x48d004 /x){end}"), "Unclear");
        check(
            &format!("strace.go:1] [ 1: 1] a] [ 2: 2] b X rmdir(0x48d004 /x){end}"),
            "1:1 rmdir<0x48d004 /x>0",
        );
        // A path with an end of its own stays a path.
        check(&format!("strace.go:1] [ 1: 1] q X rmdir(0x48d004 /x) = 5 (0x5) (1µs{end}"), "Unclear");
        check(
            &format!("strace.go:1] [ 1: 1] q X rmdir(0x48d004 /x) = 5 (0x5) (1µs)){end}"),
            "1:1 rmdir<0x48d004 /x) = 5 (0x5) (1µs)>0",
        );
        check("strace.go:1] [ 1: 1] q X rmdir(0x48d004 /x", "Unclear");
        check("strace.go:1] [ x: 1] q X rmdir(0x48d004 /x) = 0 (0x0) (1µs)", "Unclear");
    }

    #[test]
    fn arguments_are_as_many_as_a_call_has() {
        assert_eq!(arguments::<2>("0x48d037 /a, 0x48d02b /b"), Some(["0x48d037 /a", "0x48d02b /b"]));
        assert_eq!(arguments::<2>("0x48d037 /a, 0x55 x, 0x48d02b /b"), None);
        assert_eq!(arguments::<3>("0x1 /a, 0x2"), None);
        assert_eq!(text("AT_FDCWD /root"), Some("/root"));
        assert_eq!(text("null"), None);
        let check = |argument: &str, expect: u64| assert_eq!(number(argument), expect, "{argument}");
        check("0x3e7", 999);
        check("0o755", 0o755);
        check("S_IFIFO|0o600", 0o010_600);
        check("CLONE_NEWNS|CLONE_NEWPID", 0x2002_0000);
        check("AT_FDCWD /", -100_i64 as u64);
        check("0x99999999999999999999", 0);
        check("", 0);
    }
}
