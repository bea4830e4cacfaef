use super::*;
use crate::{Action, authorize, authorize_through, parse_scopes};
use proptest::prelude::*;
use serde_json::{Value, json};

const NOW: u64 = 1_796_000_000;
const ISSUER: &str = "https://gate.example";
const SERVICE: &str = "gate.example";

fn key() -> TokenKey {
    TokenKey::from_pkcs8(&TokenKey::generate().unwrap()).unwrap()
}

fn minter() -> Minter {
    Minter::new(ISSUER, SERVICE, key(), LIFETIME)
}

fn alice() -> Principal {
    let rights = r#"{"grants":[{"repositories":"team/*","actions":["pull","push"],"upstreams":["hub"]}]}"#;
    Principal::new("user:alice".parse().unwrap(), serde_json::from_str(rights).unwrap())
}

fn mint(minter: &Minter) -> String {
    let scopes = parse_scopes(["repository:team/app:pull"]).unwrap();
    minter.mint(&alice(), SERVICE, &scopes, NOW).unwrap().token().expose().to_owned()
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A header as the minter writes it.
fn header(minter: &Minter) -> Value {
    json!({"typ": "JWT", "alg": "ES256", "kid": minter.key.id()})
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "user:alice", "aud": SERVICE, "exp": NOW + 300, "nbf": NOW, "iat": NOW, "jti": "x",
        "access": [{"type": "repository", "name": "team/app", "actions": ["pull"]}],
    })
}

/// A token with any claims, signed with the minter's key under the minter's header.
fn signed(minter: &Minter, claims: &Value) -> String {
    let message = format!("{}.{}", minter.key.header(), encode(claims));
    format!("{message}.{}", minter.key.sign(message.as_bytes()).unwrap())
}

fn check(minter: &Minter, token: &str, expect: Result<&str, TokenError>) {
    let verified = minter.verifier().verify(token, NOW);
    assert_eq!(verified.as_ref().map(|who| who.as_str()).map_err(|error| *error), expect);
}

#[test]
fn a_token_holds_what_it_was_made_for_and_no_more() {
    let minter = minter();
    let who = minter.verifier().verify(&mint(&minter), NOW).unwrap();
    assert_eq!(who.identity(), alice().identity());
    let may = |name: &str, action| authorize(&who, &name.parse().unwrap(), action).is_ok();
    assert!(
        may("team/app", Action::Pull) && !may("team/app", Action::Push) && !may("team/other", Action::Pull)
    );
    let through = |upstream: &str| {
        authorize_through(&who, &"team/app".parse().unwrap(), &upstream.parse().unwrap(), Action::Pull)
            .is_ok()
    };
    assert!(through("hub") && !through("ghcr"));
    assert!(!who.is_admin() && !who.may_list());
}

#[test]
fn an_administrator_has_what_the_token_says() {
    let minter = minter();
    let root =
        Principal::new("user:root".parse().unwrap(), crate::Rights { admin: true, ..Default::default() });
    let holder = |scope: &str| {
        let minted = minter.mint(&root, SERVICE, &parse_scopes([scope]).unwrap(), NOW).unwrap();
        minter.verifier().verify(minted.token().expose(), NOW).unwrap()
    };
    let name = "a/b".parse().unwrap();
    let pull = holder("repository:a/b:pull");
    assert!(!pull.is_admin() && authorize(&pull, &name, Action::Push).is_err());
    assert!(authorize_through(&pull, &name, &"any".parse().unwrap(), Action::Pull).is_ok());
    assert!(holder("registry:admin:*").is_admin());
    let catalog = holder("registry:catalog:*");
    assert!(catalog.may_list() && !catalog.is_admin() && authorize(&catalog, &name, Action::Pull).is_err());
}

#[test]
fn the_answer_is_what_clients_expect() {
    let minter = Minter::new(ISSUER, SERVICE, key(), 1);
    let minted = minter.mint(&alice(), SERVICE, &[], NOW).unwrap();
    let body: Value = serde_json::from_str(minted.body().expose()).unwrap();
    assert_eq!(body["token"], body["access_token"]);
    assert_eq!((&body["expires_in"], &body["issued_at"]), (&json!(60), &json!("2026-11-30T00:53:20Z")));
    assert_eq!(body.as_object().unwrap().len(), 4);
    let shown = format!("{minted:?} {minter:?}");
    assert!(!shown.contains(minted.token().expose()), "{shown}");
    let parts: Vec<_> = minted.token().expose().split('.').collect();
    let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
    assert_eq!(read(parts[0]), header(&minter));
    assert_eq!(read(parts[1])["access"], json!([]));
}

