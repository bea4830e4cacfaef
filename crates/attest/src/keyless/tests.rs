//! A whole Sigstore in a hundred lines: an authority, a log of certificates and a log of signatures, with keys of their
//! own, so that every check of the library that we rely on is seen to fail.

use super::*;
use crate::keys::{Evidence, EvidenceKey, Key};
use crate::predicate::{predicate_type, signature};
use crate::statement::Subject;
use crate::verify::{Document, Kind, Trust, verify};
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
};
use serde_json::{Value, json};
use std::time::Duration;

const IDENTITY: &str = "me@example.org";
const ISSUER: &str = "https://accounts.example.org";

fn image() -> Digest {
    Digest::sha256([1; 32])
}

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

/// A key that signs anything, as services do.
struct Signer {
    pair: KeyPair,
    key: EvidenceKey,
}

impl Signer {
    fn new() -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let key = Key::<Evidence>::from_pem(&pair.serialize_pem(), b"").unwrap();
        Self { pair, key }
    }

    fn public_der(&self) -> Vec<u8> {
        pem_body(&self.key.public().to_pem().unwrap())
    }

    fn id(&self) -> Vec<u8> {
        sha256(&self.public_der())
    }
}

fn pem_body(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}

/// What may be wrong with a signature.
#[derive(Clone)]
struct Made {
    identity: &'static str,
    issuer: &'static str,
    statement: Vec<u8>,
    payload_type: &'static str,
    /// When the log took the signature, against the start of the certificate.
    logged_after: i64,
    is_timestamped: bool,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            identity: IDENTITY,
            issuer: ISSUER,
            statement: signature(&Subject::of(image())).json().to_vec(),
            payload_type: PAYLOAD_TYPE,
            logged_after: 60,
            is_timestamped: true,
        }
    }
}

struct Sigstore {
    authority: Signer,
    params: CertificateParams,
    certificates: Signer,
    log: Signer,
    start: Timestamp,
}

