use super::*;
use crate::analyzers::fixture::Fixture;

fn b64(bytes: impl AsRef<[u8]>) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.as_ref().chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let value = (bits >> (18 - 6 * place)) & 63;
            out.push(if place <= chunk.len() { ALPHABET[value as usize] as char } else { '=' });
        }
    }
    out
}

const PLAIN: &str = "print('what the rounds hold, which does no harm')\n";

fn rounds(count: usize) -> String {
    (0..count)
        .fold(PLAIN.to_owned(), |text, _| format!("import base64\nexec(base64.b64decode('{}'))\n", b64(text)))
}

/// What is found in a file that starts the image, as (id, severity, role).
fn check(text: impl AsRef<[u8]>, expect: &[(&str, Severity, Role)]) {
    let text = text.as_ref();
    let mut image = Fixture::new();
    image.file("app/start", 0o755, text).start(&["/app/start"], &[]);
    let out = image.run(&Obfuscation);
    let found: Vec<_> = out.findings.iter().map(|one| (one.id.as_str(), one.severity, one.role)).collect();
    assert_eq!(found, expect, "{}", text.escape_ascii());
    assert!(out.findings.iter().all(|one| one.reachable == Some(true)));
}

const NEST: &str = "S-EVA-PYNEST";
const ENC: &str = "S-EVA-SHENC";

#[test]
fn rounds_that_run_each_other_count_by_their_number() {
    for (count, expect) in [
        (0, None),
        (1, None),
        (2, None),
        (3, Some((NEST, Severity::High, Role::Corroborates))),
        (4, Some((NEST, Severity::High, Role::Corroborates))),
        (5, Some((NEST, Severity::Critical, Role::Convicts))),
        (12, Some((NEST, Severity::Critical, Role::Convicts))),
    ] {
        check(rounds(count), expect.as_slice());
    }
    // Rounds that nothing runs are data of data: mails, tests, archives of archives.
    let stored = (0..6).fold(PLAIN.to_owned(), |text, _| {
        format!("import base64\nopen('x', 'wb').write(base64.b64decode('{}'))\n", b64(text))
    });
    check(stored, &[]);
    // One round that is not run ends the row.
    let broken = format!("import base64\nx = base64.b64decode('{}')\n", b64(rounds(4)));
    check(format!("import base64\nexec(base64.b64decode('{}'))", b64(broken)), &[]);
    // Many texts side by side are no rounds.
    let wide: String = (0..20)
        .map(|n| format!("exec(base64.b64decode('{}'))\n", b64(format!("print('text number {n}')\n"))))
        .collect();
    check(format!("import base64\n{wide}"), &[]);
}

#[test]
fn evidence_shows_every_round_and_the_end() {
    let mut image = Fixture::new();
    image.file("opt/job.py", 0o644, rounds(6).as_bytes());
    let out = image.run(&Obfuscation);
    let [finding] = out.findings.as_slice() else { panic!("{:?}", out.findings) };
    let of = |kind: &'static str| {
        finding.evidence.iter().filter(move |one| one.kind == kind).map(|one| one.value.as_str())
    };
    assert_eq!(of("round").count(), 6);
    assert!(of("round").next().unwrap().starts_with("line 2, base64 ("), "{:?}", finding.evidence);
    assert_eq!(of("decoded").next(), Some(model::escape_bytes(PLAIN.as_bytes()).as_str()));
    assert_eq!(of("decoded sha256").next().map(str::len), Some(64));
    assert_eq!(finding.path.as_deref(), Some("/opt/job.py"));
    assert_eq!(finding.reachable, None);
}

#[test]
fn what_a_later_layer_took_away_is_residue() {
    let mut image = Fixture::new();
    image.file("opt/job.py", 0o644, rounds(6).as_bytes());
    image.layer().file("opt/job.py", 0o644, b"pass\n");
    let out = image.run(&Obfuscation);
    assert!(out.findings[0].is_residue(), "{:?}", out.findings);
}

#[test]
fn honest_loaders_are_no_nests() {
    // get-pip.py: one archive in base85, written to a file that is then imported.
    let digits = "P)h>@6aWAK2mrTXQBeQ".repeat(400);
    check(
        format!(
            "#!/usr/bin/env python3\nimport base64, os, sys, tempfile\nDATA = b\"\"\"\n{digits}\n\"\"\"\n\
             def main():\n    pip_zip = os.path.join(tempfile.mkdtemp(), 'pip.zip')\n    with open(pip_zip, 'wb') as fp:\n\
             \x20       fp.write(base64.b85decode(DATA.replace(b\"\\n\", b\"\")))\n    sys.path.insert(0, pip_zip)\n"
        ),
        &[],
    );
    // pyarmor: its own bytes go to its own runtime.
    let blob = "\\x50\\x59\\x41\\x52\\x4d\\x4f\\x52\\x00\\x00\\x03\\x09\\x00".repeat(60);
    check(
        format!(
            "from pytransform import pyarmor_runtime\npyarmor_runtime()\n__pyarmor__(__name__, __file__, b'{blob}', 2)\n"
        ),
        &[],
    );
    // The boot script of a frozen program: code out of an archive, run once.
    check(
        "import sys, marshal, zlib\nfor name, data in archive.entries():\n    exec(marshal.loads(zlib.decompress(data)), vars(module))\n",
        &[],
    );
    check("import six\nexec(\"\"\"def reraise(tp, value, tb=None):\n    raise tp, value, tb\n\"\"\")\n", &[]);
}

