//! The shapes by which other gates were passed by, each tried here.

use crate::house::{
    DOCKER_IMAGE, House, Image, OCI_IMAGE, OCI_INDEX, body, code, descriptor, name, run, sha256, sha512,
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// That somebody who may pull gets nothing of `secret` by a path: no success, no byte, no size and no hint of it.
async fn check_shut(house: &House, who: &str, path: &str, secret: &[u8]) {
    let extras: [&[(&str, &str)]; 9] = [
        &[],
        &[("range", "bytes=0-3")],
        &[("range", "bytes=-1")],
        &[("if-none-match", "*")],
        &[("user-agent", "cosign/2.4.1 (linux; amd64)")],
        &[("user-agent", "notation/1.2 trivy harbor-scanner")],
        &[("x-http-method-override", "GET"), ("x-forwarded-user", "admin"), ("x-original-url", "/v2/")],
        &[("accept", "*/*"), ("accept-encoding", "gzip")],
        &[("accept", "application/vnd.docker.distribution.manifest.v1+prettyjws")],
    ];
    for method in [Method::GET, Method::HEAD] {
        for extra in extras {
            let mut request = house.ask(who, method.clone(), path);
            for (name, value) in extra {
                request = request.header(*name, *value);
            }
            let answer = request.send().await.unwrap();
            let status = answer.status();
            assert!(status.is_client_error(), "{method} {path} by {who:?} with {extra:?}: {status}");
            for header in ["docker-content-digest", "etag", "content-range", "location", "accept-ranges"] {
                assert!(!answer.headers().contains_key(header), "{method} {path} {extra:?}: {header}");
            }
            let length =
                answer.headers().get("content-length").map(|length| length.to_str().unwrap().to_owned());
            assert_ne!(length, Some(secret.len().to_string()), "{method} {path}");
            let got = body(answer).await;
            assert!(
                !got.windows(secret.len().min(16)).any(|window| secret.starts_with(window)),
                "{method} {path}"
            );
        }
    }
}

const SECRET: &[u8] = b"the layer that nobody may have before it was looked at";

#[test]
fn held_content_is_shut_by_every_path() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("owner", "team/app", "1", SECRET).await;
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX,
            "manifests": [{"mediaType": OCI_IMAGE, "digest": image.digest, "size": image.bytes.len()}]});
        let index = index.to_string().into_bytes();
        house.put_manifest("owner", "team/app", "index", OCI_INDEX, &index).await;
        let base = "/v2/team/app";
        let paths = [
            (format!("{base}/manifests/1"), &image.bytes),
            (format!("{base}/manifests/index"), &index),
            (format!("{base}/manifests/{}", image.digest), &image.bytes),
            (format!("{base}/manifests/{}", sha256(&index)), &index),
            // The same bytes under the other algorithm.
            (format!("{base}/manifests/{}", sha512(&image.bytes)), &image.bytes),
            (format!("{base}/blobs/{}", sha512(SECRET)), &image.layer_bytes),
            (format!("{base}/blobs/{}", image.layer), &image.layer_bytes),
            (format!("{base}/blobs/{}", image.config), &image.config_bytes),
            // A manifest by the path of blobs, and a blob by that of manifests.
            (format!("{base}/blobs/{}", image.digest), &image.bytes),
            (format!("{base}/manifests/{}", image.layer), &image.layer_bytes),
            // Another spelling of the same path.
            (format!("/v2/docker.io/team/app/blobs/{}", image.layer), &image.layer_bytes),
            (format!("/v2/team/app/blobs/{}?ns=docker.io", image.layer), &image.layer_bytes),
            (format!("/v2//team/app/blobs/{}", image.layer), &image.layer_bytes),
            (format!("/v2/team/app/blobs/{}/", image.layer), &image.layer_bytes),
            (format!("//v2/team/app/blobs/{}", image.layer), &image.layer_bytes),
            (format!("/V2/team/app/blobs/{}", image.layer), &image.layer_bytes),
            (
                format!("/v2/team/app/blobs/{}", image.layer.to_string().replace(':', "%3A")),
                &image.layer_bytes,
            ),
        ];
        for who in ["puller", "writer", "pusher", "stranger", "mirror", "admin", ""] {
            for (path, secret) in &paths {
                check_shut(&house, who, path, secret).await;
            }
        }
        for (state, change) in [("denied", true), ("revoked", false)] {
            if change {
                house.deny("team/app", &image.digest).await;
            } else {
                house.release("team/app", &image.digest).await;
                let layer = format!("{base}/blobs/{}", image.layer);
                assert_eq!(house.get("puller", &layer).await.status(), StatusCode::OK);
                house.revoke("team/app", &image.digest).await;
            }
            for who in ["puller", "owner", "admin"] {
                for (path, secret) in &paths {
                    if path.ends_with("/manifests/index") || path.contains(&sha256(&index).to_string()) {
                        continue;
                    }
                    check_shut(&house, who, path, secret).await;
                }
            }
            // To push it again, under another tag or another algorithm, changes nothing.
            for digest in [image.digest.to_string(), sha512(&image.bytes).to_string(), "again".to_owned()] {
                for bytes in [&image.config_bytes, &image.layer_bytes] {
                    house.push_blob("owner", "team/app", bytes).await;
                }
                house.put_manifest("owner", "team/app", &digest, OCI_IMAGE, &image.bytes).await;
                for who in ["puller", "owner"] {
                    check_shut(&house, who, &format!("{base}/manifests/{digest}"), &image.bytes).await;
                    check_shut(&house, who, &format!("{base}/blobs/{}", image.layer), SECRET).await;
                }
            }
            let _ = state;
        }
    });
}