impl Sigstore {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.distinguished_name.push(DnType::CommonName, "authority");
        let start = Timestamp::now() - Duration::from_secs(86_400);
        Self { authority: Signer::new(), params, certificates: Signer::new(), log: Signer::new(), start }
    }

    /// The trust root of this Sigstore.
    fn root(&self) -> Value {
        let certificate = self.params.self_signed(&self.authority.pair).unwrap();
        let log = |signer: &Signer, url: &str| {
            json!({"baseUrl": url, "hashAlgorithm": "SHA2_256",
                "publicKey": {"rawBytes": STANDARD.encode(signer.public_der()),
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256", "validFor": {"start": "2020-01-01T00:00:00Z"}},
                "logId": {"keyId": STANDARD.encode(signer.id())}})
        };
        json!({"mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
            "tlogs": [log(&self.log, "https://log.example")],
            "certificateAuthorities": [{"subject": {"organization": "o", "commonName": "authority"},
                "uri": "https://authority.example",
                "certChain": {"certificates": [{"rawBytes": STANDARD.encode(certificate.der())}]},
                "validFor": {"start": "2020-01-01T00:00:00Z"}}],
            "ctlogs": [log(&self.certificates, "https://certificates.example")],
            "timestampAuthorities": []})
    }

    /// A certificate of ten minutes, with the promise of the log of certificates inside.
    fn certificate(&self, leaf: &Signer, made: &Made) -> Vec<u8> {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        params.subject_alt_names = vec![SanType::Rfc822Name(made.identity.try_into().unwrap())];
        params.serial_number = Some(SerialNumber::from(7u64));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::CodeSigning];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        let at = |time: Timestamp| {
            let nanoseconds = time.as_nanosecond();
            std::time::UNIX_EPOCH + Duration::from_nanos(u64::try_from(nanoseconds).unwrap())
        };
        params.not_before = at(self.start).into();
        params.not_after = at(self.start + Duration::from_secs(600)).into();
        let issuer = [&[0x0c, u8::try_from(made.issuer.len()).unwrap()], made.issuer.as_bytes()].concat();
        params.custom_extensions =
            vec![CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 57264, 1, 8], issuer)];
        let signer = Issuer::from_params(&self.params, &self.authority.pair);
        let before = params.signed_by(&leaf.pair, &signer).unwrap();
        if !made.is_timestamped {
            return before.der().to_vec();
        }
        let time = u64::try_from(self.start.as_millisecond()).unwrap().to_be_bytes();
        let body = first_element(before.der());
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        let signed =
            [&[0, 0][..], &time, &[0, 1], &self.authority.id(), &length[1..], &body, &[0, 0]].concat();
        let signature = self.certificates.key.sign_bytes(&signed);
        let short = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
        let promise = [&[0][..], &self.certificates.id(), &time, &[0, 0, 4, 3], &short(&signature)].concat();
        let list = short(&short(&promise));
        // A length under 128 is one byte in DER.
        assert!(list.len() < 128);
        let content = [&[0x04, u8::try_from(list.len()).unwrap()][..], &list].concat();
        params
            .custom_extensions
            .push(CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 11129, 2, 4, 2], content));
        params.signed_by(&leaf.pair, &signer).unwrap().der().to_vec()
    }

    fn bundle(&self, made: &Made) -> Value {
        let leaf = Signer::new();
        let certificate = self.certificate(&leaf, made);
        let signature = leaf.key.sign_bytes(&crate::pae(made.payload_type, &made.statement));
        let lines: String = STANDARD
            .encode(&certificate)
            .as_bytes()
            .chunks(64)
            .map(|line| format!("{}\n", std::str::from_utf8(line).unwrap()))
            .collect();
        let pem = format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n");
        let envelope = json!({"payload": STANDARD.encode(&made.statement), "payloadType": made.payload_type,
            "signatures": [{"sig": STANDARD.encode(&signature)}]});
        let hex = |bytes: &[u8]| -> String { bytes.iter().map(|byte| format!("{byte:02x}")).collect() };
        // serde_json sorts keys, so this is already canonical.
        let body = json!({"apiVersion": "0.0.1", "kind": "dsse", "spec": {
            "envelopeHash": {"algorithm": "sha256", "value": hex(&sha256(envelope.to_string().as_bytes()))},
            "payloadHash": {"algorithm": "sha256", "value": hex(&sha256(&made.statement))},
            "signatures": [{"signature": STANDARD.encode(&signature), "verifier": STANDARD.encode(pem)}]}});
        let body = body.to_string();
        let time = self.start.as_second() + made.logged_after;
        let promise = json!({"body": STANDARD.encode(&body), "integratedTime": time, "logID": hex(&self.log.id()),
            "logIndex": 0});
        let promise = self.log.key.sign_bytes(promise.to_string().as_bytes());
        let root = sha256(&[&[0], body.as_bytes()].concat());
        let note = format!("log.example\n1\n{}\n", STANDARD.encode(&root));
        let seal = [&self.log.id()[..4], &self.log.key.sign_bytes(note.as_bytes())].concat();
        json!({"mediaType": crate::BUNDLE_TYPE,
            "verificationMaterial": {
                "certificate": {"rawBytes": STANDARD.encode(&certificate)},
                "tlogEntries": [{"logIndex": "0", "logId": {"keyId": STANDARD.encode(self.log.id())},
                    "kindVersion": {"kind": "dsse", "version": "0.0.1"}, "integratedTime": time.to_string(),
                    "inclusionPromise": {"signedEntryTimestamp": STANDARD.encode(promise)},
                    "inclusionProof": {"logIndex": "0", "rootHash": STANDARD.encode(&root), "treeSize": "1",
                        "hashes": [], "checkpoint": {"envelope":
                            format!("{note}\n\u{2014} log.example {}\n", STANDARD.encode(seal))}},
                    "canonicalizedBody": STANDARD.encode(&body)}]},
            "dsseEnvelope": envelope})
    }

    fn check(&self, bundle: &Value, root: &Value, expect: Result<(), &str>) {
        let keyless = Keyless::new(&root.to_string(), IDENTITY, ISSUER).unwrap();
        let trust = Trust {
            keys: &[],
            keyless: Some(&keyless),
            predicate_type: None,
            identity: None,
            now: Timestamp::now(),
        };
        let text = bundle.to_string();
        let found = verify(&image(), &[Document::Bundle(text.as_bytes())], &trust);
        match (found.held.first(), expect) {
            (Some(held), Ok(())) => {
                assert_eq!(
                    (held.kind, held.signer.as_str()),
                    (Kind::Bundle, "me@example.org (https://accounts.example.org)")
                );
            }
            (None, Err(part)) => {
                let why = found.refused[0].why.to_string();
                assert!(why.contains(part), "{part}: {why}");
            }
            (found, expect) => panic!("{expect:?}: {found:?}"),
        }
    }
}

/// The first element inside of a DER sequence, with its head.
fn first_element(der: &[u8]) -> Vec<u8> {
    let head = |der: &[u8]| match der[1] {
        short if short < 0x80 => (2, usize::from(short)),
        0x81 => (3, usize::from(der[2])),
        _ => (4, usize::from(der[2]) << 8 | usize::from(der[3])),
    };
    let inner = &der[head(der).0..];
    let (start, length) = head(inner);
    inner[..start + length].to_vec()
}

#[test]
fn a_signature_by_a_certificate_holds() {
    let sigstore = Sigstore::new();
    sigstore.check(&sigstore.bundle(&Made::default()), &sigstore.root(), Ok(()));
}

