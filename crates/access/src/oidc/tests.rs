use super::*;
use crate::{Action, authorize};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RsaKeyPair};
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::LazyLock;

const NOW: u64 = 1_796_000_000;
const ISSUER: &str = "https://id.example/realm";

/// A provider's keys: one of each kind, with the set that it publishes.
struct Signer {
    ec: EncodingKey,
    rsa: EncodingKey,
    jwks: Value,
}

static SIGNER: LazyLock<Signer> = LazyLock::new(|| {
    let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let ec = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
    let point = ec.public_key().as_ref();
    let rsa = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let (n, e) = (rsa.public_key().modulus(), rsa.public_key().exponent());
    let jwks = json!({"keys": [
        {"kty": "EC", "kid": "ec", "crv": "P-256", "use": "sig", "alg": "ES256", "x": text(&point[1..33]), "y": text(&point[33..])},
        {"kty": "RSA", "kid": "rsa", "use": "sig", "n": text(n.big_endian_without_leading_zero()),
            "e": text(e.big_endian_without_leading_zero())},
        {"kty": "oct", "kid": "shared", "k": text(b"shared secret")},
        {"kty": "RSA", "kid": "encrypts", "use": "enc", "n": text(&[0xff; 256]), "e": "AQAB"},
        {"kty": "RSA", "kid": "weak", "n": text(&[0xff; 128]), "e": "AQAB"},
        {"kty": "EC", "kid": "p384", "crv": "P-384", "x": text(&[1; 48]), "y": text(&[1; 48])},
    ]});
    // PKCS#8 wraps PKCS#1 in 26 bytes that are the same for every key of this size.
    let rsa = EncodingKey::from_rsa_der(&rsa.as_der().unwrap().as_ref()[26..]);
    Signer { ec: EncodingKey::from_ec_der(pkcs8.as_ref()), rsa, jwks }
});

fn provider() -> Provider {
    serde_json::from_value(json!({
        "issuer": ISSUER, "client-id": "gate", "redirect-uri": "https://gate.example/callback",
        "groups": [
            {"group": "builders", "grants": [{"repositories": "team/*", "actions": ["pull", "push"]}]},
            {"group": "readers", "grants": [{"repositories": "**", "actions": ["pull"]}]},
            {"group": "admins", "admin": true},
        ],
    }))
    .unwrap()
}

fn document() -> Value {
    json!({
        "issuer": ISSUER, "authorization_endpoint": "https://id.example/auth", "token_endpoint": "https://id.example/token",
        "jwks_uri": "https://id.example/keys", "code_challenge_methods_supported": ["plain", "S256"], "other": {},
    })
}

fn discovery() -> Discovery {
    Discovery::read(document().to_string().as_bytes(), ISSUER).unwrap()
}

/// A login that was begun and came back, with its nonce.
fn exchange() -> Exchange {
    let (_, pending) = provider().begin(&discovery(), NOW).unwrap();
    let state = pending.state().to_owned();
    pending
        .finish(&provider(), &Callback { state: &state, code: Some("code"), ..Callback::default() }, NOW + 5)
        .unwrap()
}

fn claims(exchange: &Exchange) -> Value {
    json!({"iss": ISSUER, "sub": "8f3c", "aud": "gate", "exp": NOW + 300, "iat": NOW, "nonce": exchange.nonce,
        "groups": ["builders", "others"], "preferred_username": "alice"})
}

fn sign(header: &Value, claims: &Value, key: &EncodingKey, algorithm: Algorithm) -> String {
    let text = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let message = format!("{}.{}", text(header), text(claims));
    let signature = crypto::sign(message.as_bytes(), key, algorithm).unwrap();
    format!("{message}.{signature}")
}

fn login(token: &str, exchange: &Exchange) -> Result<Login, OidcError> {
    let keys = Keys::read(SIGNER.jwks.to_string().as_bytes()).unwrap();
    provider().login(
        json!({"id_token": token, "access_token": "x"}).to_string().as_bytes(),
        exchange,
        &keys,
        NOW,
    )
}

/// What becomes of a token with other claims, signed as it should be.
fn check(change: impl FnOnce(&mut Value), expect: Result<&str, &str>) {
    let exchange = exchange();
    let mut claims = claims(&exchange);
    change(&mut claims);
    let token = sign(&json!({"alg": "ES256", "kid": "ec"}), &claims, &SIGNER.ec, Algorithm::ES256);
    match (login(&token, &exchange), expect) {
        (Ok(login), Ok(groups)) => assert_eq!(login.groups.join(" "), groups),
        (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}, not {why}"),
        (result, _) => panic!("{claims}: {result:?}"),
    }
}

