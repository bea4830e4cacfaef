use crate::secret::{NoRandomness, random};
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc};
use argon2::{Algorithm, Argon2, Params, Version};
use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

/// What is kept of a password: argon2id in the form of a PHC string.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash {
    text: String,
    parsed: phc::PasswordHash,
}

/// Why a password is not taken, or why a text is no hash of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Too short to withstand guessing.
    #[error("the password is shorter than 12 characters; take several words")]
    Short,
    /// Longer than anybody types.
    #[error("the password is longer than 1024 bytes")]
    Long,
    /// It has characters that keyboards and clients send in different ways.
    #[error("the password has control characters")]
    Control,
    /// No random salt could be had.
    #[error(transparent)]
    Randomness(#[from] NoRandomness),
    /// What is kept is no hash that this version makes.
    #[error("this is no PHC string of argon2id with up to 256 MiB and 16 rounds; set a new password")]
    Hash,
}

/// OWASP's first recommendation for argon2id: as strong as more memory with fewer rounds, and a gate that answers many
/// logins at once can afford it.
const MEMORY_KIB: u32 = 19 * 1024;
const ROUNDS: u32 = 2;
const LANES: u32 = 1;

/// Beyond these a kept hash is refused: a row that somebody changed must not take the memory of the machine.
const MOST_MEMORY_KIB: u32 = 256 * 1024;
const MOST_ROUNDS: u32 = 16;

const LONGEST: usize = 1024;

/// Hashes a new password.
pub fn hash_password(password: &str) -> Result<PasswordHash, PasswordError> {
    if password.chars().count() < 12 {
        return Err(PasswordError::Short);
    }
    if password.len() > LONGEST {
        return Err(PasswordError::Long);
    }
    if password.chars().any(char::is_control) {
        return Err(PasswordError::Control);
    }
    hash(password.as_bytes())
}

/// Whether the password is the one that is kept, in constant time. Without one to compare with, as for an account that
/// is not there, it takes as long as with a wrong one and is false.
pub fn verify_password(password: &str, kept: Option<&PasswordHash>) -> bool {
    /// Of a password that nobody knows: random, and forgotten.
    static NOBODY: OnceLock<Option<PasswordHash>> = OnceLock::new();
    if password.len() > LONGEST {
        return false;
    }
    let nobody = || NOBODY.get_or_init(|| hash(&*random::<32>().ok()?).ok()).as_ref();
    let Some(against) = kept.or_else(nobody) else { return false };
    let right = Argon2::default().verify_password(password.as_bytes(), &against.parsed).is_ok();
    right && kept.is_some()
}

fn hash(password: &[u8]) -> Result<PasswordHash, PasswordError> {
    let params = Params::new(MEMORY_KIB, ROUNDS, LANES, Some(32)).map_err(|_| PasswordError::Hash)?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let parsed = argon
        .hash_password_with_salt(password, random::<16>()?.as_slice())
        .map_err(|_| PasswordError::Hash)?;
    Ok(PasswordHash { text: parsed.to_string(), parsed })
}

impl PasswordHash {
    /// The PHC string, as it is kept.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it was made with less than is asked for now; hash the password again when it is shown next.
    pub fn is_weak(&self) -> bool {
        Params::try_from(&self.parsed)
            .map_or(true, |params| params.m_cost() < MEMORY_KIB || params.t_cost() < ROUNDS)
    }
}

impl FromStr for PasswordHash {
    type Err = PasswordError;

