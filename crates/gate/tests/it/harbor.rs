//! The adapter as Harbor uses it, with a registry that Harbor would have.

use crate::running::Running;
use reqwest::Method;
use reqwest::blocking::Response;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use test_support::{FakeRegistry, Image, ImageBuilder, RunningRegistry};

const SECRET: &str = "a-secret-for-harbor";
const REPORT: &str = "application/vnd.security.vulnerability.report; version=1.1";

fn ask(running: &Running, method: Method, path: &str, body: Option<&Value>) -> Response {
    let mut request = running
        .client
        .request(method, running.url(&format!("/harbor/api/v1{path}")))
        .header("X-ScannerAdapter-API-Key", SECRET)
        .header("accept", REPORT);
    if let Some(body) = body {
        request = request
            .header("content-type", "application/vnd.scanner.adapter.scan.request+json; version=1.0")
            .body(body.to_string());
    }
    request.send().unwrap()
}

fn configured(registry: &str) -> String {
    format!("[harbor]\nenabled = true\nsecret = \"{SECRET}\"\nregistries = [\"http://{registry}\"]\n")
}

/// Scans as Harbor does: asks for a scan, and for its report until there is one.
fn scan(running: &Running, registry: &str, authorization: &str, image: &Image) -> (u16, Value) {
    let asked = json!({
        "registry": { "url": format!("http://{registry}"), "authorization": authorization },
        "artifact": { "repository": "team/app", "digest": image.digest(), "mime_type": image.media_type() },
    });
    let accepted = ask(running, Method::POST, "/scan", Some(&asked));
    assert_eq!(accepted.status(), 202);
    let id: Value = serde_json::from_str(&accepted.text().unwrap()).unwrap();
    let path = format!("/scan/{}/report", id["id"].as_str().unwrap());
    let until = Instant::now() + Duration::from_secs(120);
    loop {
        let answer = ask(running, Method::GET, &path, None);
        let status = answer.status().as_u16();
        if status != 302 || Instant::now() > until {
            return (status, serde_json::from_str(&answer.text().unwrap()).unwrap_or_default());
        }
        assert_eq!(answer.headers()["refresh-after"], "5");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn challenge(scheme: &str, host: &str) -> String {
    match scheme {
        "Bearer" => format!("Bearer realm=\"http://{host}/service/token\",service=\"harbor-registry\""),
        _ => "Basic realm=\"harbor\"".to_owned(),
    }
}

/// A registry that serves an image to whoever shows this, and to nobody else.
fn guarded(image: &Image, authorization: &'static str) -> RunningRegistry {
    let scheme = authorization.split(' ').next().unwrap();
    FakeRegistry::new()
        .image("team/app", "1", image)
        .intercept(move |request| {
            let refused = test_support::Response::new(401)
                .header("WWW-Authenticate", &challenge(scheme, request.header("host")));
            (request.header("authorization") != authorization).then_some(refused)
        })
        .start()
}

#[test]
fn malware_is_reported_so_that_harbor_holds_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let image = &test_support::story::five_images()[0].image;
    let registry = guarded(image, "Basic cm9ib3Q6c2VjcmV0");
    let running = Running::start(folder.path(), &configured(&registry.host()));
    let (status, report) = scan(&running, &registry.host(), "Basic cm9ib3Q6c2VjcmV0", image);
    assert_eq!(status, 200, "{report}");
    assert_eq!(report["severity"], "Critical", "{report}");
    let ids: Vec<&str> =
        report["vulnerabilities"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap()).collect();
    assert!(ids.iter().any(|id| id.starts_with("RS-MAL-")), "{ids:?}");
    assert_eq!(report["artifact"]["digest"], image.digest());
    // Without the right to pull there is no report, and nothing that looks clean.
    let (status, told) = scan(&running, &registry.host(), "Basic d3Jvbmc6d3Jvbmc=", image);
    assert_eq!(status, 500, "{told}");
    assert!(told["error"]["message"].is_string() && !told.to_string().contains("wrong"), "{told}");
}

#[test]
fn a_token_is_sent_as_it_is_and_does_not_stay() {
    let folder = tempfile::tempdir().unwrap();
    let image = ImageBuilder::new().build();
    let registry = guarded(&image, "Bearer short.lived.token");
    let running = Running::start(folder.path(), &configured(&registry.host()));
    let (status, report) = scan(&running, &registry.host(), "Bearer short.lived.token", &image);
    assert_eq!(status, 200, "{report}");
    let left = std::fs::read_dir(folder.path().join("data/scratch")).unwrap().count();
    assert_eq!(left, 0, "the token is gone with the scan");
}

#[test]
fn only_harbor_is_answered_and_only_about_its_registries() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), &configured("harbor.example:80"));
    let metadata = ask(&running, Method::GET, "/metadata", None);
    assert_eq!(
        metadata.headers()["content-type"],
        "application/vnd.scanner.adapter.metadata+json; version=1.0"
    );
    let url = running.url("/harbor/api/v1/metadata");
    let status = |request: reqwest::blocking::RequestBuilder| request.send().unwrap().status().as_u16();
    assert_eq!(status(running.client.get(&url)), 401);
    assert_eq!(status(running.client.get(&url).header("X-ScannerAdapter-API-Key", "wrong")), 401);
    assert_eq!(status(running.client.get(&url).bearer_auth(SECRET)), 200);
    assert_eq!(status(running.client.get(&url).basic_auth("harbor", Some(SECRET))), 200);
    let digest = format!("sha256:{}", "a".repeat(64));
    let check = |body: Value, expect: u16| {
        assert_eq!(ask(&running, Method::POST, "/scan", Some(&body)).status().as_u16(), expect, "{body}");
    };
    let artifact = json!({ "repository": "a/b", "digest": digest });
    check(json!({ "registry": { "url": "http://169.254.169.254" }, "artifact": artifact }), 422);
    check(json!({ "registry": { "url": "http://127.0.0.1:1" }, "artifact": artifact }), 422);
    check(json!({ "artifact": artifact }), 400);
    check(
        json!({ "registry": { "url": "http://harbor.example" }, "artifact": { "repository": "../a", "digest": digest } }),
        400,
    );
    assert_eq!(ask(&running, Method::GET, "/scan/nothing/report", None).status(), 404);
    assert_eq!(ask(&running, Method::GET, "/other", None).status(), 404);
}
