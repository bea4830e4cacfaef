//! The administration: who may ask, and what is taken.

use crate::running::{PASSWORD, Running, soon};
use reqwest::Method;
use serde_json::json;

const PATHS: &[(Method, &str)] = &[
    (Method::GET, "/api/v1/me"),
    (Method::PUT, "/api/v1/me/password"),
    (Method::GET, "/api/v1/me/login"),
    (Method::DELETE, "/api/v1/me/login"),
    (Method::GET, "/api/v1/logins"),
    (Method::DELETE, "/api/v1/logins/x"),
    (Method::GET, "/api/v1/users"),
    (Method::POST, "/api/v1/users"),
    (Method::PATCH, "/api/v1/users/admin"),
    (Method::DELETE, "/api/v1/users/admin"),
    (Method::GET, "/api/v1/robots"),
    (Method::POST, "/api/v1/robots"),
    (Method::PATCH, "/api/v1/robots/ci"),
    (Method::DELETE, "/api/v1/robots/ci"),
    (Method::POST, "/api/v1/robots/ci/secret"),
    (Method::GET, "/api/v1/grants"),
    (Method::PUT, "/api/v1/grants"),
    (Method::DELETE, "/api/v1/grants"),
    (Method::GET, "/api/v1/upstreams"),
    (Method::GET, "/api/v1/quarantine"),
    (Method::GET, "/api/v1/image"),
    (Method::GET, "/api/v1/image/report"),
    (Method::POST, "/api/v1/image/approve"),
    (Method::POST, "/api/v1/image/deny"),
    (Method::POST, "/api/v1/image/revoke"),
    (Method::POST, "/api/v1/image/rescan"),
    (Method::GET, "/api/v1/exceptions"),
    (Method::POST, "/api/v1/exceptions"),
    (Method::POST, "/api/v1/exceptions/1/approve"),
    (Method::DELETE, "/api/v1/exceptions/1"),
    (Method::GET, "/api/v1/journal"),
    (Method::GET, "/api/v1/journal/head"),
    (Method::GET, "/api/v1/webhooks"),
    (Method::POST, "/api/v1/webhooks/x/test"),
    (Method::GET, "/api/v1/nothing"),
];

/// CVE-2020-29662: each path is asked by nobody, by somebody without the right, and by an administrator whose token is
/// for something else.
#[test]
fn nobody_gets_anything_and_others_what_is_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let (running, admin) = Running::set_up(folder.path(), "");
    let user = json!({ "name": "eve", "password": PASSWORD });
    assert_eq!(running.ask(Method::POST, "/api/v1/users", &admin, Some(user)).0, 201);
    let eve = running.token("eve", PASSWORD, "registry:admin:*").unwrap();
    let narrow = running.token("admin", PASSWORD, "repository:a:pull").unwrap();
    for (method, path) in PATHS {
        let status = |token: Option<&str>| {
            running.send(method.clone(), path, token, Some(json!({}))).status().as_u16()
        };
        assert_eq!(status(None), 401, "{method} {path}");
        assert_eq!(status(Some("nonsense")), 401, "{method} {path}");
        let own = path.starts_with("/api/v1/me") || path.ends_with("/nothing");
        if !own {
            assert_eq!(status(Some(&eve)), 403, "{method} {path}");
            assert_eq!(status(Some(&narrow)), 403, "{method} {path}");
        }
    }
    // A browser sends Basic by itself: it is taken for tokens, and here it is not.
    let basic =
        running.client.get(running.url("/api/v1/users")).basic_auth("admin", Some(PASSWORD)).send().unwrap();
    assert_eq!(basic.status(), 401);
    assert!(basic.headers()["www-authenticate"].to_str().unwrap().starts_with("Bearer "));
    assert_eq!(basic.headers()["cache-control"], "no-store");
}

#[test]
fn only_fields_of_the_list_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (running, admin) = Running::set_up(folder.path(), "");
    let check = |method: Method, path: &str, fields, expect: u16| {
        let (status, told) = running.ask(method, path, &admin, Some(fields));
        assert_eq!(status, expect, "{path}: {told}");
        assert!(told["errors"][0]["code"].is_string() && told["errors"][0]["message"].is_string(), "{told}");
    };
    check(Method::POST, "/api/v1/users", json!({ "name": "a", "password": PASSWORD, "role": "x" }), 400);
    check(Method::POST, "/api/v1/users", json!({ "name": "A", "password": PASSWORD }), 400);
    check(Method::POST, "/api/v1/users", json!({ "name": "a", "password": "short" }), 400);
    check(Method::POST, "/api/v1/users", json!({ "name": "admin", "password": PASSWORD }), 409);
    check(Method::PATCH, "/api/v1/users/admin", json!({ "name": "root" }), 400);
    check(Method::PATCH, "/api/v1/users/nobody", json!({ "admin": true }), 404);
    check(Method::POST, "/api/v1/robots", json!({ "name": "r", "expires": null, "admin": true }), 400);
    let grant = json!({ "repositories": "team/app*", "actions": ["pull"] });
    check(Method::POST, "/api/v1/robots", json!({ "name": "r", "expires": null, "grants": [grant] }), 400);
    let grant = json!({ "principal": "robot:r", "repositories": "**", "actions": ["pull"] });
    check(Method::PUT, "/api/v1/grants", grant, 400);
    let grant = json!({ "principal": "user:admin", "repositories": "**", "actions": ["fly"] });
    check(Method::PUT, "/api/v1/grants", grant, 400);
    check(Method::GET, "/api/v1/quarantine?state=all&x=1", json!({}), 400);
    check(Method::GET, "/api/v1/quarantine?state=gone", json!({}), 400);
    check(Method::GET, "/api/v1/image?repository=../x&digest=a", json!({}), 400);
    let digest = format!("sha256:{}", "a".repeat(64));
    check(Method::GET, &format!("/api/v1/image?repository=a&digest={digest}"), json!({}), 404);
    let decided = json!({ "repository": "a", "digest": digest, "reason": "no" });
    check(Method::POST, "/api/v1/image/approve", decided, 400);
    let decided = json!({ "repository": "a", "digest": digest, "reason": "it is known and harmless" });
    check(Method::POST, "/api/v1/image/approve", decided, 404);
    check(Method::POST, "/api/v1/webhooks/none/test", json!({}), 404);
    let form = running.client.post(running.url("/api/v1/users")).bearer_auth(&admin);
    let form = form.header("content-type", "text/plain").body("{\"name\":\"a\"}").send().unwrap();
    assert_eq!(form.status(), 400);
    let large = running.client.post(running.url("/api/v1/users")).bearer_auth(&admin);
    let large = large.header("content-type", "application/json").body(" ".repeat(1 << 20)).send();
    assert!(large.is_err() || large.is_ok_and(|answer| answer.status() == 400));
}

