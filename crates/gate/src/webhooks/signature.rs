use crate::config::Secret;
use aws_lc_rs::hmac;
use std::fmt::Write as _;

/// `t=SECONDS,v1=HEX`: HMAC-SHA-256 over the time, a dot, and the body. The time is signed, so that whoever recorded a
/// message cannot send it again later.
pub(super) fn header(secret: &Secret, seconds: u64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let mut context = hmac::Context::with_key(&key);
    context.update(seconds.to_string().as_bytes());
    context.update(b".");
    context.update(body);
    let mut text = format!("t={seconds},v1=");
    for byte in context.sign().as_ref() {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_what_others_compute() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let expect = "t=1700000000,v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";
        let made = header(&Secret::new("secret"), 1_700_000_000, b"{\"a\":1}");
        assert_eq!(made, expect);
        assert_ne!(made, header(&Secret::new("secret"), 1_700_000_001, b"{\"a\":1}"));
        assert_ne!(made, header(&Secret::new("Secret"), 1_700_000_000, b"{\"a\":1}"));
    }
}
