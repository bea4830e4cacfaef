//! Opens archives of images, honest and hostile.

use crate::support::{anomalies, digest, layer_bytes, open_text, refuses};
use serde_json::json;
use source::{Error, Opened, Options};
use std::io::Write as _;
use test_support::{Compression, DockerArchive, Image, ImageBuilder, IndexBuilder, LayerBuilder};

fn image(content: &str) -> Image {
    ImageBuilder::new()
        .layer(LayerBuilder::new().file("a", 0o644, b"1"))
        .layer(LayerBuilder::new().file("app", 0o755, content))
        .build()
}

fn opened(transport: &str, archive: &[u8], rest: &str) -> Result<Opened, Error> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(archive).unwrap();
    open_text(&format!("{transport}{}{rest}", file.path().display()), &Options::default())
}

fn check(transport: &str, archive: &[u8], rest: &str, built: &Image) -> Opened {
    let opened = opened(transport, archive, rest).unwrap();
    let [image] = opened.images.as_slice() else { panic!("{:?}", opened.images) };
    assert_eq!(image.config_bytes, built.config());
    for (layer, bytes) in image.layers.iter().zip(layer_bytes(image)) {
        assert_eq!(layer.size.unwrap(), bytes.len() as u64);
        assert_eq!(layer.diff_id.unwrap(), digest(&built.archives()[layer.index]));
        if let Some(declared) = layer.digest {
            assert_eq!(declared, digest(&bytes));
        } else {
            assert_eq!(bytes, built.archives()[layer.index]);
        }
        assert!(layer.stamp().unwrap().offset > 0);
    }
    assert_eq!((&opened.anomalies, &opened.gaps), (&vec![], &vec![]));
    opened
}

#[test]
fn every_form_of_archive_gives_its_image() {
    let built = image("1");
    let old = built.docker_archive(&["example.org/a:1"]);
    let new = DockerArchive::new().with_layout().image(&["example.org/a:1"], &built).build();
    let oci = built.oci_archive(Some("v1"));
    for (archive, name) in [(&old, ":example.org/a:1"), (&new, ":example.org/a:1"), (&oci, ":v1")] {
        let packed = Compression::Gzip.apply(archive);
        for transport in ["docker-archive:", "oci-archive:"] {
            for rest in ["", name] {
                check(transport, archive, rest, &built);
                check(transport, &packed, rest, &built);
            }
        }
        check("", archive, "", &built);
        check("", &packed, "", &built);
    }
    assert!(check("docker-archive:", &new, "", &built).images[0].digest.is_some());
    assert_eq!(check("oci-archive:", &oci, "", &built).digest.unwrap().to_string(), built.digest());
}

#[test]
fn one_of_several_images_must_be_named() {
    let (one, two) = (image("1"), image("2"));
    let archive = DockerArchive::new().image(&["a:1", "b"], &one).image(&[], &two).build();
    refuses(opened("docker-archive:", &archive, ""), "a:1 = b, @1");
    refuses(opened("docker-archive:", &archive, ":c"), "has no image c");
    check("docker-archive:", &archive, ":a:1", &one);
    check("docker-archive:", &archive, ":docker.io/library/b:latest", &one);
    check("docker-archive:", &archive, ":@1", &two);
    refuses(opened("docker-archive:", &DockerArchive::new().build(), ""), "lists no image");
}

#[test]
fn an_image_in_one_list_only_is_opened_all_the_same() {
    let (shown, hidden) = (image("shown"), image("hidden"));
    let honest = DockerArchive::new().with_layout().image(&["a"], &shown).image(&["b"], &hidden);
    // Docker's list names the first only, the layout both.
    let archive = honest.clone().patch(|list| list.truncate(1)).build();
    for transport in ["docker-archive:", "oci-archive:"] {
        let opened = opened(transport, &archive, "").unwrap();
        assert_eq!(opened.images.len(), 2, "{transport}");
        let kinds = anomalies(&opened);
        assert_eq!(kinds.contains(&"archive-disagrees".to_owned()), transport == "docker-archive:");
    }
    // The layout names the second only, Docker's list the first.
    let files = DockerArchive::new().with_layout().image(&["b"], &hidden).build();
    let index = tar_file(&files, "index.json");
    let manifest = tar_file(&files, &blob_path(&index));
    let archive = honest.patch(|list| list.truncate(1)).file("index.json", index.clone());
    let archive = archive.file(&blob_path(&index), manifest).build();
    for transport in ["docker-archive:", "oci-archive:"] {
        let opened = opened(transport, &archive, "").unwrap();
        assert_eq!(opened.images.len(), 2, "{transport}");
        assert_eq!(anomalies(&opened), ["archive-disagrees"], "{transport}");
    }
}

fn tar_file(archive: &[u8], name: &str) -> Vec<u8> {
    use std::io::Read as _;
    let mut archive = tar::Archive::new(archive);
    let mut entry = archive
        .entries()
        .unwrap()
        .map(Result::unwrap)
        .find(|e| e.path().unwrap().to_str() == Some(name))
        .unwrap();
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes).unwrap();
    bytes
}

fn blob_path(index: &[u8]) -> String {
    let index: serde_json::Value = serde_json::from_slice(index).unwrap();
    format!("blobs/{}", index["manifests"][0]["digest"].as_str().unwrap().replacen(':', "/", 1))
}

