//! What the tests of all transports share.
use model::Digest;
use source::{Error, Image, Locator, Opened, Options, open};
use std::io::Read as _;

/// Opens a locator from its text.
pub(crate) fn open_text(text: &str, options: &Options) -> Result<Opened, Error> {
    open(&text.parse::<Locator>()?, options)
}

/// Everything that the layers of an image transport.
pub(crate) fn layer_bytes(image: &Image) -> Vec<Vec<u8>> {
    image
        .layers
        .iter()
        .map(|layer| {
            let mut bytes = Vec::new();
            layer.open().unwrap().read_to_end(&mut bytes).unwrap();
            bytes
        })
        .collect()
}

/// The SHA-256 digest of bytes.
pub(crate) fn digest(bytes: &[u8]) -> Digest {
    test_support::sha256_digest(bytes).parse().unwrap()
}

/// Fails unless opening fails with a message that has this part.
pub(crate) fn refuses(result: Result<Opened, Error>, part: &str) {
    match result {
        Ok(opened) => panic!("opened {opened:?}, expected a refusal with {part:?}"),
        Err(error) => assert!(error.chain().contains(part), "{:?} lacks {part:?}", error.chain()),
    }
}

/// The names of the anomalies, sorted.
pub(crate) fn anomalies(opened: &Opened) -> Vec<String> {
    let mut names: Vec<String> = opened.anomalies.iter().map(|anomaly| anomaly.kind.name()).collect();
    names.sort_unstable();
    names
}

/// Whether a program of another maker is here to be compared with. Where it is not, the test says so loudly;
/// on the machines that decide over a change it fails instead.
pub(crate) fn has_peer(program: &str) -> bool {
    let found = std::process::Command::new(program).arg("--version").output().is_ok();
    if !found {
        println!("SKIPPED: {program} missing");
        assert!(std::env::var_os("CI").is_none(), "{program} must be installed here");
    }
    found
}
