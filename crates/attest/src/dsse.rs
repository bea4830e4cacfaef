use crate::error::{Error, Refusal, shown};
use crate::json;
use crate::keys::{Key, PublicKey, Purpose};
use crate::statement::Statement;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use serde::{Deserialize, Serialize};

/// The payload type of an in-toto statement.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A signed payload with its type (DSSE 1.0). The fields stand in the order in which Sigstore writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    payload: String,
    payload_type: String,
    signatures: Vec<Signature>,
}

/// `keyid` may stand beside it: a hint that nobody has signed, and so nobody follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Signature {
    sig: String,
}

/// What is signed in place of a payload: its type and the lengths go with it, so that no payload can be taken for one of
/// another type (DSSE, "Pre-Authentication Encoding").
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

impl<P: Purpose> Key<P> {
    /// Signs a statement that is of this key's purpose.
    pub fn sign(&self, statement: &Statement<P>) -> Envelope {
        let signature = self.sign_bytes(&pae(PAYLOAD_TYPE, statement.json()));
        Envelope {
            payload: STANDARD.encode(statement.json()),
            payload_type: PAYLOAD_TYPE.to_owned(),
            signatures: vec![Signature { sig: STANDARD.encode(signature) }],
        }
    }
}

impl Envelope {
    /// Reads an envelope in JSON.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8], limit: usize) -> Result<Self, Error> {
        json::read(bytes, limit, "a DSSE envelope")
    }

    /// The envelope in JSON.
    pub fn to_json(&self) -> Vec<u8> {
        json::write(self)
    }

    /// The payload, where one of these keys signed it together with its type, and which one did. The type is the one of
    /// statements: nothing else is handed out, so nobody reads a payload whose type was not looked at (CVE-2022-35929).
    ///
    /// # Errors
    /// Where no key signed it, it is not readable, or it is of another type.
    pub(crate) fn opened<'k, T>(
        &self,
        keys: &'k [T],
        key: impl Fn(&T) -> &PublicKey,
    ) -> Result<(Vec<u8>, &'k T), Refusal> {
        let unreadable = |what: &str| Refusal::Unreadable(format!("its {what} is no Base64"));
        let payload = decode(&self.payload).ok_or_else(|| unreadable("payload"))?;
        // A bundle has one signature by its specification; several would be a question of which of them counts.
        let [signature] = self.signatures.as_slice() else {
            let count = self.signatures.len();
            return Err(Refusal::Unreadable(format!("it has {count} signatures instead of one")));
        };
        let signature = decode(&signature.sig).ok_or_else(|| unreadable("signature"))?;
        let signed = pae(&self.payload_type, &payload);
        let made = keys.iter().find(|trusted| key(trusted).made(&signature, &signed)).ok_or(Refusal::Key)?;
        if self.payload_type != PAYLOAD_TYPE {
            return Err(Refusal::PayloadType(shown(&self.payload_type)));
        }
        Ok((payload, made))
    }
}

/// Either alphabet, as DSSE and protobuf's JSON ask readers for, with or without padding.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    const EITHER: GeneralPurposeConfig =
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    const PLAIN: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, EITHER);
    const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, EITHER);
    PLAIN.decode(text).or_else(|_| URL.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(payload_type: &str, payload: &str, expect: &str) {
        assert_eq!(String::from_utf8(pae(payload_type, payload.as_bytes())).unwrap(), expect);
    }

    #[test]
    fn what_is_signed_is_what_the_specification_says() {
        // protocol.md of DSSE: its example and its test vector.
        check(
            "http://example.com/HelloWorld",
            "hello world",
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world",
        );
        check("", "", "DSSEv1 0  0 ");
        check("ü", "ü", "DSSEv1 2 ü 2 ü");
    }

    #[test]
    fn base64_is_read_in_either_alphabet() {
        for text in ["+/8=", "+/8", "-_8=", "-_8"] {
            assert_eq!(decode(text).as_deref(), Some(&[0xfb, 0xff][..]), "{text}");
        }
        for text in ["+_8=", "a", "=", "a b=", "é"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_two_payloads_are_signed_alike(a in ".{0,12}", b in ".{0,12}", c in ".{0,12}", d in ".{0,12}") {
            prop_assert_eq!(pae(&a, b.as_bytes()) == pae(&c, d.as_bytes()), (a, b) == (c, d));
        }

        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Envelope::parse(&bytes, 1000);
        }
    }
}
