//! What anybody sends to the gate before it knows who they are: a path, an Authorization header, scopes and a token, cut at
//! line feeds. A path that is taken reads the same again, no token is believed that was not made here, and nobody who is
//! unknown is granted anything.
#![no_main]

use access::{Credentials, Identity, Principal, Rights, TokenKey, Verifier, grant, parse_scopes};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static VERIFIER: LazyLock<Verifier> = LazyLock::new(|| {
    let key = TokenKey::from_pkcs8(&TokenKey::generate().expect("randomness")).expect("a key");
    Verifier::new("https://gate.example", "roadstead", &[&key], 300)
});

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else { return };
    for line in text.split('\n').take(8) {
        if let Ok(route) = registry::Route::parse(line) {
            assert_eq!(registry::Route::parse(&route.to_string()).as_ref(), Ok(&route));
        }
        if let Ok(Credentials::Bearer(token)) = Credentials::parse(line) {
            assert!(VERIFIER.verify(token.expose(), 1_800_000_000).is_err());
        }
        assert!(VERIFIER.verify(line, 1_800_000_000).is_err());
        if let Ok(scopes) = parse_scopes([line]) {
            let nobody = Principal::new(Identity::Anonymous, Rights::default());
            assert!(grant(&nobody, &scopes).is_empty());
        }
    }
});
