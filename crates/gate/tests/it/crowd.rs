//! Many clients at once, who all want what nobody has read yet.

use crate::core::clean;
use crate::running::Running;
use reqwest::Method;
use serde_json::{Value, json};
use test_support::FakeRegistry;

#[test]
fn five_hundred_clients_wait_for_one_analysis() {
    let image = clean("wanted by all");
    let upstream = FakeRegistry::new().image("team/app", "1", &image).start();
    let folder = tempfile::tempdir().unwrap();
    let policy = folder.path().join("policy.toml");
    let text = "schema = \"roadstead.policy/v1\"\nextends = \"default\"\ndetonate = \"never\"\n";
    std::fs::write(&policy, text).unwrap();
    let (gate, admin) = Running::set_up(
        folder.path(),
        &format!(
            "[upstreams.\"up.example\"]\nurl = \"http://{}\"\n[policy]\nfile = {policy:?}\n\
             [limits]\nconnections-per-address = 1000\n",
            upstream.host()
        ),
    );
    let grant = json!({"repositories": "**", "actions": ["pull"], "upstreams": ["*"]});
    let fields = json!({"name": "ci", "expires": null, "grants": [grant]});
    let (status, robot) = gate.ask(Method::POST, "/api/v1/robots", &admin, Some(fields));
    assert_eq!(status, 201, "{robot}");
    let secret = robot["secret"].as_str().unwrap();
    let token = gate.token("robot+ci", secret, "repository:up.example/team/app:pull").unwrap();

    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let pull = || {
            gate.send(Method::GET, "/v2/up.example/team/app/manifests/1", Some(&token), None)
                .status()
                .as_u16()
        };
        let crowd: Vec<_> = (0..500).map(|_| scope.spawn(pull)).collect();
        crowd.into_iter().map(|one| one.join().unwrap()).collect()
    });
    // Each got the image or, on a slow machine, was told to come again.
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    assert!(statuses.contains(&200), "nobody waited until it was there");

    let asked = |end: &str| {
        let asked = upstream.requests();
        asked.iter().filter(|request| request.method == "GET" && request.path.ends_with(end)).count()
    };
    assert_eq!(asked(image.digest()), 1, "the upstream was asked for the manifest once");
    for digest in image.blobs().keys().filter(|digest| *digest != image.digest()) {
        assert_eq!(asked(digest), 1, "the upstream was asked for {digest} once");
    }
    let (status, journal) = gate.ask(Method::GET, "/api/v1/journal?n=1000", &admin, None);
    assert_eq!(status, 200, "{journal}");
    // What was signed beside the image has entries of its own.
    let decided = |entry: &&Value| {
        let body: Value =
            serde_json::from_str(entry["body"].as_str().unwrap_or_default()).unwrap_or_default();
        ["release", "hold", "deny"].contains(&entry["kind"].as_str().unwrap_or_default())
            && body["digest"] == image.digest()
    };
    let decisions = journal["entries"].as_array().unwrap().iter().filter(decided).count();
    assert_eq!(decisions, 1, "{journal}");
}
