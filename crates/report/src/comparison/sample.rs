use crate::sample::ATTACKS;
use model::{
    Accepted, AcceptedUse, Change, ChangeKind, Class, Comparison, DIFF_SCHEMA, Digest, Gap, LayerDrift,
    LayerRef, PackageChange, PlatformChanges, Severity, Side, State, Tool, Verdict,
};

fn side(reference: &str, verdict: Verdict) -> Side {
    Side {
        reference: reference.to_owned(),
        digest: Some(Digest::sha256([7; 32])),
        platforms: vec!["linux/amd64".to_owned()],
        verdict,
        signed: Some(true),
    }
}

/// Two images that are the same.
pub(super) fn nothing() -> Comparison {
    Comparison {
        schema: DIFF_SCHEMA.to_owned(),
        tool: Tool { version: "0.1.0".to_owned(), rules: "sha256:rules".to_owned(), feeds: Vec::new() },
        old: side("registry.example/app:1", Verdict::Clean),
        new: side("registry.example/app:2", Verdict::Clean),
        summary: "Nothing came in that the old image could not do.".to_owned(),
        changes: Vec::new(),
        packages: Vec::new(),
        platforms: Vec::new(),
        gaps: Vec::new(),
        baseline: Vec::new(),
    }
}

fn state(content: u8) -> Option<State> {
    Some(State {
        value: None,
        sha256: Some(Digest::sha256([content; 32])),
        mode: Some("0755".to_owned()),
        package: None,
    })
}

/// One of each that people should see.
pub(super) fn changes() -> Comparison {
    let layer = |index, created_by: &str| {
        Some(LayerRef { index, digest: Digest::sha256([index as u8; 32]), created_by: created_by.to_owned() })
    };
    let planted = Change {
        platform: "linux/amd64".to_owned(),
        path: Some("/usr/lib/liblzma_helper.so".to_owned()),
        layer: layer(2, "RUN make install"),
        after: state(1),
        reached: Some("ENTRYPOINT /usr/bin/app".to_owned()),
        ..Change::new(ChangeKind::ProgramAdded, Severity::High, "A new program that no package owns.")
    };
    let finding = Change {
        name: Some("S-PER-CRON".to_owned()),
        path: Some("/etc/cron.d/x".to_owned()),
        layer: layer(2, "RUN make install"),
        class: Some(Class::File),
        ..Change::new(ChangeKind::FindingAdded, Severity::Critical, "Planted job. It runs every minute.")
    };
    let entrypoint = Change {
        platform: "linux/amd64".to_owned(),
        name: Some("Entrypoint".to_owned()),
        before: Some(State { value: Some("/usr/bin/app".to_owned()), ..State::default() }),
        after: Some(State { value: Some("/bin/sh -c x".to_owned()), ..State::default() }),
        accepted: Some("ours".to_owned()),
        ..Change::new(ChangeKind::SettingChanged, Severity::High, "The image starts something else.")
    };
    let changed = Change {
        path: Some("/opt/app".to_owned()),
        before: state(3),
        after: state(4),
        moved_from: Some("/opt/old".to_owned()),
        ..Change::new(ChangeKind::ProgramChanged, Severity::Low, "A program has other content.")
    };
    Comparison {
        summary: "1 critical, 1 high, 1 low changes that matter.".to_owned(),
        new: side("registry.example/app:2", Verdict::Suspicious),
        changes: vec![finding, planted, entrypoint, changed],
        packages: vec![PackageChange {
            platform: "linux/amd64".to_owned(),
            manager: "dpkg".to_owned(),
            name: "libc6".to_owned(),
            before: Some("2.36-9".to_owned()),
            after: Some("2.36-10".to_owned()),
            files: 14,
            programs: 3,
        }],
        platforms: vec![PlatformChanges {
            platform: "linux/amd64".to_owned(),
            layers: LayerDrift::Partly,
            layers_old: 3,
            layers_new: 3,
            layers_shared: 2,
            added: 10,
            changed: 4,
            removed: 1,
            moved: 1,
        }],
        gaps: vec![Gap::new("new: linux/amd64, layer 2", "it is cut short")],
        baseline: vec![AcceptedUse {
            accepted: Accepted {
                kind: ChangeKind::ProgramAdded,
                path: Some("/opt/gone".to_owned()),
                name: None,
                sha256: Some(Digest::sha256([9; 32])),
                value: None,
                reason: Some("ours".to_owned()),
            },
            changes: 0,
        }],
        ..nothing()
    }
}

/// Every text of the image is an attack that nobody escaped.
pub(super) fn hostile() -> Comparison {
    let attack = || ATTACKS.join(" ");
    let mut hostile = changes();
    hostile.old.reference = attack();
    hostile.new.reference = attack();
    hostile.summary = attack();
    for change in &mut hostile.changes {
        change.path = change.path.as_ref().map(|_| attack());
        change.name = Some(attack());
        change.what = attack();
        change.platform = attack();
        change.reached = Some(attack());
        change.moved_from = Some(attack());
        change.accepted = change.accepted.as_ref().map(|_| attack());
        for state in [&mut change.before, &mut change.after].into_iter().flatten() {
            state.value = Some(attack());
            state.package = Some(attack());
        }
        if let Some(layer) = &mut change.layer {
            layer.created_by = attack();
        }
    }
    for package in &mut hostile.packages {
        package.name = attack();
        package.after = Some(attack());
    }
    for gap in &mut hostile.gaps {
        gap.what = attack();
        gap.why = attack();
    }
    for used in &mut hostile.baseline {
        used.accepted.path = Some(attack());
    }
    hostile
}
