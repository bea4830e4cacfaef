//! The ways to push a blob: the cases of the specification's own suite, with all its options.

use crate::house::{House, body, code, header, name, run, sha256, sha512};
use reqwest::{Method, RequestBuilder, Response, StatusCode};

const UPLOADS: &str = "/v2/team/app/blobs/uploads/";

async fn send(request: RequestBuilder) -> Response {
    request.send().await.unwrap()
}

async fn begin(house: &House, query: &str) -> String {
    let begun = send(house.ask("owner", Method::POST, &format!("{UPLOADS}{query}"))).await;
    assert_eq!(begun.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&begun, "range"), "0-0");
    header(&begun, "location")
}

fn chunk(house: &House, method: Method, location: &str, range: &str, bytes: &[u8]) -> RequestBuilder {
    let request = house.ask("owner", method, location).header("content-range", range);
    request.header("content-type", "application/octet-stream").body(bytes.to_vec())
}

async fn check_created(house: &House, answer: Response, bytes: &[u8], digest: &str) {
    assert_eq!(answer.status(), StatusCode::CREATED);
    assert_eq!(header(&answer, "docker-content-digest"), digest);
    let location = header(&answer, "location");
    assert_eq!(location, format!("/v2/team/app/blobs/{digest}"));
    let read = house.get("owner", &location).await;
    assert_eq!(header(&read, "docker-content-digest"), digest);
    assert_eq!(header(&read, "content-length"), bytes.len().to_string());
    assert_eq!(body(read).await, bytes);
}

