//! Manifests, tags, referrers and deletes: the cases of the specification's own suite, and what clients expect.

use crate::house::{
    DOCKER_IMAGE, House, Image, OCI_IMAGE, OCI_INDEX, body, code, descriptor, header, json, name, run,
    sha256, sha512,
};
use registry::Standing;
use reqwest::{Method, StatusCode};
use serde_json::json;

#[test]
fn what_is_pushed_is_pulled_once_it_is_released() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("pusher", "team/app", "1", b"a layer").await;
        let held = house.get("puller", "/v2/team/app/manifests/1").await;
        assert_eq!(held.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(header(&held, "retry-after"), "7");
        assert_eq!(code(held).await, "TOOMANYREQUESTS");
        let blob = format!("/v2/team/app/blobs/{}", image.layer);
        assert_eq!(house.get("puller", &blob).await.status(), StatusCode::FORBIDDEN);
        house.release("team/app", &image.digest).await;
        let manifest = house.get("puller", "/v2/team/app/manifests/1").await;
        assert_eq!(manifest.status(), StatusCode::OK);
        assert_eq!(header(&manifest, "docker-content-digest"), image.digest.to_string());
        assert_eq!(header(&manifest, "content-type"), OCI_IMAGE);
        assert_eq!(header(&manifest, "docker-distribution-api-version"), "registry/2.0");
        assert_eq!(body(manifest).await, image.bytes);
        let head = house.head("puller", "/v2/team/app/manifests/1").await;
        assert_eq!(header(&head, "content-length"), image.bytes.len().to_string());
        assert_eq!(header(&head, "docker-content-digest"), image.digest.to_string());
        assert!(body(head).await.is_empty());
        assert_eq!(body(house.get("puller", &blob).await).await, image.layer_bytes);
        // A denial names the rule, the file and the layer, and ends what was released.
        house.deny("team/app", &image.digest).await;
        for path in ["/v2/team/app/manifests/1", &format!("/v2/team/app/manifests/{}", image.digest)] {
            let denied = house.get("puller", path).await;
            assert_eq!(denied.status(), StatusCode::FORBIDDEN);
            let denied = json(denied).await;
            assert_eq!(denied["errors"][0]["code"], "DENIED");
            assert_eq!(denied["errors"][0]["detail"]["rule"], "no-miners");
        }
        assert_eq!(house.get("puller", &blob).await.status(), StatusCode::FORBIDDEN);
    });
}

#[test]
fn parts_and_conditions_are_answered_as_rfc_9110_says() {
    run(async {
        let house = House::new().await;
        let layer: Vec<u8> = (0..=255).cycle().take(700_000).collect();
        let image = house.push_image("owner", "team/app", "1", &layer).await;
        house.release("team/app", &image.digest).await;
        let blob = format!("/v2/team/app/blobs/{}", image.layer);
        let manifest = "/v2/team/app/manifests/1".to_owned();
        for (path, bytes) in [(&blob, &layer), (&manifest, &image.bytes)] {
            let size = bytes.len();
            let check = async |name: &str, value: String, expect: u16, range: Option<(usize, usize)>| {
                for method in [Method::GET, Method::HEAD] {
                    let request = house.ask("puller", method.clone(), path).header(name, value.clone());
                    let answer = request.send().await.unwrap();
                    let (head, status) = (method == Method::HEAD, answer.status().as_u16());
                    // A range is for GET alone.
                    let expect = if head && name == "range" { 200 } else { expect };
                    assert_eq!(status, expect, "{method} {path} {name}: {value}");
                    match range {
                        Some((start, end)) if !head => {
                            assert_eq!(
                                header(&answer, "content-range"),
                                format!("bytes {start}-{}/{size}", end - 1)
                            );
                            assert_eq!(body(answer).await, bytes[start..end]);
                        }
                        _ if expect == 200 && !head => assert_eq!(body(answer).await, *bytes),
                        _ if expect == 416 => {
                            assert_eq!(header(&answer, "content-range"), format!("bytes */{size}"))
                        }
                        _ => {}
                    }
                }
            };
            check("range", "bytes=0-0".into(), 206, Some((0, 1))).await;
            check("range", format!("bytes=100-{}", size * 2), 206, Some((100, size))).await;
            check("range", "bytes=-10".into(), 206, Some((size - 10, size))).await;
            check("range", "bytes=5-".into(), 206, Some((5, size))).await;
            check("range", format!("bytes={size}-"), 416, None).await;
            check("range", "bytes=0-1,3-4".into(), 200, None).await;
            check("range", "lines=0-1".into(), 200, None).await;
            let digest = sha256(bytes);
            check("if-none-match", format!("\"{digest}\""), 304, None).await;
            check("if-none-match", format!("\"x\", W/\"{digest}\""), 304, None).await;
            check("if-none-match", "*".into(), 304, None).await;
            check("if-none-match", "\"x\"".into(), 200, None).await;
            let request = house.ask("puller", Method::GET, path).header("range", "bytes=0-1");
            let other = request.header("if-range", "\"x\"").send().await.unwrap();
            assert_eq!(other.status(), StatusCode::OK);
            let request = house.ask("puller", Method::GET, path).header("range", "bytes=0-1");
            let same = request.header("if-range", format!("\"{digest}\"")).send().await.unwrap();
            assert_eq!(same.status(), StatusCode::PARTIAL_CONTENT);
        }
    });
}

