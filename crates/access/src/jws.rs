use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde::de::IgnoredAny;

/// The parts of a signed token in its compact form, none of them believed.
pub(crate) struct Parts<'a> {
    pub(crate) header: &'a str,
    pub(crate) payload: &'a str,
    signature: &'a str,
    message: &'a str,
}

/// A header as far as it tells which key is meant.
#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    pub(crate) alg: String,
    pub(crate) kid: Option<String>,
    jwk: Option<IgnoredAny>,
    jku: Option<IgnoredAny>,
    x5c: Option<IgnoredAny>,
    x5u: Option<IgnoredAny>,
    crit: Option<IgnoredAny>,
    zip: Option<IgnoredAny>,
    b64: Option<IgnoredAny>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(token: &'a str) -> Option<Self> {
        let (message, signature) = token.rsplit_once('.')?;
        let (header, payload) = message.split_once('.')?;
        (!payload.contains('.')).then_some(Self { header, payload, signature, message })
    }

    /// Whether the key made the signature. The caller says which algorithm the key is for; the token has no say.
    pub(crate) fn is_signed_by(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        crypto::verify(self.signature, self.message.as_bytes(), key, algorithm).unwrap_or(false)
    }
}

impl Header {
    pub(crate) fn read(encoded: &str) -> Option<Self> {
        decode(encoded)
    }

    /// A field by which a token brings its own key, or asks to be read in another way (CVE-2025-24976).
    pub(crate) fn forbidden(&self) -> Option<&'static str> {
        let fields = [
            ("jwk", &self.jwk),
            ("jku", &self.jku),
            ("x5c", &self.x5c),
            ("x5u", &self.x5u),
            ("crit", &self.crit),
            ("zip", &self.zip),
            ("b64", &self.b64),
        ];
        fields.into_iter().find_map(|(name, field)| field.is_some().then_some(name))
    }
}

pub(crate) fn decode<T: serde::de::DeserializeOwned>(encoded: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).ok()?).ok()
}
