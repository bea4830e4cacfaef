use super::*;
use proptest::prelude::*;

const EMPTY: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const OTHER: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn descriptor_text(digest: &str, size: u64) -> String {
    format!(r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{digest}","size":{size}}}"#)
}

fn config_text() -> String {
    format!(r#"{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{EMPTY}","size":2}}"#)
}

/// An image with `more` before its end.
fn image(more: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{}","config":{},"layers":[{}]{more}}}"#,
        media_type::OCI_MANIFEST,
        config_text(),
        descriptor_text(OTHER, 0)
    )
}

fn parse(text: &str, content_type: Option<&str>) -> Result<Manifest, ManifestError> {
    Manifest::parse(Bytes::copy_from_slice(text.as_bytes()), content_type)
}

/// Which kind a text is, or a part of the error's message.
fn check(text: &str, content_type: Option<&str>, expect: Result<ManifestKind, &str>) {
    match (parse(text, content_type), expect) {
        (Ok(manifest), Ok(kind)) => assert_eq!(manifest.kind(), kind, "{text}"),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error} for {text}"),
        (got, expect) => panic!("{got:?}, not {expect:?}, for {text}"),
    }
}

#[test]
fn images_indexes_and_artifacts_are_told_apart() {
    check(&image(""), Some(media_type::OCI_MANIFEST), Ok(ManifestKind::Image));
    check(
        &image(""),
        Some("application/vnd.oci.image.manifest.v1+json; charset=utf-8"),
        Ok(ManifestKind::Image),
    );
    check(&image(""), None, Ok(ManifestKind::Image));
    check(&image(r#","artifactType":"a/b""#), None, Ok(ManifestKind::Image));
    let index = format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, descriptor_text(OTHER, 0));
    check(&index, Some(media_type::OCI_INDEX), Ok(ManifestKind::Index));
    check(&index, None, Ok(ManifestKind::Index));
    check(&index, Some(media_type::DOCKER_LIST), Err("no mediaType"));
    let empty = r#"{"schemaVersion":2,"manifests":null}"#;
    check(empty, Some(media_type::OCI_INDEX), Ok(ManifestKind::Index));
    let artifact = format!(
        r#"{{"schemaVersion":2,"config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{EMPTY}","size":2,"data":"e30="}},"layers":[]}}"#
    );
    check(&artifact, Some(media_type::OCI_MANIFEST), Ok(ManifestKind::Artifact));
    let docker = image("").replace(media_type::OCI_MANIFEST, media_type::DOCKER_MANIFEST);
    check(&docker, Some(media_type::DOCKER_MANIFEST), Ok(ManifestKind::Image));
}

#[test]
fn what_two_readers_would_read_as_two_things_is_refused() {
    check(&image(""), Some(media_type::OCI_INDEX), Err("Content-Type"));
    check(&image(""), Some("application/octet-stream"), Err("Content-Type"));
    check(&image(r#","manifests":[]"#), None, Err("both manifests and layers"));
    check(&image(r#","manifests":null"#), None, Err("both manifests and layers"));
    check(&image(r#","layers":[]"#), None, Err("stands twice"));
    check(&image(r#","config":{}"#), None, Err("stands twice"));
    check(&image(r#","Layers":[]"#), None, Err("read as another"));
    check(&image(r#","MANIFESTS":[]"#), None, Err("read as another"));
    check(&image(",\"layer\u{17f}\":[]"), None, Err("read as another"));
    check(&image(r#","\u006dediaType":"x""#), None, Err("stands twice"));
    check(&image(r#","annotations":{"a":"1","a":"2"}"#), None, Err("stands twice"));
    check(&image(r#","x":{"a":1,"a":2}"#), None, Err("stands twice"));
    check(&(image("") + "{}"), None, Err("trailing"));
    check(&format!("\u{feff}{}", image("")), None, Err("cannot be read"));
    let twice = image("").replace("]}", &format!(",{}]}}", descriptor_text(OTHER, 5)));
    check(&twice, None, Err("two sizes"));
    let upper = image("").replace("\"size\":0", "\"size\":0,\"Digest\":\"x\"");
    check(&upper, None, Err("read as another"));
}

#[test]
fn schema_1_is_refused_in_every_shape() {
    check(r#"{"schemaVersion":1,"fsLayers":[]}"#, None, Err("schema 1"));
    check(r#"{"schemaVersion":1}"#, Some(media_type::OCI_MANIFEST), Err("schema 1"));
    check(&image(r#","fsLayers":[]"#), None, Err("schema 1"));
    check(&image(r#","signatures":[]"#), None, Err("schema 1"));
    check(&image(""), Some("application/vnd.docker.distribution.manifest.v1+prettyjws"), Err("schema 1"));
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        descriptor_text(OTHER, 0).replace(
            "application/vnd.oci.image.layer.v1.tar",
            "application/vnd.docker.distribution.manifest.v1+json"
        )
    );
    check(&index, None, Err("schema 1"));
}

#[test]
fn descriptors_are_typed() {
    let with = |from: &str, to: &str| image("").replace(from, to);
    check(&with("\"size\":0", "\"size\":-1"), None, Err("size"));
    check(&with("\"size\":0", "\"size\":0.0"), None, Err("size"));
    check(&with("\"size\":0", "\"size\":1e3"), None, Err("size"));
    check(&with("\"size\":0", "\"size\":\"0\""), None, Err("size"));
    check(&with("\"size\":0", "\"size\":9223372036854775808"), None, Err("size"));
    check(&with("\"size\":0", "\"size\":9223372036854775807"), None, Ok(ManifestKind::Image));
    check(&with(OTHER, "sha256:../../etc/passwd"), None, Err("digest"));
    check(&with(OTHER, "md5:d41d8cd98f00b204e9800998ecf8427e"), None, Err("digest"));
    check(&with(OTHER, &OTHER.to_uppercase()), None, Err("digest"));
    check(&with("\"size\":0", "\"size\":0,\"data\":\"AAAA\""), None, Err("data"));
    check(&with("\"size\":0", "\"size\":0,\"data\":\"\""), None, Ok(ManifestKind::Image));
    check(&with("\"size\":0", "\"size\":0,\"urls\":\"x\""), None, Err("urls"));
    check(&with("\"size\":0", "\"size\":0,\"annotations\":{\"a\":1}"), None, Err("annotations"));
    check(&with("\"layers\":[", "\"layers\":[null,"), None, Err("no object"));
    check(r#"{"schemaVersion":2}"#, Some(media_type::OCI_MANIFEST), Err("no config"));
    check(r#"{"schemaVersion":2}"#, Some(media_type::OCI_INDEX), Err("no manifests"));
    check(r#"{"schemaVersion":2}"#, None, Err("media type"));
    check("[]", None, Err("no object"));
    check(&image("").replace(":2,", ":3,"), None, Err("schemaVersion"));
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    check(&deep, None, Err("recursion"));
    check(&format!("[{}0]", "0,".repeat(MOST + 1)), None, Err("values"));
}

const MOST: usize = 400_000;

#[test]
fn links_are_each_once_and_the_subject_is_none() {
    let subject = format!(r#","subject":{}"#, descriptor_text(&format!("sha256:{}", "1".repeat(64)), 7));
    let manifest = parse(&image(&subject), None).unwrap();
    let links: Vec<_> = manifest.links().into_iter().map(|link| (link.kind, link.optional)).collect();
    assert_eq!(links, [(LinkKind::Config, false), (LinkKind::Layer, false)]);
    assert_eq!(manifest.subject().unwrap().size, 7);
    assert_eq!(manifest.artifact_type(), Some("application/vnd.oci.image.config.v1+json"));
    let foreign = image("").replace(
        "application/vnd.oci.image.layer.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    );
    assert!(parse(&foreign, None).unwrap().links()[1].optional);
}

#[test]
fn what_is_large_is_refused_before_it_is_read() {
    let text = " ".repeat(LARGEST + 1);
    check(&text, None, Err("4194305 bytes"));
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = Manifest::parse(Bytes::from(bytes), None);
    }

    /// Whatever is changed in a good manifest, what is accepted is what a plain reader of JSON sees.
    #[test]
    fn what_is_accepted_is_what_others_read(at in 0usize..600, byte in any::<u8>()) {
        let mut bytes = image(r#","annotations":{"a":"b"},"subject":null"#).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        if let Ok(manifest) = Manifest::parse(Bytes::from(bytes.clone()), None) {
            let plain: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            let digests: Vec<_> = manifest.links().iter().map(|link| link.digest.to_string()).collect();
            prop_assert!(plain["manifests"].is_null());
            prop_assert_eq!(plain["config"]["digest"].as_str().unwrap(), &digests[0]);
            prop_assert_eq!(plain["layers"][0]["digest"].as_str().unwrap(), digests.last().unwrap());
        }
    }
}
