//! The keys of the gate: for tokens, for releases, for evidence. Each is a file of its own, made where there is none.

use crate::config::{Config, Secret};
use crate::{Error, keep};
use access::TokenKey;
use attest::{Key, PublicKey, Purpose, TrustedKey};
use aws_lc_rs::rand;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Far larger than any key.
const LARGEST: u64 = 64 << 10;

/// The keys.
pub(crate) struct Keys {
    /// Signs tokens.
    pub(crate) token: TokenKey,
    /// The same key, for tokens of those who log in through an identity provider.
    pub(crate) session: TokenKey,
    /// Let images in, and say what was found.
    pub(crate) signing: crate::Keys,
}

/// Reads the keys, and makes those that nobody named and that are not there yet.
pub(crate) fn open(config: &Config) -> Result<Keys, Error> {
    let folder = config.data_dir.join("keys");
    keep::directory(&folder)?;
    let password = password(config, &folder)?;
    Ok(Keys {
        token: token(&folder)?,
        session: token(&folder)?,
        signing: crate::Keys {
            release: Arc::new(signing(config.signing.release_key.as_deref(), &folder, "release", &password)?),
            evidence: Arc::new(signing(
                config.signing.evidence_key.as_deref(),
                &folder,
                "evidence",
                &password,
            )?),
        },
    })
}

fn token(folder: &Path) -> Result<TokenKey, Error> {
    let path = folder.join("token.key");
    let fail = |error: access::KeyError| Error::Keys {
        what: "use the key for tokens",
        why: format!("{}: {error}", model::escape_text(&path.to_string_lossy())),
    };
    if !path.exists() {
        keep::create(&path, &TokenKey::generate().map_err(fail)?)?;
    }
    TokenKey::from_pkcs8(&read(&path)?).map_err(fail)
}

fn signing<P: Purpose>(
    named: Option<&Path>,
    folder: &Path,
    name: &str,
    password: &Secret,
) -> Result<Key<P>, Error> {
    let path = named.map_or_else(|| folder.join(format!("{name}.key")), Path::to_owned);
    let fail = |error: attest::Error| Error::Keys {
        what: "use the signing key",
        why: format!("{}: {}", model::escape_text(&path.to_string_lossy()), model::error_chain(&error)),
    };
    // One that somebody named and that is not there is not replaced by another, which nobody would trust.
    if named.is_none() && !path.exists() {
        let key = Key::<P>::generate();
        keep::create(&path, key.to_encrypted_pem(password.expose().as_bytes()).map_err(fail)?.as_bytes())?;
    }
    let text = String::from_utf8_lossy(&read(&path)?).into_owned();
    let key = Key::<P>::from_pem(&text, password.expose().as_bytes()).map_err(fail)?;
    // What people verify with lies beside, where they look for it.
    keep::replace(&folder.join(format!("{name}.pub")), key.public().to_pem().map_err(fail)?.as_bytes())?;
    Ok(key)
}

fn password(config: &Config, folder: &Path) -> Result<Secret, Error> {
    if let Some(password) = &config.signing.password {
        return Ok(password.clone());
    }
    let path: PathBuf = folder.join("password");
    if !path.exists() {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes).map_err(|_| Error::Keys {
            what: "make a password for the keys",
            why: "the system gives no random numbers".to_owned(),
        })?;
        keep::create(&path, model::Digest::sha256(bytes).hex().as_bytes())?;
    }
    Ok(Secret::new(String::from_utf8_lossy(&read(&path)?).trim_end().to_owned()))
}

/// A key that somebody else signs with.
pub(crate) fn trusted(path: &Path) -> Result<TrustedKey, Error> {
    let text = String::from_utf8_lossy(&read(path)?).into_owned();
    let shown = model::escape_text(&path.to_string_lossy());
    let key = PublicKey::from_pem(&text).map_err(|error| Error::Setting {
        key: "upstreams.NAME.signature-keys",
        whence: "the configuration".to_owned(),
        why: format!("{shown}: {}", model::error_chain(&error)),
    })?;
    Ok(TrustedKey::new(&shown, key))
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(LARGEST).read_to_end(&mut bytes))
        .map_err(|source| Error::file("read the key", path, source))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_made_once_and_kept_apart() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config { data_dir: folder.path().to_owned(), ..Config::default() };
        let first = open(&config).unwrap();
        let again = open(&config).unwrap();
        assert_eq!(first.token.id(), again.token.id());
        assert_eq!(first.signing.release.public(), again.signing.release.public());
        assert_ne!(first.signing.release.public(), first.signing.evidence.public());
        use std::os::unix::fs::PermissionsExt as _;
        for name in ["token.key", "release.key", "evidence.key", "password"] {
            let mode = std::fs::metadata(folder.path().join("keys").join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        config.signing.password = Some(Secret::new("another password"));
        assert!(open(&config).is_err());
        config.signing.release_key = Some(folder.path().join("nowhere.key"));
        config.signing.password = None;
        assert!(open(&config).is_err());
    }
}