#[test]
fn a_release_is_its_repositorys_and_reaches_what_it_names() {
    run(async {
        let house = House::new().await;
        let shown = house.push_image("owner", "team/a", "1", b"a harmless layer").await;
        house.release("team/a", &shown.digest).await;
        // The same image in another repository is another's matter.
        house.push_image("owner", "team/b", "1", b"a harmless layer").await;
        check_shut(&house, "puller", "/v2/team/b/manifests/1", &shown.bytes).await;
        check_shut(&house, "puller", &format!("/v2/team/b/blobs/{}", shown.layer), &shown.layer_bytes).await;
        // What is about a released image, and what a released document is about, are not released with it.
        let hidden = house.push_image("owner", "team/a", "hidden", SECRET).await;
        house.push_blob("owner", "team/a", b"{}").await;
        let about = |subject: &Image| {
            json!({"schemaVersion": 2, "mediaType": OCI_IMAGE, "artifactType": "application/x",
                "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"), "layers": [],
                "subject": {"mediaType": OCI_IMAGE, "digest": subject.digest, "size": subject.bytes.len()}})
            .to_string()
            .into_bytes()
        };
        let (of_shown, of_hidden) = (about(&shown), about(&hidden));
        for bytes in [&of_shown, &of_hidden] {
            let put =
                house.put_manifest("owner", "team/a", &sha256(bytes).to_string(), OCI_IMAGE, bytes).await;
            assert_eq!(put.status(), StatusCode::CREATED);
        }
        check_shut(&house, "puller", &format!("/v2/team/a/manifests/{}", sha256(&of_shown)), &of_shown).await;
        house.release("team/a", &sha256(&of_hidden)).await;
        check_shut(&house, "puller", &format!("/v2/team/a/manifests/{}", hidden.digest), &hidden.bytes).await;
        check_shut(&house, "puller", &format!("/v2/team/a/blobs/{}", hidden.layer), SECRET).await;
        let listed = house.get("puller", &format!("/v2/team/a/referrers/{}", shown.digest)).await;
        assert!(!String::from_utf8_lossy(&body(listed).await).contains(&sha256(&of_shown).to_string()));
        // A child that comes later than the release of its index is not released by it.
        let late = Image::of(b"a layer that comes later");
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
            {"mediaType": OCI_IMAGE, "digest": shown.digest, "size": shown.bytes.len()},
            {"mediaType": OCI_IMAGE, "digest": late.digest, "size": late.bytes.len()}]})
        .to_string()
        .into_bytes();
        house.put_manifest("owner", "team/a", "index", OCI_INDEX, &index).await;
        house.release("team/a", &sha256(&index)).await;
        assert_eq!(house.get("puller", "/v2/team/a/manifests/index").await.status(), StatusCode::OK);
        house.push_image("owner", "team/a", "late", b"a layer that comes later").await;
        check_shut(&house, "puller", &format!("/v2/team/a/manifests/{}", late.digest), &late.bytes).await;
        check_shut(&house, "puller", &format!("/v2/team/a/blobs/{}", late.layer), &late.layer_bytes).await;
    });
}