#[test]
fn a_blob_comes_in_chunks_in_their_order() {
    run(async {
        let house = House::new().await;
        let bytes: Vec<u8> = (0..=255).cycle().take(3000).collect();
        let digest = sha256(&bytes);
        for last_in_put in [false, true] {
            let location = begin(&house, "").await;
            let first = send(chunk(&house, Method::PATCH, &location, "0-999", &bytes[..1000])).await;
            assert_eq!((first.status(), header(&first, "range")), (StatusCode::ACCEPTED, "0-999".to_owned()));
            for wrong in ["0-999", "2000-2999", "999-1998", "1001-2000"] {
                let refused = send(chunk(&house, Method::PATCH, &location, wrong, &bytes[..1000])).await;
                assert_eq!(refused.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{wrong}");
                let refused = send(chunk(
                    &house,
                    Method::PUT,
                    &format!("{location}?digest={digest}"),
                    wrong,
                    &bytes[..1000],
                ))
                .await;
                assert_eq!(refused.status(), StatusCode::RANGE_NOT_SATISFIABLE, "{wrong}");
                let status = house.get("owner", &location).await;
                assert_eq!(status.status(), StatusCode::NO_CONTENT);
                assert_eq!(header(&status, "range"), "0-999");
                assert_eq!(header(&status, "location"), location);
            }
            for malformed in ["1000", "x-y", "bytes", "1999-1000"] {
                let refused = send(chunk(&house, Method::PATCH, &location, malformed, &bytes[..1000])).await;
                assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{malformed}");
            }
            let refused = send(chunk(&house, Method::PATCH, &location, "1000-1099", &bytes[..1000])).await;
            assert_eq!(code(refused).await, "SIZE_INVALID");
            let second = send(chunk(&house, Method::PATCH, &location, "1000-1999", &bytes[1000..2000])).await;
            assert_eq!(header(&second, "range"), "0-1999");
            let close = format!("{location}?digest={digest}");
            let answer = if last_in_put {
                send(chunk(&house, Method::PUT, &close, "2000-2999", &bytes[2000..])).await
            } else {
                let third = send(chunk(&house, Method::PATCH, &location, "2000-2999", &bytes[2000..])).await;
                assert_eq!(header(&third, "range"), "0-2999");
                send(house.ask("owner", Method::PUT, &close)).await
            };
            check_created(&house, answer, &bytes, &digest.to_string()).await;
            let gone = house.get("owner", &location).await;
            assert_eq!(gone.status(), StatusCode::NOT_FOUND);
            assert_eq!(code(gone).await, "BLOB_UPLOAD_UNKNOWN");
        }
    });
}

#[test]
fn a_blob_comes_in_one_piece() {
    run(async {
        let house = House::new().await;
        for bytes in [&b""[..], b"x", &[7; 300_000]] {
            let digest = sha256(bytes);
            let long = sha512(bytes);
            for digest in [digest.to_string(), long.to_string()] {
                let encoded = digest.replace(':', "%3A");
                // POST then PUT, with and without saying the algorithm first.
                for query in ["", "?digest-algorithm=sha512", "?digest-algorithm=sha256"] {
                    let location = begin(&house, query).await;
                    let put = house.ask("owner", Method::PUT, &format!("{location}?digest={encoded}"));
                    check_created(&house, send(put.body(bytes.to_vec())).await, bytes, &digest).await;
                }
                // PATCH without a range, then PUT.
                let location = begin(&house, "").await;
                let patch = send(house.ask("owner", Method::PATCH, &location).body(bytes.to_vec())).await;
                assert_eq!(patch.status(), StatusCode::ACCEPTED);
                let put = send(house.ask("owner", Method::PUT, &format!("{location}?digest={digest}"))).await;
                check_created(&house, put, bytes, &digest).await;
                // One POST.
                let post = house.ask("owner", Method::POST, &format!("{UPLOADS}?digest={digest}"));
                check_created(&house, send(post.body(bytes.to_vec())).await, bytes, &digest).await;
            }
        }
    });
}

#[test]
fn what_is_not_what_it_is_called_is_not_kept() {
    run(async {
        let house = House::new().await;
        let wrong = sha256(b"another");
        let location = begin(&house, "").await;
        let put = house.ask("owner", Method::PUT, &format!("{location}?digest={wrong}")).body("some");
        let answer = send(put).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
        assert_eq!(code(answer).await, "DIGEST_INVALID");
        let post = house.ask("owner", Method::POST, &format!("{UPLOADS}?digest={wrong}")).body("some");
        assert_eq!(code(send(post).await).await, "DIGEST_INVALID");
        assert_eq!(
            house.get("owner", &format!("/v2/team/app/blobs/{wrong}")).await.status(),
            StatusCode::NOT_FOUND
        );
        for query in ["?digest=md5:00", "?digest=sha256:zz", "?digest-algorithm=md5", "?mount=nonsense"] {
            let answer = send(house.ask("owner", Method::POST, &format!("{UPLOADS}{query}"))).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
            assert_eq!(code(answer).await, "DIGEST_INVALID", "{query}");
        }
        let location = begin(&house, "").await;
        let twice = format!("{location}?digest={wrong}&digest={}", sha256(b"some"));
        assert_eq!(
            send(house.ask("owner", Method::PUT, &twice).body("some")).await.status(),
            StatusCode::BAD_REQUEST
        );
        assert_eq!(
            send(house.ask("owner", Method::PUT, &location).body("some")).await.status(),
            StatusCode::BAD_REQUEST
        );
    });
}

#[test]
fn an_upload_is_its_owners_in_its_repository() {
    run(async {
        let house = House::new().await;
        let location = begin(&house, "").await;
        let elsewhere = location.replace("team/app", "team/other");
        for (who, location) in [("pusher", &location), ("admin", &location), ("owner", &elsewhere)] {
            for method in [Method::GET, Method::PATCH, Method::DELETE] {
                let answer = send(house.ask(who, method.clone(), location).body("bytes")).await;
                assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{who} {method} {location}");
            }
            let put = format!("{location}?digest={}", sha256(b"bytes"));
            let answer = send(house.ask(who, Method::PUT, &put).body("bytes")).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{who} {location}");
        }
        assert_eq!(house.delete("owner", &location).await.status(), StatusCode::NO_CONTENT);
        assert_eq!(house.get("owner", &location).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(house.delete("owner", &location).await.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn an_upload_that_broke_off_is_gone_on_with() {
    use tokio::io::AsyncWriteExt as _;
    run(async {
        let house = House::new().await;
        let location = begin(&house, "").await;
        // "owner:owner-secret"
        let login = "b3duZXI6b3duZXItc2VjcmV0";
        let mut stream = tokio::net::TcpStream::connect(house.address).await.unwrap();
        let head = format!(
            "PATCH {location} HTTP/1.1\r\nHost: x\r\nAuthorization: Basic {login}\r\nContent-Length: 1000\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(b"0123456789").await.unwrap();
        stream.shutdown().await.unwrap();
        drop(stream);
        let mut came = String::new();
        for _ in 0..200 {
            came = header(&house.get("owner", &location).await, "range");
            if came == "0-9" {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        assert_eq!(came, "0-9");
        let rest = send(chunk(&house, Method::PATCH, &location, "10-13", b"abcd")).await;
        assert_eq!(rest.status(), StatusCode::ACCEPTED);
        let digest = sha256(b"0123456789abcd");
        let put = send(house.ask("owner", Method::PUT, &format!("{location}?digest={digest}"))).await;
        check_created(&house, put, b"0123456789abcd", &digest.to_string()).await;
    });
}

#[test]
fn a_mount_takes_the_right_to_read_there() {
    run(async {
        let house = House::new().await;
        let shown = house.push_image("owner", "team/from", "1", b"released layer").await;
        let held = house.push_image("owner", "team/from", "2", b"held layer").await;
        house.release("team/from", &shown.digest).await;
        let mount = async |who: &str, digest: &model::Digest, from: &str, to: &str| {
            let path = format!("/v2/{to}/blobs/uploads/?mount={digest}{from}");
            let answer = send(house.ask(who, Method::POST, &path)).await;
            answer.status().as_u16()
        };
        assert_eq!(mount("pusher", &shown.layer, "&from=team/from", "team/to1").await, 201);
        assert_eq!(mount("pusher", &shown.layer, "&from=team%2Ffrom", "team/to1").await, 201);
        assert_eq!(
            mount("pusher", &shown.layer, "", "team/to2").await,
            202,
            "nobody searches all repositories"
        );
        assert_eq!(
            mount("pusher", &held.layer, "&from=team/from", "team/to2").await,
            202,
            "another's quarantine"
        );
        assert_eq!(mount("owner", &held.layer, "&from=team/from", "team/to2").await, 201, "one's own");
        assert_eq!(
            mount("stranger", &shown.layer, "&from=team/from", "other/to").await,
            202,
            "no right there"
        );
        assert_eq!(mount("pusher", &shown.layer, "&from=team/none", "team/to2").await, 202);
        assert_eq!(mount("pusher", &sha256(b"none"), "&from=team/from", "team/to2").await, 202);
        assert_eq!(mount("puller", &shown.layer, "&from=team/from", "team/to1").await, 403);
        assert_eq!(mount("pusher", &shown.layer, "&from=Team", "team/to1").await, 400);
        // Membership is there, and a release is not.
        let to = name("team/to1");
        assert!(house.store.blob(&to, &shown.layer).await.unwrap().is_some());
        let blob = format!("/v2/team/to1/blobs/{}", shown.layer);
        assert_eq!(house.get("puller", &blob).await.status(), StatusCode::FORBIDDEN);
        assert_eq!(
            house.get("stranger", &format!("/v2/other/to/blobs/{}", shown.layer)).await.status(),
            StatusCode::NOT_FOUND
        );
        // A token for the target alone is told which one to get.
        let token = house.token("pusher", &["repository:team/to3:pull,push"]).await;
        let path = format!("/v2/team/to3/blobs/uploads/?mount={}&from=team/from", shown.layer);
        let answer = send(house.ask("", Method::POST, &path).bearer_auth(token)).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
        let challenge = header(&answer, "www-authenticate");
        assert!(
            challenge.contains("scope=\"repository:team/to3:pull,push repository:team/from:pull\""),
            "{challenge}"
        );
    });
}
