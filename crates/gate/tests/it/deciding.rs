//! What people decide over images, through the administration of a gate that runs.

use crate::core::clean;
use crate::running::{PASSWORD, Running, push};
use reqwest::Method;
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use test_support::Image;

/// A gate that holds what is pushed below `held/`, with these approvals.
fn gate(folder: &Path, approvals: usize) -> (Running, String) {
    let policy = folder.join("policy.toml");
    let rule = "[[rule]]\nname = \"look\"\nwhen = \"true\"\neffect = \"hold\"\nreason = \"a person looks at it\"\n\
                repositories = [\"held/**\"]\n";
    std::fs::write(&policy, format!("schema = \"roadstead.policy/v1\"\nextends = \"default\"\n{rule}"))
        .unwrap();
    Running::set_up(folder, &format!("[policy]\nfile = {policy:?}\napprovals = {approvals}\n"))
}

fn user(gate: &Running, admin: &str, name: &str) -> String {
    let user = json!({ "name": name, "password": PASSWORD, "admin": true });
    assert_eq!(gate.ask(Method::POST, "/api/v1/users", admin, Some(user)).0, 201);
    gate.token(name, PASSWORD, "registry:admin:*").unwrap()
}

/// Pushes as an administrator; gives their token for the repository.
fn pushed(gate: &Running, repository: &str, image: &Image) -> String {
    let token = gate.token("admin", PASSWORD, &format!("repository:{repository}:pull,push")).unwrap();
    push(gate, &token, repository, "1", image);
    token
}

fn decide(gate: &Running, what: &str, token: &str, repository: &str, image: &Image) -> (u16, Value) {
    let fields =
        json!({ "repository": repository, "digest": image.digest(), "reason": "looked at it by hand" });
    gate.ask(Method::POST, &format!("/api/v1/image/{what}"), token, Some(fields))
}

/// How an image stands, as soon as it has come to stand so.
fn stands(gate: &Running, admin: &str, repository: &str, image: &Image, state: &str) -> Value {
    let path = format!("/api/v1/image?repository={repository}&digest={}", image.digest());
    let start = Instant::now();
    loop {
        let (_, standing) = gate.ask(Method::GET, &path, admin, None);
        if standing["state"] == state && !standing["decision"].is_null() {
            return standing;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{standing}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn who_pushed_an_image_is_no_approver_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), 1);
    let eve = user(&gate, &admin, "eve");
    let image = clean("own");
    pushed(&gate, "held/app", &image);
    stands(&gate, &admin, "held/app", &image, "quarantined");
    let (status, told) = decide(&gate, "approve", &admin, "held/app", &image);
    assert_eq!(status, 403, "{told}");
    let standing = stands(&gate, &admin, "held/app", &image, "quarantined");
    assert_eq!(standing["approvals"], json!([]));
    let (status, told) = decide(&gate, "approve", &eve, "held/app", &image);
    assert_eq!((status, &told["missing"]), (202, &json!(0)), "{told}");
    let standing = stands(&gate, &admin, "held/app", &image, "released");
    assert_eq!(standing["decision"]["approvals"][0]["by"], "user:eve", "{standing}");
}

#[test]
fn two_have_to_approve_where_two_are_asked_for_and_nobody_is_two() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), 2);
    let (eve, bob) = (user(&gate, &admin, "eve"), user(&gate, &admin, "bob"));
    let image = clean("two");
    pushed(&gate, "held/app", &image);
    stands(&gate, &admin, "held/app", &image, "quarantined");
    for _ in 0..2 {
        let (status, told) = decide(&gate, "approve", &eve, "held/app", &image);
        assert_eq!((status, &told["missing"]), (202, &json!(1)), "{told}");
    }
    // A look does not make one approval two.
    let fields = json!({ "repository": "held/app", "digest": image.digest() });
    assert_eq!(gate.ask(Method::POST, "/api/v1/image/rescan", &admin, Some(fields)).0, 202);
    assert_eq!(decide(&gate, "approve", &admin, "held/app", &image).0, 403);
    let (status, told) = decide(&gate, "approve", &bob, "held/app", &image);
    assert_eq!((status, &told["missing"]), (202, &json!(0)), "{told}");
    let standing = stands(&gate, &admin, "held/app", &image, "released");
    let by: Vec<&Value> =
        standing["decision"]["approvals"].as_array().unwrap().iter().map(|one| &one["by"]).collect();
    assert_eq!(by, ["user:eve", "user:bob"]);
    let (_, journal) = gate.ask(Method::GET, "/api/v1/journal?n=1000", &admin, None);
    assert!(journal.to_string().contains("is released as 2 approved of it"), "{journal}");
}