#[test]
fn there_are_no_tokens_for_other_services_or_the_gate() {
    let minter = minter();
    let mint = |who: &Principal, service: &str| minter.mint(who, service, &[], NOW).unwrap_err();
    assert_eq!(mint(&alice(), "other"), MintError::Service(SERVICE.to_owned()));
    assert_eq!(mint(&Principal::gate(), SERVICE), MintError::Gate);
    let long =
        Principal::new("user:root".parse().unwrap(), crate::Rights { admin: true, ..Default::default() });
    let scopes: Vec<_> = (0..60).map(|at| format!("repository:{}{at}:*", "a".repeat(240))).collect();
    let scopes: Vec<_> = scopes.iter().flat_map(|scope| parse_scopes([scope.as_str()]).unwrap()).collect();
    assert_eq!(minter.mint(&long, SERVICE, &scopes, NOW).unwrap_err(), MintError::Long);
}

#[test]
fn what_is_not_ours_is_refused() {
    let minter = minter();
    let good = mint(&minter);
    check(&minter, &good, Ok("user:alice"));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let (_, payload) = message.split_once('.').unwrap();
    let with = |header: &Value| format!("{}.{payload}.{signature}", encode(header));
    let changed = |name: &str, value: Value| {
        let mut header = header(&minter);
        header[name] = value;
        with(&header)
    };
    for algorithm in ["none", "None", "HS256", "RS256", "ES384", ""] {
        check(&minter, &changed("alg", json!(algorithm)), Err(TokenError::Algorithm));
    }
    for field in ["jwk", "jku", "x5c", "x5u", "crit", "zip", "b64"] {
        check(&minter, &changed(field, json!("x")), Err(TokenError::Header(field)));
    }
    check(&minter, &changed("kid", json!("other")), Err(TokenError::Key));
    check(&minter, &changed("kid", json!("../../dev/null")), Err(TokenError::Key));
    check(&minter, &changed("more", json!(1)), Err(TokenError::Key));
    check(&minter, &with(&json!({"alg": "ES256"})), Err(TokenError::Key));
    check(&minter, &with(&json!({"typ": "JWT"})), Err(TokenError::Form));
    check(&minter, &with(&json!([])), Err(TokenError::Form));
    check(&minter, &changed("alg", json!(["ES256"])), Err(TokenError::Form));
    // A token with no signature, and one whose signature is of no algorithm.
    check(&minter, &format!("{message}."), Err(TokenError::Signature));
    check(&minter, &format!("{}.{payload}.", encode(&json!({"alg": "none"}))), Err(TokenError::Algorithm));
    check(&minter, message, Err(TokenError::Form));
    check(&minter, &format!("{good}.x"), Err(TokenError::Form));
    check(&minter, &format!("{good}="), Err(TokenError::Signature));
    check(&minter, &format!("{message}.{}", "A".repeat(86)), Err(TokenError::Signature));
    check(&minter, "", Err(TokenError::Form));
    check(&minter, "..", Err(TokenError::Form));
    check(&minter, &"a".repeat(1 << 20), Err(TokenError::Long));
    check(&minter, &format!("{good}{}", "a".repeat(1 << 20)), Err(TokenError::Long));
    for length in 0..good.len() {
        assert!(minter.verifier().verify(&good[..length], NOW).is_err(), "{length}");
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let minter = minter();
    let pkcs8 = TokenKey::generate().unwrap();
    let ours = Minter::new(ISSUER, SERVICE, TokenKey::from_pkcs8(&pkcs8).unwrap(), LIFETIME);
    let public = ours.key.check().try_get_as_bytes().unwrap();
    let secret = jsonwebtoken::EncodingKey::from_secret(public);
    for algorithm in [jsonwebtoken::Algorithm::HS256, jsonwebtoken::Algorithm::HS512] {
        let mut header = jsonwebtoken::Header::new(algorithm);
        header.kid = Some(ours.key.id().to_owned());
        let token = jsonwebtoken::encode(&header, &claims(), &secret).unwrap();
        check(&ours, &token, Err(TokenError::Algorithm));
    }
    // The same under the header of ours, with a signature of HS256.
    let message = format!("{}.{}", ours.key.header(), encode(&claims()));
    let mac =
        jsonwebtoken::crypto::sign(message.as_bytes(), &secret, jsonwebtoken::Algorithm::HS256).unwrap();
    check(&ours, &format!("{message}.{mac}"), Err(TokenError::Signature));
    // And signed by a stranger who writes our header.
    let strange = minter.key.sign(message.as_bytes()).unwrap();
    check(&ours, &format!("{message}.{strange}"), Err(TokenError::Signature));
    check(&ours, &signed(&ours, &claims()), Ok("user:alice"));
}

#[test]
fn the_claims_are_those_of_a_token_of_this_service() {
    let minter = minter();
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value,
        }
        signed(&minter, &claims)
    };
    check(&minter, &with("iss", json!("https://gate.example.evil")), Err(TokenError::Issuer));
    check(&minter, &with("aud", json!("other")), Err(TokenError::Audience));
    check(&minter, &with("aud", json!([SERVICE, "other"])), Err(TokenError::Claims));
    for name in ["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "access"] {
        check(&minter, &with(name, Value::Null), Err(TokenError::Claims));
    }
    check(&minter, &with("admin", json!(true)), Err(TokenError::Claims));
    check(&minter, &with("exp", json!("never")), Err(TokenError::Claims));
    check(&minter, &with("exp", json!(-1)), Err(TokenError::Claims));
    check(&minter, &with("exp", json!(1e300)), Err(TokenError::Claims));
    check(&minter, &with("exp", json!(u64::MAX)), Err(TokenError::Claims));
    check(&minter, &with("exp", json!(NOW + 301)), Err(TokenError::Claims));
    check(&minter, &with("iat", json!(NOW - 1)), Err(TokenError::Claims));
    check(&minter, &with("sub", json!("gate")), Err(TokenError::Claims));
    check(&minter, &with("sub", json!("alice")), Err(TokenError::Claims));
    let access = |kind: &str, name: &str, actions: &[&str]| {
        with("access", json!([{"type": kind, "name": name, "actions": actions}]))
    };
    check(&minter, &access("repository", "a", &["pull", "use-upstream:*"]), Ok("user:alice"));
    check(&minter, &access("registry", "admin", &["*"]), Ok("user:alice"));
    check(&minter, &access("repository", "a", &["*"]), Err(TokenError::Claims));
    check(&minter, &access("repository", "../a", &["pull"]), Err(TokenError::Claims));
    check(&minter, &access("repository", "**", &["pull"]), Err(TokenError::Claims));
    check(&minter, &access("repository", "a", &["use-upstream:A"]), Err(TokenError::Claims));
    check(&minter, &access("registry", "admin", &["pull"]), Err(TokenError::Claims));
    check(&minter, &access("registry", "other", &["*"]), Err(TokenError::Claims));
    check(&minter, &access("queue", "a", &["pull"]), Err(TokenError::Claims));
    check(
        &minter,
        &with("access", json!([{"type": "repository", "name": "a", "actions": [], "x": 1}])),
        Err(TokenError::Claims),
    );
    check(&minter, &with("access", json!({})), Err(TokenError::Claims));
    // What everybody has is at most what nobody proved.
    let anonymous = with("sub", json!("anonymous"));
    check(&minter, &anonymous, Ok("anonymous"));
    let message = format!("{}.{}", minter.key.header(), URL_SAFE_NO_PAD.encode(claims().to_string() + " {}"));
    check(
        &minter,
        &format!("{message}.{}", minter.key.sign(message.as_bytes()).unwrap()),
        Err(TokenError::Claims),
    );
}

