//! A manifest as it is put, its first byte choosing the Content-Type. What is taken has one reading: the same again by the type
//! that was noted, which is how the gate reads it ever after, and the digests that any reader of JSON finds in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use store::Manifest;

const TYPES: [Option<&str>; 6] = [
    None,
    Some("application/vnd.oci.image.manifest.v1+json"),
    Some("application/vnd.oci.image.index.v1+json; charset=utf-8"),
    Some("application/vnd.docker.distribution.manifest.v2+json"),
    Some("application/vnd.docker.distribution.manifest.list.v2+json"),
    Some("application/vnd.docker.distribution.manifest.v1+prettyjws"),
];

fuzz_target!(|input: &[u8]| {
    let Some((choice, bytes)) = input.split_first() else { return };
    let kind = TYPES[usize::from(*choice) % TYPES.len()];
    let Ok(manifest) = Manifest::parse(bytes.to_vec().into(), kind) else { return };
    let again = Manifest::parse(bytes.to_vec().into(), Some(manifest.media_type())).expect("it was taken");
    assert_eq!((manifest.kind(), manifest.links()), (again.kind(), again.links()));
    let json: Value = serde_json::from_slice(bytes).expect("it was read");
    let named = |key: &str| -> Vec<String> {
        let all = json[key].as_array().into_iter().flatten();
        all.map(|one| one["digest"].as_str().expect("a digest").to_owned()).collect()
    };
    let read = |list: &[store::Descriptor]| -> Vec<String> {
        list.iter().map(|one| one.digest.to_string()).collect()
    };
    assert_eq!(read(manifest.layers()), named("layers"));
    assert_eq!(read(manifest.manifests()), named("manifests"));
    let config = manifest.config().map(|config| config.digest.to_string());
    assert_eq!(config.as_deref(), json["config"]["digest"].as_str());
});
