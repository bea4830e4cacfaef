//! cosign's form of an encrypted private key: JSON in PEM, scrypt for the password, NaCl's secret box for the key.
use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Nonce, XSalsa20Poly1305};
use pkcs8::der::pem::{LineEnding, encode_string};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

const LABEL: &str = "ENCRYPTED SIGSTORE PRIVATE KEY";
/// What is written; cosign's own choice.
const COST: u64 = 1 << 16;
/// What is read. Whoever chose the parameters chooses how much memory opening takes, so cosign takes these alone.
const COSTS: [(u64, u8); 3] = [(1 << 15, 15), (1 << 16, 16), (1 << 17, 17)];
const BLOCK: u32 = 8;
const PARALLEL: u32 = 1;
const LARGEST_FIELD: usize = 16 << 10;

/// The fields in the order in which cosign writes them.
#[derive(Serialize, Deserialize)]
struct Sealed {
    kdf: Kdf,
    cipher: Cipher,
    ciphertext: String,
}

#[derive(Serialize, Deserialize)]
struct Kdf {
    name: String,
    params: Params,
    salt: String,
}

#[derive(Serialize, Deserialize, Clone, Copy)]
struct Params {
    #[serde(rename = "N")]
    n: u64,
    r: u32,
    p: u32,
}

#[derive(Serialize, Deserialize)]
struct Cipher {
    name: String,
    nonce: String,
}

/// Opens the JSON of a key. Gives PKCS#8 in DER.
pub(super) fn open(json: &[u8], password: &[u8]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let fail = |why: String| Error::not_a_key("encrypted private key", why);
    let sealed: Sealed = serde_json::from_slice(json).map_err(|error| fail(error.to_string()))?;
    if sealed.kdf.name != "scrypt" || sealed.cipher.name != "nacl/secretbox" {
        return Err(fail(format!(
            "it is encrypted with {} and {}; scrypt and nacl/secretbox are known",
            sealed.kdf.name, sealed.cipher.name
        )));
    }
    let field = |name: &str, text: &str| {
        Some(text)
            .filter(|text| text.len() <= LARGEST_FIELD)
            .and_then(|text| STANDARD.decode(text).ok())
            .ok_or_else(|| fail(format!("its {name} is no Base64 of a fitting length")))
    };
    let salt = field("salt", &sealed.kdf.salt)?;
    let nonce: [u8; 24] = field("nonce", &sealed.cipher.nonce)?
        .try_into()
        .map_err(|_| fail("its nonce is not of 24 bytes".to_owned()))?;
    let ciphertext = field("ciphertext", &sealed.ciphertext)?;
    let key = derive(password, &salt, sealed.kdf.params).map_err(fail)?;
    let cipher = XSalsa20Poly1305::new(key.as_ref().into());
    let opened = cipher.decrypt(Nonce::from_slice(&nonce), ciphertext.as_slice());
    opened.map(Zeroizing::new).map_err(|_| Error::Password)
}

/// Seals PKCS#8 in DER. Gives PEM.
pub(super) fn seal(der: &[u8], password: &[u8]) -> Result<Zeroizing<String>, Error> {
    let (mut salt, mut nonce) = ([0; 32], [0; 24]);
    for random in [&mut salt[..], &mut nonce[..]] {
        aws_lc_rs::rand::fill(random).map_err(|_| Error::Cryptography("drawing a salt"))?;
    }
    let params = Params { n: COST, r: BLOCK, p: PARALLEL };
    let key = derive(password, &salt, params).map_err(|_| Error::Cryptography("deriving a key"))?;
    let cipher = XSalsa20Poly1305::new(key.as_ref().into());
    let ciphertext = cipher
        .encrypt(Nonce::from_slice(&nonce), der)
        .map_err(|_| Error::Cryptography("encrypting the key"))?;
    let sealed = Sealed {
        kdf: Kdf { name: "scrypt".to_owned(), params, salt: STANDARD.encode(salt) },
        cipher: Cipher { name: "nacl/secretbox".to_owned(), nonce: STANDARD.encode(nonce) },
        ciphertext: STANDARD.encode(ciphertext),
    };
    let failed = || Error::Cryptography("writing the key");
    let json = serde_json::to_vec(&sealed).map_err(|_| failed())?;
    encode_string(LABEL, LineEnding::LF, &json).map(Zeroizing::new).map_err(|_| failed())
}

fn derive(password: &[u8], salt: &[u8], asked: Params) -> Result<Zeroizing<[u8; 32]>, String> {
    let Params { n, r, p } = asked;
    let known = COSTS.iter().find(|(cost, _)| *cost == n && r == BLOCK && p == PARALLEL);
    let Some((_, log)) = known else {
        return Err(format!(
            "its password hash has N={n}, r={r}, p={p}; N of 32768 to 131072, r=8, p=1 are taken"
        ));
    };
    let params = scrypt::Params::new(*log, BLOCK, PARALLEL).map_err(|error| error.to_string())?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password, salt, &params, key.as_mut()).map_err(|error| error.to_string())?;
    Ok(key)
}
