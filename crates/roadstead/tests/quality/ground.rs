//! The distributions that the images of the corpus stand on: what is in them belongs to their packages.

use std::fmt::Write as _;
use test_support::{LayerBuilder, md5_hex, sha1_hex, standin};

/// Programs that a small Debian has, each with its package.
const DEBIAN: [(&str, &[&str]); 14] = [
    ("dash", &["usr/bin/dash"]),
    ("bash", &["usr/bin/bash"]),
    (
        "coreutils",
        &[
            "usr/bin/env",
            "usr/bin/sort",
            "usr/bin/nproc",
            "usr/bin/sleep",
            "usr/bin/base64",
            "usr/bin/nohup",
            "usr/bin/chmod",
            "usr/bin/rm",
        ],
    ),
    ("curl", &["usr/bin/curl"]),
    ("wget", &["usr/bin/wget"]),
    ("netcat-openbsd", &["usr/bin/nc.openbsd"]),
    ("python3.11-minimal", &["usr/bin/python3.11"]),
    ("perl-base", &["usr/bin/perl"]),
    ("nodejs", &["usr/bin/node"]),
    ("php-cli", &["usr/bin/php"]),
    ("tini", &["usr/bin/tini"]),
    ("procps", &["usr/bin/pkill", "usr/bin/ps"]),
    ("cron", &["usr/sbin/cron"]),
    ("gosu", &["usr/sbin/gosu"]),
];

pub(crate) fn debian() -> LayerBuilder {
    let mut layer = directories(&[
        "etc",
        "usr",
        "usr/bin",
        "usr/sbin",
        "usr/lib",
        "usr/local",
        "usr/local/bin",
        "opt",
        "root",
        "tmp",
        "var",
        "var/lib",
        "var/lib/dpkg",
        "var/lib/dpkg/info",
        "var/tmp",
        "etc/cron.d",
        "etc/profile.d",
    ]);
    let mut status = String::new();
    for (package, files) in DEBIAN {
        let _ = write!(
            status,
            "Package: {package}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n\n"
        );
        let (mut list, mut sums) = (String::from("/.\n"), String::new());
        for path in files {
            let content = standin::program(&format!("stand-in for {path}"));
            let _ = writeln!(list, "/{path}");
            let _ = writeln!(sums, "{}  {path}", md5_hex(&content));
            layer = layer.file(path, 0o755, content);
        }
        layer = layer.file(format!("var/lib/dpkg/info/{package}.list"), 0o644, list).file(
            format!("var/lib/dpkg/info/{package}.md5sums"),
            0o644,
            sums,
        );
    }
    layer
        .file("var/lib/dpkg/status", 0o644, status)
        .file("etc/os-release", 0o644, "ID=debian\nVERSION_ID=\"12\"\n")
        .file(
            "etc/passwd",
            0o644,
            "root:x:0:0:root:/root:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
        )
        .symlink("bin", "usr/bin")
        .symlink("sbin", "usr/sbin")
        .symlink("usr/bin/sh", "dash")
        .symlink("usr/bin/nc", "nc.openbsd")
        .symlink("usr/bin/python3", "python3.11")
}

pub(crate) fn alpine() -> LayerBuilder {
    let busybox = standin::program("stand-in for busybox");
    let installed = format!(
        "P:busybox\nV:1.37.0-r20\nA:x86_64\nF:bin\nR:busybox\na:0:0:755\nZ:X1{}\n\n",
        sha1_hex(&busybox)
    );
    let links = ["sh", "ash", "wget", "nc", "crond", "chmod", "sleep", "base64"];
    let layer = directories(&[
        "bin",
        "etc",
        "etc/apk",
        "lib",
        "lib/apk",
        "lib/apk/db",
        "usr",
        "usr/bin",
        "usr/local",
        "usr/local/bin",
        "tmp",
        "root",
    ])
    .file("bin/busybox", 0o755, busybox)
    .file("lib/apk/db/installed", 0o644, installed)
    .file("etc/os-release", 0o644, "ID=alpine\nVERSION_ID=3.23.0\n");
    links.iter().fold(layer, |layer, name| layer.symlink(format!("bin/{name}"), "/bin/busybox"))
}

fn directories(paths: &[&str]) -> LayerBuilder {
    paths.iter().fold(LayerBuilder::new(), |layer, path| layer.dir(path, 0o755))
}
