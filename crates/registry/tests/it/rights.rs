//! Every route, asked for by everybody.

use crate::house::{House, SERVICE, code, header, json, run};
use reqwest::{Method, StatusCode};

/// Who asks, in the order of the columns below: nobody; an account without rights here; a token for another repository;
/// who may pull; who may push and read back; who may do everything here; an administrator.
const WHO: [&str; 7] = ["", "stranger", "token", "puller", "pusher", "owner", "admin"];

async fn check(house: &House, token: &str, method: Method, path: &str, expect: [u16; 7]) {
    for (who, expect) in WHO.into_iter().zip(expect) {
        let request = match who {
            "token" => house.ask("", method.clone(), path).bearer_auth(token),
            who => house.ask(who, method.clone(), path),
        };
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expect, "{method} {path} by {who:?}");
        let headers = answer.headers().clone();
        assert!(headers.contains_key("x-request-id"), "{method} {path} by {who:?}");
        if expect == 401 {
            let challenge = headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Bearer realm=\"http://127.0.0.1:"), "{challenge}");
            assert!(challenge.contains(&format!("service=\"{SERVICE}\"")), "{challenge}");
            assert_eq!(challenge.contains("insufficient_scope"), who == "token", "{challenge}");
        }
        if expect >= 400 && method != Method::HEAD {
            let body = json(answer).await;
            let error = &body["errors"][0];
            assert!(
                error["code"].is_string() && error["message"].is_string() && error["detail"].is_object(),
                "{body}"
            );
        }
    }
}

#[test]
fn every_route_asks_who_it_is() {
    run(async {
        let house = House::new().await;
        let token = house.token("owner", &["repository:team/other:pull,push,delete"]).await;
        let held = house.push_image("owner", "team/app", "held", b"held").await;
        let image = house.push_image("owner", "team/app", "1", b"released").await;
        house.release("team/app", &image.digest).await;
        let (get, head) = (Method::GET, Method::HEAD);
        let (post, put, patch, delete) = (Method::POST, Method::PUT, Method::PATCH, Method::DELETE);
        let unknown = "0".repeat(32);
        let none = format!("sha256:{}", "0".repeat(64));
        let table: Vec<(Method, String, [u16; 7])> = vec![
            (get.clone(), "/v2/".into(), [401, 200, 200, 200, 200, 200, 200]),
            (get.clone(), "/v2/_catalog".into(), [401, 403, 403, 403, 403, 403, 200]),
            (get.clone(), "/v2/team/app/tags/list".into(), [401, 403, 401, 200, 200, 200, 200]),
            (
                get.clone(),
                format!("/v2/team/app/referrers/{}", image.digest),
                [401, 403, 401, 200, 200, 200, 200],
            ),
            // Released content.
            (get.clone(), "/v2/team/app/manifests/1".into(), [401, 403, 401, 200, 200, 200, 200]),
            (head.clone(), "/v2/team/app/manifests/1".into(), [401, 403, 401, 200, 200, 200, 200]),
            (
                get.clone(),
                format!("/v2/team/app/manifests/{}", image.digest),
                [401, 403, 401, 200, 200, 200, 200],
            ),
            (get.clone(), format!("/v2/team/app/blobs/{}", image.layer), [401, 403, 401, 200, 200, 200, 200]),
            (
                head.clone(),
                format!("/v2/team/app/blobs/{}", image.layer),
                [401, 403, 401, 200, 200, 200, 200],
            ),
            // Content in quarantine, which its pusher alone may read back.
            (get.clone(), "/v2/team/app/manifests/held".into(), [401, 403, 401, 429, 429, 200, 429]),
            (head.clone(), "/v2/team/app/manifests/held".into(), [401, 403, 401, 429, 404, 200, 404]),
            (
                get.clone(),
                format!("/v2/team/app/manifests/{}", held.digest),
                [401, 403, 401, 429, 429, 200, 429],
            ),
            (get.clone(), format!("/v2/team/app/blobs/{}", held.layer), [401, 403, 401, 403, 404, 200, 404]),
            (head.clone(), format!("/v2/team/app/blobs/{}", held.layer), [401, 403, 401, 403, 404, 200, 404]),
            (get.clone(), format!("/v2/team/app/blobs/{}", held.config), [401, 403, 401, 403, 404, 200, 404]),
            // What is not there.
            (get.clone(), "/v2/team/app/manifests/none".into(), [401, 403, 401, 404, 404, 404, 404]),
            (get.clone(), format!("/v2/team/app/blobs/{none}"), [401, 403, 401, 404, 404, 404, 404]),
            (get.clone(), "/v2/team/none/tags/list".into(), [401, 403, 401, 404, 404, 404, 404]),
            (get.clone(), format!("/v2/team/none/referrers/{none}"), [401, 403, 401, 200, 200, 200, 200]),
            // Writing.
            (post.clone(), "/v2/team/app/blobs/uploads/".into(), [401, 403, 401, 403, 202, 202, 202]),
            (
                get.clone(),
                format!("/v2/team/app/blobs/uploads/{unknown}"),
                [401, 403, 401, 403, 404, 404, 404],
            ),
            (
                patch.clone(),
                format!("/v2/team/app/blobs/uploads/{unknown}"),
                [401, 403, 401, 403, 404, 404, 404],
            ),
            (
                put.clone(),
                format!("/v2/team/app/blobs/uploads/{unknown}?digest={none}"),
                [401, 403, 401, 403, 404, 404, 404],
            ),
            (
                delete.clone(),
                format!("/v2/team/app/blobs/uploads/{unknown}"),
                [401, 403, 401, 403, 404, 404, 404],
            ),
            (put.clone(), "/v2/team/app/manifests/x".into(), [401, 403, 401, 403, 400, 400, 400]),
            (delete.clone(), "/v2/team/app/manifests/none".into(), [401, 403, 401, 403, 403, 404, 404]),
            (delete.clone(), format!("/v2/team/app/manifests/{none}"), [401, 403, 401, 403, 403, 404, 404]),
            (delete.clone(), format!("/v2/team/app/blobs/{none}"), [401, 403, 401, 403, 403, 404, 404]),
            // What no route has looks to nobody as all others do.
            (get.clone(), "/v2/team/app".into(), [401, 404, 404, 404, 404, 404, 404]),
            (get.clone(), "/v2/A/manifests/x".into(), [401, 400, 400, 400, 400, 400, 400]),
            (get.clone(), "/v2/team%2fapp/manifests/1".into(), [401, 400, 400, 400, 400, 400, 400]),
            (get.clone(), "/".into(), [401, 404, 404, 404, 404, 404, 404]),
            (get.clone(), "/metrics".into(), [401, 404, 404, 404, 404, 404, 404]),
            // Methods.
            (post.clone(), "/v2/".into(), [405; 7]),
            (patch, "/v2/team/app/manifests/1".into(), [405; 7]),
            (put, format!("/v2/team/app/blobs/{none}"), [405; 7]),
            (delete, "/v2/team/app/tags/list".into(), [405; 7]),
            (get, "/v2/team/app/blobs/uploads/".into(), [405; 7]),
        ];
        for (method, path, expect) in table {
            check(&house, &token, method, &path, expect).await;
        }
    });
}

