use super::*;
use crate::keys::EvidenceKey;
use crate::predicate::signature;
use crate::statement::Subject;
use proptest::prelude::*;
use serde_json::{Value, json};

fn image() -> Descriptor {
    Descriptor { media_type: IMAGE_MANIFEST.to_owned(), size: 345, digest: Digest::sha256([1; 32]) }
}

fn signed(key: &ReleaseKey, existing: Option<&[u8]>) -> Artifact {
    signature_artifact(key, "r.example/a", &image().digest, existing).unwrap()
}

#[test]
fn a_manifest_of_signatures_is_cosigns_to_the_byte() {
    let key = ReleaseKey::generate();
    let made = signed(&key, None);
    let payload = &made.blobs[1];
    let config = format!(
        r#"{{"architecture":"","created":"0001-01-01T00:00:00Z","history":[{{"created":"0001-01-01T00:00:00Z"}}],"os":"","rootfs":{{"type":"layers","diff_ids":["{}"]}},"config":{{}}}}"#,
        payload.digest
    );
    assert_eq!(String::from_utf8(made.blobs[0].bytes.clone()).unwrap(), config);
    // What cosign 2.5 pushes, with the digests and the signature of this key.
    let signature = signature_layers(&made.manifest).unwrap()[0].signature.clone();
    let expect = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","size":{},"digest":"{}"}},"layers":[{{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":{},"digest":"{}","annotations":{{"dev.cosignproject.cosign/signature":"{signature}"}}}}]}}"#,
        config.len(),
        made.blobs[0].digest,
        payload.bytes.len(),
        payload.digest
    );
    assert_eq!(String::from_utf8(made.manifest.clone()).unwrap(), expect);
    assert_eq!(made.digest, sha256(&made.manifest));
    assert_eq!(made.tag.as_deref(), Some(format!("sha256-{}.sig", "01".repeat(32)).as_str()));
    assert!(key.public().made(&STANDARD.decode(signature).unwrap(), &payload.bytes));
}

#[test]
fn who_signs_after_others_keeps_their_signatures() {
    let (one, other) = (ReleaseKey::generate(), ReleaseKey::generate());
    let first = signed(&one, None);
    assert_eq!(signed(&one, Some(&first.manifest)), first, "signing twice adds nothing");
    let both = signed(&other, Some(&first.manifest));
    let layers = signature_layers(&both.manifest).unwrap();
    assert_eq!(layers.len(), 2);
    assert_eq!(layers[..1], signature_layers(&first.manifest).unwrap());
    let config: Value = serde_json::from_slice(&both.blobs[0].bytes).unwrap();
    assert_eq!(config["rootfs"]["diff_ids"].as_array().unwrap().len(), 2);
    // What we know nothing of stays as it is.
    let mut manifest: Value = serde_json::from_slice(&first.manifest).unwrap();
    manifest["layers"][0]["annotations"]["dev.sigstore.cosign/bundle"] = json!("{}");
    manifest["layers"][0]["x"] = json!({"b": 1, "a": 2});
    let again = signed(&other, Some(manifest.to_string().as_bytes()));
    let found: Value = serde_json::from_slice(&again.manifest).unwrap();
    assert_eq!(found["layers"][0], manifest["layers"][0]);
}

fn check_existing(existing: &str, expect: &str) {
    let key = ReleaseKey::generate();
    let why =
        signature_artifact(&key, "r.example/a", &image().digest, Some(existing.as_bytes())).unwrap_err();
    assert!(why.to_string().contains(expect), "{why}");
}

#[test]
fn what_is_no_manifest_of_signatures_is_not_written_over() {
    let config = json!({"mediaType": "m", "size": 1, "digest": Digest::sha256([0; 32])});
    let with = |count: usize, more: Value| {
        let mut manifest =
            json!({"schemaVersion": 2, "config": config, "layers": vec![config.clone(); count]});
        manifest.as_object_mut().unwrap().append(&mut more.as_object().unwrap().clone());
        manifest.to_string()
    };
    check_existing(&with(1000, json!({})), "there are 1000 already");
    check_existing(&with(1001, json!({})), "more than 1000");
    check_existing(&with(1, json!({"manifests": []})), "no image manifest");
    check_existing(&with(1, json!({"schemaVersion": 1})), "no image manifest");
    check_existing(
        &with(1, json!({"mediaType": "application/vnd.oci.image.index.v1+json"})),
        "no image manifest",
    );
    check_existing(&with(1, json!({"layers": [1]})), "invalid type");
    check_existing(
        &with(1, json!({"layers": [{"mediaType": "m", "size": 1, "digest": "x"}]})),
        "algorithm:hex",
    );
    let mut negative = config.clone();
    negative["size"] = json!(-1);
    check_existing(&with(1, json!({"layers": [negative]})), "invalid value");
    check_existing("{}", "missing field");
    check_existing("", "no object");
    check_existing(&format!("{{\"x\":\"{}\"}}", "x".repeat(LARGEST_MANIFEST)), "longer than");
}

