use super::programs::permitted;
use super::*;
use crate::analyzers::fixture::Fixture;

type Found = (&'static str, Role, Severity);

/// What is found in an image with a shell and a package.
fn check(set: impl FnOnce(&mut Fixture), expect: &[Found]) {
    let mut image = Fixture::new();
    let owned: [(&str, &[u8]); 3] =
        [("usr/bin/bash", b"\x7fELF bash"), ("usr/bin/su", b"\x7fELF su"), ("usr/bin/ping", b"\x7fELF ping")];
    for (path, bytes) in owned {
        image.file(path, 0o755, bytes);
    }
    image.package("base", &owned);
    set(&mut image);
    let found = image.run(&Privilege).findings;
    let found: Vec<_> =
        found.iter().map(|finding| (finding.id.as_str(), finding.role, finding.severity)).collect();
    assert_eq!(found, expect);
}

fn program(path: &'static str, mode: u32, bytes: &'static [u8]) -> impl FnOnce(&mut Fixture) {
    move |image| {
        image.file(path, mode, bytes);
    }
}

use Role::{Context, Corroborates};
use Severity::{High, Low, Medium};

#[test]
fn programs_that_lend_their_rights_are_told() {
    let high = [("S-ESC-SUID", Corroborates, High)];
    let medium = [("S-ESC-SUID", Corroborates, Medium)];
    let explains = [("S-ESC-SUID", Context, Low)];
    check(program("usr/local/bin/tool", 0o4755, b"\x7fELF tool"), &high);
    check(program("usr/local/bin/tool", 0o2755, b"\x7fELF tool"), &medium);
    // A shell, also where a package owns it, and a copy of one under another name.
    check(program("usr/bin/bash", 0o4755, b"\x7fELF bash"), &high);
    check(program("opt/python3.11", 0o4755, b"\x7fELF python"), &high);
    check(program("opt/google/chrome-sandbox", 0o4755, b"\x7fELF bash"), &high);
    check(program("usr/bin/find", 0o2755, b"\x7fELF find"), &medium);
    // Owned ones and known helpers, but not where they hide.
    check(program("usr/bin/su", 0o4755, b"\x7fELF su"), &[]);
    check(program("usr/bin/su", 0o4755, b"\x7fELF other"), &explains);
    for helper in [
        "opt/google/chrome/chrome-sandbox",
        "app/node_modules/electron/dist/chrome-sandbox",
        "usr/local/bin/bwrap",
        "usr/local/bin/fusermount3",
        "usr/local/bin/newuidmap",
    ] {
        check(
            |image| {
                image.file(helper, 0o4755, b"\x7fELF helper");
            },
            &explains,
        );
    }
    check(program("tmp/su", 0o4755, b"\x7fELF su"), &high);
    // Bits without meaning.
    check(program("usr/local/bin/tool", 0o4644, b"\x7fELF tool"), &[]);
    check(program("usr/local/bin/tool", 0o4755, b"#!/bin/sh\nid\n"), &[]);
    check(program("usr/local/bin/tool", 0o4755, b""), &[]);
    check(program("usr/local/bin/tool", 0o1755, b"\x7fELF tool"), &[]);
    // A link is the same file, and told by each of its names.
    check(
        |image| {
            image.file("usr/local/bin/tool", 0o4755, b"\x7fELF tool").layer().file(
                "usr/local/bin/.wh.tool",
                0o644,
                b"",
            );
        },
        &[],
    );
    let mut none = Fixture::new();
    none.file("bin/tool", 0o4755, b"\x7fELF tool").file("bin/sh", 0o4755, b"\x7fELF sh");
    let roles: Vec<_> = none.run(&Privilege).findings.iter().map(|finding| finding.role).collect();
    assert_eq!(roles, [Corroborates, Context]);
}

#[test]
fn many_harmless_bits_do_not_push_out_the_worst() {
    let mut image = Fixture::new();
    for number in 0..200 {
        image.file(&format!("a/{number}/chrome-sandbox"), 0o4755, b"\x7fELF helper");
    }
    image.file("z/bash", 0o4755, b"\x7fELF bash");
    let found = image.run(&Privilege).findings;
    assert_eq!((found.len(), found[0].path.as_deref()), (32, Some("/z/bash")));
}

/// A `security.capability` of the second revision.
fn capability(permitted: u64) -> Vec<u8> {
    let word = |number: u64| (number as u32).to_le_bytes();
    [word(0x0200_0001), word(permitted), [0; 4], word(permitted >> 32), [0; 4]].concat()
}

#[test]
fn capabilities_near_to_root_are_told() {
    let told = [("S-ESC-FCAP", Corroborates, Medium)];
    let with = |path: &'static str, bits: &'static [u32]| {
        let permitted = bits.iter().fold(0, |all, bit| all | 1_u64 << bit);
        move |image: &mut Fixture| {
            image.capable_file(path, b"\x7fELF x", &capability(permitted));
        }
    };
    for bit in [1, 2, 6, 7, 16, 19, 21, 39] {
        check(with("opt/x", vec![bit].leak()), &told);
    }
    // Vault locks memory, ping opens raw sockets, caddy binds low ports.
    check(with("bin/vault", &[14]), &[]);
    check(with("opt/ping", &[13]), &[]);
    check(with("usr/bin/caddy", &[10, 12]), &[]);
    check(with("usr/local/bin/newuidmap", &[7]), &[("S-ESC-FCAP", Context, Low)]);
    check(
        |image| {
            image.capable_file("usr/bin/newuidmap", b"\x7fELF x", &capability(1 << 7));
            image.package("uidmap", &[("usr/bin/newuidmap", b"\x7fELF x")]);
        },
        &[],
    );
    check(
        |image| {
            image.capable_file("opt/x", b"\x7fELF x", b"\x01\x00\x00");
        },
        &[],
    );
}

#[test]
fn capabilities_are_read_as_the_kernel_reads_them() {
    assert_eq!(permitted(&capability(1 << 21 | 1 << 39)), Some(1 << 21 | 1 << 39));
    let third = [0x0300_0000_u32.to_le_bytes().as_slice(), &[0xff; 4], &[0; 12], &[0, 0, 0, 0]].concat();
    assert_eq!(permitted(&third), Some(0xffff_ffff));
    let first = [0x0100_0001_u32.to_le_bytes().as_slice(), &[2, 0, 0, 0], &[0; 4]].concat();
    assert_eq!(permitted(&first), Some(2));
    for bad in [&b""[..], b"\x00\x00\x00\x02", &[0; 20], &[0xff; 20], &capability(1)[..19], &[0xff; 4096]] {
        assert_eq!(permitted(bad), None, "{bad:?}");
    }
}

#[test]
fn users_who_may_become_root_only_explain() {
    let told = [("S-ESC-SUDO", Context, Low)];
    let user = |user: &'static str, rule: &'static str| {
        move |image: &mut Fixture| {
            image.file("etc/sudoers.d/user", 0o440, rule.as_bytes()).config.config.user = user.to_owned();
        }
    };
    check(user("vscode", "vscode ALL=(root) NOPASSWD:ALL\n"), &told);
    check(user("gitpod:gitpod", "%sudo ALL=NOPASSWD:ALL\n"), &told);
    check(user("1000", "#1000 ALL=(ALL) NOPASSWD: ALL\n"), &told);
    check(user("app", "app ALL=(ALL) NOPASSWD: /usr/bin/apt\n"), &[]);
    check(user("app", "app ALL=(ALL) ALL\n"), &[]);
    check(user("app", "# app ALL=(ALL) NOPASSWD: ALL\n"), &[]);
    check(user("app", "other ALL=(ALL) NOPASSWD: ALL\n"), &[]);
    check(user("", "app ALL=(ALL) NOPASSWD: ALL\n"), &[]);
    check(user("root", "ALL ALL=(ALL) NOPASSWD: ALL\n"), &[]);
}

#[test]
fn labels_that_ask_for_the_host_only_explain() {
    let label = |value: &'static str| {
        move |image: &mut Fixture| {
            image.config.config.labels.insert("RUN".to_owned(), value.to_owned());
        }
    };
    let told = [("S-ESC-RUNFLAGS", Context, Low)];
    check(label("docker run --privileged --pid=host -v /:/host IMAGE"), &told);
    check(label("docker run -v /var/run/docker.sock:/var/run/docker.sock IMAGE"), &told);
    check(label("docker run -p 80:80 -v /data:/data IMAGE"), &[]);
    check(label("A tool without privileges"), &[]);
}