#[test]
fn somebody_logs_in_with_the_rights_of_their_groups() {
    let exchange = exchange();
    let token = sign(
        &json!({"alg": "RS256", "kid": "rsa", "typ": "JWT"}),
        &claims(&exchange),
        &SIGNER.rsa,
        Algorithm::RS256,
    );
    let login = login(&token, &exchange).unwrap();
    assert_eq!(
        (login.principal.as_str(), login.name.as_str()),
        ("oidc:8f3c@https://id.example/realm", "alice")
    );
    let may = |name: &str, action| authorize(&login.principal, &name.parse().unwrap(), action).is_ok();
    assert!(may("team/app", Action::Push) && !may("other/app", Action::Pull) && !login.principal.is_admin());
}

#[test]
fn rights_are_those_of_the_groups_of_this_login() {
    check(|_| (), Ok("builders"));
    check(|claims| claims["groups"] = json!(["readers", "builders"]), Ok("builders readers"));
    check(|claims| claims["groups"] = json!([]), Ok(""));
    check(|claims| claims["groups"] = json!(null), Ok(""));
    check(|claims| claims["groups"] = json!("admins"), Ok("admins"));
    check(|claims| claims["groups"] = json!("admins builders"), Ok(""));
    check(|claims| claims["groups"] = json!(["Admins", "admins ", "admin"]), Ok(""));
    check(|claims| claims["groups"] = json!(["admins", 1]), Err("groups"));
    check(|claims| claims["groups"] = json!({"admins": true}), Err("groups"));
    check(|claims| claims["groups"] = json!(vec!["x"; 10_001]), Err("groups"));
    check(|claims| drop(claims.as_object_mut().unwrap().remove("groups")), Ok(""));
}

#[test]
fn a_token_is_of_this_login_or_it_is_refused() {
    let set = |name: &'static str, value: Value| move |claims: &mut Value| claims[name] = value;
    let without =
        |name: &'static str| move |claims: &mut Value| drop(claims.as_object_mut().unwrap().remove(name));
    for name in ["iss", "sub", "aud", "exp", "iat", "nonce"] {
        check(without(name), Err("missing"));
    }
    check(set("iss", json!("https://id.example/realm/")), Err("another issuer"));
    check(set("aud", json!("other")), Err("another client"));
    check(set("aud", json!([])), Err("another client"));
    check(set("aud", json!(["gate"])), Ok("builders"));
    check(set("aud", json!(["gate", "other"])), Err("another client asked"));
    check(set("azp", json!("gate")), Ok("builders"));
    check(set("azp", json!("other")), Err("another client asked"));
    check(
        |claims| (claims["aud"], claims["azp"]) = (json!(["other", "gate"]), json!("gate")),
        Ok("builders"),
    );
    check(set("exp", json!(NOW - 60)), Err("expired"));
    check(set("exp", json!(NOW - 59)), Ok("builders"));
    check(set("exp", json!("x")), Err("missing"));
    check(set("iat", json!(NOW + 61)), Err("not valid yet"));
    check(set("iat", json!(NOW - 601)), Err("older than the login"));
    check(set("nbf", json!(NOW + 61)), Err("not valid yet"));
    check(set("nonce", json!("other")), Err("another login"));
    check(set("nonce", json!("")), Err("another login"));
    check(set("sub", json!("")), Err("subject"));
    check(set("sub", json!("a\u{202e}")), Err("subject"));
    check(set("sub", json!("a".repeat(256))), Err("subject"));
}