#[test]
fn a_token_has_its_time() {
    let minter = minter();
    let token = mint(&minter);
    for remembered in [false, true] {
        let verifier = minter.verifier();
        let at = |now| {
            if remembered {
                verifier.verify(&token, NOW).unwrap();
            }
            verifier.verify(&token, now).err()
        };
        assert_eq!(at(NOW), None);
        assert_eq!(at(NOW - 10), None);
        assert_eq!(at(NOW - 11), Some(TokenError::Early));
        assert_eq!(at(NOW + 309), None);
        assert_eq!(at(NOW + 310), Some(TokenError::Expired));
        assert_eq!(at(u64::MAX), Some(TokenError::Expired));
        assert_eq!(at(0), Some(TokenError::Early));
    }
}

#[test]
fn tokens_are_taken_back() {
    let (minter, bob) = (minter(), "user:bob".parse().unwrap());
    let (verifier, token) = (minter.verifier(), mint(&minter));
    verifier.verify(&token, NOW).unwrap();
    verifier.cut(&bob, NOW + 5);
    assert!(verifier.verify(&token, NOW + 5).is_ok());
    verifier.cut(alice().identity(), NOW + 5);
    assert_eq!(verifier.verify(&token, NOW + 5).err(), Some(TokenError::Revoked));
    assert_eq!(verifier.verify(&token, NOW + 5).err(), Some(TokenError::Revoked));
    let later = minter.mint(&alice(), SERVICE, &[], NOW + 6).unwrap();
    assert!(verifier.verify(later.token().expose(), NOW + 6).is_ok());
    // More than can be told apart cuts off everybody, rather than nobody.
    for at in 0..10_001 {
        verifier.cut(&format!("user:u{at}").parse().unwrap(), NOW + 7);
    }
    assert_eq!(verifier.verify(later.token().expose(), NOW + 7).err(), Some(TokenError::Revoked));
    let newest = minter.mint(&alice(), SERVICE, &[], NOW + 8).unwrap();
    assert!(verifier.verify(newest.token().expose(), NOW + 8).is_ok());
}