    fn from_str(text: &str) -> Result<Self, PasswordError> {
        if text.len() > 256 {
            return Err(PasswordError::Hash);
        }
        let parsed = phc::PasswordHash::new(text).map_err(|_| PasswordError::Hash)?;
        let params = Params::try_from(&parsed).map_err(|_| PasswordError::Hash)?;
        let sane = parsed.algorithm.as_str() == "argon2id"
            && parsed.version == Some(Version::V0x13.into())
            && parsed.salt.is_some()
            && parsed.hash.is_some_and(|hash| hash.as_bytes().len() >= 16)
            && params.m_cost() <= MOST_MEMORY_KIB
            && params.t_cost() <= MOST_ROUNDS
            && params.p_cost() <= 8;
        if !sane {
            return Err(PasswordError::Hash);
        }
        Ok(Self { text: text.to_owned(), parsed })
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const GOOD: &str = "correct horse battery";

    fn check(password: &str, expect: Option<PasswordError>) {
        assert_eq!(hash_password(password).err(), expect, "{password}");
    }

    #[test]
    fn passwords_are_long_enough_and_not_too_long() {
        check(GOOD, None);
        check("äöüßäöüßäöüß", None);
        check("", Some(PasswordError::Short));
        check("elevenchars", Some(PasswordError::Short));
        check(&"a".repeat(1024), None);
        check(&"a".repeat(1025), Some(PasswordError::Long));
        check("correct horse\nbattery", Some(PasswordError::Control));
    }

    #[test]
    fn only_the_password_opens() {
        let kept = hash_password(GOOD).unwrap();
        assert!(verify_password(GOOD, Some(&kept)));
        for wrong in
            ["", "correct horse batter", "Correct horse battery", " correct horse battery", &"a".repeat(2000)]
        {
            assert!(!verify_password(wrong, Some(&kept)), "{wrong}");
        }
        assert!(!verify_password(GOOD, None));
        assert!(!verify_password("", None));
        assert_ne!(hash_password(GOOD).unwrap().as_str(), kept.as_str());
    }

    /// Time of this thread on a processor: a machine that does other things meanwhile says nothing about passwords.
    fn spent() -> Duration {
        let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        Duration::new(spent.tv_sec.unsigned_abs(), spent.tv_nsec as u32)
    }

    #[test]
    fn nobody_takes_as_long_as_somebody() {
        let kept = hash_password(GOOD).unwrap();
        verify_password("warms up what is made once", None);
        let least = |kept: Option<&PasswordHash>| {
            let took = |_| {
                let start = spent();
                assert!(!verify_password("a wrong password", kept));
                spent() - start
            };
            (0..5).map(took).min().unwrap_or(Duration::ZERO)
        };
        let (somebody, nobody) = (least(Some(&kept)), least(None));
        assert!(nobody * 2 > somebody && somebody * 2 > nobody, "{nobody:?} {somebody:?}");
    }

    #[test]
    fn what_is_kept_is_read_again_and_nothing_weaker_is() {
        let kept = hash_password(GOOD).unwrap();
        assert!(kept.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", kept.as_str());
        let again: PasswordHash = kept.as_str().parse().unwrap();
        assert!(again == kept && !again.is_weak() && verify_password(GOOD, Some(&again)));
        assert_eq!(format!("{kept:?}"), "PasswordHash(…)");
        let weak: PasswordHash = kept.as_str().replace("m=19456", "m=4096").parse().unwrap();
        assert!(weak.is_weak() && !verify_password(GOOD, Some(&weak)));
        for (from, to) in [
            ("argon2id", "argon2i"),
            ("argon2id", "pbkdf2"),
            ("v=19", "v=16"),
            ("m=19456", "m=4194304"),
            ("t=2", "t=2000000"),
            ("p=1", "p=100"),
            ("m=19456", "m=0"),
            ("$argon2id", "argon2id"),
        ] {
            let changed = kept.as_str().replace(from, to);
            assert_eq!(changed.parse::<PasswordHash>(), Err(PasswordError::Hash), "{changed}");
        }
        for text in ["", "plain text", "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0", &"$".repeat(300)] {
            assert_eq!(text.parse::<PasswordHash>(), Err(PasswordError::Hash), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}", near in "\\$argon2id\\$[vmtp=,0-9$a-zA-Z+/]{0,60}") {
            let _ = text.parse::<PasswordHash>();
            let _ = near.parse::<PasswordHash>();
        }
    }
}
