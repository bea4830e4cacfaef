//! Opens image layouts, honest and hostile.

use crate::support::{anomalies, digest, layer_bytes, open_text, refuses};
use serde_json::{Value, json};
use source::{AnomalyKind, Options};
use test_support::{Compression, Image, ImageBuilder, IndexBuilder, Layer, LayerBuilder, write_oci_layout};

fn image(architecture: &'static str) -> Image {
    ImageBuilder::new()
        .config(|config| config.platform("linux", architecture).entrypoint(&["/app"]))
        .layer(LayerBuilder::new().file("app", 0o755, architecture))
        .layer(Layer::new(LayerBuilder::new().file("b", 0o644, b"2").build()).compression(Compression::None))
        .build()
}

fn laid(image: &Image) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    image.write_oci_layout(dir.path(), Some("v1")).unwrap();
    dir
}

fn opened(image: &Image) -> Result<source::Opened, source::Error> {
    let dir = laid(image);
    open_text(&format!("oci:{}", dir.path().display()), &Options::default())
}

#[test]
fn a_layout_gives_its_image_byte_for_byte() {
    let built = image("amd64");
    let dir = laid(&built);
    for text in [format!("oci:{}", dir.path().display()), dir.path().display().to_string()] {
        let opened = open_text(&text, &Options::default()).unwrap();
        assert_eq!(opened.digest.unwrap().to_string(), built.digest());
        let [image] = opened.images.as_slice() else { panic!() };
        assert_eq!(image.platform.to_string(), "linux/amd64");
        assert_eq!(image.config_bytes, built.config());
        assert_eq!(image.config.config.entrypoint, ["/app"]);
        for (layer, bytes) in image.layers.iter().zip(layer_bytes(image)) {
            assert_eq!(layer.digest.unwrap(), digest(&bytes));
            assert_eq!(layer.size.unwrap(), bytes.len() as u64);
            assert_eq!(layer.diff_id.unwrap(), digest(&built.archives()[layer.index]));
            assert_eq!(layer.stamp().unwrap().length, bytes.len() as u64);
            assert_eq!(layer.stamp(), layer.stamp());
        }
        assert_eq!((opened.anomalies.len(), opened.gaps.len(), opened.artifacts.len()), (0, 0, 0));
    }
}

#[test]
fn every_platform_is_opened_unless_one_is_asked_for() {
    let amd64 = image("amd64");
    let subject = amd64.digest().to_owned();
    let index = IndexBuilder::new().image(amd64).image(image("arm64")).attestation(&subject).build();
    let dir = laid(&index);
    let text = format!("oci:{}:v1", dir.path().display());
    let all = open_text(&text, &Options::default()).unwrap();
    let platforms: Vec<String> = all.images.iter().map(|image| image.platform.to_string()).collect();
    assert_eq!(platforms, ["linux/amd64", "linux/arm64"]);
    assert_eq!(all.artifacts.len(), 1);
    assert_eq!(all.artifacts[0].kind, "attestation-manifest");
    assert_eq!(all.digest.unwrap().to_string(), index.digest());

    let one = |platform: &str| Options { platform: Some(platform.parse().unwrap()), ..Options::default() };
    let arm = open_text(&text, &one("linux/arm64")).unwrap();
    assert_eq!(arm.images.len(), 1);
    assert_eq!(arm.artifacts.len(), 2);
    refuses(open_text(&text, &one("linux/s390x")), "linux/amd64, linux/arm64");
    refuses(open_text(&format!("oci:{}:v2", dir.path().display()), &Options::default()), "holds v1");
}