#[test]
fn tokens_are_for_what_was_asked_and_granted() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("owner", "team/app", "1", b"layer").await;
        house.release("team/app", &image.digest).await;
        let path = "/v2/team/app/manifests/1";
        let by = async |token: &str, method: Method, path: &str| {
            house.ask("", method, path).bearer_auth(token).send().await.unwrap().status().as_u16()
        };
        let pull = house.token("owner", &["repository:team/app:pull"]).await;
        assert_eq!(by(&pull, Method::GET, path).await, 200);
        assert_eq!(by(&pull, Method::DELETE, path).await, 401);
        assert_eq!(by(&pull, Method::POST, "/v2/team/app/blobs/uploads/").await, 401);
        let push = house.token("owner", &["repository:team/app:pull,push"]).await;
        assert_eq!(by(&push, Method::POST, "/v2/team/app/blobs/uploads/").await, 202);
        // What the owner of the token may not do, no other token would give either.
        let less = house.token("puller", &["repository:team/app:pull,push,delete"]).await;
        assert_eq!(by(&less, Method::GET, path).await, 200);
        assert_eq!(by(&less, Method::DELETE, path).await, 403);
        // A right that was taken away is gone with the next request, whatever tokens say.
        house.people.remove("puller");
        assert_eq!(by(&less, Method::GET, path).await, 401);
        house.people.add("owner", access::Rights::default());
        assert_eq!(by(&pull, Method::GET, path).await, 403);
        assert_eq!(by("nonsense", Method::GET, path).await, 401);
        assert_eq!(by(&format!("{pull}x"), Method::GET, path).await, 401);
    });
}