#[test]
fn exceptions_need_two_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let (running, admin) = Running::set_up(folder.path(), "");
    let user = json!({ "name": "eve", "password": PASSWORD, "admin": true });
    assert_eq!(running.ask(Method::POST, "/api/v1/users", &admin, Some(user)).0, 201);
    let eve = running.token("eve", PASSWORD, "registry:admin:*").unwrap();
    let digest = format!("sha256:{}", "a".repeat(64));
    let ask = |expires: &str| json!({ "scope": { "rule": "malicious", "content": digest }, "reason": "it is our own test", "expires": expires });
    assert_eq!(
        running.ask(Method::POST, "/api/v1/exceptions", &admin, Some(ask("2020-01-01T00:00:00Z"))).0,
        400
    );
    assert_eq!(
        running.ask(Method::POST, "/api/v1/exceptions", &admin, Some(ask("2999-01-01T00:00:00Z"))).0,
        400
    );
    for scope in
        [json!({}), json!({ "rule": "malicious" }), json!({ "content": "x" }), json!({ "everything": true })]
    {
        let fields = json!({ "scope": scope, "reason": "it is our own test", "expires": format!("{}T00:00:00Z", soon()) });
        let (status, told) = running.ask(Method::POST, "/api/v1/exceptions", &admin, Some(fields));
        assert_eq!(status, 400, "{scope}: {told}");
    }
    let soon = ask(&format!("{}T00:00:00Z", soon()));
    let (status, made) = running.ask(Method::POST, "/api/v1/exceptions", &admin, Some(soon));
    assert_eq!(status, 201, "{made}");
    assert_eq!(made["holds"], false);
    let path = format!("/api/v1/exceptions/{}", made["id"]);
    assert_eq!(running.ask(Method::POST, &format!("{path}/approve"), &admin, None).0, 409);
    assert_eq!(running.ask(Method::POST, &format!("{path}/approve"), &eve, None).0, 204);
    let (_, listed) = running.ask(Method::GET, "/api/v1/exceptions", &admin, None);
    assert_eq!(listed["exceptions"][0]["holds"], true);
    assert_eq!(listed["exceptions"][0]["approved_by"], "user:eve");
    assert_eq!(running.ask(Method::DELETE, &path, &admin, None).0, 204);
    let (_, listed) = running.ask(Method::GET, "/api/v1/exceptions", &admin, None);
    assert_eq!(listed["exceptions"][0]["holds"], false);
}

#[test]
fn what_was_done_stands_in_the_journal_and_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (running, admin) = Running::set_up(folder.path(), "");
    let user = json!({ "name": "eve", "password": PASSWORD });
    assert_eq!(running.ask(Method::POST, "/api/v1/users", &admin, Some(user)).0, 201);
    let grant = json!({ "principal": "user:eve", "repositories": "team/*", "actions": ["pull"] });
    assert_eq!(running.ask(Method::PUT, "/api/v1/grants", &admin, Some(grant)).0, 204);
    assert_eq!(running.token("eve", "not the password", "a:b:c"), Err(401));
    let (status, page) = running.ask(Method::GET, "/api/v1/journal?n=1000", &admin, None);
    assert_eq!(status, 200);
    let kinds: Vec<&str> =
        page["entries"].as_array().unwrap().iter().map(|entry| entry["kind"].as_str().unwrap()).collect();
    for kind in ["start", "login", "login-refused"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    let text = page.to_string();
    assert!(!text.contains(PASSWORD) && !text.contains("not the password"), "{text}");
    let (_, head) = running.ask(Method::GET, "/api/v1/journal/head", &admin, None);
    running.stop().unwrap();
    let head: gate::journal::Head = serde_json::from_value(head).unwrap();
    let checked = gate::journal::verify(&folder.path().join("data/roadstead.db"), Some(&head)).unwrap();
    assert_eq!(checked.broken, None);
    assert!(checked.entries >= head.seq);
}
