//! What lies on the disk of the person who scans: directories and layouts that are no plain files, and an
//! environment that would lead elsewhere.

use crate::room::{Ran, Room, base, files_below, image, known, payload, says};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use test_support::{Compression, FakeRegistry, LayerBuilder};

/// The command ends by itself: a pipe without a writer and a file without an end hold nothing up.
fn finish(command: &mut Command) -> Ran {
    let (out, err) = (tempfile::NamedTempFile::new().unwrap(), tempfile::NamedTempFile::new().unwrap());
    command.stdin(Stdio::null()).stdout(out.reopen().unwrap()).stderr(err.reopen().unwrap());
    let mut child = command.spawn().unwrap();
    let begun = Instant::now();
    let code = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status.code().unwrap_or(-1);
        }
        if begun.elapsed() > Duration::from_secs(60) {
            child.kill().unwrap();
            panic!("it did not end: {command:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let read = |file: &tempfile::NamedTempFile| std::fs::read_to_string(file.path()).unwrap();
    Ran { code, out: read(&out), err: read(&err) }
}

fn fifo(path: &Path) {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, rustix::fs::Mode::from_raw_mode(0o644)).unwrap();
}

#[test]
fn a_root_file_system_is_read_without_being_entered() {
    let room = Room::new();
    let outside = room.write("outside/secret", payload());
    room.write("rootfs/opt/x", b"nothing");
    let rootfs = room.path("rootfs");
    fifo(&rootfs.join("opt/pipe"));
    symlink(&outside, rootfs.join("opt/link")).unwrap();
    symlink(outside.parent().unwrap(), rootfs.join("opt/folder")).unwrap();
    symlink("loop", rootfs.join("opt/loop")).unwrap();
    symlink("..", rootfs.join("opt/up")).unwrap();
    let ran = finish(&mut room.scan_command(&format!("dir:{}", rootfs.display()), &["--format", "json"]));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(known(&ran.json()), [], "what links lead to outside is no part of the image");
    let files = room.run(&["files", "--no-cache", &format!("dir:{}", rootfs.display())]);
    assert!(files.out.contains("/opt/pipe") && !files.out.contains("/opt/up/"), "{files:?}");
}

#[test]
fn a_file_of_holes_is_bounded() {
    let room = Room::new();
    room.write("rootfs/opt/x", payload());
    std::fs::File::create(room.path("rootfs/opt/holes")).unwrap().set_len(1 << 43).unwrap();
    let locator = format!("dir:{}", room.path("rootfs").display());
    let ran = finish(&mut room.scan_command(&locator, &["--format", "json"]));
    let report = ran.json();
    assert_eq!((ran.code, known(&report).len()), (1, 1), "{report:#}");
    assert!(says(&report, "holes"), "eight tebibytes were not read, and nobody says so: {report:#}");
}

#[test]
fn a_layout_cannot_lead_out_of_itself_or_nowhere() {
    let built = image().layer(base()).build();
    let manifest: serde_json::Value = serde_json::from_slice(built.manifest()).unwrap();
    let layer = manifest["layers"][0]["digest"].as_str().unwrap().replacen(':', "/", 1);
    for name in [format!("blobs/{layer}"), "index.json".to_owned()] {
        for kind in ["fifo", "directory", "link out", "device"] {
            let room = Room::new();
            let locator = room.layout("image", &built);
            let path = room.path("image").join(&name);
            let moved = room.path("moved");
            std::fs::rename(&path, &moved).unwrap();
            match kind {
                "fifo" => fifo(&path),
                "directory" => std::fs::create_dir(&path).unwrap(),
                "link out" => symlink("/proc/self/environ", &path).unwrap(),
                _ => symlink("/dev/zero", &path).unwrap(),
            }
            let ran = finish(&mut room.scan_command(&locator, &["--format", "json"]));
            assert!([2, 3].contains(&ran.code), "{name} as {kind}: {ran:?}");
            assert!(!ran.out.contains("TMPDIR") && !ran.err.contains("TMPDIR="), "{name} as {kind}: {ran:?}");
        }
    }
}

#[test]
fn an_archive_that_is_no_file_ends_with_a_message() {
    let room = Room::new();
    fifo(&room.path("pipe"));
    for archive in ["docker-archive:pipe", "oci-archive:pipe", "docker-archive:.", "oci-archive:/dev/zero"] {
        let ran = finish(&mut room.scan_command(archive, &[]));
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{archive}: {ran:?}");
    }
}

#[test]
fn an_archive_within_a_bomb_is_bounded_and_leaves_nothing() {
    let room = Room::new();
    let zeros = Compression::Gzip.apply(&vec![0; 64 << 20]);
    for archive in ["docker-archive:", "oci-archive:"] {
        let path = room.write("bomb.tar.gz", &zeros);
        let ran = finish(&mut room.scan_command(&format!("{archive}{}", path.display()), &[]));
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{archive}: {ran:?}");
        assert!(files_below(&room.temporary()).is_empty());
    }
}

#[test]
fn no_variable_of_the_environment_leads_elsewhere() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    let built = image().layer(base()).layer(LayerBuilder::new().file("opt/x", 0o755, payload())).build();
    let registry = FakeRegistry::new().image("a/b", "1", &built).start();
    let room = Room::new();
    let mut command = room.scan_command(
        &format!("docker://{}", registry.reference("a/b:1")),
        &["--plain-http", &registry.host(), "--format", "json"],
    );
    for name in ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy", "DOCKER_HOST"] {
        command.env(name, &proxy);
    }
    let docker = room.write("docker/config.json", "{\"auths\":{}}");
    command.env("DOCKER_CONFIG", docker.parent().unwrap()).env("REGISTRY_AUTH_FILE", &docker);
    let ran = finish(&mut command);
    assert_eq!((ran.code, known(&ran.json()).len()), (1, 1), "{ran:?}");
    assert!(listener.accept().is_err(), "the environment chose a proxy");
}