#[test]
fn the_token_service_speaks_dockers_two_ways() {
    run(async {
        let house = House::new().await;
        let nobody = house.get("", "/token?service=gate.test").await;
        assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(header(&nobody, "www-authenticate"), "Basic realm=\"roadstead\"");
        let wrong =
            house.ask("", Method::GET, "/token").basic_auth("puller", Some("wrong")).send().await.unwrap();
        assert_eq!(wrong.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(house.get("puller", "/token?service=other").await.status(), StatusCode::BAD_REQUEST);
        assert_eq!(house.get("puller", "/token?scope=nonsense").await.status(), StatusCode::BAD_REQUEST);
        let form = async |body: &str| {
            let request = house.ask("", Method::POST, "/token").body(body.to_owned());
            request.header("content-type", "application/x-www-form-urlencoded").send().await.unwrap()
        };
        let given = form(
            "grant_type=password&username=puller&password=puller-secret&service=gate.test&scope=repository%3Ateam%2Fapp%3Apull",
        )
        .await;
        assert_eq!(given.status(), StatusCode::OK);
        let given = json(given).await;
        assert_eq!(given["token"], given["access_token"]);
        assert!(given["expires_in"].as_u64().is_some_and(|seconds| seconds >= 60), "{given}");
        assert_eq!(form("grant_type=refresh_token&refresh_token=x").await.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(
            form("grant_type=password&username=puller&password=x").await.status(),
            StatusCode::UNAUTHORIZED
        );
        let delete = house.delete("puller", "/token").await;
        assert_eq!(delete.status(), StatusCode::METHOD_NOT_ALLOWED);
    });
}

#[test]
fn everybody_may_pull_what_is_open_and_no_more() {
    run(async {
        let house = House::new().await;
        let image = house.push_image("owner", "team/open", "1", b"layer").await;
        house.push_image("owner", "team/open", "held", b"held").await;
        house.push_image("owner", "team/shut", "1", b"layer").await;
        house.release("team/open", &image.digest).await;
        house.release("team/shut", &image.digest).await;
        house.people.open(crate::house::grant("team/open", &access::Action::ALL));
        assert_eq!(house.get("", "/v2/team/open/manifests/1").await.status(), StatusCode::OK);
        assert_eq!(
            house.get("", "/v2/team/open/manifests/held").await.status(),
            StatusCode::TOO_MANY_REQUESTS
        );
        assert_eq!(house.get("", "/v2/team/shut/manifests/1").await.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(house.delete("", "/v2/team/open/manifests/1").await.status(), StatusCode::UNAUTHORIZED);
        // Clients look for the token service at /v2/, and get a token as nobody.
        assert_eq!(house.get("", "/v2/").await.status(), StatusCode::UNAUTHORIZED);
        let token = house.token("", &["repository:team/open:pull,push"]).await;
        let by = house.ask("", Method::GET, "/v2/team/open/manifests/1").bearer_auth(&token);
        assert_eq!(by.send().await.unwrap().status(), StatusCode::OK);
        let by = house.ask("", Method::POST, "/v2/team/open/blobs/uploads/").bearer_auth(&token);
        assert_eq!(by.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn passwords_are_not_guessed_for_long() {
    run(async {
        let house = House::new().await;
        let mut seen = Vec::new();
        for guess in 0..60 {
            let request =
                house.ask("", Method::GET, "/v2/").basic_auth("puller", Some(format!("guess{guess}")));
            let answer = request.send().await.unwrap();
            seen.push(answer.status().as_u16());
            if answer.status() == StatusCode::TOO_MANY_REQUESTS {
                assert!(header(&answer, "retry-after").parse::<u64>().unwrap() >= 1);
                assert_eq!(code(answer).await, "TOOMANYREQUESTS");
                break;
            }
        }
        assert_eq!(seen.last(), Some(&429), "{seen:?}");
        assert!(seen.len() > 10, "{seen:?}");
    });
}

#[test]
fn tags_move_only_for_who_may_overwrite() {
    run(async {
        let house = House::new().await;
        let first = house.push_image("writer", "team/app", "1", b"one").await;
        let second = crate::house::Image::of(b"two");
        for bytes in [&second.config_bytes, &second.layer_bytes] {
            house.push_blob("writer", "team/app", bytes).await;
        }
        let put = async |who: &str, reference: &str, bytes: &[u8]| {
            house
                .put_manifest(who, "team/app", reference, crate::house::OCI_IMAGE, bytes)
                .await
                .status()
                .as_u16()
        };
        assert_eq!(put("writer", "1", &first.bytes).await, 201, "the same again moves nothing");
        assert_eq!(put("writer", "1", &second.bytes).await, 403);
        assert_eq!(put("writer", &format!("{}?tag=1", second.digest), &second.bytes).await, 403);
        assert_eq!(put("writer", &format!("{}?tag=2", second.digest), &second.bytes).await, 201);
        let owner_needs_blobs = house.push_image("owner", "team/app", "1", b"two").await;
        assert_eq!(owner_needs_blobs.digest, second.digest);
        let row =
            house.store.tag(&crate::house::name("team/app"), &"1".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(row.digest, second.digest);
    });
}
