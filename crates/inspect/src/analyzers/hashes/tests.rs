use super::*;
use crate::analyzers::fixture::{Fixture, hashes_of};
use model::{Role, Severity};
use std::io::Cursor;

fn check(list: &str, accepted: u64, rejected: &[(u64, &str)]) -> KnownHashes {
    let mut known = KnownHashes::default();
    let imported = known.import(Cursor::new(list), "list").unwrap();
    let examples: Vec<_> = imported.examples.iter().map(|bad| (bad.line, bad.why.as_str())).collect();
    assert_eq!(imported.accepted, accepted, "{list:?}");
    assert_eq!(imported.rejected, rejected.len() as u64, "{list:?}");
    for ((line, why), (at, part)) in examples.iter().zip(rejected) {
        assert_eq!(line, at, "{list:?}");
        assert!(why.contains(part), "{why:?} says nothing of {part:?}");
    }
    known
}

fn list_of(hashes: &layers::ContentHashes, label: &str) -> KnownHashes {
    let digits: String = hashes.md5.iter().map(|byte| format!("{byte:02x}")).collect();
    check(&format!("{digits} {label}"), 1, &[])
}

#[test]
fn lists_are_read_line_by_line() {
    let known = check(
        "\u{feff}# header\r\n4873E560DF68AD96C3DE08164B139B09, Linux.CoinMiner.xmrig # seen in 2021\r\n\n\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\tkinsing\n",
        2,
        &[],
    );
    assert_eq!(known.len(), 2);
    let mut hashes = hashes_of(b"");
    hashes.md5 = 0x4873_e560_df68_ad96_c3de_0816_4b13_9b09_u128.to_be_bytes();
    let hit = known.find(&hashes).unwrap();
    assert_eq!(
        (hit.algorithm, hit.label.name.as_str(), hit.label.miner),
        (Algorithm::Md5, "Linux.CoinMiner.xmrig", true)
    );
    hashes.md5 = [0; 16];
    hashes.sha1 = Some([0xaa; 20]);
    let hit = known.find(&hashes).unwrap();
    assert_eq!(
        (hit.algorithm, hit.label.name.as_str(), hit.label.miner),
        (Algorithm::Sha1, "kinsing", false)
    );
}

#[test]
fn what_is_no_hash_is_named() {
    let long = format!("{}\n{}", "x".repeat(10_000), "b".repeat(64));
    check(&long, 1, &[(1, "longer than")]);
    check("zz", 0, &[(1, "2 characters")]);
    check(&"g".repeat(32), 0, &[(1, "not hexadecimal")]);
    check(&"1".repeat(33), 0, &[(1, "33 characters")]);
    check("\n\nd41d8cd98f00b204e9800998ecf8427e\n", 0, &[(3, "empty file")]);
    check("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855", 0, &[(1, "empty file")]);
    check("\x1b[31m", 0, &[(1, "\\u{1b}")]);
    let many = "no\n".repeat(100);
    let imported = KnownHashes::default().import(Cursor::new(many), "list").unwrap();
    assert_eq!((imported.rejected, imported.examples.len()), (100, 20));
}

#[test]
fn every_hash_of_a_long_list_is_found_and_no_other() {
    let hash = |number: u32| hashes_of(&number.to_le_bytes());
    let mut list = String::new();
    for number in 0..5_000 {
        let bytes = hash(number);
        let digits: Vec<u8> =
            if number % 2 == 0 { bytes.sha256.to_vec() } else { bytes.sha1.unwrap().to_vec() };
        list.extend(digits.iter().map(|byte| format!("{byte:02x}")));
        list.push('\n');
    }
    let known = check(&list, 5_000, &[]);
    assert!((0..5_000).all(|number| known.find(&hash(number)).is_some()));
    assert!((5_000..10_000).all(|number| known.find(&hash(number)).is_none()));
    assert_eq!(check(&format!("{list}{list}"), 10_000, &[]).len(), 5_000);
}

#[test]
fn both_hashes_of_the_alert_are_built_in() {
    let known = KnownHashes::built_in();
    for md5 in [0x4873e560df68ad96c3de08164b139b09_u128, 0x16572572588c2e241225ea2bf6807eff] {
        let mut hashes = hashes_of(b"anything");
        hashes.md5 = md5.to_be_bytes();
        let hit = known.find(&hashes).unwrap();
        assert!(hit.label.miner && hit.label.name.contains("xmrig") && hit.label.source.contains("2021"));
    }
    assert!(known.find(&hashes_of(b"anything")).is_none());
}

#[test]
fn a_listed_file_convicts_wherever_it_lies() {
    let mut image = Fixture::new();
    image.known = list_of(&hashes_of(b"stand-in"), "xmrig");
    image.file("usr/lib/.x/ld", 0o755, b"stand-in").file("etc/motd", 0o644, b"hello");
    let found = image.run(&Hashes);
    let [finding] = found.findings.as_slice() else { panic!("{found:?}") };
    assert_eq!(
        (finding.id.as_str(), finding.role, finding.severity),
        ("S-MIN-HASH", Role::Convicts, Severity::Critical)
    );
    assert_eq!(finding.path.as_deref(), Some("/usr/lib/.x/ld"));
    assert_eq!(finding.reachable, None);
    let kinds: Vec<_> = finding.evidence.iter().map(|evidence| evidence.kind.as_str()).collect();
    assert_eq!(kinds, ["md5", "sha256", "source", "sha1"]);
}

#[test]
fn a_listed_file_that_is_deleted_above_is_residue() {
    let mut image = Fixture::new();
    image.known = list_of(&hashes_of(b"stand-in"), "Trojan.Generic");
    image.file("opt/a", 0o755, b"stand-in").layer().file("opt/.wh.a", 0o644, b"");
    let found = image.run(&Hashes);
    let [finding] = found.findings.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.id.as_str(), finding.is_residue()), ("S-IOC-HASH", true));
    assert!(finding.evidence.iter().any(|evidence| evidence.value == "layer 1"), "{finding:?}");
    assert_eq!(finding.layer.as_ref().map(|layer| layer.index), Some(0));
}

#[test]
fn a_hard_link_keeps_content_alive() {
    let mut image = Fixture::new();
    image.known = list_of(&hashes_of(b"stand-in"), "miner");
    image.file("opt/a", 0o755, b"stand-in").layer().hardlink("usr/bin/b", "opt/a").file(
        "opt/.wh.a",
        0o644,
        b"",
    );
    let found = image.run(&Hashes);
    assert_eq!(found.findings.first().map(|finding| finding.role), Some(Role::Convicts), "{found:?}");
    assert!(found.findings.iter().all(|finding| !finding.is_residue()));
}

#[test]
fn files_on_no_list_are_no_findings() {
    let mut image = Fixture::new();
    image.known = KnownHashes::built_in();
    image.file("usr/bin/xmrig", 0o755, b"an openly named file of another content");
    assert_eq!(image.run(&Hashes).findings, []);
}
