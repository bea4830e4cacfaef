use crate::error::Error;
use p256::SecretKey;
use p256::ecdsa::SigningKey;
use p256::pkcs8::DecodePrivateKey as _;
use pkcs8::der::pem::decode_vec;
use zeroize::Zeroizing;

/// A key in PEM has a few hundred bytes; who sends more means something else.
pub(super) const LARGEST: usize = 64 << 10;

/// What a block of PEM says that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// cosign's form, under its old or its new name.
    Encrypted,
    Pkcs8,
    Sec1,
}

/// Reads one block.
pub(super) fn decode(text: &str) -> Result<(Kind, Zeroizing<Vec<u8>>), Error> {
    let fail = |why: &str| Error::not_a_key("private key", why);
    if text.len() > LARGEST {
        return Err(fail("it is far too long"));
    }
    let (label, bytes) = decode_vec(text.trim().as_bytes())
        .map_err(|_| fail("PEM is expected, as `keygen` and cosign write it"))?;
    let bytes = Zeroizing::new(bytes);
    let kind = match label {
        "ENCRYPTED SIGSTORE PRIVATE KEY" | "ENCRYPTED COSIGN PRIVATE KEY" => Kind::Encrypted,
        "PRIVATE KEY" => Kind::Pkcs8,
        "EC PRIVATE KEY" => Kind::Sec1,
        "PUBLIC KEY" => return Err(fail("it is a public key; name the file with the private one")),
        "ENCRYPTED PRIVATE KEY" => {
            return Err(fail("it is encrypted in PKCS#8; open it first with `openssl pkcs8 -in FILE`"));
        }
        other => {
            return Err(Error::not_a_key(
                "private key",
                format!("it holds {other:?}; an ECDSA key is expected"),
            ));
        }
    };
    Ok((kind, bytes))
}

pub(super) fn pkcs8(der: &[u8]) -> Result<SigningKey, Error> {
    SecretKey::from_pkcs8_der(der).map(|key| SigningKey::from(&key)).map_err(|_| other_kind())
}

pub(super) fn sec1(der: &[u8]) -> Result<SigningKey, Error> {
    SecretKey::from_sec1_der(der).map(|key| SigningKey::from(&key)).map_err(|_| other_kind())
}

fn other_kind() -> Error {
    Error::not_a_key("private key", "it is damaged, or of another kind than ECDSA over P-256")
}