#[test]
fn encoded_text_in_a_shell_is_found() {
    let text = b64("echo 'commands that nobody was to read'\n");
    let found = [(ENC, Severity::High, Role::Corroborates)];
    check(format!("#!/bin/sh\necho {text} | base64 -d | sh\n"), &found);
    check(format!("#!/bin/sh\neval \"$(echo {text} | base64 --decode)\"\n"), &found);
    check("#!/bin/sh\necho 6563686f2027636f6d6d616e647320746861742027 | xxd -r -p | sh\n", &found);
    check("#!/bin/bash\neval $'\\x65\\x63\\x68\\x6f\\x20\\x68\\x69\\x3b\\x20\\x69\\x64\\x20'\n", &found);
    check(format!("import os, base64\nos.system(base64.b64decode('{text}').decode())\n"), &found);
    let elsewhere = [(ENC, Severity::Medium, Role::Context)];
    check("#!/bin/sh\necho \"$SETTINGS\" | base64 -d | sh\n", &elsewhere);
    check("#!/bin/sh\neval \"$(base64 -d /run/secrets/env)\"\n", &elsewhere);
}

#[test]
fn decoding_into_a_file_is_not_running() {
    let text = b64("-----BEGIN CERTIFICATE-----\nof no use\n-----END CERTIFICATE-----\n");
    check(format!("#!/bin/sh\necho {text} | base64 -d > /etc/ssl/ca.pem\nupdate-ca-certificates\n"), &[]);
    check(format!("#!/bin/sh\nbase64 -d <<E >/tmp/key\n{text}\nE\nssh-add /tmp/key\n"), &[]);
    check("#!/bin/sh\necho \"$CERT\" | base64 -d > /etc/ssl/ca.pem\n", &[]);
    // Self-extracting archives: makeself and gzexe.
    check(
        "#!/bin/sh\noffset=`head -n 587 \"$0\" | wc -c | tr -d \" \"`\n\
         tail -c +$offset \"$0\" | gzip -cd | tar xf - \neval \"$finish\"; exit $res\n",
        &[],
    );
    check(
        "#!/bin/sh\nif tail -n +44 <\"$0\" | gzip -cd > \"$tmp\"; then chmod 700 \"$tmp\"; \"$tmp\"; fi\n",
        &[],
    );
    check(
        "#!/bin/sh\neval \"$(ssh-agent -s)\"\neval $(dircolors -b)\ncurl -s https://host.example/i | gunzip | sh\n",
        &[],
    );
    // A document that shows the attack only explains.
    let mut image = Fixture::new();
    image.file(
        "usr/share/doc/attacks.md",
        0o644,
        format!("An attack:\n\n    echo {text} | base64 -d | sh\n").as_bytes(),
    );
    let out = image.run(&Obfuscation);
    assert!(out.findings.iter().all(|one| one.role == Role::Context), "{:?}", out.findings);
    // A sentence about it, and a rule that finds it.
    check(format!("# Detects `echo {text} | base64 -d | sh`\nrule: 'base64 -d | sh'\n"), &[]);
}

#[test]
fn what_a_package_delivered_only_explains() {
    let text = format!("#!/bin/sh\necho {} | base64 -d | sh\n", b64("echo 'as the package has it'\n"));
    let mut image = Fixture::new();
    image.file("usr/bin/tool", 0o755, text.as_bytes());
    image.package("tool", &[("usr/bin/tool", text.as_bytes())]);
    let out = image.run(&Obfuscation);
    assert_eq!(out.findings[0].role, Role::Context);
    let nest = rounds(6);
    let mut image = Fixture::new();
    image.file("usr/bin/tool", 0o755, nest.as_bytes());
    image.package("tool", &[("usr/bin/tool", nest.as_bytes())]);
    assert_eq!(image.run(&Obfuscation).findings[0].role, Role::Convicts);
}

#[test]
fn large_scripts_are_read_to_their_end() {
    let fixture = layers::Entry {
        path: b"opt/large.py".to_vec(),
        kind: Kind::File,
        mode: 0o644,
        uid: 0,
        gid: 0,
        mtime: 0,
        size: 10 << 20,
        link: Vec::new(),
        device: (0, 0),
        xattrs: Vec::new(),
        offset: 0,
    };
    assert_eq!(FileAnalyzer::name(&Obfuscation), ImageAnalyzer::name(&Obfuscation));
    assert_eq!(Obfuscation.wants(&fixture, b"import os"), Want::Whole(MAX_SCRIPT));
    let other = Entry { path: b"opt/large.bin".to_vec(), ..fixture };
    assert_eq!(Obfuscation.wants(&other, b"#!/bin/sh"), Want::Whole(MAX_SCRIPT));
    assert_eq!(Obfuscation.wants(&other, b"\x7fELF"), Want::Nothing);
}
