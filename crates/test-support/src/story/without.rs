use crate::md5_hex;
use crate::wallet;

/// What is taken from the images of the story, so that what they still show is structure and not a mark that the
/// next image will not have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Without {
    /// Names of users, repositories, files and of the miner itself: each is replaced by letters without a meaning,
    /// and nothing lies in a hidden directory.
    pub names: bool,
    /// Known hashes: the programs are of another build, which no list knows.
    pub hashes: bool,
    /// Wallets: each account is a name that its pool has given.
    pub wallets: bool,
    /// What the program is: it carries nothing of a miner.
    pub engine: bool,
    /// What the program is told: it is started and no more, as if everything were built into it.
    pub orders: bool,
}

impl Without {
    /// Without anything that a list could hold.
    pub const LISTED: Self = Self { names: true, hashes: true, wallets: true, engine: false, orders: false };

    /// The name as the alert tells it, or letters in its place.
    pub(super) fn name(self, told: &str) -> String {
        if !self.names {
            return told.to_owned();
        }
        let letter = |digit: char| char::from(b'a' + digit.to_digit(16).unwrap_or_default() as u8);
        md5_hex(told.as_bytes()).chars().take(8).map(letter).collect()
    }

    /// As [`name`](Self::name), for each part of a path. What the system has its own directories for stays there.
    pub(super) fn path(self, told: &str) -> String {
        const SYSTEM: [&str; 9] = ["", "etc", "lib", "local", "opt", "root", "share", "usr", "bin"];
        let parts = told.split('/');
        let named = parts.map(|part| if SYSTEM.contains(&part) { part.to_owned() } else { self.name(part) });
        named.collect::<Vec<_>>().join("/")
    }

    /// The account of a pool to which the work goes: the wallet of nobody, or what the pool calls him.
    pub(super) fn account(self, whose: u8) -> String {
        if self.wallets { format!("worker{whose}") } else { wallet::monero(whose) }
    }

    /// What marks one build of a program among others.
    pub(super) fn build(self, told: &'static str) -> &'static str {
        if self.hashes { "another build" } else { told }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_not_there() {
        let told = Without::default();
        assert_eq!(told.path("/usr/lib/.cache/ld"), "/usr/lib/.cache/ld");
        assert!(told.account(1).starts_with('4'));
        let bare = Without::LISTED.path("/usr/lib/.cache/ld");
        let last = bare.strip_prefix("/usr/lib/").unwrap();
        assert!(last.len() == 17 && !last.contains(['.', '-']), "{bare}");
        assert_eq!(Without::LISTED.name("a"), Without::LISTED.name("a"));
        assert_ne!(Without::LISTED.name("a"), Without::LISTED.name("b"));
        assert_eq!(Without::LISTED.account(1), "worker1");
    }
}
