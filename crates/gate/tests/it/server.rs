//! The server as a whole.

use crate::running::{Running, config, engine};
use reqwest::Method;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

#[test]
fn it_starts_on_an_empty_directory_and_says_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), "");
    assert!(running.secret.as_ref().is_some_and(|secret| secret.starts_with("rdst_admin_")));
    assert_eq!(running.get("/healthz").status(), 200);
    let ready = running.get("/readyz");
    assert_eq!(ready.status(), 200, "{:?}", ready.text());
    let metrics = running.get("/metrics");
    assert_eq!(metrics.status(), 200);
    let text = metrics.text().unwrap();
    assert!(text.contains("roadstead_workers_alive") && text.ends_with("# EOF\n"), "{text}");
    for file in ["token.key", "release.key", "release.pub", "evidence.key", "password"] {
        assert!(folder.path().join("data/keys").join(file).exists(), "{file}");
    }
    running.stop().unwrap();
}

#[test]
fn a_directory_has_one_server_and_the_next_one_takes_over() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), "");
    let second = config(folder.path(), "").unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let refused = gate::serve(second, engine(), &stop, |_| panic!("it must not start")).unwrap_err();
    assert!(model::error_chain(&refused).contains("is in use by another process"), "{refused:?}");
    running.stop().unwrap();
    Running::start(folder.path(), "").stop().unwrap();
}

#[test]
fn metrics_have_a_token_of_their_own_where_one_is_set() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), "[metrics]\ntoken = \"0123456789abcdef\"\n");
    let status = |token| running.send(Method::GET, "/metrics", token, None).status().as_u16();
    assert_eq!([status(None), status(Some("wrong")), status(Some("0123456789abcdef"))], [403, 403, 200]);
}

/// Whatever nobody has a path for is refused by the registry, which knows nobody.
#[test]
fn a_path_that_is_not_there_tells_nobody_anything() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), "");
    for path in
        ["/", "/api", "/api/v2/users", "/harbor/api/v1/metadata", "/v2/", "/v2/_catalog", "/.git/config"]
    {
        let status = running.get(path).status().as_u16();
        assert!(status == 401 || status == 404, "{path}: {status}");
    }
}

#[test]
fn tls_is_spoken_with_a_certificate_that_was_made_here() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), "tls.mode = \"self-made\"\n");
    let certificate = std::fs::read(folder.path().join("data/keys/tls.crt")).unwrap();
    let certificate = reqwest::Certificate::from_pem(&certificate).unwrap();
    let url = format!("https://localhost:{}/healthz", running.address.port());
    let trusting =
        reqwest::blocking::Client::builder().no_proxy().tls_certs_only([certificate]).build().unwrap();
    let answer = trusting.get(&url).send().unwrap();
    assert_eq!((answer.status().as_u16(), answer.version()), (200, reqwest::Version::HTTP_2));
    let other = reqwest::blocking::Client::builder().no_proxy().build().unwrap();
    assert!(other.get(&url).send().is_err());
    assert!(running.client.get(running.url("/healthz")).send().is_err());
}
