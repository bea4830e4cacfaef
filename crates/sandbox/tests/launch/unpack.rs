//! Trees of images that want to be written somewhere else.

use crate::Test;
use crate::guest::{image, is_root, run, spec};
use sandbox::{Item, ItemKind, Owners, Root, Spec, Unpack, Unpacked};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

pub(crate) const TESTS: &[Test] = &[
    ("a_tree_is_written", a_tree_is_written),
    ("hostile_paths", hostile_paths),
    ("hostile_kinds", hostile_kinds),
    ("bounds", bounds),
    ("an_unpacked_tree_runs", an_unpacked_tree_runs),
];

fn item(path: &str, kind: ItemKind) -> (Item, Vec<u8>) {
    let item = Item {
        path: path.into(),
        kind,
        mode: 0o755,
        owner: (0, 0),
        modified: 1_000_000_000,
        attributes: Vec::new(),
    };
    (item, Vec::new())
}

fn file(path: &str, text: &str) -> (Item, Vec<u8>) {
    let (item, _) = item(path, ItemKind::File { length: text.len() as u64 });
    (item, text.into())
}

fn link(path: &str, target: &str) -> (Item, Vec<u8>) {
    item(path, ItemKind::Link(target.into()))
}

fn hard(path: &str, target: &str) -> (Item, Vec<u8>) {
    item(path, ItemKind::HardLink(target.into()))
}

fn directory(path: &str) -> (Item, Vec<u8>) {
    item(path, ItemKind::Directory)
}

fn write(to: &Path, items: &[(Item, Vec<u8>)]) -> Unpacked {
    let mut unpack = Unpack::begin(to, 1000, 1 << 30).unwrap();
    for (item, content) in items {
        unpack.entry(item).unwrap();
        unpack.data(content).unwrap();
    }
    unpack.finish().unwrap()
}

/// Writes the items, compares what is said of them and what stands there, and takes all away again.
#[track_caller]
fn check(items: &[(Item, Vec<u8>)], notes: &[(&str, &str)], there: &[&str]) {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("witness"), "untouched").unwrap();
    let place = outside.path().join("place");
    fs::create_dir(&place).unwrap();
    let done = write(&place, items);
    let said: Vec<_> = done
        .notes
        .iter()
        .map(|note| (String::from_utf8_lossy(&note.path).into_owned(), note.what.clone()))
        .collect();
    let matches = said.len() == notes.len()
        && said.iter().zip(notes).all(|(said, expect)| said.0 == expect.0 && said.1.contains(expect.1));
    assert!(matches, "{said:?}");
    let mut listed = Vec::new();
    let mut open = vec![done.root.clone()];
    while let Some(path) = open.pop() {
        for entry in path.read_dir().unwrap().map(Result::unwrap) {
            let name = entry.path().strip_prefix(&done.root).unwrap().display().to_string();
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
                listed.push(format!("{name}/"));
            } else if entry.file_type().unwrap().is_file() {
                listed.push(format!("{name}={}", fs::read_to_string(entry.path()).unwrap()));
            } else {
                listed.push(name);
            }
        }
    }
    listed.sort();
    assert_eq!(listed, there);
    sandbox::remove(&place).unwrap();
    let left: Vec<_> = outside.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["witness"]);
    assert_eq!(fs::read_to_string(outside.path().join("witness")).unwrap(), "untouched");
}

fn a_tree_is_written() {
    let outside = tempfile::tempdir().unwrap();
    let (mut suid, content) = file("bin/su", "program");
    suid.mode = 0o4755;
    suid.owner = (0, 5);
    suid.attributes = vec![(b"user.note".to_vec(), b"x".to_vec())];
    let done = write(
        outside.path(),
        &[directory("bin"), (suid, content), file("/etc/a", "1"), hard("etc/b", "/etc/a"), link("l", "etc")],
    );
    assert_eq!((done.entries, done.bytes, done.notes.len()), (5, 8, 0), "{:?}", done.notes);
    let found = fs::metadata(done.root.join("bin/su")).unwrap();
    assert_eq!((found.mode() & 0o7777, found.mtime()), (0o4755, 1_000_000_000));
    assert_eq!(fs::metadata(done.root.join("bin")).unwrap().mtime(), 1_000_000_000);
    assert_eq!(fs::metadata(done.root.join("etc/a")).unwrap().nlink(), 2);
    assert_eq!(fs::read_link(done.root.join("l")).unwrap(), Path::new("etc"));
    assert_eq!(
        fs::metadata(outside.path()).unwrap().mode() & 0o777,
        0o700,
        "others can reach setuid programs"
    );
    let owner = (found.uid(), found.gid());
    let base = sandbox::Ids::here().host(0);
    assert_eq!(
        owner,
        base.map_or((rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()), |base| (
            base,
            base + 5
        ))
    );
    let outside = outside.keep();
    sandbox::remove(&outside).unwrap();
}

