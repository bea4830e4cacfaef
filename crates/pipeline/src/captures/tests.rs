use super::*;
use detonate::Content;
use layers::{Entry, Limits};
use std::sync::atomic::AtomicBool;

fn capture(path: Option<&[u8]>, number: u8, interpreter: Option<&str>) -> Capture {
    Capture {
        content: Content { sha256: [number; 32], length: 5, kept: true },
        path: path.map(<[u8]>::to_vec),
        run: "as configured".into(),
        by: "sh /start".into(),
        ran: number % 2 == 1,
        installed: false,
        interpreter: interpreter.map(|name| name.as_bytes().to_vec()),
    }
}

fn check(captures: &[Capture], expect: &[&str]) {
    let laid = laid_out(&captures.iter().collect::<Vec<_>>());
    let paths: Vec<String> = laid.iter().map(|file| model::escape_bytes(&file.path)).collect();
    assert_eq!(paths, expect);
}

#[test]
fn each_content_has_a_path_of_its_own() {
    let apart = |number: u8, path: &str| format!("captured/{}/{path}", format!("{number:02x}").repeat(32));
    check(
        &[capture(Some(b"/tmp/x"), 1, None), capture(Some(b"/tmp/x"), 2, None)],
        &["tmp/x", &apart(2, "tmp/x")],
    );
    check(&[capture(None, 1, Some("/usr/bin/python3.11"))], &[&apart(1, "given.py")]);
    check(&[capture(None, 1, Some("/bin/dash"))], &[&apart(1, "given.sh")]);
    check(&[capture(None, 2, None)], &[&apart(2, "content")]);
    // What would leave the layer, or be read as another path, is given none.
    for path in [&b"/../etc/passwd"[..], b"/tmp//x", b"/", b"tmp/x", b"/tmp/\0x", &[b'/'; 2000]] {
        check(&[capture(Some(path), 3, None)], &[&apart(3, "content")]);
    }
}

#[test]
fn captures_are_read_as_a_layer_even_where_one_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let name = |number: u8| format!("{number:02x}").repeat(32);
    for (number, bytes) in [(1, &b"first"[..]), (2, b"ab"), (4, b"longer than told")] {
        std::fs::write(directory.path().join(name(number)), bytes).unwrap();
    }
    let captures: Vec<Capture> =
        [1, 2, 3, 4].map(|number| capture(Some(format!("/f{number}").as_bytes()), number, None)).into();
    let laid = laid_out(&captures.iter().collect::<Vec<_>>());
    let archive = Archive::of(&laid, directory.path());
    let cancelled = AtomicBool::new(false);
    let (read, _) = read_layer(archive, &Declared::default(), &Limits::default(), &cancelled, |archive| {
        let (mut entry, mut read) = (Entry::default(), Vec::new());
        while archive.next_into(&mut entry).unwrap() {
            let mut bytes = Vec::new();
            archive.data().read_to_end(&mut bytes).unwrap();
            read.push((entry.path.clone(), entry.mode, bytes));
        }
        read
    });
    let expect = [
        ("f1", 0o755, "first"),
        ("f2", 0o644, "ab\0\0\0"),
        ("f3", 0o755, "\0\0\0\0\0"),
        ("f4", 0o644, "longe"),
    ];
    let expect =
        expect.map(|(path, mode, bytes)| (path.as_bytes().to_vec(), mode, bytes.as_bytes().to_vec()));
    assert_eq!(read, expect);
}

#[test]
fn what_is_odd_of_an_image_only_is_not_asked_of_a_run() {
    let check = |id: &str, expect: bool| {
        let known = inspect::detections();
        let detection = known.iter().find(|detection| detection.id == id).unwrap();
        assert_eq!(is_of_bytes(&Finding::of(detection, "")), expect, "{id}");
    };
    for id in ["S-MIN-HASH", "S-MIN-FAMILY", "S-DLX-PIPE", "S-EVA-PYNEST"] {
        check(id, true);
    }
    for id in ["S-ESC-SUID", "S-EVA-PKGTAMPER", "S-PER-CRON", "S-META-SQUAT", "S-CRE-SECRET", "S-PER-PAM"] {
        check(id, false);
    }
    for id in ["S-ESC-FCAP", "S-EVA-HIDDENEXE", "S-EVA-WHITEOUT", "S-PKG-UNOWNED", "S-CFG-HIDDENRUN"] {
        check(id, false);
    }
}
