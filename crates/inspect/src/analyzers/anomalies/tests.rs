use super::*;
use crate::analyzers::fixture::Fixture;
use layers::{AnomalyKind, Weight};

fn check(kind: AnomalyKind, expect: Option<(Role, Severity)>, gap: bool) {
    let mut image = Fixture::new();
    image.file("a", 0o644, b"").layer().anomaly(kind, "x\x1b", 512);
    let out = image.run(&Anomalies);
    let found: Vec<_> = out.findings.iter().map(|finding| (finding.role, finding.severity)).collect();
    assert_eq!(found, Vec::from_iter(expect), "{kind:?}");
    assert_eq!(!out.gaps.is_empty(), gap, "{kind:?}");
    for finding in &out.findings {
        assert_eq!(finding.layer.as_ref().map(|layer| layer.index), Some(1));
        assert!(
            !finding.explanation.contains('\x1b') && finding.explanation.contains("Byte 512"),
            "{}",
            finding.explanation
        );
    }
    for gap in &out.gaps {
        assert_eq!(gap.what, "linux/amd64, layer 1");
        assert!(!gap.why.contains('\x1b') && gap.why.contains("byte 512"), "{}", gap.why);
    }
}

#[test]
fn anomalies_are_graded_by_who_is_known_to_make_them() {
    use AnomalyKind as A;
    check(A::TrailingData, Some((Role::Corroborates, Severity::Medium)), true);
    check(A::ConflictingHeaders, Some((Role::Corroborates, Severity::High)), true);
    check(A::ParentPath, Some((Role::Corroborates, Severity::High)), false);
    check(A::WhiteoutContent, Some((Role::Corroborates, Severity::Medium)), false);
    check(A::Truncated, Some((Role::Context, Severity::Low)), true);
    // Indices of lazily pulled layers, and what many builders write.
    check(A::SkippableFrame, Some((Role::Context, Severity::Low)), false);
    check(A::DuplicatePath, Some((Role::Context, Severity::Low)), false);
    check(A::SeveralMembers, None, false);
    check(A::GlobalHeader, None, false);
    check(A::CrossLayerHardlink, None, false);
}

#[test]
fn every_gap_is_named_and_nothing_benign_is_told() {
    use AnomalyKind as A;
    for kind in [
        A::DigestMismatch,
        A::SizeMismatch,
        A::DiffIdMismatch,
        A::UnsupportedCompression,
        A::CorruptCompression,
        A::TrailingCompressed,
        A::LimitReached,
        A::Truncated,
        A::TrailingData,
        A::BadChecksum,
        A::BadNumber,
        A::BadExtendedHeader,
        A::ConflictingHeaders,
        A::GlobalOverride,
        A::AmbiguousName,
        A::AmbiguousType,
        A::BadSparseMap,
        A::PaddedCompressed,
        A::NoEndMarker,
        A::OldFormat,
        A::AbsolutePath,
        A::NonUtf8Path,
        A::IdleWhiteout,
    ] {
        let mut image = Fixture::new();
        image.anomaly(kind, "", 0);
        let out = image.run(&Anomalies);
        assert_eq!(out.gaps.len(), usize::from(kind.weight() == Weight::Gap), "{kind:?}");
        assert_eq!(out.findings.is_empty(), kind.weight() == Weight::Benign, "{kind:?}");
    }
}

#[test]
fn a_crowd_of_one_kind_is_one_finding() {
    let mut image = Fixture::new();
    for offset in 0..5_000 {
        image.anomaly(AnomalyKind::TrailingData, "", offset);
    }
    let out = image.run(&Anomalies);
    assert_eq!((out.findings.len(), out.gaps.len(), out.findings[0].evidence.len()), (1, 1, 8));
    assert!(out.findings[0].explanation.contains("4,999 more"), "{}", out.findings[0].explanation);
}

#[test]
fn programs_that_a_later_layer_removes_are_told() {
    let program = b"\x7fELF\x02\x01\x01 and then a program";
    let mut image = Fixture::new();
    image.file("opt/a", 0o755, program).file("opt/b", 0o755, program).file("usr/bin/c", 0o755, program);
    image.file("opt/notes", 0o644, b"text").layer().file(".wh.opt", 0o644, b"");
    let found = image.run(&Anomalies).findings;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].id.as_str(), found[0].role, found[0].is_residue()),
        ("S-EVA-WHITEOUT", Role::Context, true)
    );
    assert!(found[0].explanation.contains("1 more"), "{}", found[0].explanation);
}

#[test]
fn replaced_programs_and_removed_data_are_not_told() {
    let mut image = Fixture::new();
    image.file("usr/bin/c", 0o755, b"\x7fELF\x02\x01\x01 of the old layer").file(
        "var/cache/x.deb",
        0o644,
        b"data",
    );
    image.layer().file("usr/bin/c", 0o755, b"\x7fELF\x02\x01\x01 of the new layer").file(
        "var/cache/.wh.x.deb",
        0o644,
        b"",
    );
    assert_eq!(image.ids(&Anomalies), [""; 0]);
}
