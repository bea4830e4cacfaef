//! The law behind all controls: nothing that an image brings along buys off a conviction.

use feeds::{Indicators, Kind, Options as Import};
use model::{Finding, Report, Role, Verdict};
use pipeline::scan;
use proptest::prelude::*;
use source::Locator;
use test_support::{ImageBuilder, LayerBuilder, sha256_hex, standin};

/// Where the payload may hide, and where excuses may be written.
const PATHS: [&str; 8] = [
    "opt/x",
    "usr/share/doc/x/a",
    "app/tests/run",
    "etc/suricata/a.rules",
    "usr/share/man/man1/x.1",
    "app/README.md",
    "usr/lib/x/libx.so",
    "app/node_modules/y/test/z",
];

/// What an image says of itself to look better, each a bit of a mask.
#[derive(Debug, Clone, Copy)]
struct Excuses {
    labels: u8,
    files: u8,
    owned: bool,
    executable: bool,
    above: bool,
    started: bool,
}

fn excuses() -> impl Strategy<Value = Excuses> {
    (any::<u8>(), any::<u8>(), any::<[bool; 4]>()).prop_map(
        |(labels, files, [owned, executable, above, started])| Excuses {
            labels,
            files,
            owned,
            executable,
            above,
            started,
        },
    )
}

const LABELS: [(&str, &str); 4] = [
    ("org.opencontainers.image.description", "an open Monero miner"),
    ("org.opencontainers.image.title", "xmrig"),
    ("org.opencontainers.image.base.name", "docker.io/library/debian:12"),
    ("description", "documentation and tests of a port scanner"),
];

fn payload() -> Vec<u8> {
    standin::program("stand-in that a list knows")
}

/// The report on an image with the payload at a path and these excuses around it.
fn report(at: usize, excuses: Excuses) -> Report {
    let path = PATHS[at];
    let mode = if excuses.executable { 0o755 } else { 0o644 };
    let mut layer = LayerBuilder::new().file(path, mode, payload());
    for (bit, other) in PATHS.iter().enumerate().filter(|(_, other)| **other != path) {
        if excuses.files >> bit & 1 == 1 {
            layer = layer.file(other, 0o644, b"an honest text\n");
        }
    }
    let mut more = LayerBuilder::new();
    if excuses.owned {
        let md5 = known_md5();
        let status = "Package: x\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";
        more = more
            .file("var/lib/dpkg/info/x.list", 0o644, format!("/{path}\n"))
            .file("var/lib/dpkg/info/x.md5sums", 0o644, format!("{md5}  {path}\n"))
            .file("var/lib/dpkg/status", 0o644, status);
    }
    let layers = if excuses.above { [layer, more] } else { [more, layer] };
    let start = format!("/{path}");
    let mut image = ImageBuilder::new().config(|mut config| {
        for (bit, (label, value)) in LABELS.iter().enumerate() {
            if excuses.labels >> bit & 1 == 1 {
                config = config.label(label, value);
            }
        }
        config.entrypoint(&[if excuses.started { &start } else { "/usr/bin/xmrig" }])
    });
    for layer in layers {
        image = image.layer(layer);
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("image.tar");
    std::fs::write(&file, image.build().docker_archive(&["metal3d/xmrig:1"])).unwrap();
    let list = format!("{} miner (stand-in)\n", sha256_hex(&payload()));
    let (feed, _) = feeds::import(list.as_bytes(), &Import::named("list").of_kind(Kind::Hashes)).unwrap();
    let settings = crate::settings(Indicators::new(vec![feed]));
    scan(&Locator::DockerArchive { path: file, reference: None }, &settings).unwrap()
}

fn known_md5() -> String {
    use md5::Digest as _;
    md5::Md5::digest(payload()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn convicting(report: &Report) -> Vec<&Finding> {
    report.findings.iter().filter(|finding| finding.role == Role::Convicts).collect()
}

const NONE: Excuses =
    Excuses { labels: 0, files: 0, owned: false, executable: true, above: false, started: false };

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_excuse_that_an_image_writes_buys_off_a_conviction(at in 0..PATHS.len(), excuses in excuses()) {
        let report = report(at, excuses);
        prop_assert_eq!(report.verdict, Verdict::Malicious);
        let found = convicting(&report);
        prop_assert!(!found.is_empty());
        for finding in found {
            prop_assert!(finding.id == "S-MIN-HASH" && finding.exception.is_none());
        }
    }
}

#[test]
fn the_law_is_about_something() {
    // Without the list, the same images are not convicted: it is the conviction that stands, not the scan that
    // always says so.
    let mut report = report(1, NONE);
    assert_eq!(convicting(&report).len(), 1);
    report.findings.retain(|finding| finding.role != Role::Convicts);
    let judged = verdict::judge(report.findings, report.gaps, report.chain);
    assert!(judged.verdict < Verdict::Malicious);
}
