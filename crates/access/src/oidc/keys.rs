use super::OidcError;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use std::fmt;

/// The keys of a provider (a JSON Web Key Set). Which algorithm a key is for follows from its type, never from a token:
/// RSA is RS256, P-256 is ES256, and there are no others.
pub struct Keys {
    list: Vec<Key>,
}

pub(super) struct Key {
    id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) check: DecodingKey,
}

const LARGEST: usize = 256 * 1024;
const MOST: usize = 64;

#[derive(Deserialize)]
struct Document {
    keys: Vec<Jwk>,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    use_: Option<String>,
    key_ops: Option<Vec<String>>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Keys {
    /// Reads a key set. Keys of other types or for other uses are left out; two with one id are refused.
    pub fn read(bytes: &[u8]) -> Result<Self, OidcError> {
        let fail = |why| OidcError::Document { document: "key set", why };
        if bytes.len() > LARGEST {
            return Err(fail("it is larger than 256 KiB"));
        }
        let document: Document =
            serde_json::from_slice(bytes).map_err(|_| fail("it is not JSON with keys"))?;
        if document.keys.len() > MOST {
            return Err(fail("it has more than 64 keys"));
        }
        let list: Vec<Key> = document.keys.into_iter().filter_map(key).collect();
        for (at, key) in list.iter().enumerate() {
            if key.id.is_some() && list.iter().skip(at + 1).any(|other| other.id == key.id) {
                return Err(fail("two keys have the same id"));
            }
        }
        if list.is_empty() {
            return Err(fail("it has no key for RS256 or ES256"));
        }
        Ok(Self { list })
    }

    /// The key that a token names. A token that names none means the only one that there is.
    pub(super) fn find(&self, id: Option<&str>) -> Option<&Key> {
        match (id, self.list.as_slice()) {
            (Some(id), list) => list.iter().find(|key| key.id.as_deref() == Some(id)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

fn key(jwk: Jwk) -> Option<Key> {
    let signs = jwk.use_.as_deref().is_none_or(|use_| use_ == "sig")
        && jwk.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|name| name == "verify"));
    let is_for = |algorithm: &str| signs && jwk.alg.as_deref().is_none_or(|alg| alg == algorithm);
    let bytes = |text: &Option<String>| URL_SAFE_NO_PAD.decode(text.as_deref()?).ok();
    let (algorithm, check) = match jwk.kty.as_str() {
        "RSA" if is_for("RS256") => {
            let (n, e) = (bytes(&jwk.n)?, bytes(&jwk.e)?);
            let bits = n.iter().skip_while(|byte| **byte == 0).count() * 8;
            if !(2048..=8192).contains(&bits) || e.len() > 8 {
                return None;
            }
            (Algorithm::RS256, DecodingKey::from_rsa_raw_components(&n, &e))
        }
        "EC" if is_for("ES256") && jwk.crv.as_deref() == Some("P-256") => {
            let (x, y) = (bytes(&jwk.x)?, bytes(&jwk.y)?);
            if x.len() != 32 || y.len() != 32 {
                return None;
            }
            let point: Vec<u8> = std::iter::once(4).chain(x).chain(y).collect();
            (Algorithm::ES256, DecodingKey::from_ec_der(&point))
        }
        _ => return None,
    };
    Some(Key { id: jwk.kid, algorithm, check })
}

impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.list.iter().map(|key| &key.id)).finish()
    }
}