#[test]
fn the_last_released_digest_is_served_while_a_newer_one_is_held() {
    run(async {
        let house = House::new().await;
        let first = house.push_image("owner", "team/app", "1", b"one").await;
        house.release("team/app", &first.digest).await;
        let second = house.push_image("owner", "team/app", "1", b"two").await;
        let served = house.get("puller", "/v2/team/app/manifests/1").await;
        let warning = header(&served, "warning");
        assert!(warning.starts_with("299 - \"") && warning.contains(&second.digest.to_string()), "{warning}");
        assert_eq!(body(served).await, first.bytes);
        let own = house.get("owner", "/v2/team/app/manifests/1").await;
        assert_eq!(body(own).await, second.bytes);
        house.release("team/app", &second.digest).await;
        let served = house.get("puller", "/v2/team/app/manifests/1").await;
        assert!(!served.headers().contains_key("warning"));
        assert_eq!(body(served).await, second.bytes);
    });
}

#[test]
fn an_upstreams_repositories_are_reached_by_path_and_by_namespace() {
    run(async {
        let house = House::new().await;
        let image = Image::of(b"upstream");
        let repository = name("docker.io/library/x");
        let origin = store::Origin::Upstream { upstream: "docker.io".into(), remote: "library/x".into() };
        house.store.create_repository(&repository, &origin).await.unwrap();
        for bytes in [&image.config_bytes, &image.layer_bytes] {
            let mut incoming = house.store.receive(model::Algorithm::Sha256).await.unwrap();
            incoming.write(bytes.clone().into()).await.unwrap();
            let sealed = incoming.seal(&sha256(bytes)).await.unwrap();
            house.store.admit(&repository, sealed, "gate").await.unwrap();
        }
        let manifest = store::Manifest::parse(image.bytes.clone().into(), None).unwrap();
        let tags = vec!["1".parse().unwrap()];
        let put = store::PutManifest {
            repository: repository.clone(),
            manifest,
            digest: None,
            tags,
            by: "gate".into(),
        };
        house.store.put_manifest(put).await.unwrap();
        house.release("docker.io/library/x", &image.digest).await;
        let key = (repository.clone(), "1".parse().unwrap());
        let standing = Standing::Released(image.digest, Some("a newer one is held".into()));
        house.table.upstream.lock().unwrap().insert(key, standing);
        for (path, used) in
            [("/v2/docker.io/library/x/manifests/1", false), ("/v2/library/x/manifests/1?ns=docker.io", true)]
        {
            let answer = house.get("mirror", path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(header(&answer, "warning"), "299 - \"a newer one is held\"");
            assert_eq!(answer.headers().contains_key("oci-namespace"), used);
            assert_eq!(body(answer).await, image.bytes);
        }
        let blob = house.get("mirror", &format!("/v2/library/x/blobs/{}?ns=docker.io", image.layer)).await;
        assert_eq!(header(&blob, "oci-namespace"), "docker.io");
        assert_eq!(body(blob).await, image.layer_bytes);
        // A namespace that stands for nothing is not made use of.
        assert_eq!(
            house.get("mirror", "/v2/library/x/manifests/1?ns=evil.example").await.status(),
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            house.get("mirror", "/v2/docker.io.evil/library/x/manifests/1").await.status(),
            StatusCode::FORBIDDEN
        );
        assert_eq!(
            house.get("puller", "/v2/docker.io/library/x/manifests/1").await.status(),
            StatusCode::FORBIDDEN
        );
        let asked = house.get("", "/v2/library/x/manifests/1?ns=docker.io").await;
        assert!(header(&asked, "www-authenticate").contains("repository:docker.io/library/x:pull"));
        // Nobody pushes to what stands for an upstream, whatever the rights.
        let push =
            house.ask("admin", Method::POST, "/v2/docker.io/library/x/blobs/uploads/").send().await.unwrap();
        assert_eq!(push.status(), StatusCode::FORBIDDEN);
        // What the quarantine calls released, the store has to release.
        let key = (repository, "lie".parse().unwrap());
        house.table.upstream.lock().unwrap().insert(key, Standing::Released(sha256(b"none"), None));
        let lie = house.get("mirror", "/v2/docker.io/library/x/manifests/lie").await;
        assert_eq!(lie.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(house.get("mirror", "/v2/docker.io/library/new/tags/list").await.status(), StatusCode::OK);
    });
}

/// The quarantine sees the row of a release a moment before the checks of the store do.
#[test]
fn who_asks_in_the_moment_of_a_release_is_given_it() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("pusher", "team/app", "1", b"a layer").await;
        let key = (name("team/app"), "1".parse().unwrap());
        house.table.upstream.lock().unwrap().insert(key, Standing::Released(image.digest, None));
        let release = async {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            house.release("team/app", &image.digest).await;
        };
        let (answer, ()) = tokio::join!(house.get("puller", "/v2/team/app/manifests/1"), release);
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(body(answer).await, image.bytes);
    });
}

