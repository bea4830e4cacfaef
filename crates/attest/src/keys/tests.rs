use super::*;
use proptest::prelude::*;

/// A key that `cosign generate-key-pair` of cosign 2.5 wrote for these tests, with the password `pw`.
const OF_COSIGN: &str = "\
-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----
eyJrZGYiOnsibmFtZSI6InNjcnlwdCIsInBhcmFtcyI6eyJOIjo2NTUzNiwiciI6
OCwicCI6MX0sInNhbHQiOiJML09OTXMwSFBwRm8zbXlXekJ4a1IxTVF6Y3BRVURS
Nlo3eE5ZQTU4YnNBPSJ9LCJjaXBoZXIiOnsibmFtZSI6Im5hY2wvc2VjcmV0Ym94
Iiwibm9uY2UiOiJGZVNXNGdNK1FwM2hzdFUxU1BTK2ZkbVlwTjBKOEIzVyJ9LCJj
aXBoZXJ0ZXh0IjoiRWY4eWtGaENSWW9Tb3psVUM3U204NEN0RHFVY056MjJQNktO
Sy82TENFcWtlWHhkeE1Fc0xMOHRZQ0Vha0ZicmdyMGg1WVYreGVKQitCakVIT0ht
N1N2U0NuMDRVYS9aQ0s2VXR3SHVyanFxSUpTRmZwTVloKzFXRFE0dGhNTkhheWxI
eTF2elFNbnQza1UxQXVpbGg3QVA2RzZYN2RjNkVrSkFNL2dyTWxDOW5vWGZEdGZx
NCszQ1h4TmpVTzUwVmo3T2hUOUJmYW4zT3c9PSJ9
-----END ENCRYPTED SIGSTORE PRIVATE KEY-----
";
/// Its public half, by the same.
const PUBLIC_OF_COSIGN: &str = "\
-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAECVD6VBZ2g+FvxvinXEJcMJsTlC99
cM/DTZjax7MBCap9Jpy4UpvHTf5qrjQx5aZ11mEUjXplFcpjQ0amkpvGMQ==
-----END PUBLIC KEY-----
";

fn check(text: &str, password: &str, expect: Result<(), &str>) {
    match (ReleaseKey::from_pem(text, password.as_bytes()), expect) {
        (Ok(key), Ok(())) => assert_eq!(key.public().to_pem().unwrap(), PUBLIC_OF_COSIGN),
        (Err(why), Err(part)) => assert!(why.to_string().contains(part), "{why}"),
        (found, _) => panic!("{text}: {found:?}"),
    }
}

#[test]
fn keys_of_cosign_open() {
    let other = |from: &str, to: &str| {
        let body: String = OF_COSIGN.lines().filter(|line| !line.starts_with('-')).collect();
        let json = String::from_utf8(STANDARD.decode(body).unwrap()).unwrap();
        let changed = json.replace(from, to);
        assert_ne!(json, changed);
        pkcs8::der::pem::encode_string("ENCRYPTED SIGSTORE PRIVATE KEY", LineEnding::LF, changed.as_bytes())
            .unwrap()
    };
    check(OF_COSIGN, "pw", Ok(()));
    check(&OF_COSIGN.replace("SIGSTORE", "COSIGN"), "pw", Ok(()));
    check(&OF_COSIGN.replace('\n', "\r\n"), "pw", Ok(()));
    check(OF_COSIGN, "pW", Err("password"));
    check(OF_COSIGN, "", Err("password"));
    check(&OF_COSIGN.replace("SIGSTORE", "OTHER"), "pw", Err("an ECDSA key is expected"));
    check(PUBLIC_OF_COSIGN, "pw", Err("it is a public key"));
    check("", "pw", Err("PEM is expected"));
    check(&"x".repeat(100_000), "pw", Err("far too long"));
    // Parameters that would take gigabytes, or next to nothing.
    check(&other("65536", "2147483648"), "pw", Err("N=2147483648"));
    check(&other("65536", "2"), "pw", Err("N=2,"));
    check(&other("\"r\":8", "\"r\":800000"), "pw", Err("r=800000"));
    check(&other("\"p\":1", "\"p\":4000000000"), "pw", Err("p=4000000000"));
    check(&other("65536", "32768"), "pw", Err("password"));
    check(&other("scrypt", "pbkdf2"), "pw", Err("pbkdf2"));
    check(&other("nacl/secretbox", "none"), "pw", Err("none"));
    check(&other("\"nonce\":\"F", "\"nonce\":\""), "pw", Err("nonce"));
    check(&other("\"nonce\":\"FeSW", "\"nonce\":\""), "pw", Err("24 bytes"));
    check(&other("kdf", "kdF"), "pw", Err("missing field"));
}