#[test]
fn hostile_names_reach_nothing() {
    let archive = |patch: fn(&mut serde_json::Value)| {
        DockerArchive::new().image(&["a"], &image("1")).patch(|list| patch(&mut list[0])).build()
    };
    refuses(
        opened("docker-archive:", &archive(|i| i["Config"] = json!("../../etc/passwd")), ""),
        "is not there",
    );
    refuses(opened("docker-archive:", &archive(|i| i["Config"] = json!("/etc/passwd")), ""), "is not there");
    let opened = opened("docker-archive:", &archive(|i| i["Layers"][0] = json!("/etc/passwd")), "").unwrap();
    assert!(opened.images[0].layers[0].open().is_err());
    assert!(opened.images[0].layers[1].open().is_ok());
}

#[test]
fn an_archive_that_lies_about_its_parts_is_named() {
    let built = image("1");
    let lie = DockerArchive::new()
        .image(&["a"], &built)
        .file(&format!("{}.json", test_support::sha256_hex(built.config())), image("2").config())
        .build();
    assert_eq!(anomalies(&opened("docker-archive:", &lie, "").unwrap()), ["digest-mismatch"]);
    let short =
        DockerArchive::new().image(&["a"], &built).patch(|list| list[0]["Layers"] = json!([])).build();
    assert_eq!(anomalies(&opened("docker-archive:", &short, "").unwrap()), ["diff-id-count"]);
    let twice = [DockerArchive::new().image(&["a"], &built).build(), Vec::new()].concat();
    let end = twice.len() - 1024;
    let both = [&twice[..end], &DockerArchive::new().build()].concat();
    refuses(opened("docker-archive:", &both, ""), "twice");
}

#[test]
fn what_is_no_archive_is_said_to_be_none() {
    refuses(opened("docker-archive:", b"not a tar", ""), "no tar archive");
    refuses(
        opened("docker-archive:", &LayerBuilder::new().file("x", 0o644, b"").build(), ""),
        "neither manifest.json",
    );
    refuses(opened("", &LayerBuilder::new().file("x", 0o644, b"").build(), ""), "neither an OCI layout");
    refuses(
        opened("docker-archive:", &LayerBuilder::new().file("repositories", 0o644, b"").build(), ""),
        "1.10",
    );
    refuses(opened("docker-archive:", &Compression::Zstd.apply(b"x"), ""), "decompress it first");
    let whole = image("1").docker_archive(&[]);
    refuses(opened("docker-archive:", &whole[..2000], ""), "cut off");
    let cut = Compression::Gzip.apply(&whole);
    refuses(opened("docker-archive:", &cut[..cut.len() / 2], ""), "cannot read");
    let mut small = Options::default();
    small.limits.temporary = 1000;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&cut).unwrap();
    refuses(open_text(&format!("docker-archive:{}", file.path().display()), &small), "1000 bytes");
}

#[test]
fn a_platform_that_was_not_saved_is_no_gap() {
    let built = image("1");
    let gone = json!({"mediaType": test_support::media_type::OCI_MANIFEST, "digest": digest(b"gone").to_string(),
        "size": 4, "platform": {"os": "linux", "architecture": "s390x"}});
    let index = IndexBuilder::new().image(built.clone()).entry(gone).build();
    let opened = opened("oci-archive:", &index.oci_archive(None), "").unwrap();
    assert_eq!((opened.images.len(), opened.artifacts.len(), opened.gaps.len()), (1, 1, 0));
}

#[test]
fn what_skopeo_writes_is_read_back() {
    if !crate::support::has_peer("skopeo") {
        return;
    }
    let built = image("1");
    let dir = tempfile::tempdir().unwrap();
    let layout = dir.path().join("layout");
    std::fs::create_dir(&layout).unwrap();
    built.write_oci_layout(&layout, Some("v1")).unwrap();
    for transport in ["docker-archive", "oci-archive", "oci"] {
        let target = dir.path().join(transport);
        let name = if transport == "docker-archive" { "example.org/a:v1" } else { "v1" };
        let status = std::process::Command::new("skopeo")
            .args(["--insecure-policy", "copy", "--quiet"])
            .arg(format!("oci:{}:v1", layout.display()))
            .arg(format!("{transport}:{}:{name}", target.display()))
            .status()
            .unwrap();
        assert!(status.success());
        let opened =
            open_text(&format!("{transport}:{}:{name}", target.display()), &Options::default()).unwrap();
        let diff_ids: Vec<_> = opened.images[0].layers.iter().map(|layer| layer.diff_id.unwrap()).collect();
        assert_eq!(diff_ids, built.archives().iter().map(|bytes| digest(bytes)).collect::<Vec<_>>());
        let bytes = layer_bytes(&opened.images[0]);
        if transport == "docker-archive" {
            assert_eq!(bytes, built.archives());
        }
        assert_eq!(bytes.len(), 2);
    }
}

#[test]
fn an_archive_holds_the_platform_that_is_asked_for_or_is_refused() {
    let built = image("1");
    for archive in [
        built.docker_archive(&["a"]),
        DockerArchive::new().with_layout().image(&["a"], &built).build(),
        built.oci_archive(None),
    ] {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&archive).unwrap();
        let text = file.path().display().to_string();
        let one =
            |platform: &str| Options { platform: Some(platform.parse().unwrap()), ..Options::default() };
        assert_eq!(open_text(&text, &one("linux/amd64")).unwrap().images.len(), 1);
        refuses(open_text(&text, &one("linux/s390x")), "there are linux/amd64");
    }
}
