//! What lies beside an image and says that somebody signed it, cut at form feeds into a document and a signature. Nothing
//! holds, as nobody has the key.
#![no_main]

use attest::{Document, PublicKey, Trust, TrustedKey, bundle_layer, signature_layers, verify};
use libfuzzer_sys::fuzz_target;
use model::Digest;
use std::sync::LazyLock;

static KEYS: LazyLock<[TrustedKey; 1]> = LazyLock::new(|| {
    let key = attest::ReleaseKey::generate().public();
    [TrustedKey::new("release", key)]
});

fuzz_target!(|input: &[u8]| {
    let mut parts = input.splitn(2, |byte| *byte == b'\x0c');
    let (document, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let signature = String::from_utf8_lossy(rest);
    let image = Digest::sha256([7; 32]);
    let trust = Trust {
        keys: &*KEYS,
        keyless: None,
        predicate_type: None,
        identity: Some("gate.example/team/app"),
        now: jiff::Timestamp::UNIX_EPOCH,
    };
    let documents = [
        Document::Simple { payload: document, signature: &signature, is_certified: false },
        Document::Bundle(document),
        Document::Bundle(input),
    ];
    let found = verify(&image, &documents, &trust);
    assert!(!found.passed() && found.refused.len() == documents.len());
    let _ = (signature_layers(document), bundle_layer(document, &image));
    let _ = PublicKey::from_pem(&signature);
});