#[test]
fn a_key_that_is_gone_takes_its_tokens_along() {
    let (old, new) = (key(), key());
    let both = Verifier::new(ISSUER, SERVICE, &[&new, &old], LIFETIME);
    let one = Verifier::new(ISSUER, SERVICE, &[&new], LIFETIME);
    let token = mint(&Minter::new(ISSUER, SERVICE, old, LIFETIME));
    assert!(both.verify(&token, NOW).is_ok());
    assert_eq!(one.verify(&token, NOW).err(), Some(TokenError::Key));
}

#[test]
fn a_key_is_read_from_what_was_kept_and_from_nothing_else() {
    let kept = TokenKey::generate().unwrap();
    let (one, again) = (TokenKey::from_pkcs8(&kept).unwrap(), TokenKey::from_pkcs8(&kept).unwrap());
    assert_eq!(one.id(), again.id());
    assert_ne!(one.id(), key().id());
    assert_eq!(format!("{one:?}"), format!("TokenKey({})", one.id()));
    for bytes in [&b""[..], b"key", &kept[..kept.len() - 1], &[0; 4096]] {
        assert_eq!(TokenKey::from_pkcs8(bytes).err(), Some(KeyError::Form));
    }
}

/// Not a test of speed on a busy machine, but of the order: what is remembered costs a hash and not a signature.
#[test]
fn a_token_that_is_known_costs_no_signature() {
    let minter = minter();
    let (verifier, token) = (minter.verifier(), mint(&minter));
    let time = |count: u32, verify: &dyn Fn()| {
        let start = std::time::Instant::now();
        (0..count).for_each(|_| verify());
        start.elapsed() / count
    };
    verifier.verify(&token, NOW).unwrap();
    let known = time(1000, &|| drop(verifier.verify(&token, NOW).unwrap()));
    let unknown =
        time(50, &|| drop(Verifier::new(ISSUER, SERVICE, &[&minter.key], LIFETIME).claims(&token).unwrap()));
    println!("known {known:?}, unknown {unknown:?}");
    assert!(known * 2 < unknown, "{known:?} {unknown:?}");
}

proptest! {
    #[test]
    fn any_text_is_refused(text in ".{0,100}", near in "[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}\\.[A-Za-z0-9_-]{0,40}") {
        let verifier = minter().verifier();
        prop_assert!(verifier.verify(&text, NOW).is_err() && verifier.verify(&near, NOW).is_err());
    }

    /// One changed character anywhere, and it does not hold.
    #[test]
    fn a_changed_token_does_not_hold(at in 0..300_usize, to in "[A-Za-z0-9_-]") {
        let minter = minter();
        let token = mint(&minter);
        let mut changed: Vec<char> = token.chars().collect();
        let at = at % changed.len();
        changed[at] = to.chars().next().unwrap();
        let changed: String = changed.into_iter().collect();
        prop_assert_eq!(minter.verifier().verify(&changed, NOW).is_ok(), changed == token);
    }
}
