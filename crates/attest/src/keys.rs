mod encrypted;
mod pem;

use crate::error::Error;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use p256::ecdsa::{DerSignature, SigningKey, VerifyingKey};
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::{DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use std::fmt;
use std::marker::PhantomData;
use zeroize::Zeroizing;

/// A private key for one purpose: ECDSA over P-256 with SHA-256, cosign's own kind.
///
/// Whoever verifies an image with cosign takes any statement under the key for a signature, a verdict that condemns the
/// image included (cosign does not look at what is stated). So the key that lets images in and the key that says
/// what was found are different types, and what is signed is typed alike:
///
/// ```compile_fail
/// let (release, evidence) = (attest::ReleaseKey::generate(), attest::EvidenceKey::generate());
/// let image = attest::Subject::of("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse().unwrap());
/// let found = attest::sbom(&image, "https://spdx.dev/Document", b"{}").unwrap();
/// release.sign(&found); // the release key signs releases
/// ```
///
/// ```
/// let (release, evidence) = (attest::ReleaseKey::generate(), attest::EvidenceKey::generate());
/// let image = attest::Subject::of("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".parse().unwrap());
/// let found = attest::sbom(&image, "https://spdx.dev/Document", b"{}").unwrap();
/// evidence.sign(&found);
/// release.sign(&attest::signature(&image));
/// ```
pub struct Key<P: Purpose> {
    secret: SigningKey,
    purpose: PhantomData<P>,
}

/// Lets images in: signs releases and nothing else.
pub type ReleaseKey = Key<Release>;
/// Says what was found: reports, verdicts, traces, lists of packages.
pub type EvidenceKey = Key<Evidence>;

/// What a key is for.
pub trait Purpose: sealed::Sealed {}

/// Letting an image in.
#[derive(Debug, Clone, Copy)]
pub enum Release {}
/// Saying what was found.
#[derive(Debug, Clone, Copy)]
pub enum Evidence {}

impl Purpose for Release {}
impl Purpose for Evidence {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::Release {}
    impl Sealed for super::Evidence {}
}

impl<P: Purpose> Key<P> {
    /// A new key, from the system's randomness.
    pub fn generate() -> Self {
        Self::of(SigningKey::generate())
    }

    /// Reads a private key in PEM: cosign's encrypted form, which the password opens, or an open PKCS#8 or SEC 1 form,
    /// for which none is needed.
    ///
    /// # Errors
    /// Where the text is none of these, the password does not open it, or the key is of another kind.
    pub fn from_pem(text: &str, password: &[u8]) -> Result<Self, Error> {
        let (kind, bytes) = pem::decode(text)?;
        match kind {
            pem::Kind::Encrypted => {
                encrypted::open(&bytes, password).and_then(|der| pem::pkcs8(&der)).map(Self::of)
            }
            pem::Kind::Pkcs8 => pem::pkcs8(&bytes).map(Self::of),
            pem::Kind::Sec1 => pem::sec1(&bytes).map(Self::of),
        }
    }

    /// The key in cosign's encrypted form: `ENCRYPTED SIGSTORE PRIVATE KEY`.
    ///
    /// # Errors
    /// Where the system has no randomness to give.
    pub fn to_encrypted_pem(&self, password: &[u8]) -> Result<Zeroizing<String>, Error> {
        let der = self.secret.to_pkcs8_der().map_err(|_| Error::Cryptography("writing the key"))?;
        encrypted::seal(der.as_bytes(), password)
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey { key: *self.secret.verifying_key() }
    }

    /// The signature over these bytes: ECDSA over their SHA-256, as DER. Deterministic (RFC 6979), so signing twice
    /// gives the same signature and needs no randomness.
    pub(crate) fn sign_bytes(&self, bytes: &[u8]) -> Vec<u8> {
        let signature: DerSignature = self.secret.sign(bytes);
        signature.as_bytes().to_vec()
    }

    fn of(secret: SigningKey) -> Self {
        Self { secret, purpose: PhantomData }
    }
}

impl<P: Purpose> fmt::Debug for Key<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.public().fingerprint())
    }
}

/// A public key: ECDSA over P-256.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
}

impl PublicKey {
    /// Reads a public key in PEM (`PUBLIC KEY`, SubjectPublicKeyInfo).
    ///
    /// # Errors
    /// Where it is none, or of another kind than P-256.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let fail = |why: &str| Error::not_a_key("public key", why);
        if text.len() > pem::LARGEST {
            return Err(fail("it is far too long"));
        }
        if text.contains("PRIVATE KEY") {
            return Err(fail("it is a private key; name the file with the public half of it"));
        }
        let key = VerifyingKey::from_public_key_pem(text.trim())
            .map_err(|_| fail("PEM of a P-256 key is expected, `-----BEGIN PUBLIC KEY-----`"))?;
        Ok(Self { key })
    }

    /// The key in PEM.
    ///
    /// # Errors
    /// Never for a key of this kind; the encoder allows for others.
    pub fn to_pem(&self) -> Result<String, Error> {
        self.key.to_public_key_pem(LineEnding::LF).map_err(|_| Error::Cryptography("writing the public key"))
    }

    /// What bundles call a key by: the SHA-256 of its SubjectPublicKeyInfo, in Base64.
    pub fn hint(&self) -> String {
        STANDARD.encode(self.hash())
    }

    /// The same in hexadecimal, as people compare it.
    pub fn fingerprint(&self) -> String {
        let hash = self.hash().try_into().unwrap_or([0; 32]);
        model::Digest::sha256(hash).to_string()
    }

    fn hash(&self) -> Vec<u8> {
        let der = self.key.to_public_key_der().map(|der| der.as_bytes().to_vec()).unwrap_or_default();
        digest::digest(&digest::SHA256, &der).as_ref().to_vec()
    }

    /// Whether this key made this signature over these bytes.
    pub(crate) fn made(&self, signature: &[u8], bytes: &[u8]) -> bool {
        DerSignature::try_from(signature).is_ok_and(|signature| self.key.verify(bytes, &signature).is_ok())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.fingerprint())
    }
}

#[cfg(test)]
mod tests;