#[test]
fn one_push_gives_many_tags_and_names_its_subject() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("owner", "team/app", "0", b"layer").await;
        for digest in [image.digest, sha512(&image.bytes)] {
            let tags: Vec<String> =
                (0..12).map(|tag| format!("t{}-{tag}", digest.algorithm().name())).collect();
            let query: String = tags.iter().map(|tag| format!("tag={tag}&")).collect();
            let put = house
                .put_manifest("owner", "team/app", &format!("{digest}?{query}"), OCI_IMAGE, &image.bytes)
                .await;
            assert_eq!(put.status(), StatusCode::CREATED);
            assert_eq!(header(&put, "docker-content-digest"), digest.to_string());
            assert_eq!(header(&put, "location"), format!("/v2/team/app/manifests/{digest}"));
            let given: Vec<_> =
                put.headers().get_all("oci-tag").iter().map(|tag| tag.to_str().unwrap()).collect();
            assert_eq!(given, tags);
            for tag in &tags {
                let read = house.get("owner", &format!("/v2/team/app/manifests/{tag}")).await;
                assert_eq!(header(&read, "docker-content-digest"), digest.to_string());
                assert_eq!(body(read).await, image.bytes);
            }
        }
        let many: String = (0..30).map(|tag| format!("tag=m{tag}&")).collect();
        let put = async |reference: &str| {
            house
                .put_manifest("owner", "team/app", reference, OCI_IMAGE, &image.bytes)
                .await
                .status()
                .as_u16()
        };
        assert_eq!(put(&format!("{}?{many}", image.digest)).await, 414);
        assert_eq!(put(&format!("{}?tag=-x", image.digest)).await, 400);
        assert_eq!(put("1?tag=2").await, 400);
        assert_eq!(put(&sha256(b"other").to_string()).await, 400);
    });
}

