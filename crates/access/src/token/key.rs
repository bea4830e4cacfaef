use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, crypto};
use sha2::{Digest as _, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// The key that tokens are signed with: ECDSA on P-256.
pub struct TokenKey {
    id: String,
    header: String,
    sign: EncodingKey,
    check: DecodingKey,
}

/// Why there is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The bytes are another thing.
    #[error(
        "the key for tokens is not an ECDSA key on P-256 in PKCS#8; remove its file to have a new one made"
    )]
    Form,
    /// None could be made.
    #[error("no key for tokens could be made")]
    Generate,
}

impl TokenKey {
    /// A new key, as PKCS#8 to be kept.
    pub fn generate() -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let pair = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::Generate)?;
        Ok(Zeroizing::new(pair.as_ref().to_vec()))
    }

    /// Reads a key from PKCS#8.
    pub fn from_pkcs8(bytes: &[u8]) -> Result<Self, KeyError> {
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, bytes).map_err(|_| KeyError::Form)?;
        let public = pair.public_key();
        let spki = public.as_der().map_err(|_| KeyError::Form)?;
        let id = URL_SAFE_NO_PAD.encode(Sha256::digest(spki.as_ref()));
        let header = URL_SAFE_NO_PAD.encode(format!(r#"{{"typ":"JWT","alg":"ES256","kid":"{id}"}}"#));
        let (sign, check) = (EncodingKey::from_ec_der(bytes), DecodingKey::from_ec_der(public.as_ref()));
        Ok(Self { id, header, sign, check })
    }

    /// The name of the key in tokens: SHA-256 of its public half.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The one header that tokens of this key have, encoded.
    pub(super) fn header(&self) -> &str {
        &self.header
    }

    pub(super) fn check(&self) -> &DecodingKey {
        &self.check
    }

    pub(super) fn sign(&self, message: &[u8]) -> Option<String> {
        crypto::sign(message, &self.sign, Algorithm::ES256).ok()
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenKey({})", self.id)
    }
}