#[test]
fn a_token_is_signed_by_a_key_of_the_provider_in_the_way_of_the_key() {
    let exchange = exchange();
    let refuse = |header: Value, key: &EncodingKey, algorithm, why: &str| {
        let error =
            login(&sign(&header, &claims(&exchange), key, algorithm), &exchange).unwrap_err().to_string();
        assert!(error.contains(why), "{header}: {error}");
    };
    let (ec, rsa) = (&SIGNER.ec, &SIGNER.rsa);
    refuse(json!({"alg": "none", "kid": "ec"}), ec, Algorithm::ES256, "algorithm");
    refuse(json!({"alg": "RS256", "kid": "ec"}), rsa, Algorithm::RS256, "algorithm");
    refuse(json!({"alg": "RS512", "kid": "rsa"}), rsa, Algorithm::RS512, "algorithm");
    refuse(json!({"alg": "PS256", "kid": "rsa"}), rsa, Algorithm::PS256, "algorithm");
    refuse(json!({"alg": "ES256", "kid": "ec"}), rsa, Algorithm::RS256, "signature");
    refuse(json!({"alg": "RS256", "kid": "rsa"}), ec, Algorithm::ES256, "signature");
    for id in ["other", "shared", "encrypts", "weak", "p384", ""] {
        refuse(json!({"alg": "ES256", "kid": id}), ec, Algorithm::ES256, "none of the provider's");
    }
    refuse(json!({"alg": "ES256"}), ec, Algorithm::ES256, "none of the provider's");
    let shared = EncodingKey::from_secret(b"shared secret");
    refuse(json!({"alg": "HS256", "kid": "shared"}), &shared, Algorithm::HS256, "none of the provider's");
    let public = EncodingKey::from_secret(SIGNER.jwks["keys"][1]["n"].as_str().unwrap().as_bytes());
    refuse(json!({"alg": "HS256", "kid": "rsa"}), &public, Algorithm::HS256, "algorithm");
    for field in ["jwk", "jku", "x5c", "x5u", "crit"] {
        refuse(json!({"alg": "ES256", "kid": "ec", field: "x"}), ec, Algorithm::ES256, "own key");
    }
    let good = sign(&json!({"alg": "ES256", "kid": "ec"}), &claims(&exchange), ec, Algorithm::ES256);
    assert!(login(&good, &exchange).is_ok());
    let (message, _) = good.rsplit_once('.').unwrap();
    for token in [
        "",
        "..",
        message,
        &format!("{message}."),
        &good[..good.len() - 1],
        &format!("{good}.x"),
        &"a".repeat(300_000),
    ] {
        assert!(login(token, &exchange).is_err(), "{token}");
    }
    let keys = Keys::read(SIGNER.jwks.to_string().as_bytes()).unwrap();
    for answer in ["", "{}", "[]", r#"{"id_token":1}"#, r#"{"access_token":"x"}"#] {
        assert!(provider().login(answer.as_bytes(), &exchange, &keys, NOW).is_err(), "{answer}");
    }
    // A key without an id is meant where it is the only one.
    let mut only = SIGNER.jwks["keys"][0].clone();
    drop(only.as_object_mut().unwrap().remove("kid"));
    let only = Keys::read(json!({"keys": [only]}).to_string().as_bytes()).unwrap();
    let unnamed = sign(&json!({"alg": "ES256"}), &claims(&exchange), ec, Algorithm::ES256);
    assert!(
        provider().login(json!({"id_token": unnamed}).to_string().as_bytes(), &exchange, &only, NOW).is_ok()
    );
}

#[test]
fn key_sets_are_read_whole_or_not() {
    let refuse = |jwks: Value, why: &str| {
        let error = Keys::read(jwks.to_string().as_bytes()).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    };
    let ec = &SIGNER.jwks["keys"][0];
    refuse(json!([]), "not JSON with keys");
    refuse(json!({"keys": []}), "no key");
    refuse(json!({"keys": [{"kty": "oct", "k": "x"}]}), "no key");
    refuse(json!({"keys": [ec, ec]}), "same id");
    refuse(json!({"keys": vec![ec; 65]}), "64 keys");
    refuse(json!({"keys": [ec], "more": "x".repeat(300_000)}), "256 KiB");
    for (name, value) in
        [("use", "enc"), ("alg", "ES384"), ("crv", "P-384"), ("x", "AA"), ("y", "!"), ("kty", "OKP")]
    {
        let mut changed = ec.clone();
        changed[name] = json!(value);
        refuse(json!({"keys": [changed]}), "no key");
    }
}

