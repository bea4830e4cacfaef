use crate::dsse::Envelope;
use crate::error::Error;
use crate::json;
use crate::keys::PublicKey;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// The media type of a Sigstore bundle, version 0.3.
pub const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
/// The same in the older spelling of the version.
const BUNDLE_TYPE_PARAMETER: &str = "application/vnd.dev.sigstore.bundle+json;version=0.3";
/// The longest bundle that is read: lists of packages are long, and nothing honest is longer.
pub const LARGEST_BUNDLE: usize = 32 << 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Written<'a> {
    media_type: &'a str,
    verification_material: Material<'a>,
    dsse_envelope: &'a Envelope,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Material<'a> {
    public_key: Hint<'a>,
}

#[derive(Serialize)]
struct Hint<'a> {
    hint: &'a str,
}

/// The bundle of an envelope that this key signed.
pub(crate) fn write(envelope: &Envelope, key: &PublicKey) -> Vec<u8> {
    json::write(&Written {
        media_type: BUNDLE_TYPE,
        verification_material: Material { public_key: Hint { hint: &key.hint() } },
        dsse_envelope: envelope,
    })
}

/// A bundle as far as the question goes whether a key or a certificate made it.
pub(crate) enum Read {
    /// Made by a key. Which one is only hinted at, so all trusted ones are tried.
    Keyed(Envelope),
    /// Made by a certificate.
    Certified,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outer {
    media_type: String,
    verification_material: ReadMaterial,
    dsse_envelope: Option<Envelope>,
    message_signature: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReadMaterial {
    public_key: Option<IgnoredAny>,
    certificate: Option<IgnoredAny>,
    x509_certificate_chain: Option<IgnoredAny>,
}

/// Reads a bundle.
///
/// # Errors
/// Where it is none, is of another version, or signs bytes instead of a statement.
pub(crate) fn read(bytes: &[u8]) -> Result<Read, Error> {
    let fail = |why: &str| Err(Error::document("a Sigstore bundle", why));
    let outer: Outer = json::read(bytes, LARGEST_BUNDLE, "a Sigstore bundle")?;
    if ![BUNDLE_TYPE, BUNDLE_TYPE_PARAMETER].contains(&outer.media_type.as_str()) {
        return Err(Error::document("a Sigstore bundle", format!("it is of type {}", outer.media_type)));
    }
    let material = &outer.verification_material;
    let is_certified = material.certificate.is_some() || material.x509_certificate_chain.is_some();
    match (outer.dsse_envelope, outer.message_signature, is_certified, &material.public_key) {
        (Some(_), None, true, None) => Ok(Read::Certified),
        (Some(envelope), None, false, _) => Ok(Read::Keyed(envelope)),
        (None, Some(_), ..) => fail("it signs bytes, and a statement about an image is expected"),
        (Some(_), Some(_), ..) => fail("it has two contents"),
        (None, None, ..) => fail("it has no content"),
        (.., true, Some(_)) => fail("it names a key and a certificate"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: Result<bool, &str>) {
        match (read(text.as_bytes()), expect) {
            (Ok(Read::Certified), Ok(true)) | (Ok(Read::Keyed(_)), Ok(false)) => {}
            (Err(why), Err(part)) => assert!(why.to_string().contains(part), "{text}: {why}"),
            (Ok(_), _) => panic!("{text} was read"),
            (Err(why), Ok(_)) => panic!("{text}: {why}"),
        }
    }

    #[test]
    fn a_bundle_is_of_a_known_version_and_has_one_content() {
        let with = |kind: &str, material: &str, content: &str| {
            format!(r#"{{"mediaType":"{kind}","verificationMaterial":{{{material}}},{content}}}"#)
        };
        let envelope = r#""dsseEnvelope":{"payload":"","payloadType":"","signatures":[]}"#;
        let (key, certificate) = (r#""publicKey":{"hint":"x"}"#, r#""certificate":{"rawBytes":""}"#);
        check(&with(BUNDLE_TYPE, key, envelope), Ok(false));
        check(&with(BUNDLE_TYPE, "", envelope), Ok(false));
        check(&with(BUNDLE_TYPE_PARAMETER, certificate, envelope), Ok(true));
        check(&with(BUNDLE_TYPE, r#""x509CertificateChain":{}"#, envelope), Ok(true));
        check(&with(BUNDLE_TYPE, &format!("{key},{certificate}"), envelope), Err("a key and a certificate"));
        check(&with(BUNDLE_TYPE, key, r#""messageSignature":{}"#), Err("signs bytes"));
        check(
            &with(BUNDLE_TYPE, key, &format!(r#"{envelope},"messageSignature":{{}}"#)),
            Err("two contents"),
        );
        check(&with(BUNDLE_TYPE, key, r#""more":1"#), Err("no content"));
        check(&with(BUNDLE_TYPE, key, &format!("{envelope},{envelope}")), Err("duplicate field"));
        check(
            &with("application/vnd.dev.sigstore.bundle+json;version=0.1", key, envelope),
            Err("version=0.1"),
        );
        check("{}", Err("missing field"));
        check("[]", Err("no object"));
        check("", Err("no object"));
        check(&" ".repeat(LARGEST_BUNDLE + 1), Err("longer than"));
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes);
        }
    }
}
