use crate::testing::{Loopback, present, run, world};

#[test]
fn git_clones_an_empty_repository() {
    if !present("git") {
        return;
    }
    let loopback = Loopback::new(world());
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().join("clone");
    let url = format!("http://127.0.0.1:{}/evil/tools.git", loopback.tcp.port());
    let (worked, text) = run("git", &["clone", &url, at.to_str().unwrap()]);
    assert!(worked && text.contains("empty repository"), "{text}");
    loopback.check("git: git-upload-pack 127.0.0.1/evil/tools.git/info/refs");
}
