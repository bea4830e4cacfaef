/// Whether a path leads to, or through, the open descriptors of a process. The kernel follows a path from left to
/// right, so what a later `..` takes back was passed all the same.
pub(super) fn is_descriptor(path: &str) -> bool {
    let mut passed: Vec<&str> = Vec::new();
    path.split('/').filter(|part| !matches!(*part, "" | ".")).any(|part| {
        if part == ".." {
            passed.pop();
        } else {
            passed.push(part);
        }
        let number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        match passed.as_slice() {
            ["dev", "fd"] | ["proc", "self" | "thread-self", "fd"] | ["proc", "self", "task", _, "fd"] => {
                true
            }
            ["proc", process, "fd"] | ["proc", process, "task", _, "fd"] => number(process),
            _ => false,
        }
    })
}

/// Whether a word names something below an open descriptor, such as `/proc/self/fd/7/../../bin/sh`. The
/// descriptors themselves are honest: programs are told to log to `/proc/self/fd/1`.
pub(super) fn goes_through_descriptor(word: &str) -> bool {
    ["/proc/", "/dev/fd/"].iter().any(|sign| {
        word.match_indices(sign).any(|(at, _)| {
            let path = word.get(at..).unwrap_or_default();
            let parts: Vec<&str> =
                path.split('/').filter(|part| !part.is_empty() && *part != ".").take(6).collect();
            let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            match parts.as_slice() {
                ["proc", process, "fd", descriptor, _, ..] => {
                    (matches!(*process, "self" | "thread-self") || number(process)) && number(descriptor)
                }
                ["dev", "fd", descriptor, _, ..] => number(descriptor),
                _ => false,
            }
        })
    })
}

/// Whether a path climbs above its root at any point.
pub(super) fn climbs_out(path: &[u8]) -> bool {
    let mut depth = 0_usize;
    path.split(|&byte| byte == b'/').any(|part| match part {
        b"" | b"." => false,
        b".." => match depth.checked_sub(1) {
            Some(less) => {
                depth = less;
                false
            }
            None => true,
        },
        _ => {
            depth += 1;
            false
        }
    })
}

/// The path of a `WORKDIR` instruction in the form in which builders write it into the history.
pub(super) fn workdir_of(instruction: &str) -> Option<&str> {
    let at = instruction.find("WORKDIR ")?;
    let before = instruction.get(..at)?.trim_end();
    // Classic builders put `/bin/sh -c #(nop)` in front.
    (before.is_empty() || before.ends_with("#(nop)"))
        .then(|| instruction.get(at + 8..).unwrap_or_default().trim())
}

/// Why a user is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OddUser {
    /// A number below zero or above 2,147,483,647.
    Number,
    /// Characters that no account's name has.
    Characters,
}

/// What is odd about `user` or `user:group`, if anything is.
pub(super) fn odd_user(user: &str) -> Option<OddUser> {
    user.split(':').find_map(|part| {
        let digits = part.strip_prefix(['-', '+']).unwrap_or(part);
        if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
            let fits =
                !part.starts_with('-') && digits.parse::<u64>().is_ok_and(|number| number <= i32::MAX as u64);
            return (!fits).then_some(OddUser::Number);
        }
        // `${USER}` is a builder's mistake that no runtime expands.
        let usual = |character: char| character.is_alphanumeric() || "_.-@+$\\{}".contains(character);
        (!part.chars().all(usual)).then_some(OddUser::Characters)
    })
}
