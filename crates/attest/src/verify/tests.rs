use super::*;
use crate::dsse::{Envelope, PAYLOAD_TYPE, pae};
use crate::keys::{EvidenceKey, ReleaseKey};
use crate::predicate::{sbom, signature};
use crate::simple::payload;
use crate::statement::Subject;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

const SPDX: &str = "https://spdx.dev/Document";

fn image() -> Digest {
    Digest::sha256([1; 32])
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn trusting(keys: &[TrustedKey]) -> Trust<'_> {
    Trust { keys, keyless: None, predicate_type: None, identity: None, now: now() }
}

fn named(key: &ReleaseKey) -> Vec<TrustedKey> {
    vec![TrustedKey::new("release", key.public())]
}

/// A bundle over any payload of any type, as whoever has a key can make one.
fn forged(key: &ReleaseKey, payload_type: &str, payload: &[u8]) -> Value {
    let signature = key.sign_bytes(&pae(payload_type, payload));
    json!({"mediaType": crate::BUNDLE_TYPE, "verificationMaterial": {"publicKey": {"hint": key.public().hint()}},
        "dsseEnvelope": {"payload": STANDARD.encode(payload), "payloadType": payload_type,
            "signatures": [{"sig": STANDARD.encode(signature)}]}})
}

/// What becomes of one document.
fn outcome(document: Document<'_>, trust: &Trust<'_>) -> Result<Held, Refusal> {
    let found = verify(&image(), &[document], trust);
    assert_eq!((found.held.len() + found.refused.len(), found.ignored), (1, 0));
    assert_eq!(found.passed(), !found.held.is_empty());
    found.held.into_iter().next().ok_or_else(|| found.refused[0].why.clone())
}

fn check_bundle(bundle: &Value, trust: &Trust<'_>, expect: Result<(), &str>) {
    match (outcome(Document::Bundle(bundle.to_string().as_bytes()), trust), expect) {
        (Ok(_), Ok(())) => {}
        (Err(why), Err(part)) => assert!(why.to_string().contains(part), "{bundle}: {why}"),
        (found, _) => panic!("{bundle}: {found:?}"),
    }
}

#[test]
fn a_signature_of_each_kind_holds() {
    let key = ReleaseKey::generate();
    let keys = [named(&ReleaseKey::generate()), named(&key)].concat();
    let (payload, signature_bytes) = key.sign_simple("r.example/a", &image());
    let encoded = STANDARD.encode(signature_bytes);
    let simple = Document::Simple { payload: &payload, signature: &encoded, is_certified: false };
    let bundle = crate::bundle::write(&key.sign(&signature(&Subject::of(image()))), &key.public());
    let found = verify(&image(), &[simple, Document::Bundle(&bundle)], &trusting(&keys));
    assert_eq!((found.held.len(), found.refused.len()), (2, 0));
    assert_eq!((found.held[0].kind, found.held[1].kind), (Kind::Simple, Kind::Bundle));
    assert_eq!(found.held[0].docker_reference.as_deref(), Some("r.example/a"));
    for held in &found.held {
        assert_eq!((held.signer.as_str(), held.key.as_ref()), ("release", Some(&key.public().fingerprint())));
    }
    // An image of another digest, and nobody to trust.
    let other = verify(&Digest::sha256([2; 32]), &[simple, Document::Bundle(&bundle)], &trusting(&keys));
    assert!(
        !other.passed() && other.refused.iter().all(|refused| matches!(refused.why, Refusal::Subject(_)))
    );
    let nobody = verify(&image(), &[simple, Document::Bundle(&bundle)], &trusting(&[]));
    assert!(!nobody.passed() && nobody.refused.iter().all(|refused| refused.why == Refusal::NoKeys));
    assert!(!verify(&image(), &[], &trusting(&keys)).passed(), "no signature is no success");
}

