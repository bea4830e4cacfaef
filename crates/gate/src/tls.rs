//! The certificate that the server shows: from files, read again when they change, or made here.

use crate::config::{Config, TlsMode};
use crate::{Error, keep};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio_rustls::rustls;

/// How long a certificate that was made here is good for: what Apple's clients accept at most.
const LIFE: Duration = Duration::from_secs(397 * 86_400);
/// A new one is made when less than this is left of it.
const REST: Duration = Duration::from_secs(30 * 86_400);

/// How connections are encrypted; none where they are not.
pub(crate) fn server_config(config: &Config) -> Result<Option<Arc<ServerConfig>>, Error> {
    let (certificate, key) = match config.tls.mode {
        TlsMode::Off | TlsMode::Proxy => return Ok(None),
        TlsMode::SelfMade => self_made(config)?,
        TlsMode::Files => {
            let path = |path: &Option<PathBuf>| path.clone().unwrap_or_default();
            (path(&config.tls.certificate), path(&config.tls.key))
        }
    };
    let resolver = FromFiles::new(certificate, key)?;
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Certificate { path: "TLS".to_owned(), why: error.to_string() })?;
    let mut made = builder.with_no_client_auth().with_cert_resolver(Arc::new(resolver));
    made.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Some(Arc::new(made)))
}

/// A certificate in files. Whoever renews it writes the files anew, and the next look takes it; one that cannot be used
/// leaves the old one in force.
#[derive(Debug)]
struct FromFiles {
    certificate: PathBuf,
    key: PathBuf,
    held: std::sync::RwLock<Held>,
}

#[derive(Debug)]
struct Held {
    key: Arc<CertifiedKey>,
    changed: Option<SystemTime>,
    looked: std::time::Instant,
}

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(60);

impl FromFiles {
    fn new(certificate: PathBuf, key: PathBuf) -> Result<Self, Error> {
        let changed = changed(&certificate);
        let held = Held { key: read(&certificate, &key)?, changed, looked: std::time::Instant::now() };
        Ok(Self { certificate, key, held: std::sync::RwLock::new(held) })
    }

    fn current(&self) -> Option<Arc<CertifiedKey>> {
        {
            let held = self.held.read().ok()?;
            if held.looked.elapsed() < LOOK {
                return Some(Arc::clone(&held.key));
            }
        }
        let mut held = self.held.write().ok()?;
        held.looked = std::time::Instant::now();
        let now = changed(&self.certificate);
        if now != held.changed {
            match read(&self.certificate, &self.key) {
                Ok(key) => {
                    held.key = key;
                    held.changed = now;
                    tracing::info!("the certificate was renewed");
                }
                Err(error) => {
                    tracing::error!(error = model::error_chain(&error), "the certificate was not renewed")
                }
            }
        }
        Some(Arc::clone(&held.key))
    }
}

