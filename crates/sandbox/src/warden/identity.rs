use rustix::thread::CapabilitySet;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// How many ids a guest has where it has more than one.
pub(crate) const COUNT: u32 = 65_536;

/// Where they begin on the host: far from people, daemons and what `useradd` hands out as subordinate ids.
const BASE: u32 = 1 << 30;

/// Which of the host's ids the guest's are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ids {
    /// The guest's 0 to 65,535 are those of the host from this number on: what root can have.
    Range(u32),
    /// The guest has one id, and it is that of the person who runs the program. Changing owners and becoming
    /// somebody else fails in such a guest.
    Single,
}

impl Ids {
    /// What can be had here.
    pub fn here() -> Self {
        let needed = CapabilitySet::SETUID | CapabilitySet::SETGID | CapabilitySet::SYS_ADMIN;
        let rights = rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(needed));
        let there = ["/proc/self/uid_map", "/proc/self/gid_map"]
            .iter()
            .all(|map| std::fs::read_to_string(map).is_ok_and(|map| holds(&map, BASE)));
        if rights && there { Self::Range(BASE) } else { Self::Single }
    }

    /// The host's id of the guest's `id`, where it has one that the caller may give to files.
    pub fn host(self, id: u32) -> Option<u32> {
        match self {
            Self::Range(base) if id < COUNT => base.checked_add(id),
            _ => None,
        }
    }

    /// The line for `uid_map` or `gid_map`; `inside` is the one id of a guest that has one.
    pub(crate) fn line(self, inside: u32, own: u32) -> String {
        match self {
            Self::Range(base) => format!("0 {base} {COUNT}"),
            Self::Single => format!("{inside} {own} 1"),
        }
    }
}

/// Maps the ids of a process that has just entered a user namespace.
pub(crate) fn map(process: &Path, ids: Ids, inside: (u32, u32)) -> std::io::Result<()> {
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    map_as(process, ids, inside, (uid, gid))
}

/// As [`map`], where the own ids are no longer told: in the new namespace they have no number yet.
pub(crate) fn map_as(process: &Path, ids: Ids, inside: (u32, u32), own: (u32, u32)) -> std::io::Result<()> {
    if ids == Ids::Single {
        std::fs::write(process.join("setgroups"), "deny")?;
    }
    std::fs::write(process.join("gid_map"), ids.line(inside.1, own.1))?;
    std::fs::write(process.join("uid_map"), ids.line(inside.0, own.0))
}

/// Whether all ids from `base` on have a number in a namespace with this map.
fn holds(map: &str, base: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().filter_map(|word| word.parse::<u64>().ok());
        let (Some(first), Some(_), Some(count)) = (numbers.next(), numbers.next(), numbers.next()) else {
            return false;
        };
        first <= base.into() && u64::from(base) + u64::from(COUNT) <= first + count
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(map: &str, expect: bool) {
        assert_eq!(holds(map, BASE), expect);
    }

    #[test]
    fn a_range_must_have_numbers_here() {
        check("         0          0 4294967295\n", true);
        check("0 100000 65536\n", false);
        check("", false);
        check("0 x 1\n1 2 99999999999999999999\n", false);
        check("0 0 1000\n1073741824 5 65536\n", true);
    }

    #[test]
    fn ids_of_a_range_are_shifted() {
        assert_eq!(Ids::Range(BASE).host(1), Some(BASE + 1));
        assert_eq!((Ids::Range(BASE).host(COUNT), Ids::Single.host(0)), (None, None));
        assert_eq!(Ids::Single.line(999, 12345), "999 12345 1");
    }
}
