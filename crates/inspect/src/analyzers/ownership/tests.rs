use super::*;
use crate::analyzers::fixture::Fixture;

/// A program whose bytes end in a text of their own.
fn program(text: &str) -> Vec<u8> {
    let mut bytes = b"\x7fELF\x02\x01\x01".to_vec();
    bytes.resize(64, 0);
    bytes.extend(text.bytes());
    bytes
}

/// A package of ten files, of which `path` is one; `altered` of the others differ, and `path` is `content`.
fn image(path: &str, content: &[u8], altered: usize) -> Fixture {
    let names: Vec<String> = (0..9).map(|number| format!("usr/lib/pkg/lib{number}.so")).collect();
    let genuine: Vec<Vec<u8>> = (0..9).map(|number| program(&format!("genuine {number}"))).collect();
    let promised = program("promised");
    let mut files: Vec<(&str, &[u8])> =
        names.iter().map(String::as_str).zip(genuine.iter().map(Vec::as_slice)).collect();
    files.push((path, &promised));
    let mut image = Fixture::new();
    image.package("pkg", &files);
    for (number, (name, bytes)) in files.iter().take(9).enumerate() {
        image.file(
            name,
            0o644,
            if number < altered { b"\x7fELF\x02\x01\x01remade, all of them" } else { bytes },
        );
    }
    image.layer().file(path, 0o755, content);
    image
}

fn check(path: &str, content: &[u8], altered: usize, expect: &[(&str, Role)]) {
    let found = image(path, content, altered).run(&PackageTruth).findings;
    let found: Vec<_> =
        found.iter().map(|finding| (finding.path.as_deref().unwrap_or_default(), finding.role)).collect();
    assert_eq!(found, expect, "{path}");
}

#[test]
fn a_replaced_gate_convicts() {
    for path in [
        "usr/sbin/sshd",
        "usr/bin/su",
        "lib/x86_64-linux-gnu/security/pam_unix.so",
        "lib64/ld-linux-x86-64.so.2",
        "usr/lib/x86_64-linux-gnu/libcrypto.so.3",
    ] {
        check(path, &program("back door"), 0, &[(&format!("/{path}"), Role::Convicts)]);
        check(path, &program("promised"), 0, &[]);
    }
}

/// The package names the program by a link, and no entry describes the directory behind it.
#[test]
fn a_program_behind_a_link_to_an_implied_directory_is_owned() {
    // The others of the package are as it promises, so that it was not remade as a whole.
    let mut image = image("bin/su", &program("back door"), 0);
    image.symlink("bin", "usr/bin").file("usr/bin/su", 0o755, &program("back door"));
    let found: Vec<_> =
        image.run(&PackageTruth).findings.into_iter().map(|one| (one.path, one.role)).collect();
    assert_eq!(found, [(Some("/usr/bin/su".to_owned()), Role::Convicts)]);
}

#[test]
fn another_replaced_program_corroborates() {
    check("usr/bin/ls", &program("other"), 0, &[("/usr/bin/ls", Role::Corroborates)]);
    check("usr/bin/ls", b"#!/bin/sh\nexec /opt/x\n", 0, &[("/usr/bin/ls", Role::Corroborates)]);
    // Not a gate of the distribution's, whatever it is called.
    check("opt/tool/su", &program("other"), 0, &[("/opt/tool/su", Role::Corroborates)]);
}

#[test]
fn packages_that_were_remade_as_a_whole_only_explain() {
    check("usr/sbin/sshd", &program("stripped"), 9, &[("/usr/lib/pkg/lib0.so", Role::Context)]);
}

#[test]
fn data_and_settings_are_not_compared() {
    check("usr/share/doc/pkg/README", b"changed", 0, &[]);
    check("usr/lib/python3/x.pyc", b"\x55\x0d\x0d\x0achanged", 0, &[]);
    check("usr/share/pkg/table.dat", b"changed", 0, &[]);
}

#[test]
fn a_link_in_the_place_of_a_gate_is_told_where_it_leads_astray() {
    let astray = |target: &str| {
        let mut image = image("usr/sbin/sshd", &program("promised"), 0);
        image.file("opt/x", 0o755, b"x").layer().symlink("usr/sbin/sshd", target);
        image.run(&PackageTruth).findings.iter().map(|finding| finding.role).collect::<Vec<_>>()
    };
    assert_eq!(astray("/opt/x"), [Role::Corroborates]);
    assert_eq!(astray("/usr/lib/pkg/lib0.so"), []);
}

#[test]
fn unowned_programs_in_system_directories_explain() {
    let mut image = image("usr/bin/ls", &program("promised"), 0);
    image.file("usr/local/bin/ours", 0o755, &program("ours")).file("opt/app/run", 0o755, &program("ours"));
    image.file("usr/bin/notes.txt", 0o644, b"text");
    assert_eq!(image.ids(&PackageTruth), [""; 0]);
    image.file("usr/bin/added", 0o755, &program("added")).file("usr/lib/x/added", 0o755, b"#!/bin/sh\n/x\n");
    let found = image.run(&PackageTruth).findings;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].id.as_str(), found[0].role, found[0].evidence.len()),
        ("S-PKG-UNOWNED", Role::Context, 2)
    );
    // Without a database nothing is known, so nothing is missing from it.
    let mut image = Fixture::new();
    image.file("usr/bin/added", 0o755, &program("added"));
    assert_eq!(image.ids(&PackageTruth), [""; 0]);
}