#[test]
fn payloads_that_are_too_long_are_not_fetched() {
    let made = signed(&ReleaseKey::generate(), None);
    let mut manifest: Value = serde_json::from_slice(&made.manifest).unwrap();
    manifest["layers"][0]["size"] = json!(LARGEST_PAYLOAD + 1);
    let why = signature_layers(manifest.to_string().as_bytes()).unwrap_err();
    assert!(why.to_string().contains("a payload of 1048577 bytes"), "{why}");
    manifest["layers"][0]["mediaType"] = json!("application/octet-stream");
    assert_eq!(signature_layers(manifest.to_string().as_bytes()).unwrap(), []);
    manifest["layers"][0] =
        json!({"mediaType": SIGNATURE_TYPE, "size": 1, "digest": Digest::sha256([0; 32])});
    assert_eq!(signature_layers(manifest.to_string().as_bytes()).unwrap(), [], "no signature beside it");
}

#[test]
fn a_bundle_refers_to_its_image() {
    let key = ReleaseKey::generate();
    let statement = signature(&Subject::of(image().digest));
    let made = bundle_artifact(&key, &statement, &image(), "2026-01-02T03:04:05Z".parse().unwrap());
    let manifest: Value = serde_json::from_slice(&made.manifest).unwrap();
    let (empty, bundle) = (&made.blobs[0], &made.blobs[1]);
    assert_eq!(
        manifest,
        json!({"schemaVersion": 2, "mediaType": IMAGE_MANIFEST, "artifactType": BUNDLE_TYPE,
            "config": {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2,
                "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
            "layers": [{"mediaType": BUNDLE_TYPE, "size": bundle.bytes.len(), "digest": bundle.digest}],
            "subject": {"mediaType": IMAGE_MANIFEST, "size": 345, "digest": image().digest},
            "annotations": {"dev.sigstore.bundle.content": "dsse-envelope",
                "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
                "org.opencontainers.image.created": "2026-01-02T03:04:05Z"}})
    );
    assert_eq!(empty.bytes, b"{}");
    assert_eq!((made.tag, made.digest), (None, sha256(&made.manifest)));
    let text = String::from_utf8(bundle.bytes.clone()).unwrap();
    let begin = format!(
        r#"{{"mediaType":"{BUNDLE_TYPE}","verificationMaterial":{{"publicKey":{{"hint":"{}"}}}},"dsseEnvelope":{{"payload":"{}","payloadType":"application/vnd.in-toto+json","signatures":[{{"sig":""#,
        key.public().hint(),
        STANDARD.encode(statement.json())
    );
    assert!(text.starts_with(&begin) && text.ends_with(r#""}]}}"#), "{text}");
    let found = bundle_layer(&made.manifest, &image().digest).unwrap().unwrap();
    assert_eq!(found.digest, bundle.digest);
}

#[test]
fn referrers_of_other_images_and_kinds_are_no_bundles() {
    let key = EvidenceKey::generate();
    let statement =
        crate::predicate::sbom(&Subject::of(image().digest), "https://x.example/p", b"{}").unwrap();
    let made = bundle_artifact(&key, &statement, &image(), Timestamp::UNIX_EPOCH);
    let of = |change: &dyn Fn(&mut Value)| {
        let mut manifest: Value = serde_json::from_slice(&made.manifest).unwrap();
        change(&mut manifest);
        bundle_layer(manifest.to_string().as_bytes(), &image().digest)
    };
    assert!(of(&|_| {}).unwrap().is_some());
    assert!(bundle_layer(&made.manifest, &Digest::sha256([2; 32])).is_err(), "a referrer of another image");
    assert!(of(&|manifest| manifest["subject"] = Value::Null).is_err(), "it refers to nothing");
    assert!(of(&|manifest| manifest["layers"][0]["size"] = json!(LARGEST_BUNDLE + 1)).is_err());
    assert_eq!(of(&|manifest| manifest["layers"] = json!([])).unwrap(), None);
    assert_eq!(of(&|manifest| manifest["layers"][0]["mediaType"] = json!("text/plain")).unwrap(), None);
    let twice = |manifest: &mut Value| {
        let layer = manifest["layers"][0].clone();
        manifest["layers"].as_array_mut().unwrap().push(layer);
    };
    assert_eq!(of(&twice).unwrap(), None);
    assert!(bundle_layer(b"{}", &image().digest).is_err());
}

proptest! {
    #[test]
    fn no_bytes_break_the_readers(bytes in prop::collection::vec(any::<u8>(), 0..300), layers in "(\\[|\\{|\\}|\\]|\"[a-z]*\"|,|:|1){0,20}") {
        let manifest = format!("{{\"schemaVersion\":2,\"config\":{{}},\"layers\":{layers}}}");
        for bytes in [&bytes[..], manifest.as_bytes()] {
            let _ = signature_layers(bytes);
            let _ = bundle_layer(bytes, &image().digest);
        }
    }
}
