//! Accounts: how they begin, what they may, how they end.

use crate::running::{PASSWORD, Running};
use reqwest::Method;
use serde_json::json;

#[test]
fn the_first_secret_makes_one_administrator_and_no_second() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), "");
    let secret = running.secret.clone().unwrap();
    let set_up = |secret: &str, password: &str| {
        let fields = json!({ "secret": secret, "name": "admin", "password": password });
        running.send(Method::POST, "/api/v1/setup", None, Some(fields)).status().as_u16()
    };
    assert_eq!(set_up("rdst_admin_wrong", PASSWORD), 403);
    assert_eq!(set_up(&secret, "short"), 400);
    assert_eq!(set_up(&secret, PASSWORD), 201);
    assert_eq!(set_up(&secret, PASSWORD), 403);
    assert_eq!(running.token("admin", "wrong password here", "registry:admin:*"), Err(401));
    assert_eq!(running.token("nobody", PASSWORD, "registry:admin:*"), Err(401));
    assert!(running.token("admin", PASSWORD, "registry:admin:*").is_ok());
    running.stop().unwrap();
    // The secret is not shown again to a gate that has an administrator.
    assert_eq!(Running::start(folder.path(), "").secret, None);
}

#[test]
fn a_secret_that_nobody_used_is_replaced_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let first = Running::start(folder.path(), "");
    let old = first.secret.clone().unwrap();
    first.stop().unwrap();
    let second = Running::start(folder.path(), "");
    assert_ne!(second.secret.as_deref(), Some(old.as_str()));
    let fields = json!({ "secret": old, "name": "admin", "password": PASSWORD });
    assert_eq!(second.send(Method::POST, "/api/v1/setup", None, Some(fields)).status(), 403);
}

#[test]
fn a_robot_logs_in_with_its_secret_until_it_is_taken_away() {
    let folder = tempfile::tempdir().unwrap();
    let (running, admin) = Running::set_up(folder.path(), "");
    let fields = json!({
        "name": "ci", "expires": null,
        "grants": [{ "repositories": "team/*", "actions": ["pull", "push"] }],
    });
    let (status, made) = running.ask(Method::POST, "/api/v1/robots", &admin, Some(fields.clone()));
    assert_eq!(status, 201, "{made}");
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert_eq!(running.ask(Method::POST, "/api/v1/robots", &admin, Some(fields)).0, 409);
    let (_, listed) = running.ask(Method::GET, "/api/v1/robots", &admin, None);
    assert!(!listed.to_string().contains("rdst_robot_"), "{listed}");
    assert!(running.token("robot+ci", &secret, "repository:team/app:pull,push").is_ok());
    assert_eq!(running.token("ci", &secret, "repository:team/app:pull"), Err(401));
    let token = running.token("robot+ci", &secret, "registry:admin:*").unwrap();
    assert_eq!(running.ask(Method::GET, "/api/v1/users", &token, None).0, 403);

    let (status, renewed) = running.ask(Method::POST, "/api/v1/robots/ci/secret", &admin, None);
    assert_eq!(status, 200);
    assert_eq!(running.token("robot+ci", &secret, "repository:team/app:pull"), Err(401));
    let secret = renewed["secret"].as_str().unwrap().to_owned();
    assert!(running.token("robot+ci", &secret, "repository:team/app:pull").is_ok());
    assert_eq!(
        running.ask(Method::PATCH, "/api/v1/robots/ci", &admin, Some(json!({ "disabled": true }))).0,
        204
    );
    assert_eq!(running.token("robot+ci", &secret, "repository:team/app:pull"), Err(401));
    assert_eq!(running.ask(Method::DELETE, "/api/v1/robots/ci", &admin, None).0, 204);
    assert_eq!(running.ask(Method::DELETE, "/api/v1/robots/ci", &admin, None).0, 404);
}

#[test]
fn robots_end_when_they_are_to() {
    let folder = tempfile::tempdir().unwrap();
    let (running, admin) = Running::set_up(folder.path(), "");
    let past = json!({ "name": "old", "expires": "2020-01-01T00:00:00Z" });
    assert_eq!(running.ask(Method::POST, "/api/v1/robots", &admin, Some(past)).0, 400);
}