#[test]
fn one_that_holds_among_many_that_do_not_is_enough() {
    let key = ReleaseKey::generate();
    let keys = named(&key);
    let bundle = crate::bundle::write(&key.sign(&signature(&Subject::of(image()))), &key.public());
    let mut documents = vec![Document::Bundle(b"{}"); 10];
    documents.insert(7, Document::Bundle(&bundle));
    let found = verify(&image(), &documents, &trusting(&keys));
    assert_eq!((found.held[0].index, found.held.len(), found.refused.len()), (7, 1, 10));
    // Those behind the limit are not looked at, and that is said.
    let mut flood = vec![Document::Bundle(b"{}"); MOST_SIGNATURES];
    flood.push(Document::Bundle(&bundle));
    let found = verify(&image(), &flood, &trusting(&keys));
    assert_eq!((found.passed(), found.refused.len(), found.ignored), (false, MOST_SIGNATURES, 1));
}

#[test]
fn simple_signatures_fail_for_each_reason() {
    let key = ReleaseKey::generate();
    let keys = named(&key);
    let sign = |bytes: &[u8]| STANDARD.encode(key.sign_bytes(bytes));
    let check = |payload: &[u8], signature: &str, is_certified: bool, trust: &Trust<'_>, part: &str| {
        let why = outcome(Document::Simple { payload, signature, is_certified }, trust).unwrap_err();
        assert!(why.to_string().contains(part), "{why}");
    };
    let trust = trusting(&keys);
    let good = payload("r.example/a", &image());
    let of_other = payload("r.example/a", &Digest::sha256([2; 32]));
    check(&good, &sign(&of_other), false, &trust, "no trusted key");
    check(&good, &sign(&of_other), true, &trust, "certificate");
    check(&good, "", false, &trust, "no trusted key");
    check(&good, "not base64!", false, &trust, "no Base64");
    check(&of_other, &sign(&of_other), false, &trust, "another image");
    // A payload that cannot be read is no success, whoever signed it.
    for broken in [&b""[..], b"{}", b"null", b"[]", &good[1..], b"{\"critical\":{}}"] {
        check(broken, &sign(broken), false, &trust, "cannot be read");
    }
    let text = String::from_utf8(good.clone()).unwrap();
    let changed = text.replace("cosign container image signature", "something else");
    check(changed.as_bytes(), &sign(changed.as_bytes()), false, &trust, "something else");
    // Equal hexadecimal of another algorithm; a digest that is none.
    let longer = text.replace("sha256:", "sha512:");
    check(longer.as_bytes(), &sign(longer.as_bytes()), false, &trust, "cannot be read");
    let identity = Trust { identity: Some("r.example/b"), ..trust };
    check(&good, &sign(&good), false, &identity, "made for r.example/a");
    let asked = Trust { predicate_type: Some(SPDX), ..trust };
    check(&good, &sign(&good), false, &asked, "was asked for");
    // The signature of a statement is none of a payload, and the other way round.
    let statement = signature(&Subject::of(image()));
    check(statement.json(), &sign(&pae(PAYLOAD_TYPE, statement.json())), false, &trust, "no trusted key");
    check_bundle(&forged(&key, "", &good), &trust, Err("which is no in-toto statement"));
}