#[test]
fn an_image_that_calls_itself_an_attestation_is_an_image() {
    let hidden = image("amd64");
    let mut entry = hidden.descriptor();
    entry["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
    let index = IndexBuilder::new().image(image("arm64")).image(hidden).patch(move |index| {
        index["manifests"][1] = entry;
    });
    let opened = opened(&index.build()).unwrap();
    assert_eq!(opened.images.len(), 2);
    assert_eq!(anomalies(&opened), ["disguised-image", "platform-mismatch"]);
}

#[test]
fn one_unreadable_platform_is_a_gap_and_two_are_an_error() {
    let gone = json!({"mediaType": test_support::media_type::OCI_MANIFEST, "digest": digest(b"gone").to_string(),
        "size": 4, "platform": {"os": "linux", "architecture": "s390x"}});
    let index = IndexBuilder::new().image(image("amd64")).entry(gone.clone()).build();
    let half = opened(&index).unwrap();
    assert_eq!(half.images.len(), 1);
    assert_eq!(half.gaps.len(), 1);
    assert!(half.gaps[0].what.contains("linux/s390x"), "{:?}", half.gaps);
    refuses(opened(&IndexBuilder::new().entry(gone).build()), "is not there");
    refuses(opened(&IndexBuilder::new().build()), "without entries");
}

#[test]
fn indexes_in_indexes_have_an_end() {
    let mut nested = IndexBuilder::new().image(image("amd64")).build();
    for _ in 0..2 {
        nested = IndexBuilder::new().image_without_platform(nested).build();
    }
    assert_eq!(opened(&nested).unwrap().images.len(), 1);
    for _ in 0..4 {
        nested = IndexBuilder::new().image_without_platform(nested).build();
    }
    refuses(opened(&nested), "too many indexes");
    let many = (0..600).fold(IndexBuilder::new().image(image("amd64")), |index, number: u32| {
        index.entry(json!({"digest": digest(&number.to_be_bytes()).to_string(), "size": 1}))
    });
    refuses(opened(&many.build()), "601 entries");
}

fn check(build: ImageBuilder, expect: Result<&[AnomalyKind], &str>) {
    let opened = opened(&build.build());
    match expect {
        Ok(kinds) => {
            let opened = opened.unwrap();
            assert_eq!(opened.images.len(), 1);
            assert_eq!(opened.anomalies.iter().map(|anomaly| anomaly.kind).collect::<Vec<_>>(), kinds);
        }
        Err(part) => refuses(opened, part),
    }
}

fn honest() -> ImageBuilder {
    ImageBuilder::new().layer(LayerBuilder::new().file("a", 0o644, b"1"))
}

#[test]
fn what_an_image_declares_wrongly_has_a_name() {
    check(honest(), Ok(&[]));
    check(
        honest().patch_config(|config| config["rootfs"]["diff_ids"] = json!([])),
        Ok(&[AnomalyKind::DiffIdCount]),
    );
    check(honest().patch_config(|config| config["os"] = Value::Null), Ok(&[AnomalyKind::NoPlatform]));
    check(
        honest().patch_manifest(|manifest| manifest["layers"][0]["urls"] = json!(["http://localhost/x"])),
        Ok(&[AnomalyKind::ForeignLayer]),
    );
    check(
        honest().patch_manifest(|manifest| manifest["layers"][0]["mediaType"] = json!("x/y")),
        Ok(&[AnomalyKind::UnknownMediaType]),
    );
    check(
        honest().patch_manifest(|manifest| manifest["config"]["mediaType"] = json!("x/y")),
        Ok(&[AnomalyKind::UnknownMediaType]),
    );
    check(
        honest().patch_manifest(|manifest| manifest["config"]["size"] = json!(1)),
        Ok(&[AnomalyKind::SizeMismatch]),
    );
    check(honest().patch_manifest(|manifest| manifest["manifests"] = json!([])), Err("CVE-2021-41190"));
    check(honest().patch_manifest(|manifest| manifest["schemaVersion"] = json!(1)), Err("schema 1"));
    check(honest().config_bytes(b"{}{}"), Err("not readable JSON"));
    check(honest().config_bytes(vec![b' '; 9 << 20]), Err("longer than"));
    check(honest().manifest_bytes(vec![b' '; 5 << 20]), Err("longer than"));
    check(
        honest().patch_manifest(|manifest| {
            manifest["config"]["mediaType"] = json!("application/vnd.cncf.helm.config.v1+json");
            manifest["layers"][0]["mediaType"] = json!("application/vnd.cncf.helm.chart.content.v1.tar+gzip");
        }),
        Err("helm"),
    );
}

#[test]
fn documents_are_believed_by_their_digest_only() {
    let built = image("amd64");
    for victim in [built.digest().to_owned(), digest(built.config()).to_string()] {
        let dir = laid(&built);
        let path = dir.path().join("blobs").join(victim.replacen(':', "/", 1));
        let mut bytes = std::fs::read(&path).unwrap();
        let last = bytes.len() - 1;
        bytes[last] = b' ';
        std::fs::write(&path, bytes).unwrap();
        refuses(open_text(&format!("oci:{}", dir.path().display()), &Options::default()), "hashes to");
    }
}

#[test]
fn a_blob_that_is_a_link_is_not_followed() {
    let built = image("amd64");
    let manifest: Value = serde_json::from_slice(built.manifest()).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().replacen(':', "/", 1);
    let dir = laid(&built);
    let path = dir.path().join("blobs").join(layer);
    let away = dir.path().join("elsewhere");
    std::fs::rename(&path, &away).unwrap();
    std::os::unix::fs::symlink(&away, &path).unwrap();
    let text = format!("oci:{}", dir.path().display());
    let opened = open_text(&text, &Options::default()).unwrap();
    let error = opened.images[0].layers[0].open().map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("symbolic link"), "{error}");
    assert_eq!(opened.images[0].layers[0].stamp(), None);

    std::fs::rename(dir.path().join("blobs/sha256"), dir.path().join("moved")).unwrap();
    std::os::unix::fs::symlink("../moved", dir.path().join("blobs/sha256")).unwrap();
    refuses(open_text(&text, &Options::default()), "its directory is none");
}

#[test]
fn a_layer_never_yields_more_than_it_declares() {
    use std::io::Read as _;
    let long = Layer::new(LayerBuilder::new().build()).compression(Compression::None).size(100);
    let opened = opened_in(&ImageBuilder::new().layer(long).build());
    let mut bytes = Vec::new();
    let error = opened.1.images[0].layers[0].open().unwrap().read_to_end(&mut bytes).unwrap_err();
    assert!(error.to_string().contains("more than the declared 100 bytes"), "{error}");
    assert_eq!(bytes.len(), 100);
}

fn opened_in(image: &Image) -> (tempfile::TempDir, source::Opened) {
    let dir = laid(image);
    let opened = open_text(&format!("oci:{}", dir.path().display()), &Options::default()).unwrap();
    (dir, opened)
}

#[test]
fn several_images_of_one_layout_are_all_opened() {
    let dir = tempfile::tempdir().unwrap();
    let (one, two) = (image("amd64"), image("arm64"));
    write_oci_layout(dir.path(), &[(Some("1"), &one), (None, &two)]).unwrap();
    let text = format!("oci:{}", dir.path().display());
    let opened = open_text(&text, &Options::default()).unwrap();
    assert_eq!((opened.images.len(), opened.digest), (2, None));
    assert_eq!(open_text(&format!("{text}:1"), &Options::default()).unwrap().images.len(), 1);
}

#[test]
fn a_cancelled_opening_ends() {
    let dir = laid(&image("amd64"));
    let options = Options::default();
    options.cancelled.store(true, std::sync::atomic::Ordering::Relaxed);
    refuses(open_text(&format!("oci:{}", dir.path().display()), &options), "cancelled");
}