#[test]
fn rights_that_are_taken_away_are_gone_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (running, admin) = Running::set_up(folder.path(), "");
    let user = json!({ "name": "eve", "password": PASSWORD, "admin": true });
    assert_eq!(running.ask(Method::POST, "/api/v1/users", &admin, Some(user)).0, 201);
    let eve = running.token("eve", PASSWORD, "registry:admin:*").unwrap();
    assert_eq!(running.ask(Method::GET, "/api/v1/users", &eve, None).0, 200);
    assert_eq!(
        running.ask(Method::PATCH, "/api/v1/users/eve", &admin, Some(json!({ "admin": false }))).0,
        204
    );
    assert_eq!(running.ask(Method::GET, "/api/v1/users", &eve, None).0, 401);
    // The last administrator cannot be taken away.
    assert_eq!(
        running.ask(Method::PATCH, "/api/v1/users/admin", &admin, Some(json!({ "admin": false }))).0,
        409
    );
    assert_eq!(running.ask(Method::DELETE, "/api/v1/users/admin", &admin, None).0, 409);
}

#[test]
fn what_was_granted_goes_with_the_user() {
    let folder = tempfile::tempdir().unwrap();
    let (running, admin) = Running::set_up(folder.path(), "");
    let user = || Some(json!({ "name": "eve", "password": PASSWORD }));
    assert_eq!(running.ask(Method::POST, "/api/v1/users", &admin, user()).0, 201);
    let grant = json!({ "principal": "user:eve", "repositories": "team/*", "actions": ["pull"] });
    assert_eq!(running.ask(Method::PUT, "/api/v1/grants", &admin, Some(grant)).0, 204);
    assert_eq!(running.ask(Method::DELETE, "/api/v1/users/eve", &admin, None).0, 204);
    // Somebody else who comes to have the name.
    assert_eq!(running.ask(Method::POST, "/api/v1/users", &admin, user()).0, 201);
    let (_, grants) = running.ask(Method::GET, "/api/v1/grants", &admin, None);
    assert_eq!(grants["grants"], json!([]));
}

#[test]
fn one_changes_ones_own_password_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (running, admin) = Running::set_up(folder.path(), "");
    let user = json!({ "name": "eve", "password": PASSWORD });
    assert_eq!(running.ask(Method::POST, "/api/v1/users", &admin, Some(user)).0, 201);
    let eve = running.token("eve", PASSWORD, "repository:a:pull").unwrap();
    let other = "another long password";
    let change = |current: &str| json!({ "current": current, "password": other });
    let path = "/api/v1/me/password";
    assert_eq!(running.ask(Method::PUT, path, &eve, Some(change("not the password"))).0, 403);
    let (status, _) = running.ask(
        Method::PUT,
        path,
        &eve,
        Some(json!({ "current": PASSWORD, "password": other, "admin": true })),
    );
    assert_eq!(status, 400);
    assert_eq!(running.ask(Method::PUT, path, &eve, Some(change(PASSWORD))).0, 204);
    assert_eq!(running.token("eve", PASSWORD, "repository:a:pull"), Err(401));
    assert!(running.token("eve", other, "repository:a:pull").is_ok());
}

#[test]
fn whoever_guesses_has_to_wait() {
    let folder = tempfile::tempdir().unwrap();
    let running = Running::start(folder.path(), "[access]\nlogins-per-address = 3\nlogins-per-account = 3\n");
    let statuses: Vec<_> =
        (0..5).map(|_| running.token("admin", "a guess that is wrong", "a:b:c").unwrap_err()).collect();
    assert_eq!(statuses[..2], [401, 401], "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    let mut tries = (0..8).map(|_| {
        let fields = json!({ "secret": "x", "name": "a", "password": PASSWORD });
        running.send(Method::POST, "/api/v1/setup", None, Some(fields)).status().as_u16()
    });
    assert!(tries.any(|status| status == 429));
}
