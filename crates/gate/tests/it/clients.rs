//! Clients of others pull through the gate, from a registry of others.
use crate::running::Running;
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output};
use test_support::{Distribution, Image, peer, story};

fn skopeo(program: &Path, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(["--override-os", "linux", "--override-arch", "amd64"])
        .args(arguments)
        .output()
        .unwrap()
}

/// Puts an image into a registry, as people do.
fn push(skopeo_at: &Path, folder: &Path, image: &Image, to: &str) {
    let layout = folder.join(format!("push-{}", to.replace(['/', ':'], "_")));
    test_support::write_oci_layout(&layout, &[(Some("it"), image)]).unwrap();
    let from = format!("oci:{}:it", layout.display());
    let done = skopeo(
        skopeo_at,
        &["copy", "--preserve-digests", "--dest-tls-verify=false", &from, &format!("docker://{to}")],
    );
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

#[test]
fn skopeo_pulls_through_the_gate() {
    let Some(skopeo_at) = peer("skopeo") else { return };
    let folder = tempfile::tempdir().unwrap();
    let Some(upstream) = Distribution::start(folder.path()) else { return };
    let image = crate::core::clean("pulled");
    let miner = story::five_images().remove(0).image;
    push(&skopeo_at, folder.path(), &image, &format!("{}/library/x:1", upstream.host));
    push(&skopeo_at, folder.path(), &miner, &format!("{}/library/miner:1", upstream.host));
    let policy = folder.path().join("policy.toml");
    std::fs::write(
        &policy,
        "schema = \"roadstead.policy/v1\"\nextends = \"default\"\ndetonate = \"never\"\n",
    )
    .unwrap();
    let (gate, admin) = Running::set_up(
        folder.path(),
        &format!(
            "[upstreams.\"up.example\"]\nurl = \"http://{}\"\n[policy]\nfile = {:?}\n\
             [quarantine]\nretry-after = \"1s\"\n",
            upstream.host, policy
        ),
    );
    let grant = json!({"repositories": "**", "actions": ["pull"], "upstreams": ["*"]});
    let fields = json!({"name": "ci", "expires": null, "grants": [grant]});
    let (status, robot) = gate.ask(Method::POST, "/api/v1/robots", &admin, Some(fields));
    assert_eq!(status, 201, "{robot}");
    let login = format!("--src-creds=robot+ci:{}", robot["secret"].as_str().unwrap());
    let pull = |name: &str, to: &str| {
        let from = format!("docker://{}/{name}", gate.address);
        let to = format!("oci:{}:it", folder.path().join(to).display());
        skopeo(&skopeo_at, &["copy", "--preserve-digests", "--src-tls-verify=false", &login, &from, &to])
    };
    let done = pull("up.example/library/x:1", "clean");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let index = std::fs::read_to_string(folder.path().join("clean/index.json")).unwrap();
    assert!(index.contains(image.digest()), "{index}");
    // By digest, and what was signed.
    assert!(pull(&format!("up.example/library/x@{}", image.digest()), "pinned").status.success());
    let tag = attest::signature_tag(&image.digest().parse().unwrap());
    let signed = pull(&format!("up.example/library/x:{tag}"), "signature");
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
    // Refused, with the reason where people see it.
    let refused = pull("up.example/library/miner:1", "miner");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success());
    for part in ["denied", "by the rule malicious", "of layer"] {
        assert!(said.contains(part), "{said} lacks {part}");
    }
    // Nothing that is not there, and nothing without its upstream.
    assert!(!pull("up.example/library/none:1", "none").status.success());
    assert!(!pull("library/x:1", "hosted").status.success());
    gate.stop().unwrap();
}
