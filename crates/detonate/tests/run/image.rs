//! The image of a case: a shell, its tools, and a script that is its start.

use detonate::{Detonation, Engine, Image, LayerBytes, Settings, detonate};
use layers::{Declared, Entry, EntryTable, Limits, Tree, read_layer};
use model::{ImageConfig, Platform};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use test_support::LayerBuilder;

const TOOLS: [&str; 34] = [
    "sh", "cat", "ls", "id", "echo", "sleep", "mount", "nc", "wget", "rm", "mkdir", "mv", "chmod", "cp",
    "touch", "setsid", "head", "tr", "env", "true", "date", "grep", "sed", "crond", "tar", "gzip", "base64",
    "printf", "ps", "kill", "nslookup", "timeout", "dd", "ping",
];

/// An image that starts this script.
pub(crate) fn layer(script: &str) -> Vec<u8> {
    let busybox = fs::read("/bin/busybox").unwrap();
    let mut layer = LayerBuilder::new()
        .dir("bin", 0o755)
        .file("bin/busybox", 0o755, busybox)
        .dir("etc", 0o755)
        .file("etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home:/bin/sh\n")
        .file("etc/group", 0o644, "root:x:0:\napp:x:1000:\n")
        .dir("root", 0o700)
        .dir("home", 0o755)
        .dir("tmp", 0o1777)
        .file("start.sh", 0o755, format!("#!/bin/sh\n{script}\n"));
    for tool in TOOLS {
        layer = layer.symlink(format!("bin/{tool}"), "busybox");
    }
    layer.build()
}

/// Detonates it within so many seconds.
pub(crate) fn run(script: &str, seconds: u64) -> Detonation {
    run_with(Engine::Native, script, seconds)
}

/// The same, with an engine.
pub(crate) fn run_with(engine: Engine, script: &str, seconds: u64) -> Detonation {
    let bytes = layer(script);
    let declared = Declared::default();
    let cancelled = AtomicBool::new(false);
    let (table, _) = read_layer(&bytes[..], &declared, &Limits::default(), &cancelled, |archive| {
        let mut table = EntryTable::default();
        let mut entry = Entry::default();
        while archive.next_into(&mut entry).unwrap() {
            table.push(&entry);
        }
        table
    });
    let (tree, _) = Tree::merge(&[&table]);
    let mut config =
        ImageConfig { os: "linux".into(), architecture: "amd64".into(), ..ImageConfig::default() };
    config.config.entrypoint = vec!["/start.sh".into()];
    let platform: Platform = "linux/amd64".parse().unwrap();
    let image = Image {
        name: "case".into(),
        platform: &platform,
        config: &config,
        tree: &tree,
        layers: vec![LayerBytes {
            open: Box::new(|| Ok(Box::new(std::io::Cursor::new(bytes.clone())))),
            declared,
        }],
        is_pool: &|_| false,
        declared: Vec::new(),
        is_owned: &|_| true,
    };
    let scratch = tempfile::Builder::new().prefix("detonate").tempdir().unwrap();
    open_to_all(scratch.path());
    let settings = Settings {
        scratch: scratch.path().to_owned(),
        budget: Duration::from_secs(seconds),
        thorough: false,
        pcap: None,
        cancelled: AtomicBool::new(false),
        say: Box::new(|_| ()),
        seed: [7; 32],
        processors: 2,
        engine,
    };
    detonate(&image, &settings).unwrap()
}

pub(crate) fn open_to_all(path: &Path) {
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}