impl rustls::server::ResolvesServerCert for FromFiles {
    fn resolve(&self, _: rustls::server::ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.current()
    }
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<CertifiedKey>, Error> {
    let fail = |path: &Path, why: String| Error::Certificate {
        path: model::escape_text(&path.to_string_lossy()),
        why: model::escape_text(&why),
    };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| fail(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(fail(certificate, "it holds no certificate in PEM".to_owned()));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| fail(key, error.to_string()))?;
    let certified = CertifiedKey::from_der(chain, private, &aws_lc_rs::default_provider())
        .map_err(|error| fail(certificate, format!("it does not fit its key: {error}")))?;
    Ok(Arc::new(certified))
}

/// A certificate in the data directory, made anew where there is none, where it ends soon or where it is for other names.
/// It is its own authority: clients are given the file `tls.crt`.
fn self_made(config: &Config) -> Result<(PathBuf, PathBuf), Error> {
    let folder = config.data_dir.join("keys");
    let paths = (folder.join("tls.crt"), folder.join("tls.key"));
    let names = names(config);
    let wanted = names.join("\n");
    let listed = folder.join("tls.names");
    let age = changed(&paths.0).and_then(|made| made.elapsed().ok());
    let fresh = age.is_some_and(|age| age + REST < LIFE)
        && paths.1.exists()
        && std::fs::read_to_string(&listed).is_ok_and(|names| names == wanted);
    if fresh {
        return Ok(paths);
    }
    let fail = |why: rcgen::Error| Error::Certificate {
        path: model::escape_text(&paths.0.to_string_lossy()),
        why: why.to_string(),
    };
    let mut params = CertificateParams::new(names).map_err(fail)?;
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, "Roadstead gate");
    params.distinguished_name = name;
    // A clock that runs behind does not make it a certificate of the future.
    let now = SystemTime::now();
    params.not_before = (now - Duration::from_secs(3600)).into();
    params.not_after = (now + LIFE).into();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let key = KeyPair::generate().map_err(fail)?;
    let certificate = params.self_signed(&key).map_err(fail)?;
    keep::replace(&paths.1, key.serialize_pem().as_bytes())?;
    keep::replace(&paths.0, certificate.pem().as_bytes())?;
    keep::replace(&listed, wanted.as_bytes())?;
    Ok(paths)
}

/// What clients may call the server: the loopback, where it listens, its public name, and what the configuration adds.
fn names(config: &Config) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let listen: SocketAddr = config.listen;
    if !listen.ip().is_unspecified() {
        names.push(listen.ip().to_string());
    }
    let url = config.public_url.as_deref().and_then(|url| url.parse::<reqwest::Url>().ok());
    if let Some(host) = url.as_ref().and_then(|url| url.host_str()) {
        names.push(host.trim_start_matches('[').trim_end_matches(']').to_owned());
    }
    names.extend(config.tls.names.iter().cloned());
    // An address has one spelling.
    let mut names: Vec<String> = names
        .into_iter()
        .map(|name| name.parse::<IpAddr>().map_or(name, |address| address.to_string()))
        .collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path, text: &str) -> Config {
        let mut config: Config = toml::from_str(text).unwrap();
        config.data_dir = folder.to_owned();
        keep::directory(&folder.join("keys")).unwrap();
        config
    }

    #[test]
    fn a_certificate_is_made_once_and_again_for_other_names() {
        let folder = tempfile::tempdir().unwrap();
        let one = config(folder.path(), "tls.mode = \"self-made\"\n");
        assert!(server_config(&one).unwrap().is_some());
        let read = || std::fs::read(folder.path().join("keys/tls.crt")).unwrap();
        let first = read();
        assert!(server_config(&one).unwrap().is_some());
        assert_eq!(read(), first);
        let other = config(folder.path(), "tls.mode = \"self-made\"\ntls.names = [\"gate.example\"]\n");
        assert!(server_config(&other).unwrap().is_some());
        assert_ne!(read(), first);
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(folder.path().join("keys/tls.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn files_that_are_no_certificate_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, key) = (folder.path().join("a.crt"), folder.path().join("a.key"));
        let text = format!(
            "tls.mode = \"files\"\ntls.certificate = {:?}\ntls.key = {:?}\n",
            certificate.to_str().unwrap(),
            key.to_str().unwrap()
        );
        let check = |expect: &str| {
            let told = server_config(&config(folder.path(), &text)).unwrap_err().to_string();
            assert!(told.contains(expect), "{told}");
        };
        check("a.crt");
        std::fs::write(&certificate, "no PEM").unwrap();
        check("no certificate");
        let pair = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        std::fs::write(&certificate, pair.cert.pem()).unwrap();
        check("a.key");
        std::fs::write(&key, rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
        check("does not fit its key");
        std::fs::write(&key, pair.signing_key.serialize_pem()).unwrap();
        assert!(server_config(&config(folder.path(), &text)).unwrap().is_some());
    }
}