#[test]
fn referrers_are_listed_filtered_and_paged() {
    run(async {
        let house = House::new().await;
        let subject = house.push_image("owner", "team/app", "1", b"subject").await;
        house.push_blob("owner", "team/app", b"{}").await;
        let mut pushed = Vec::new();
        for (number, kind) in
            ["application/a", "application/b", "application/a", "application/a"].iter().enumerate()
        {
            let manifest = json!({
                "schemaVersion": 2, "mediaType": OCI_IMAGE, "artifactType": kind,
                "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"), "layers": [],
                "subject": {"mediaType": OCI_IMAGE, "digest": subject.digest, "size": subject.bytes.len()},
                "annotations": {"number": number.to_string()},
            })
            .to_string();
            let put = house
                .put_manifest("owner", "team/app", &format!("r{number}"), OCI_IMAGE, manifest.as_bytes())
                .await;
            assert_eq!(put.status(), StatusCode::CREATED);
            assert_eq!(header(&put, "oci-subject"), subject.digest.to_string());
            pushed.push(sha256(manifest.as_bytes()));
        }
        let path = format!("/v2/team/app/referrers/{}", subject.digest);
        let listed = async |who: &str, path: &str| {
            let answer = house.get(who, path).await;
            assert_eq!(answer.status(), StatusCode::OK);
            assert_eq!(header(&answer, "content-type"), OCI_INDEX);
            let filtered = answer.headers().contains_key("oci-filters-applied");
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let index = json(answer).await;
            assert_eq!(index["schemaVersion"], 2);
            let digests: Vec<String> = index["manifests"]
                .as_array()
                .unwrap()
                .iter()
                .map(|entry| entry["digest"].as_str().unwrap().to_owned())
                .collect();
            (digests, filtered, link, index)
        };
        assert_eq!(listed("puller", &path).await.0.len(), 0, "nothing is released");
        let (all, filtered, _, index) = listed("owner", &path).await;
        assert_eq!((all.len(), filtered), (4, false));
        assert_eq!(index["manifests"][0]["annotations"]["number"].as_str().map(str::len), Some(1));
        let (some, filtered, _, _) = listed("owner", &format!("{path}?artifactType=application%2Fa")).await;
        assert_eq!((some.len(), filtered), (3, true));
        house.release("team/app", &pushed[1]).await;
        assert_eq!(listed("puller", &path).await.0, [pushed[1].to_string()]);
        assert_eq!(listed("puller", &format!("{path}?artifactType=application/a")).await.0.len(), 0);
        let (mut next, mut seen) = (Some(format!("{path}?n=1&artifactType=application/a")), Vec::new());
        while let Some(page) = next {
            let (digests, filtered, link, _) = listed("owner", &page).await;
            assert!(digests.len() == 1 && filtered);
            seen.extend(digests);
            next = link.map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
        }
        assert_eq!(seen, some);
        let none = format!("/v2/team/app/referrers/{}", sha256(b"none"));
        assert_eq!(listed("puller", &none).await.0.len(), 0);
        assert_eq!(
            house.get("puller", "/v2/team/app/referrers/sha256:x").await.status(),
            StatusCode::BAD_REQUEST
        );
    });
}

#[test]
fn tags_are_listed_in_pages_and_shown_when_they_serve_something() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("owner", "team/app", "b", b"layer").await;
        for tag in ["a", "C", "d", "_e"] {
            house.put_manifest("owner", "team/app", tag, OCI_IMAGE, &image.bytes).await;
        }
        let listed = async |who: &str, query: &str| {
            let answer = house.get(who, &format!("/v2/team/app/tags/list{query}")).await;
            assert_eq!(answer.status(), StatusCode::OK);
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let list = json(answer).await;
            assert_eq!(list["name"], "team/app");
            let tags: Vec<String> = serde_json::from_value(list["tags"].clone()).unwrap();
            (tags.join(" "), link)
        };
        assert_eq!(listed("puller", "").await, (String::new(), None));
        assert_eq!(listed("owner", "").await, ("C _e a b d".to_owned(), None));
        house.release("team/app", &image.digest).await;
        assert_eq!(listed("puller", "").await.0, "C _e a b d");
        assert_eq!(listed("puller", "?n=0").await, (String::new(), None));
        let (first, link) = listed("puller", "?n=2").await;
        assert_eq!(first, "C _e");
        assert_eq!(link.as_deref(), Some("</v2/team/app/tags/list?n=2&last=_e>; rel=\"next\""));
        assert_eq!(listed("puller", "?n=2&last=_e").await.0, "a b");
        assert_eq!(listed("puller", "?n=2&last=b").await, ("d".to_owned(), None));
        assert_eq!(listed("puller", "?last=a").await.0, "b d");
        assert_eq!(listed("puller", "?n=99999999").await.1, None);
        for query in ["?n=x", "?n=-1", "?last=%2f"] {
            let refused = house.get("puller", &format!("/v2/team/app/tags/list{query}")).await;
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{query}");
        }
    });
}

#[test]
fn the_catalog_names_what_one_may_pull() {
    run(async {
        let house = House::new().await;
        for repository in ["team/a", "team/b", "team/c"] {
            let image = house.push_image("owner", repository, "1", b"layer").await;
            if repository != "team/b" {
                house.release(repository, &image.digest).await;
            }
        }
        let listed = async |who: &str, query: &str| {
            let answer = house.get(who, &format!("/v2/_catalog{query}")).await;
            assert_eq!(answer.status(), StatusCode::OK);
            let link = answer.headers().get("link").map(|link| link.to_str().unwrap().to_owned());
            let names: Vec<String> =
                serde_json::from_value(json(answer).await["repositories"].clone()).unwrap();
            (names.join(" "), link)
        };
        assert_eq!(listed("admin", "").await.0, "team/a team/b team/c");
        assert_eq!(listed("lister", "").await.0, "team/a", "what else there is, is not its business");
        let (first, link) = listed("admin", "?n=2").await;
        assert_eq!(
            (first.as_str(), link.as_deref()),
            ("team/a team/b", Some("</v2/_catalog?n=2&last=team%2Fb>; rel=\"next\""))
        );
        assert_eq!(listed("admin", "?n=2&last=team%2Fb").await.0, "team/c");
        let token = house.token("lister", &["registry:catalog:*"]).await;
        let by = house.ask("", Method::GET, "/v2/_catalog").bearer_auth(token).send().await.unwrap();
        assert_eq!(json(by).await["repositories"], json!(["team/a"]));
        let other = house.token("lister", &["repository:team/a:pull"]).await;
        let by = house.ask("", Method::GET, "/v2/_catalog").bearer_auth(other).send().await.unwrap();
        assert!(header(&by, "www-authenticate").contains("registry:catalog:*"));
    });
}

