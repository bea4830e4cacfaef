use crate::grant::{GrantError, as_text, shown};
use aws_lc_rs::rand;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::str::FromStr;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

/// A text that must not be seen: it is wiped when it goes, and its debug output says nothing of it
/// (CVE-2025-48374: secrets in logs).
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

/// What is kept of a secret: its SHA-256. A secret has 256 random bits, so nothing slower is needed to protect it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

/// Whose secret it is, as its first letters tell people and scanners that look for leaked secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretKind {
    /// Of a robot: `rdst_robot_…`.
    Robot,
    /// Shown once at the first start, to make the first account with: `rdst_admin_…`.
    Admin,
    /// Of a login through an identity provider, for clients of registries: `rdst_login_…`.
    Login,
}

/// Why a secret does not open. Whoever showed it is told [`SecretRefusal::Expired`] at most, which says nothing to those
/// who do not know the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SecretRefusal {
    /// It has not the form of such a secret, or a letter of it is wrong.
    #[error("this is no secret of this kind; it may have been cut off when it was copied")]
    Form,
    /// It is another one, or nobody has one.
    #[error("the secret is not the right one")]
    Wrong,
    /// It was right and its time is over.
    #[error("the secret has expired; ask for a new one")]
    Expired,
}

/// The system gave no random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random numbers")]
pub struct NoRandomness;

/// Makes a secret of 256 random bits. It is shown once; what is kept is the hash.
pub fn new_secret(kind: SecretKind) -> Result<(Secret, SecretHash), NoRandomness> {
    let mut text = Zeroizing::new(String::with_capacity(kind.prefix().len() + BODY + CHECK));
    text.push_str(kind.prefix());
    push_hex(&mut text, &*random::<32>()?);
    let check = checksum(&text);
    push_hex(&mut text, &check);
    let hash = SecretHash::of(&text);
    Ok((Secret(text), hash))
}

/// Whether a secret that was shown is the one that is kept, in constant time. Without one to compare with it takes as
/// long as with a wrong one, so that nobody learns which robots there are. `expires` and `now` are seconds since 1970.
pub fn verify_secret(
    kind: SecretKind,
    secret: &str,
    kept: Option<&SecretHash>,
    expires: Option<u64>,
    now: u64,
) -> Result<(), SecretRefusal> {
    if !has_form(kind, secret) {
        return Err(SecretRefusal::Form);
    }
    let hash = SecretHash::of(secret);
    let (against, exists) = match kept {
        Some(kept) => (kept.0, Choice::from(1)),
        None => ([0; 32], Choice::from(0)),
    };
    if !bool::from(hash.0.ct_eq(&against) & exists) {
        return Err(SecretRefusal::Wrong);
    }
    match expires {
        Some(expires) if expires <= now => Err(SecretRefusal::Expired),
        _ => Ok(()),
    }
}

/// Hexadecimal digits of the random part and of the checksum.
const BODY: usize = 64;
const CHECK: usize = 8;

/// Whether it is written as a secret of this kind. That says nothing of whether anybody has it.
pub fn has_form(kind: SecretKind, secret: &str) -> bool {
    let digits = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let length = kind.prefix().len() + BODY;
    let Some((before, check)) = secret.split_at_checked(length) else { return false };
    let Some(body) = before.strip_prefix(kind.prefix()) else { return false };
    let mut expect = String::with_capacity(CHECK);
    push_hex(&mut expect, &checksum(before));
    digits(body) && check == expect
}

/// Tells a secret that was cut off or misspelt, and lets scanners of leaks be sure. It protects nothing.
fn checksum(text: &str) -> [u8; CHECK / 2] {
    let hash: [u8; 32] = Sha256::digest(text.as_bytes()).into();
    [hash[0], hash[1], hash[2], hash[3]]
}

pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
}

/// Random bytes, wiped when they go.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| NoRandomness)?;
    Ok(bytes)
}

impl SecretKind {
    fn prefix(self) -> &'static str {
        match self {
            Self::Robot => "rdst_robot_",
            Self::Admin => "rdst_admin_",
            Self::Login => "rdst_login_",
        }
    }
}

