use crate::testing::{Loopback, present, run, world};

#[test]
fn pip_installs_what_is_not_there() {
    if !present("python3") || !run("python3", &["-m", "pip", "--version"]).0 {
        eprintln!("skipped: pip is not installed");
        return;
    }
    let loopback = Loopback::new(world());
    let directory = tempfile::tempdir().unwrap();
    let index = format!("http://127.0.0.1:{}/simple/", loopback.tcp.port());
    let target = directory.path().to_str().unwrap();
    let (worked, text) = run(
        "python3",
        &[
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-cache-dir",
            "install",
            "--index-url",
            &index,
            "--target",
            target,
            "left-pad-evil",
        ],
    );
    assert!(worked, "{text}");
    assert!(directory.path().join("left_pad_evil/__init__.py").is_file());
    loopback.check("packages: /simple/left-pad-evil/");
}

#[test]
fn npm_installs_what_is_not_there() {
    if !present("npm") {
        return;
    }
    let loopback = Loopback::new(world());
    let directory = tempfile::tempdir().unwrap();
    let at = directory.path().to_str().unwrap();
    let registry = format!("--registry=http://127.0.0.1:{}/", loopback.tcp.port());
    let cache = format!("--cache={at}/cache");
    let (worked, text) = run(
        "npm",
        &[
            "--prefix",
            at,
            &registry,
            &cache,
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "install",
            "@scope/evil",
        ],
    );
    assert!(worked, "{text}");
    assert!(directory.path().join("node_modules/@scope/evil/index.js").is_file(), "{text}");
}