#[test]
fn open_keys_are_taken_in_both_forms() {
    let secret = p256::SecretKey::generate();
    let public = PublicKey { key: secret.public_key().into() };
    let pkcs8 = secret.to_pkcs8_pem(LineEnding::LF).unwrap();
    let sec1 = secret.to_sec1_pem(LineEnding::LF).unwrap();
    for text in [pkcs8.as_str(), sec1.as_str(), &format!("\n{}\n\n", pkcs8.as_str())] {
        assert_eq!(EvidenceKey::from_pem(text, b"").unwrap().public(), public, "{text}");
    }
    for (text, part) in [
        (pkcs8.replace("PRIVATE KEY", "RSA PRIVATE KEY"), "RSA PRIVATE KEY"),
        (pkcs8.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY"), "openssl pkcs8"),
        (pkcs8.replace("PRIVATE KEY", "EC PRIVATE KEY"), "another kind"),
        (sec1.replace("EC PRIVATE KEY", "PRIVATE KEY"), "another kind"),
    ] {
        let why = EvidenceKey::from_pem(&text, b"").unwrap_err().to_string();
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn a_key_is_written_as_cosign_writes_it_and_read_back() {
    let key = ReleaseKey::generate();
    let text = key.to_encrypted_pem("päss".as_bytes()).unwrap();
    assert_eq!(ReleaseKey::from_pem(&text, "päss".as_bytes()).unwrap().public(), key.public());
    assert!(matches!(ReleaseKey::from_pem(&text, b"pass"), Err(Error::Password)));
    assert!(text.starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    assert!(text.ends_with("\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
    let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    assert!(text.lines().all(|line| line.starts_with('-') || line.len() <= 64));
    let json = String::from_utf8(STANDARD.decode(body).unwrap()).unwrap();
    let begin = r#"{"kdf":{"name":"scrypt","params":{"N":65536,"r":8,"p":1},"salt":""#;
    assert!(
        json.starts_with(begin) && json.contains(r#""},"cipher":{"name":"nacl/secretbox","nonce":""#),
        "{json}"
    );
    assert!(json.contains(r#""},"ciphertext":""#), "{json}");
    assert_ne!(
        *key.to_encrypted_pem(b"a").unwrap(),
        *key.to_encrypted_pem(b"a").unwrap(),
        "a salt of its own"
    );
    assert!(!format!("{key:?}").contains("PRIVATE") && format!("{key:?}").contains("sha256:"));
}

fn check_public(text: &str, expect: Result<(), &str>) {
    match (PublicKey::from_pem(text), expect) {
        (Ok(key), Ok(())) => assert_eq!(key.to_pem().unwrap(), PUBLIC_OF_COSIGN),
        (Err(why), Err(part)) => assert!(why.to_string().contains(part), "{why}"),
        (found, _) => panic!("{text}: {found:?}"),
    }
}

#[test]
fn public_keys_are_read() {
    check_public(PUBLIC_OF_COSIGN, Ok(()));
    check_public(&PUBLIC_OF_COSIGN.replace('\n', "\r\n"), Ok(()));
    check_public(OF_COSIGN, Err("it is a private key"));
    check_public(&PUBLIC_OF_COSIGN.replace("ECVD", "ECVE"), Err("P-256"));
    check_public("", Err("P-256"));
    check_public(&"x".repeat(100_000), Err("far too long"));
    // What cosign calls the key in a bundle.
    assert_eq!(
        PublicKey::from_pem(PUBLIC_OF_COSIGN).unwrap().hint(),
        "R66gxIFuZT25C6Bxf9lhytSTduK6A53tDcOHJZm/iLI="
    );
}

#[test]
fn a_signature_is_of_one_key_and_one_text() {
    let (one, other) = (ReleaseKey::generate(), ReleaseKey::generate());
    let signature = one.sign_bytes(b"text");
    assert!(one.public().made(&signature, b"text"));
    assert_eq!(signature, one.sign_bytes(b"text"), "signing twice gives the same");
    assert!(!one.public().made(&signature, b"tex"));
    assert!(!other.public().made(&signature, b"text"));
    assert!(!one.public().made(&[], b"text"));
    assert!(!one.public().made(&[&signature[..], &[0]].concat(), b"text"));
    assert!(!one.public().made(&signature[..signature.len() - 1], b"text"));
    // Both numbers zero, which a broken verifier takes for a signature of anything (CVE-2022-21449).
    assert!(!one.public().made(&[0x30, 6, 2, 1, 0, 2, 1, 0], b"text"));
}

proptest! {
    #[test]
    fn no_text_breaks_the_readers(text in "\\PC{0,200}", label in "(ENCRYPTED SIGSTORE|EC)? ?(PRIVATE|PUBLIC) KEY", body in "[A-Za-z0-9+/]{0,64}={0,2}") {
        for text in [text, format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")] {
            let _ = ReleaseKey::from_pem(&text, b"");
            let _ = PublicKey::from_pem(&text);
        }
    }
}