impl Secret {
    /// Keeps a text from being seen.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for where it is checked, sent or shown to its owner once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl SecretHash {
    /// The hash of a secret.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretHash(…)")
    }
}

impl fmt::Display for SecretHash {
    /// In hexadecimal, as it is kept.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        model::Digest::sha256(self.0).hex().fmt(formatter)
    }
}

impl FromStr for SecretHash {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let fail = |_| GrantError {
            text: shown(text),
            kind: "hash of a secret",
            why: "it is not 64 lower-case hexadecimal digits",
        };
        let digest: model::Digest = format!("sha256:{text}").parse().map_err(fail)?;
        let mut hash = [0; 32];
        hash.copy_from_slice(digest.bytes());
        Ok(Self(hash))
    }
}

as_text!(SecretHash);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What becomes of a secret of a robot after a change, expiring at 100 and shown at 99.
    fn check(change: impl Fn(&str) -> String, expect: Result<(), SecretRefusal>) {
        let (secret, hash) = new_secret(SecretKind::Robot).unwrap();
        let changed = change(secret.expose());
        assert_eq!(
            verify_secret(SecretKind::Robot, &changed, Some(&hash), Some(100), 99),
            expect,
            "{changed}"
        );
    }

    #[test]
    fn only_the_secret_opens() {
        let other = || new_secret(SecretKind::Robot).unwrap().0.expose().to_owned();
        check(str::to_owned, Ok(()));
        check(|_| other(), Err(SecretRefusal::Wrong));
        check(|_| new_secret(SecretKind::Admin).unwrap().0.expose().to_owned(), Err(SecretRefusal::Form));
        check(|_| String::new(), Err(SecretRefusal::Form));
        check(|secret| secret[..secret.len() - 1].to_owned(), Err(SecretRefusal::Form));
        check(|secret| format!("{secret}0"), Err(SecretRefusal::Form));
        check(|secret| format!(" {secret}"), Err(SecretRefusal::Form));
        check(str::to_uppercase, Err(SecretRefusal::Form));
        check(|secret| secret.replacen(&secret[20..21], "x", 1), Err(SecretRefusal::Form));
        check(|secret| secret.chars().rev().collect(), Err(SecretRefusal::Form));
        check(|_| "é".repeat(60), Err(SecretRefusal::Form));
        check(|_| "a".repeat(1 << 20), Err(SecretRefusal::Form));
    }

    #[test]
    fn a_secret_ends_and_nobody_has_none() {
        let (secret, hash) = new_secret(SecretKind::Admin).unwrap();
        let verify = |kept: Option<&SecretHash>, expires, now| {
            verify_secret(SecretKind::Admin, secret.expose(), kept, expires, now)
        };
        assert_eq!(verify(Some(&hash), None, u64::MAX), Ok(()));
        assert_eq!(verify(Some(&hash), Some(100), 99), Ok(()));
        assert_eq!(verify(Some(&hash), Some(100), 100), Err(SecretRefusal::Expired));
        assert_eq!(verify(None, None, 0), Err(SecretRefusal::Wrong));
        let other = SecretHash::of("other");
        assert_eq!(verify(Some(&other), Some(100), 200), Err(SecretRefusal::Wrong));
    }

    #[test]
    fn what_is_kept_is_read_again_and_nothing_is_shown() {
        let (secret, hash) = new_secret(SecretKind::Robot).unwrap();
        assert_eq!(hash.to_string().parse::<SecretHash>(), Ok(hash.clone()));
        assert_eq!(serde_json::from_str::<SecretHash>(&serde_json::to_string(&hash).unwrap()).unwrap(), hash);
        assert_eq!(format!("{secret:?} {hash:?}"), "Secret(…) SecretHash(…)");
        assert!(secret.expose().starts_with("rdst_robot_") && secret.expose().len() == 83);
        assert!("00".parse::<SecretHash>().is_err());
    }

    proptest! {
        #[test]
        fn any_text_is_refused(text in "(rdst_robot_)?[0-9a-fé]{0,80}") {
            let (_, hash) = new_secret(SecretKind::Robot).unwrap();
            prop_assert!(verify_secret(SecretKind::Robot, &text, Some(&hash), None, 0).is_err());
        }
    }
}