#[test]
fn deletes_end_what_was_there() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("owner", "team/app", "1", b"layer").await;
        house.put_manifest("owner", "team/app", "2", OCI_IMAGE, &image.bytes).await;
        house.release("team/app", &image.digest).await;
        let manifest = format!("/v2/team/app/manifests/{}", image.digest);
        let blob = format!("/v2/team/app/blobs/{}", image.layer);
        assert_eq!(house.delete("owner", "/v2/team/app/manifests/1").await.status(), StatusCode::ACCEPTED);
        assert_eq!(house.get("puller", "/v2/team/app/manifests/1").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(house.get("puller", &manifest).await.status(), StatusCode::OK);
        assert_eq!(house.delete("owner", &manifest).await.status(), StatusCode::ACCEPTED);
        for path in [&manifest, "/v2/team/app/manifests/2"] {
            assert_eq!(house.get("puller", path).await.status(), StatusCode::NOT_FOUND, "{path}");
            assert_eq!(house.get("owner", path).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        assert_ne!(house.get("puller", &blob).await.status(), StatusCode::OK);
        assert_eq!(house.delete("owner", &blob).await.status(), StatusCode::ACCEPTED);
        assert_eq!(house.delete("owner", &blob).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(house.get("owner", &blob).await.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn manifests_need_their_blobs_and_indexes_may_be_sparse() {
    run(async {
        let house = House::new().await;
        let image = Image::of(b"layer");
        let missing = house.put_manifest("owner", "team/app", "1", OCI_IMAGE, &image.bytes).await;
        assert_eq!(missing.status(), StatusCode::BAD_REQUEST);
        let missing = json(missing).await;
        assert_eq!(missing["errors"][0]["code"], "MANIFEST_BLOB_UNKNOWN");
        assert_eq!(missing["errors"][0]["detail"]["digests"].as_array().map(Vec::len), Some(2));
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX,
            "manifests": [{"mediaType": OCI_IMAGE, "digest": image.digest, "size": image.bytes.len()}]});
        let put =
            house.put_manifest("owner", "team/app", "sparse", OCI_INDEX, index.to_string().as_bytes()).await;
        assert_eq!(put.status(), StatusCode::CREATED);
        let foreign = Image::with(b"layer", |manifest| {
            manifest["layers"][0]["mediaType"] =
                json!("application/vnd.oci.image.layer.nondistributable.v1.tar");
            manifest["layers"][0]["urls"] = json!(["http://127.0.0.1:1/never-followed"]);
        });
        house.push_blob("owner", "team/app", &foreign.config_bytes).await;
        let put = house.put_manifest("owner", "team/app", "foreign", OCI_IMAGE, &foreign.bytes).await;
        assert_eq!(put.status(), StatusCode::CREATED);
        let docker = Image::with(b"layer", |manifest| manifest["mediaType"] = json!(DOCKER_IMAGE));
        house.push_blob("owner", "team/app", &docker.layer_bytes).await;
        let put = house.put_manifest("owner", "team/app", "docker", DOCKER_IMAGE, &docker.bytes).await;
        assert_eq!(put.status(), StatusCode::CREATED);
        assert_eq!(
            header(&house.get("owner", "/v2/team/app/manifests/docker").await, "content-type"),
            DOCKER_IMAGE
        );
        let large =
            house.put_manifest("owner", "team/app", "large", OCI_IMAGE, &vec![b' '; (4 << 20) + 1]).await;
        assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let padded = image_with_padding(&foreign.bytes, (4 << 20) - foreign.bytes.len());
        let put = house.put_manifest("owner", "team/app", "padded", OCI_IMAGE, &padded).await;
        assert_eq!(put.status(), StatusCode::CREATED);
    });
}

fn image_with_padding(bytes: &[u8], spaces: usize) -> Vec<u8> {
    [bytes, &vec![b' '; spaces]].concat()
}