#[test]
fn what_a_person_denies_or_revokes_is_gone_with_the_next_request() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = gate(folder.path(), 1);
    let eve = user(&gate, &admin, "eve");
    for (what, state) in [("revoke", "revoked"), ("deny", "denied")] {
        let (repository, image) = (format!("team/{what}"), clean(what));
        let token = pushed(&gate, &repository, &image);
        stands(&gate, &admin, &repository, &image, "released");
        let layer = image.blobs().iter().find(|(_, blob)| blob.bytes != image.manifest()).unwrap().0;
        let get = |path: &str, range: &str| {
            let request = gate.client.get(gate.url(&format!("/v2/{repository}/{path}"))).bearer_auth(&token);
            request.header("range", range).send().unwrap().status().as_u16()
        };
        let (by_tag, by_digest) = ("manifests/1".to_owned(), format!("manifests/{}", image.digest()));
        let blob = format!("blobs/{layer}");
        // In the middle of a pull: the manifest, and the first bytes of a layer.
        for path in [&by_tag, &by_digest] {
            assert!([200, 206].contains(&get(path, "bytes=0-")), "{path}");
        }
        assert_eq!(get(&blob, "bytes=0-9"), 206);
        let (status, told) = decide(&gate, what, &eve, &repository, &image);
        assert_eq!(status, 200, "{told}");
        assert!([403, 404].contains(&get(&blob, "bytes=10-19")));
        for path in [&by_tag, &by_digest] {
            assert_eq!(get(path, "bytes=0-"), 403, "{path}");
        }
        for digest in image.blobs().keys().filter(|digest| *digest != image.digest()) {
            assert!([403, 404].contains(&get(&format!("blobs/{digest}"), "bytes=0-")), "{digest}");
        }
        // Whoever brought it cannot read it back, and it is not approved over the head of who refused it.
        let standing = stands(&gate, &admin, &repository, &image, state);
        assert_eq!(standing["decision"]["rule"], "person", "{standing}");
        let (status, told) = decide(&gate, "approve", &eve, &repository, &image);
        assert_eq!(status, 409, "{told}");
    }
}

/// What `/api/v1` says, asked by the program that the gate's own crate brings for that.
#[test]
fn an_administrator_makes_the_first_account_and_learns_how_images_stand() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Running::start(folder.path(), "");
    let (url, secret) = (gate.url(""), gate.secret.clone().unwrap());
    let refused = |secret: &str, password: &str, expect: &str| {
        let error = gate::Administrator::first(&url, secret, "ops", password).unwrap_err();
        assert!(error.to_string().contains(expect), "{error}");
        assert!(!format!("{error:?}").contains(password), "{error:?}");
    };
    refused(
        "rdst_admin_wrong",
        PASSWORD,
        "answers 403 when it is asked to make the first account: the secret is",
    );
    refused(&secret, "too short", "shorter than 12 characters");
    let admin = gate::Administrator::first(&url, &secret, "ops", PASSWORD).unwrap();
    assert!(!format!("{admin:?}").contains(PASSWORD), "{admin:?}");
    refused(&secret, PASSWORD, "the secret is not the right one");

    let image = clean("told");
    let token = gate.token("ops", PASSWORD, "repository:team/app:pull,push").unwrap();
    push(&gate, &token, "team/app", "1", &image);
    let (repository, digest) = ("team/app".parse().unwrap(), image.digest().parse().unwrap());
    let start = Instant::now();
    let decided = loop {
        let decided = admin.standing(&repository, &digest).unwrap();
        if decided.decision.is_some() {
            break decided;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{decided:?}");
        std::thread::sleep(Duration::from_millis(20));
    };
    let decision = decided.decision.unwrap();
    assert_eq!((decided.state.as_str(), decision.effect.as_str()), ("released", "allow"));
    assert_eq!(decision.rule, "clean");
    let report = admin.report(&repository, &digest).unwrap();
    assert_eq!((report.verdict, report.image.digest), (model::Verdict::Clean, Some(digest)));
    let unknown = admin.standing(&"team/other".parse().unwrap(), &digest).unwrap_err();
    assert!(unknown.to_string().contains("answers 404"), "{unknown}");
    drop(gate);
    let gone = admin.report(&repository, &digest).unwrap_err();
    assert!(gone.to_string().contains("cannot ask the gate at http://127.0.0.1"), "{gone}");
}