#[test]
fn manifests_that_two_readers_read_as_two_things_are_refused() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("owner", "team/app", "1", b"layer").await;
        let parsed: Value = serde_json::from_slice(&image.bytes).unwrap();
        let changed = |change: &dyn Fn(&mut Value)| {
            let mut manifest = parsed.clone();
            change(&mut manifest);
            manifest.to_string()
        };
        let schema1 = json!({"schemaVersion": 1, "name": "x", "tag": "1", "architecture": "amd64",
            "fsLayers": [{"blobSum": image.layer}], "history": [{"v1Compatibility": "{}"}]})
        .to_string();
        let text = String::from_utf8(image.bytes.clone()).unwrap();
        let cases = [
            (
                "schema 1 as itself",
                "application/vnd.docker.distribution.manifest.v1+prettyjws",
                schema1.clone(),
            ),
            ("schema 1 unsigned", "application/vnd.docker.distribution.manifest.v1+json", schema1.clone()),
            ("schema 1 as schema 2", DOCKER_IMAGE, schema1.clone()),
            ("schema 1 as JSON", "application/json", schema1),
            ("an image with manifests", OCI_IMAGE, changed(&|value| value["manifests"] = json!([]))),
            (
                "an index with layers",
                OCI_INDEX,
                changed(&|value| {
                    value["mediaType"] = json!(OCI_INDEX);
                    value["manifests"] = json!([]);
                }),
            ),
            ("two types", OCI_INDEX, text.clone()),
            (
                "a type twice",
                OCI_IMAGE,
                text.replacen('{', "{\"mediaType\":\"application/vnd.oci.image.index.v1+json\",", 1),
            ),
            ("layers twice", OCI_IMAGE, text.replacen('{', "{\"layers\":[],", 1)),
            ("another algorithm", OCI_IMAGE, text.replace("sha256:", "sha1:")),
            ("a size below nothing", OCI_IMAGE, changed(&|value| value["config"]["size"] = json!(-1))),
            ("another size", OCI_IMAGE, changed(&|value| value["config"]["size"] = json!(1))),
            ("no JSON", OCI_IMAGE, "{".to_owned()),
            ("nothing", OCI_IMAGE, String::new()),
            ("HTML", "text/html", text.clone()),
        ];
        for (case, media_type, bytes) in cases {
            let put = house.put_manifest("owner", "team/app", "evil", media_type, bytes.as_bytes()).await;
            assert_eq!(put.status(), StatusCode::BAD_REQUEST, "{case}");
            assert_eq!(code(put).await, "MANIFEST_INVALID", "{case}");
        }
        assert_eq!(house.get("owner", "/v2/team/app/manifests/evil").await.status(), StatusCode::NOT_FOUND);
        // A decoy beside a real root file system is a claim, and held as everything is.
        let decoy = Image::with(SECRET, |manifest| {
            manifest["artifactType"] = json!("application/vnd.dev.cosign.artifact.sig.v1+json");
            let signature = descriptor("application/vnd.dev.cosign.simplesigning.v1+json", b"decoy");
            manifest["layers"].as_array_mut().unwrap().insert(0, signature);
        });
        house.push_blob("owner", "team/app", b"decoy").await;
        for bytes in [&decoy.config_bytes, &decoy.layer_bytes] {
            house.push_blob("owner", "team/app", bytes).await;
        }
        let put = house.put_manifest("owner", "team/app", "decoy", OCI_IMAGE, &decoy.bytes).await;
        assert_eq!(put.status(), StatusCode::CREATED);
        check_shut(&house, "puller", "/v2/team/app/manifests/decoy", &decoy.bytes).await;
        check_shut(&house, "puller", &format!("/v2/team/app/blobs/{}", decoy.layer), SECRET).await;
        assert_eq!(
            house.table.pushed.lock().unwrap().last().map(|pushed| pushed.0.clone()),
            Some(name("team/app"))
        );
    });
}

#[test]
fn requests_that_two_readers_read_as_two_are_refused() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    run(async {
        let house = House::new().await;
        let image = house.push_image("owner", "team/app", "1", b"released").await;
        house.release("team/app", &image.digest).await;
        // "puller:puller-secret", "owner:owner-secret"
        let (puller, owner) = ("cHVsbGVyOnB1bGxlci1zZWNyZXQ=", "b3duZXI6b3duZXItc2VjcmV0");
        let raw = async |text: String| {
            let mut stream = tokio::net::TcpStream::connect(house.address).await.unwrap();
            stream.write_all(text.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let read =
                tokio::time::timeout(std::time::Duration::from_secs(10), stream.read_to_end(&mut answer));
            let _ = read.await.expect("an answer and an end");
            let text = String::from_utf8_lossy(&answer).into_owned();
            text.get(9..12).and_then(|status| status.parse::<u16>().ok()).unwrap_or(0)
        };
        let get = "GET /v2/team/app/manifests/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        assert_eq!(raw(format!("{get}Authorization: Basic {puller}\r\n\r\n")).await, 200);
        let two = format!("{get}Authorization: Basic {puller}\r\nAuthorization: Basic {owner}\r\n\r\n");
        assert_eq!(raw(two).await, 400);
        assert_eq!(raw(format!("{get}Authorization: Digest {puller}\r\n\r\n")).await, 401);
        let put = "PUT /v2/team/app/manifests/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        let both = format!(
            "{put}Authorization: Basic {owner}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        );
        assert!(matches!(raw(both).await, 0 | 400), "a body with two lengths");
        let absolute = format!(
            "GET http://other/v2/team/app/manifests/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic {puller}\r\n\r\n"
        );
        assert_eq!(raw(absolute).await, 200, "the host decides nothing");
    });
}