#[test]
fn the_provider_speaks_for_itself_and_over_https() {
    let check = |name: &str, value: Value, expect: Result<(), &str>| {
        let mut document = document();
        document[name] = value.clone();
        match (Discovery::read(document.to_string().as_bytes(), ISSUER), expect) {
            (Ok(_), Ok(())) => {}
            (Err(error), Err(why)) => assert!(error.to_string().contains(why), "{error}"),
            (result, _) => panic!("{name} {value}: {result:?}"),
        }
    };
    check("issuer", json!(ISSUER), Ok(()));
    check("issuer", json!("https://id.example/realm/"), Err("another issuer"));
    check("issuer", json!(1), Err("not JSON"));
    check("code_challenge_methods_supported", json!(["plain"]), Err("PKCE"));
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        for address in [
            "https://x.example",
            "https://x.example:8443/a?b=c",
            "http://localhost:1/x",
            "http://127.0.0.1/",
            "http://[::1]:5/",
        ] {
            check(name, json!(address), Ok(()));
        }
        for address in [
            "http://x.example/",
            "http://localhost.evil.example/",
            "http://127.0.0.1@evil.example/",
            "https://a@b/",
            "https://",
            "ftp://x",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "",
            "https://x y",
            "https://x/#f",
            "http://localhost\\@evil.example/",
        ] {
            check(name, json!(address), Err("not https"));
        }
    }
    assert!(Discovery::read(&vec![b' '; 300_000], ISSUER).is_err());
    assert_eq!(Discovery::url("https://id.example/"), "https://id.example/.well-known/openid-configuration");
}

#[test]
fn the_browser_is_sent_with_state_nonce_and_challenge() {
    let (url, pending) = provider().begin(&discovery(), NOW).unwrap();
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(pending.verifier.expose()));
    assert_eq!(
        url,
        format!(
            "https://id.example/auth?response_type=code&client_id=gate&redirect_uri=https%3A%2F%2Fgate.example%2Fcallback\
             &scope=openid%20profile%20email%20groups&state={}&nonce={}&code_challenge={challenge}&code_challenge_method=S256",
            pending.state, pending.nonce
        )
    );
    let (_, other) = provider().begin(&discovery(), NOW).unwrap();
    assert!(other.state != pending.state && other.nonce != pending.nonce && pending.state.len() == 43);
    assert!(!format!("{pending:?}").contains(pending.verifier.expose()));
    let exchange = exchange();
    let body = provider().exchange_body(&exchange);
    assert_eq!(
        body.expose(),
        format!(
            "grant_type=authorization_code&code=code&redirect_uri=https%3A%2F%2Fgate.example%2Fcallback&client_id=gate&code_verifier={}",
            exchange.verifier.expose()
        )
    );
}

#[test]
fn the_browser_comes_back_with_what_it_was_sent_with() {
    let check = |change: &dyn Fn(&mut Callback<'_>), now: u64, expect: Option<OidcError>| {
        let (_, pending) = provider().begin(&discovery(), NOW).unwrap();
        let state = pending.state().to_owned();
        let mut query = Callback { state: &state, code: Some("code"), ..Callback::default() };
        change(&mut query);
        assert_eq!(pending.finish(&provider(), &query, now).err(), expect, "{query:?}");
    };
    check(&|_| (), NOW, None);
    check(&|_| (), NOW + 600, None);
    check(&|_| (), NOW + 601, Some(OidcError::State));
    check(&|_| (), NOW - 1, Some(OidcError::State));
    check(&|query| query.state = "other", NOW, Some(OidcError::State));
    check(&|query| query.state = "", NOW, Some(OidcError::State));
    check(&|query| query.code = None, NOW, Some(OidcError::State));
    check(&|query| query.code = Some(""), NOW, Some(OidcError::State));
    check(&|query| query.issuer = Some(ISSUER), NOW, None);
    check(&|query| query.issuer = Some("https://other.example"), NOW, Some(OidcError::State));
    let refused = OidcError::Refused("access\\u{1b}denied".to_owned());
    check(&|query| query.error = Some("access\u{1b}denied"), NOW, Some(refused));
}

#[test]
fn the_configuration_knows_no_other_fields() {
    let good = json!({"issuer": ISSUER, "client-id": "x", "redirect-uri": "x"});
    assert!(serde_json::from_value::<Provider>(good.clone()).is_ok());
    for (name, value) in
        [("group", json!([])), ("client_id", json!("y")), ("groups", json!([{"group": "x", "adminn": true}]))]
    {
        let mut changed = good.clone();
        changed[name] = value;
        assert!(serde_json::from_value::<Provider>(changed).is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "[A-Za-z0-9_.{}\":-]{0,80}") {
        let exchange = exchange();
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = Keys::read(bytes);
            let _ = Discovery::read(bytes, ISSUER);
        }
        prop_assert!(login(&text, &exchange).is_err());
    }
}
