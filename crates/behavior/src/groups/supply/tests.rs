use crate::judge;
use crate::scene::{FIRST, Scene};

#[test]
fn platforms_that_speak_to_different_hosts() {
    let run = |platform: &str, hosts: &[&str]| {
        let mut scene = Scene::of(&["/usr/bin/app"]);
        scene.run.platform = platform.into();
        for host in hosts {
            scene.connect(FIRST, Some(host), "198.18.1.1:443");
        }
        (scene.run.clone(), scene.record())
    };
    let found = |one: &[&str], two: &[&str], platform: &str| {
        let runs = [run("linux/amd64", one), run(platform, two)];
        judge(&runs, &crate::Context::default()).findings.iter().any(|finding| finding.id == "D-SUP-ARCHDIFF")
    };
    assert!(found(&["a.example"], &["a.example", "b.example"], "linux/arm64"));
    assert!(!found(&["a.example"], &["a.example"], "linux/arm64"));
    assert!(!found(&["a.example"], &["b.example"], "linux/amd64"));
}