#[test]
fn certificates_of_others_and_of_other_times_do_not_count() {
    let sigstore = Sigstore::new();
    let check = |made: Made, expect| sigstore.check(&sigstore.bundle(&made), &sigstore.root(), Err(expect));
    check(Made { identity: "you@example.org", ..Made::default() }, "identity mismatch");
    check(Made { issuer: "https://evil.example", ..Made::default() }, "issuer mismatch");
    // The certificate was over, or had not begun, when the log took the signature (CVE-2026-24122).
    check(Made { logged_after: 601, ..Made::default() }, "does not hold");
    check(Made { logged_after: -60, ..Made::default() }, "does not hold");
    check(Made { is_timestamped: false, ..Made::default() }, "does not hold");
    let stranger = Sigstore::new();
    sigstore.check(&sigstore.bundle(&Made::default()), &stranger.root(), Err("does not hold"));
    // A root that knows all but one of the three.
    for (part, from) in [("tlogs", &stranger), ("ctlogs", &stranger), ("certificateAuthorities", &stranger)] {
        let mut root = sigstore.root();
        root[part] = from.root()[part].clone();
        sigstore.check(&sigstore.bundle(&Made::default()), &root, Err("does not hold"));
    }
}

#[test]
fn what_a_certificate_signed_is_looked_at_as_what_a_key_signed() {
    let sigstore = Sigstore::new();
    let check = |made: Made, expect| sigstore.check(&sigstore.bundle(&made), &sigstore.root(), Err(expect));
    let kind = predicate_type("signature").unwrap();
    let text = String::from_utf8(Made::default().statement).unwrap();
    let stating = |text: String| Made { statement: text.into_bytes(), ..Made::default() };
    check(stating(text.replace(kind, "https://x.example/p")), "was asked for");
    check(stating(text.replace(&"01".repeat(32), &"02".repeat(32))), "does not match");
    check(stating(text.replace("sha256", "sha512")), "does not hold");
    check(stating("{}".to_owned()), "does not hold");
    check(Made { payload_type: "application/json", ..Made::default() }, "does not hold");
}

#[test]
fn a_log_entry_is_about_this_signature_and_in_this_log() {
    let sigstore = Sigstore::new();
    let good = sigstore.bundle(&Made::default());
    let check = |change: &dyn Fn(&mut Value), expect| {
        let mut bundle = good.clone();
        change(&mut bundle);
        assert_ne!(bundle, good);
        sigstore.check(&bundle, &sigstore.root(), Err(expect));
    };
    let other = sigstore.bundle(&Made::default());
    let entry = "/verificationMaterial/tlogEntries/0";
    let set = |bundle: &mut Value, at: &str, to: Value| *bundle.pointer_mut(at).unwrap() = to;
    // Another's entry, which is as valid as any (CVE-2026-22703, CVE-2022-23649).
    check(&|it| set(it, entry, other.pointer(entry).unwrap().clone()), "does not hold");
    check(&|it| set(it, "/verificationMaterial/tlogEntries", json!([])), "does not hold");
    for part in ["inclusionPromise", "inclusionProof"] {
        let take = |it: &mut Value| it.pointer_mut(entry).unwrap().as_object_mut().unwrap().remove(part);
        check(&|it| drop(take(it)), "");
    }
    for (at, to) in [
        ("/integratedTime", json!((sigstore.start.as_second() + 30).to_string())),
        ("/inclusionProof/rootHash", json!(STANDARD.encode([7; 32]))),
        ("/inclusionProof/treeSize", json!("2")),
        ("/inclusionProof/checkpoint/envelope", json!("log.example\n1\nAAAA\n\n\u{2014} log.example AAAA\n")),
        ("/logId/keyId", json!(STANDARD.encode([7; 32]))),
    ] {
        check(&|it| set(it, &format!("{entry}{at}"), to.clone()), "");
    }
    check(
        &|it| {
            set(it, "/dsseEnvelope/signatures/0/sig", other["dsseEnvelope"]["signatures"][0]["sig"].clone())
        },
        "does not hold",
    );
    let certificate = "/verificationMaterial/certificate/rawBytes";
    check(&|it| set(it, certificate, other.pointer(certificate).unwrap().clone()), "does not hold");
    check(&|it| set(it, certificate, json!("AAAA")), "");
}

#[test]
fn a_trust_root_is_one_and_says_whom_to_trust() {
    let root = Sigstore::new().root().to_string();
    let check = |root: &str, identity: &str, issuer: &str, expect: &str| {
        let why = Keyless::new(root, identity, issuer).unwrap_err().to_string();
        assert!(why.contains(expect), "{why}");
    };
    check(&root, "", ISSUER, "one is empty");
    check(&root, IDENTITY, "", "one is empty");
    check("{}", IDENTITY, ISSUER, "trust root");
    check("", IDENTITY, ISSUER, "trust root");
    let wrong = |from: &str, to: &str| root.replace(from, to);
    check(&wrong("\"rawBytes\":\"MF", "\"rawBytes\":\"NF"), IDENTITY, ISSUER, "trust root");
}