#[test]
fn bundles_fail_for_each_reason() {
    let key = ReleaseKey::generate();
    let keys = named(&key);
    let trust = trusting(&keys);
    let kind = predicate_type("signature").unwrap();
    let statement = |change: &dyn Fn(&mut Value)| {
        let mut statement = json!({"_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": "01".repeat(32)}}], "predicateType": kind, "predicate": {}});
        change(&mut statement);
        forged(&key, PAYLOAD_TYPE, statement.to_string().as_bytes())
    };
    let check = |change: &dyn Fn(&mut Value), expect| check_bundle(&statement(change), &trust, expect);
    check(&|_| {}, Ok(()));
    check(&|it| it["_type"] = json!("https://in-toto.io/Statement/v0.1"), Ok(()));
    check(&|it| it["unknown"] = json!(1), Ok(()));
    check(&|it| it["_type"] = json!("https://in-toto.io/Statement/v2"), Err("no in-toto statement"));
    check(&|it| it["_type"] = Value::Null, Err("cannot be read"));
    // A verdict under the key is no signature, though cosign takes it for one.
    check(&|it| it["predicateType"] = json!(SPDX), Err("was asked for"));
    check(&|it| it["predicateType"] = json!(""), Err("was asked for"));
    check(&|it| it["subject"] = json!([]), Err("nothing that has a digest"));
    check(&|it| it["subject"] = json!({}), Err("cannot be read"));
    check(&|it| it["subject"][0]["digest"] = json!({}), Err("nothing that has a digest"));
    check(&|it| it["subject"][0]["digest"] = json!({"sha256": "02".repeat(32)}), Err("another image"));
    check(&|it| it["subject"][0]["digest"] = json!({"sha512": "01".repeat(32)}), Err("another image"));
    check(&|it| it["subject"][0]["digest"] = json!({"sha256": "01".repeat(31)}), Err("another image"));
    check(&|it| it["subject"][0]["digest"] = json!({"sha256": ["01".repeat(32)]}), Err("cannot be read"));
    check(
        &|it| it["subject"][0] = json!({"name": format!("sha256:{}", "01".repeat(32))}),
        Err("nothing that"),
    );
    check(&|it| it["subject"] = json!([{"digest": {"sha256": "02".repeat(32)}}, it["subject"][0]]), Ok(()));
    check(&|it| it["subject"] = json!(vec![it["subject"][0].clone(); 1001]), Err("more than 1000"));
    for broken in ["", "{", "null", "[]", "{}"] {
        check_bundle(&forged(&key, PAYLOAD_TYPE, broken.as_bytes()), &trust, Err("cannot be read"));
    }
    let good = statement(&|_| {});
    let payload = STANDARD.decode(good["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    check_bundle(&forged(&key, "application/json", &payload), &trust, Err("application/json"));
    check_bundle(&forged(&ReleaseKey::generate(), PAYLOAD_TYPE, &payload), &trust, Err("no trusted key"));
    let with = |change: &dyn Fn(&mut Value)| {
        let mut bundle = good.clone();
        change(&mut bundle);
        bundle
    };
    // Type and payload are signed together.
    let retyped = with(&|it| it["dsseEnvelope"]["payloadType"] = json!("application/json"));
    check_bundle(&retyped, &trust, Err("no trusted key"));
    let unsigned = with(&|it| it["dsseEnvelope"]["signatures"] = json!([]));
    check_bundle(&unsigned, &trust, Err("0 signatures"));
    let twice = with(&|it| {
        let one = it["dsseEnvelope"]["signatures"][0].clone();
        it["dsseEnvelope"]["signatures"] = json!([one, one]);
    });
    check_bundle(&twice, &trust, Err("2 signatures"));
    check_bundle(&with(&|it| it["dsseEnvelope"]["payload"] = json!("!")), &trust, Err("no Base64"));
    check_bundle(
        &with(&|it| it["dsseEnvelope"]["signatures"][0]["sig"] = json!("!")),
        &trust,
        Err("no Base64"),
    );
    // A hint is none to believe: another key's hint changes nothing, and trust comes from the list alone.
    let hinted = with(&|it| it["verificationMaterial"]["publicKey"]["hint"] = json!("other"));
    check_bundle(&hinted, &trust, Ok(()));
    let certified = with(&|it| it["verificationMaterial"] = json!({"certificate": {"rawBytes": "AA=="}}));
    check_bundle(&certified, &trust, Err("made with a certificate"));
    check_bundle(
        &with(&|it| it["mediaType"] = json!("application/json")),
        &trust,
        Err("of type application/json"),
    );
}

#[test]
fn what_is_asked_for_is_what_is_taken() {
    let (evidence, release) = (EvidenceKey::generate(), ReleaseKey::generate());
    let keys = [TrustedKey::new("evidence", evidence.public())];
    let list = sbom(&Subject::of(image()), SPDX, br#"{"spdxVersion":"SPDX-2.3"}"#).unwrap();
    let bundle: Value =
        serde_json::from_slice(&crate::bundle::write(&evidence.sign(&list), &evidence.public())).unwrap();
    let asked = Trust { predicate_type: Some(SPDX), ..trusting(&keys) };
    let held = outcome(Document::Bundle(bundle.to_string().as_bytes()), &asked).unwrap();
    assert_eq!(held.statement.unwrap().predicate, json!({"spdxVersion": "SPDX-2.3"}));
    check_bundle(&bundle, &trusting(&keys), Err("was asked for"));
    let keys = named(&release);
    check_bundle(&bundle, &Trust { predicate_type: Some(SPDX), ..trusting(&keys) }, Err("no trusted key"));
}

#[test]
fn a_key_whose_time_is_over_or_not_yet_come_takes_its_signatures_with_it() {
    let key = ReleaseKey::generate();
    let bundle: Value = serde_json::from_slice(&crate::bundle::write(
        &key.sign(&signature(&Subject::of(image()))),
        &key.public(),
    ))
    .unwrap();
    let at = |text: &str| Some(text.parse().unwrap());
    let check = |from: Option<Timestamp>, until: Option<Timestamp>, expect| {
        let keys = [TrustedKey { from, until, ..TrustedKey::new("release", key.public()) }];
        check_bundle(&bundle, &trusting(&keys), expect);
    };
    check(at("2026-01-01T00:00:00Z"), at("2026-12-31T00:00:00Z"), Ok(()));
    check(Some(now()), Some(now()), Ok(()));
    check(None, at("2026-05-31T23:59:59Z"), Err("was valid until 2026-05-31"));
    check(at("2026-06-01T00:00:01Z"), None, Err("is valid from 2026-06-01"));
}

proptest! {
    #[test]
    fn no_document_breaks_the_verifier_and_none_by_chance_holds(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        signature in "\\PC{0,100}",
        is_certified in any::<bool>(),
    ) {
        let keys = named(&ReleaseKey::generate());
        let simple = Document::Simple { payload: &bytes, signature: &signature, is_certified };
        prop_assert!(!verify(&image(), &[simple, Document::Bundle(&bytes)], &trusting(&keys)).passed());
    }

    #[test]
    fn no_changed_byte_of_a_bundle_changes_what_was_signed(at in 0usize..600, to in any::<u8>()) {
        let key = ReleaseKey::from_pem(FIXED, b"").unwrap();
        let keys = named(&key);
        let mut bytes = crate::bundle::write(&key.sign(&signature(&Subject::of(image()))), &key.public());
        let at = at % bytes.len();
        bytes[at] = to;
        let found = verify(&image(), &[Document::Bundle(&bytes)], &trusting(&keys));
        // Either it does not hold, or it says what it said.
        for held in found.held {
            prop_assert_eq!(held.statement.unwrap().predicate_type, predicate_type("signature").unwrap());
        }
    }
}

/// RFC 6979, appendix A.2.5: the key of its test vectors, which everybody knows.
const FIXED: &str = "\
-----BEGIN EC PRIVATE KEY-----
MDECAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49
AwEH
-----END EC PRIVATE KEY-----
";

#[test]
fn signatures_are_those_of_the_published_vectors() {
    // RFC 6979, appendix A.2.5, SHA-256, message "sample".
    let key = ReleaseKey::from_pem(FIXED, b"").unwrap();
    let hex: String = key.sign_bytes(b"sample").iter().map(|byte| format!("{byte:02X}")).collect();
    assert!(hex.contains("EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"), "{hex}");
    assert!(hex.contains("F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"), "{hex}");
    let envelope: Envelope = key.sign(&signature(&Subject::of(image())));
    assert_eq!(Envelope::parse(&envelope.to_json(), 4096).unwrap(), envelope);
}