fn hostile_paths() {
    check(&[file("../witness", "owned")], &[("../witness", "not written")], &[]);
    check(
        &[file("/../../witness", "owned"), file("a/../../witness", "owned")],
        &[("/../../witness", "not written"), ("a/../../witness", "not written")],
        &["a/"],
    );
    check(
        &[link("up", "../.."), file("up/witness", "owned"), link("abs", "/tmp"), file("abs/x", "owned")],
        &[("up/witness", "not written"), ("abs/x", "not written")],
        &["abs", "up"],
    );
    check(&[link("f", "../../witness"), file("f", "plain")], &[("f", "replaces")], &["f=plain"]);
    check(
        &[hard("h", "../../witness"), hard("i", "/nowhere")],
        &[("h", "not written"), ("i", "not written")],
        &[],
    );
    check(&[link("s", "/etc/passwd"), hard("h", "s")], &[], &["h", "s"]);
    check(&[file("a\n\u{1b}[31m", "x"), file("", "x"), file("/", "y")], &[], &["a\n\u{1b}[31m=x"]);
    check(&[file("a\0b", "x")], &[("a\0b", "not written")], &[]);
    check(&[file(&"n".repeat(300), "x")], &[(&"n".repeat(300), "not written")], &[]);
}

fn hostile_kinds() {
    check(
        &[file("a", "1"), file("a", "22"), file("a/b", "3")],
        &[("a", "replaces"), ("a/b", "not written")],
        &["a=22"],
    );
    check(&[file("d/x", "1"), file("d", "2")], &[("d", "not written")], &["d/", "d/x=1"]);
    check(&[directory("d"), file("d", "2")], &[], &["d=2"]);
    check(&[file("d", "1"), directory("d"), file("d/x", "2")], &[("d", "replaces")], &["d/", "d/x=2"]);
    check(
        &[item("dev/sda", ItemKind::Other), item("p", ItemKind::Pipe)],
        &[("dev/sda", "device")],
        &["dev/", "dev/sda=", "p"],
    );
    let (mut odd, content) = file("odd", "x");
    odd.owner = (4_000_000_000, 1);
    odd.attributes = vec![
        (b"user.overlay.redirect".to_vec(), b"/".to_vec()),
        (b"trusted.overlay.opaque".to_vec(), b"y".to_vec()),
    ];
    let notes = [
        ("odd", "above 65535"),
        ("odd", "user.overlay.redirect left out"),
        ("odd", "trusted.overlay.opaque left out"),
    ];
    check(&[(odd, content)], &notes, &["odd=x"]);
}

fn bounds() {
    let outside = tempfile::tempdir().unwrap();
    let mut unpack = Unpack::begin(outside.path(), 2, 10).unwrap();
    for name in ["a", "b", "c"] {
        let _ = unpack.entry(&file(name, "").0);
    }
    let said = unpack.finish().err().map(|error| error.to_string());
    assert!(said.as_ref().is_some_and(|said| said.contains("more entries")), "{said:?}");
    let outside = outside.keep();
    sandbox::remove(&outside).unwrap();
    fs::create_dir(&outside).unwrap();
    let mut unpack = Unpack::begin(&outside, 2, 10).unwrap();
    let (large, _) = item("large", ItemKind::File { length: 11 });
    unpack.entry(&large).unwrap();
    assert!(unpack.data(&[0; 12]).is_err() && unpack.entry(&large).is_err());
    drop(unpack);
    sandbox::remove(&outside).unwrap();
}

fn an_unpacked_tree_runs() {
    let place = tempfile::tempdir().unwrap();
    let busybox = fs::read(image().join("bin/busybox")).unwrap();
    let program = item("bin/busybox", ItemKind::File { length: busybox.len() as u64 }).0;
    let (mut owned, content) = file("home/x", "1");
    owned.owner = (1000, 1000);
    let done = write(
        place.path(),
        &[directory("bin"), (program, busybox), link("bin/sh", "busybox"), (owned, content)],
    );
    let root = Root { lower: vec![done.root.clone()], owners: Owners::Sandbox, ..spec("").root };
    let ran = run(&Spec {
        root,
        ..spec("busybox stat -c %u /home/x /bin/busybox; busybox rm /home/x; echo removed")
    });
    assert_eq!(
        ran.text(),
        if is_root() { "1000\n0\nremoved\n" } else { "0\n0\nremoved\n" },
        "{}",
        ran.errors()
    );
    let place = place.keep();
    sandbox::remove(&place).unwrap();
}
