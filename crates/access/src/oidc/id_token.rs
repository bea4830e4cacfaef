use super::{Keys, OidcError, Provider};
use crate::jws::{Header, Parts, decode};
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

/// What a token says of a person, after everything was checked.
pub(super) struct Person {
    pub(super) subject: String,
    pub(super) name: String,
    pub(super) groups: Vec<String>,
}

const LARGEST: usize = 256 * 1024;
/// Seconds by which the provider's clock may differ.
const LEEWAY: u64 = 60;
/// Seconds after which a token is too old to be of the login that just was.
const OLDEST: u64 = 600;
/// Groups that are looked at. Some directories put everybody in hundreds.
const MOST_GROUPS: usize = 10_000;

#[derive(Deserialize)]
struct Answer {
    id_token: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: u64,
    iat: u64,
    nbf: Option<u64>,
    nonce: String,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

pub(super) fn verify(
    provider: &Provider,
    answer: &[u8],
    nonce: &str,
    keys: &Keys,
    now: u64,
) -> Result<Person, OidcError> {
    let fail = |why| Err(OidcError::Token(why));
    if answer.len() > LARGEST {
        return fail("the answer with it is larger than 256 KiB");
    }
    let answer: Answer =
        serde_json::from_slice(answer).map_err(|_| OidcError::Token("the answer has no id_token"))?;
    let parts = Parts::of(&answer.id_token).ok_or(OidcError::Token("it has not three parts"))?;
    let header = Header::read(parts.header).ok_or(OidcError::Token("its header cannot be read"))?;
    if header.forbidden().is_some() {
        return fail("it brings its own key");
    }
    let key =
        keys.find(header.kid.as_deref()).ok_or(OidcError::Token("its key is none of the provider's"))?;
    let name = match key.algorithm {
        Algorithm::ES256 => "ES256",
        _ => "RS256",
    };
    if header.alg != name {
        return fail("its algorithm is not the one of its key");
    }
    if !parts.is_signed_by(&key.check, key.algorithm) {
        return fail("its signature does not hold");
    }
    let claims: Claims =
        decode(parts.payload).ok_or(OidcError::Token("a claim is missing or of another type"))?;
    if claims.iss != provider.issuer {
        return fail("it is of another issuer");
    }
    let us = |other: &String| *other == provider.client_id;
    let (for_us, several) = match &claims.aud {
        Audience::One(one) => (us(one), false),
        Audience::Many(many) => (many.iter().any(us), many.len() > 1),
    };
    if !for_us {
        return fail("it is for another client");
    }
    // Where it is for several, who asked for it has to be us; and where it says who asked, as well.
    if claims.azp.as_ref().map_or(several, |party| !us(party)) {
        return fail("another client asked for it");
    }
    if claims.exp.saturating_add(LEEWAY) <= now {
        return fail("it has expired");
    }
    let later = now.saturating_add(LEEWAY);
    if claims.iat > later || claims.nbf.is_some_and(|nbf| nbf > later) {
        return fail("it is not valid yet; compare the clocks");
    }
    if claims.iat.saturating_add(OLDEST) < now {
        return fail("it is older than the login");
    }
    if !bool::from(claims.nonce.as_bytes().ct_eq(nonce.as_bytes())) {
        return fail("it is of another login");
    }
    let groups = groups(claims.others.get(&provider.groups_claim))?;
    let called =
        ["preferred_username", "email", "name"].iter().find_map(|name| claims.others.get(*name)?.as_str());
    let name = called.unwrap_or(&claims.sub).chars().take(100).collect::<String>();
    Ok(Person { name: model::escape_text(&name), subject: claims.sub, groups })
}

/// The groups in a claim: a list of texts, or one text, which is one group however many words it has.
fn groups(claim: Option<&Value>) -> Result<Vec<String>, OidcError> {
    let fail = || OidcError::Token("its groups are no list of up to 10000 texts");
    match claim {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(group)) => Ok(vec![group.clone()]),
        Some(Value::Array(list)) if list.len() <= MOST_GROUPS => {
            list.iter().map(|group| group.as_str().map(str::to_owned).ok_or_else(fail)).collect()
        }
        Some(_) => Err(fail()),
    }
}
