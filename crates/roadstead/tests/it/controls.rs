//! Controls and axes, over whole scans: what an image openly says of itself, and what that is worth.

use crate::room::{Room, base, image, known, payload, verdict};
use serde_json::Value;
use test_support::FakeRegistry;

/// A report on an image of this name that starts a listed program, with this description of itself.
fn scan(name: &str, description: &str, program: &str) -> (i32, Value) {
    let start = format!("/{program}");
    let image = image()
        .config(|config| {
            config.entrypoint(&[&start]).label("org.opencontainers.image.description", description)
        })
        .layer(base().file(program, 0o755, payload()))
        .build();
    let registry = FakeRegistry::new().image(name, "1", &image).start();
    let room = Room::new();
    let reference = format!("docker://{}", registry.reference(&format!("{name}:1")));
    room.report(&reference, &["--plain-http", &registry.host()])
}

#[test]
fn a_declared_miner_stands_on_its_axis_and_stays_malicious() {
    let (code, report) = scan("metal3d/xmrig", "Monero miner, openly", "usr/bin/xmrig");
    assert_eq!((code, verdict(&report)), (1, "malicious"), "{report:#}");
    assert_eq!(known(&report).len(), 1);
    assert_eq!(report["axes"]["pua"], serde_json::json!(["S-MIN-HASH"]), "{report:#}");
    let finding =
        report["findings"].as_array().unwrap().iter().find(|one| one["id"] == "S-MIN-HASH").unwrap();
    assert_eq!((&finding["axis"], &finding["role"]), (&"pua".into(), &"convicts".into()));
    let said = finding["evidence"].as_array().unwrap().iter().any(|piece| {
        piece["kind"] == "control"
            && piece["value"].as_str().unwrap().starts_with("G5 declared purpose: miner")
    });
    assert!(said, "{finding:#}");
}

#[test]
fn who_declares_nothing_stands_on_no_axis() {
    for (name, description, program) in [
        ("team/web", "Monero miner, openly", "usr/bin/xmrig"),
        ("metal3d/xmrig", "a web server", "usr/bin/xmrig"),
        ("metal3d/xmrig", "Monero miner, openly", "usr/bin/nginx"),
    ] {
        let (code, report) = scan(name, description, program);
        assert_eq!((code, verdict(&report)), (1, "malicious"), "{name} {description} {program}");
        assert_eq!(report["axes"]["pua"], serde_json::json!([]), "{name} {description} {program}");
    }
}
