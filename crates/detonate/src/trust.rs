//! Trust stores: the certificate of the run's own authority goes into every one that the image has, so that what
//! the guest says over TLS can be read.

use crate::keystore;
use crate::stage::Staged;
use sandbox::Persona;
use std::path::PathBuf;

/// Bundles of certificates in text form, by the ends of their paths: the distributions', and those that Python's
/// and others' clients bring with them.
const BUNDLES: [&[u8]; 10] = [
    b"etc/ssl/certs/ca-certificates.crt",
    b"etc/ssl/cert.pem",
    b"etc/ssl/ca-bundle.pem",
    b"etc/pki/tls/certs/ca-bundle.crt",
    b"etc/pki/tls/cert.pem",
    b"etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    b"certifi/cacert.pem",
    b"pip/_vendor/certifi/cacert.pem",
    b"botocore/cacert.pem",
    b"ssl/cacert.pem",
];
/// Java's own form.
const KEYSTORES: [&[u8]; 2] = [b"lib/security/cacerts", b"etc/ssl/certs/java/cacerts"];

/// Whether a file of the image is a trust store.
pub(crate) fn is_store(path: &[u8]) -> bool {
    let ends =
        |end: &&[u8]| path.strip_suffix(*end).is_some_and(|front| front.is_empty() || front.ends_with(b"/"));
    BUNDLES.iter().any(ends) || KEYSTORES.iter().any(ends)
}

/// The image's stores with the authority in each, and one of our own for programs that are told of it by the
/// environment.
pub(crate) fn stores(staged: &Staged, pem: &str, der: &[u8], seconds: i64) -> Vec<Persona> {
    let mut files = vec![file(OWN.into(), pem.as_bytes().to_vec())];
    for (path, content) in staged.kept.iter().filter(|(path, _)| is_store(path)) {
        let bytes = if content.starts_with(&keystore::MAGIC) {
            keystore::with_certificate(content, der, seconds)
        } else if content.windows(11).any(|window| window == b"-----BEGIN ") {
            let mut bytes = content.clone();
            if !bytes.ends_with(b"\n") {
                bytes.push(b'\n');
            }
            bytes.extend_from_slice(pem.as_bytes());
            Some(bytes)
        } else {
            None
        };
        if let (Some(bytes), Ok(path)) = (bytes, std::str::from_utf8(path)) {
            files.push(file(format!("/{path}"), bytes));
        }
    }
    files
}

/// Where the authority stands alone.
const OWN: &str = "/usr/local/share/ca-certificates/internal-ca.crt";

/// Variables by which clients are told of a bundle. What the image sets itself stays.
pub(crate) fn environment() -> [(&'static str, &'static str); 2] {
    // `SSL_CERT_FILE` and its like replace a client's store instead of adding to it, so they are left alone where
    // the stores themselves could be changed.
    [("NODE_EXTRA_CA_CERTS", OWN), ("AWS_CA_BUNDLE", OWN)]
}

fn file(path: String, bytes: Vec<u8>) -> Persona {
    Persona { path: PathBuf::from(path), mode: 0o644, owner: (0, 0), bytes }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stores_are_known_by_the_end_of_their_path() {
        for path in [
            "etc/ssl/certs/ca-certificates.crt",
            "usr/lib/python3/dist-packages/certifi/cacert.pem",
            "usr/lib/jvm/java-17/lib/security/cacerts",
        ] {
            assert!(is_store(path.as_bytes()), "{path}");
        }
        for path in ["etc/ssl/certs/other.crt", "app/notcertifi/cacert.pem", "cacerts"] {
            assert!(!is_store(path.as_bytes()), "{path}");
        }
    }
}
