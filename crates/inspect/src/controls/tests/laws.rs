use super::*;

/// What an image may bring to look better: folders, names, packages, labels, names of the image.
fn image(choices: &[(usize, u8)], labels: u8, name: usize) -> Fixture {
    let mut image = Fixture::named(["registry.example/team/xmrig", "library/debian", "x/scanner"][name]);
    let mut claimed: Vec<(&str, &[u8])> = Vec::new();
    for &(at, how) in choices {
        let path = PATHS[at];
        let bytes: &[u8] = if how & 1 == 0 { TEXT } else { SCRIPT };
        image.file(path, if how & 2 == 0 { 0o644 } else { 0o755 }, bytes);
        if how & 4 != 0 {
            claimed.push((path, bytes));
        }
        if how & 8 != 0 {
            image.layer();
        }
    }
    image.package("claims", &claimed);
    for (bit, (label, value)) in LABELS.iter().enumerate() {
        if labels >> bit & 1 == 1 {
            image.config.config.labels.insert((*label).to_owned(), (*value).to_owned());
        }
    }
    image.start(&[["/usr/bin/xmrig", "/opt/scanner", "/bin/sh"][name]], &[]);
    image
}

const PATHS: [&str; 8] = [
    "usr/share/doc/x/a",
    "app/tests/run.sh",
    "etc/suricata/a.rules",
    "usr/share/x/b.yar",
    "etc/cron.d/x",
    "usr/bin/xmrig",
    "app/README.md",
    "app/node_modules/y/test/z.js",
];

const LABELS: [(&str, &str); 3] = [
    ("org.opencontainers.image.description", "Monero miner"),
    ("description", "a port scanner"),
    ("summary", "part of the official image"),
];

fn finding_of(view: &ImageView<'_>, path: &str, id: &'static str, role: Role, severity: Severity) -> Finding {
    let mut finding = match view.tree.get(path.as_bytes()) {
        Some(place) => view.finding_at(&detection(id, role), "found", place),
        None => {
            view.finding(&detection(id, role), "found").with_evidence(HISTORY, "curl https://x.example", None)
        }
    };
    finding.severity = severity;
    finding
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever an image brings along, no control removes a finding, raises one, or touches what a conviction is
    /// worth; and what one lowers says so.
    #[test]
    fn controls_remove_nothing_raise_nothing_and_spare_convictions(
        choices in proptest::collection::vec((0..PATHS.len(), any::<u8>()), 0..10),
        labels in any::<u8>(),
        name in 0..3_usize,
        found in proptest::collection::vec((
            0..PATHS.len(),
            select(vec!["S-MIN-HASH", "S-PER-CRON", "S-DIS-MASSCAN", "S-ESC-SUID"]),
            select(vec![Role::Context, Role::Corroborates, Role::Convicts]),
            select(vec![Severity::Low, Severity::Medium, Severity::High, Severity::Critical]),
        ), 1..12),
    ) {
        let (before, after) = image(&choices, labels, name).view(|view| {
            let mut out = Outcome::default();
            crate::analyzers::start::Start.analyze(view, &mut out);
            out.findings = found
                .iter()
                .map(|&(at, id, role, severity)| finding_of(view, PATHS[at], id, role, severity))
                .collect();
            let before = out.findings.clone();
            apply(view, &mut out);
            prop_assert!(out.gaps.is_empty());
            Ok((before, out.findings))
        })?;
        prop_assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(after.role <= before.role && after.severity <= before.severity);
            let lowered = (after.role, after.severity) != (before.role, before.severity);
            prop_assert!(!lowered || before.role == Role::Corroborates);
            prop_assert!(!lowered || after.controls().next().is_some());
            let bare = Finding {
                role: before.role,
                severity: before.severity,
                axis: before.axis,
                evidence: after.evidence.iter().filter(|piece| piece.kind != CONTROL).cloned().collect(),
                ..after.clone()
            };
            prop_assert_eq!(&bare, before);
        }
    }
}
