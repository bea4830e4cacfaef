use super::*;
use crate::analyzers::fixture::{Fixture, hashes_of};
use feeds::{FileSums, Indicators};
use model::{Role, Severity};

fn list_of(hashes: &layers::ContentHashes, label: &str) -> Indicators {
    list_with(hashes, label, Severity::Critical)
}

fn list_with(hashes: &layers::ContentHashes, label: &str, severity: Severity) -> Indicators {
    let digits: String = hashes.md5.iter().flatten().map(|byte| format!("{byte:02x}")).collect();
    let options = feeds::Options { severity, ..feeds::Options::named("list") };
    Indicators::new(vec![feeds::import(format!("{digits} {label}\n").as_bytes(), &options).unwrap().0])
}

#[test]
fn both_hashes_of_the_alert_are_built_in() {
    let known = Indicators::new(Vec::new());
    for md5 in [0x4873e560df68ad96c3de08164b139b09_u128, 0x16572572588c2e241225ea2bf6807eff] {
        let sums = FileSums { md5: Some(&md5.to_be_bytes()), sha1: None, sha256: &[0; 32], size: 1 };
        let hit = known.find_file(&sums).unwrap();
        assert!(
            hit.label.is_miner() && hit.label.name.contains("xmrig") && hit.label.source.contains("2021")
        );
    }
    assert!(
        known.find_file(&FileSums { md5: Some(&[0; 16]), sha1: None, sha256: &[0; 32], size: 1 }).is_none()
    );
}

#[test]
fn a_listed_file_convicts_wherever_it_lies() {
    let mut image = Fixture::new();
    image.indicators = list_of(&hashes_of(b"stand-in"), "xmrig");
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
    image.indicators = list_of(&hashes_of(b"stand-in"), "Trojan.Generic");
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
    image.indicators = list_of(&hashes_of(b"stand-in"), "miner");
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
    image.indicators = Indicators::new(Vec::new());
    image.file("usr/bin/xmrig", 0o755, b"an openly named file of another content");
    assert_eq!(image.run(&Hashes).findings, []);
}

#[test]
fn a_list_whose_word_is_not_enough_corroborates() {
    let mut image = Fixture::new();
    image.indicators = list_with(&hashes_of(b"stand-in"), "xmrig", Severity::High);
    image.file("usr/lib/.x/ld", 0o755, b"stand-in");
    let found = image.run(&Hashes);
    let [finding] = found.findings.as_slice() else { panic!("{found:?}") };
    assert_eq!((finding.role, finding.severity), (Role::Corroborates, Severity::High));
}
