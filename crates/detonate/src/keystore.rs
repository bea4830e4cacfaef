//! Java's own form of trust store (`JavaKeyStore.java` of OpenJDK): a list of certificates under a digest that
//! everyone can make, since its password is the same everywhere.

use sha1::{Digest, Sha1};

/// First bytes of the form.
pub(crate) const MAGIC: [u8; 4] = [0xfe, 0xed, 0xfe, 0xed];
/// The password of every distribution's store.
const PASSWORD: &str = "changeit";
/// What the format mixes into its digest.
const SALT: &[u8] = b"Mighty Aphrodite";
const DIGEST: usize = 20;

/// The store with one more certificate; none where it is not of this form, or has another password.
pub(crate) fn with_certificate(store: &[u8], der: &[u8], seconds: i64) -> Option<Vec<u8>> {
    let (body, digest) = store.split_at_checked(store.len().checked_sub(DIGEST)?)?;
    if sum(body)[..] != *digest || !body.starts_with(&MAGIC) {
        return None;
    }
    let version = word(body, 4)?;
    let count = word(body, 8)?;
    let mut new = body.to_vec();
    new.get_mut(8..12)?.copy_from_slice(&count.checked_add(1)?.to_be_bytes());
    // A trusted certificate: tag, alias, time in milliseconds, kind (since version 2), length, bytes.
    new.extend(2_u32.to_be_bytes());
    text(&mut new, "internal-ca")?;
    new.extend(seconds.saturating_mul(1000).to_be_bytes());
    if version >= 2 {
        text(&mut new, "X.509")?;
    }
    new.extend(u32::try_from(der.len()).ok()?.to_be_bytes());
    new.extend_from_slice(der);
    let digest = sum(&new);
    new.extend_from_slice(&digest);
    Some(new)
}

fn sum(body: &[u8]) -> [u8; DIGEST] {
    let mut hash = Sha1::new();
    for letter in PASSWORD.encode_utf16() {
        hash.update(letter.to_be_bytes());
    }
    hash.update(SALT);
    hash.update(body);
    hash.finalize().into()
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}

fn text(to: &mut Vec<u8>, text: &str) -> Option<()> {
    to.extend(u16::try_from(text.len()).ok()?.to_be_bytes());
    to.extend_from_slice(text.as_bytes());
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn empty() -> Vec<u8> {
        let mut store = MAGIC.to_vec();
        store.extend(2_u32.to_be_bytes());
        store.extend(0_u32.to_be_bytes());
        let digest = sum(&store);
        store.extend_from_slice(&digest);
        store
    }

    #[test]
    fn a_certificate_is_added_under_a_new_digest() {
        let one = with_certificate(&empty(), b"der", 7).expect("a store");
        assert_eq!(word(&one, 8), Some(1));
        assert!(one.windows(3).any(|window| window == b"der"));
        let two = with_certificate(&one, b"other", 7).expect("a store that holds");
        assert_eq!(word(&two, 8), Some(2));
    }

    #[test]
    fn what_is_no_store_of_this_form_is_left_alone() {
        for store in [&b""[..], b"short", &[0; 40]] {
            assert_eq!(with_certificate(store, b"der", 0), None);
        }
        let mut other = empty();
        other[4] ^= 1;
        assert_eq!(with_certificate(&other, b"der", 0), None);
    }

    #[test]
    fn keytool_reads_it() {
        let directory = tempfile::tempdir().expect("a directory");
        let Ok(version) = std::process::Command::new("keytool").arg("-help").output() else {
            return skipped();
        };
        if !version.status.success() {
            return skipped();
        }
        let authority = fakenet::Authority::new(std::time::SystemTime::now()).expect("an authority");
        let store = with_certificate(&empty(), authority.der(), 1_700_000_000).expect("a store");
        let path = directory.path().join("cacerts");
        std::fs::write(&path, store).expect("written");
        let listed = std::process::Command::new("keytool")
            .args(["-list", "-storepass", PASSWORD, "-keystore"])
            .arg(&path)
            .output()
            .expect("keytool runs");
        let said = String::from_utf8_lossy(&listed.stdout).into_owned();
        assert!(said.contains("internal-ca"), "{said}");
    }

    fn skipped() {
        eprintln!("skipped: keytool is not installed");
    }
}
