//! What a guest sees of files, and what is told of what it did to them.

use crate::Test;
use crate::guest::{check, image, is_root, open_to_all, run, spec, start};
use sandbox::{EntryKind, Persona, Root, Scratch, Spec};
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::PathBuf;

pub(crate) const TESTS: &[Test] = &[
    ("devices_and_masks", devices_and_masks),
    ("no_descriptor_is_inherited", no_descriptor_is_inherited),
    ("changes_are_told", changes_are_told),
    ("nothing_changes_by_itself", nothing_changes_by_itself),
    ("the_image_stays_as_it_is", the_image_stays_as_it_is),
    ("owners", owners),
    ("planting_stays_inside", planting_stays_inside),
    ("the_kernel_is_covered", the_kernel_is_covered),
    ("links_for_proc_are_refused", links_for_proc_are_refused),
    ("scratch_on_disk", scratch_on_disk),
    ("deep_trees", deep_trees),
];

fn devices_and_masks() {
    check(
        "echo /dev/*; \
         head -c 3 /dev/zero | wc -c; echo x > /dev/null; cat /proc/kcore | wc -c; \
         ls /proc/acpi /sys/firmware | wc -l",
        "/dev/core /dev/fd /dev/full /dev/mqueue /dev/null /dev/ptmx /dev/pts /dev/random /dev/shm /dev/stderr \
         /dev/stdin /dev/stdout /dev/tty /dev/urandom /dev/zero\n3\n0\n3\n",
    );
    check(
        "for f in /proc/sys/kernel/hostname /proc/sysrq-trigger /sys/power/state /proc/sys/kernel/core_pattern; do \
         (echo h > $f) 2>/dev/null && echo wrote $f; done; echo done",
        "done\n",
    );
}

fn no_descriptor_is_inherited() {
    let ran = run(&spec(
        "ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/1 | cut -c1-5; readlink /proc/self/cwd",
    ));
    // Descriptor 3 is the directory that `ls` reads.
    assert_eq!(ran.text(), "0 1 2 3 pipe:\n/\n", "{}", ran.errors());
}

fn changes_are_told() {
    let script = "echo new > /tmp/new; rm /etc/motd; rm -r /etc/full; mkdir /etc/full; mkdir -p /a/b; \
                  ln -s x /a/l; \
                  echo more >> /etc/passwd; chmod 700 /bin/busybox; mkdir /a/no; \
                  echo 1 > /a/no/1; chmod 0 /a/no /a/no/1";
    let ran = run(&spec(script));
    let mut told = BTreeMap::new();
    for change in &ran.changes {
        let mut text = String::new();
        if let Some(mut content) = change.content.as_ref() {
            content.read_to_string(&mut text).ok();
        }
        let kind = match &change.entry.kind {
            EntryKind::File { length } if *length > 100 => "large file".to_owned(),
            EntryKind::File { .. } => text,
            other => format!("{other:?}"),
        };
        told.insert(String::from_utf8_lossy(&change.entry.path).into_owned(), kind);
    }
    let expect = [
        ("a", "Directory { emptied: false }"),
        ("a/b", "Directory { emptied: false }"),
        ("a/l", "Link([120])"),
        ("a/no", "Directory { emptied: false }"),
        ("a/no/1", "1\n"),
        ("bin/busybox", "large file"),
        ("etc/full", "Directory { emptied: true }"),
        ("etc/motd", "Removed"),
        ("etc/passwd", "root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home:/bin/sh\nmore\n"),
        ("tmp/new", "new\n"),
    ];
    let expect: BTreeMap<_, _> = expect.map(|(path, kind)| (path.to_owned(), kind.to_owned())).into();
    assert_eq!(told, expect, "{}", ran.errors());
}

fn nothing_changes_by_itself() {
    let persona =
        Persona { path: "/var/lib/bait".into(), mode: 0o600, owner: (0, 0), bytes: b"bait".to_vec() };
    let ran = run(&Spec { persona: vec![persona], ..spec("cat /var/lib/bait; stat -c %a /var/lib/bait") });
    assert_eq!(ran.text(), "bait600\n");
    let told: Vec<_> = ran.changes.iter().map(|change| String::from_utf8_lossy(&change.entry.path)).collect();
    assert!(told.is_empty(), "{told:?}");
}

fn the_image_stays_as_it_is() {
    let before = listing();
    run(&spec("rm -rf /etc /bin/ls; echo x > /root/x; chmod 777 /tmp; mkdir /etc; echo > /bin/busybox"));
    assert_eq!(listing(), before);
}

fn listing() -> Vec<(PathBuf, u32, u32, u64, i64)> {
    let mut listed = Vec::new();
    let mut open = vec![image().to_owned()];
    while let Some(path) = open.pop() {
        let found = path.symlink_metadata().unwrap();
        listed.push((path.clone(), found.mode(), found.uid(), found.len(), found.mtime()));
        if found.is_dir() {
            open.extend(path.read_dir().unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    listed.sort();
    listed
}

fn owners() {
    let expect = if is_root() { "0\n1000:2000\napp\n" } else { "0\n0:0\n" };
    let script = "stat -c %u /bin/busybox; touch /tmp/x; chown 1000:2000 /tmp/x 2>/dev/null; stat -c %u:%g /tmp/x; \
                  su app -c 'id -un' 2>/dev/null";
    let ran = run(&spec(script));
    assert_eq!(ran.text(), expect, "{}", ran.errors());
    assert_eq!(ran.limitations.iter().any(|limitation| limitation.contains("one user")), !is_root());
}

/// An image may have made links of the places that are written to before it runs.
fn planting_stays_inside() {
    let outside = tempfile::tempdir().unwrap();
    let layer = tempfile::tempdir().unwrap();
    open_to_all(layer.path());
    open_to_all(outside.path());
    std::fs::create_dir(layer.path().join("etc")).unwrap();
    symlink(outside.path().join("hosts"), layer.path().join("etc/hosts")).unwrap();
    symlink(outside.path(), layer.path().join("trust")).unwrap();
    symlink("../../../../../../tmp", layer.path().join("up")).unwrap();
    let file =
        |path: &str| Persona { path: path.into(), mode: 0o644, owner: (0, 0), bytes: b"planted".to_vec() };
    let root = Root { lower: vec![layer.path().to_owned(), image().to_owned()], ..spec("").root };
    let persona = vec![file("/trust/ca.pem"), file("/up/here"), file("/../../../etc/odd")];
    let ran = run(&Spec {
        root,
        persona,
        ..spec("cat /etc/hosts | wc -l; cat /up/here; cat /etc/odd; cat /tmp/here")
    });
    assert_eq!(ran.text(), "7\nplantedplantedplanted", "{} {:?}", ran.errors(), ran.limitations);
    assert_eq!(outside.path().read_dir().unwrap().count(), 0, "something was written outside of the guest");
    assert!(
        ran.limitations.iter().any(|limitation| limitation.contains("/trust/ca.pem")),
        "{:?}",
        ran.limitations
    );
}

fn the_kernel_is_covered() {
    let file =
        |path: &str| Persona { path: path.into(), mode: 0o444, owner: (0, 0), bytes: b"told\n".to_vec() };
    let persona =
        ["/proc/cpuinfo", "/proc/not-there", "/proc/../etc/up", "/sys/class/dmi/../x"].map(file).to_vec();
    let script = "cat /proc/cpuinfo; cut -c1-4 /proc/uptime; \
                  (echo x > /proc/cpuinfo) 2>/dev/null || echo firm; test -e /etc/up && echo planted";
    let ran = run(&Spec { persona, ..spec(script) });
    assert_eq!(ran.text(), "told\n9554\nfirm\n", "{} {:?}", ran.errors(), ran.limitations);
}

fn links_for_proc_are_refused() {
    let layer = tempfile::tempdir().unwrap();
    open_to_all(layer.path());
    symlink("/tmp", layer.path().join("proc")).unwrap();
    let root = Root { lower: vec![layer.path().to_owned(), image().to_owned()], ..spec("").root };
    let error = sandbox::Sandbox::start(&Spec { root, ..spec("true") }).err().map(|error| error.to_string());
    assert!(error.as_ref().is_some_and(|error| error.contains("/proc of the image")), "{error:?}");
}

fn scratch_on_disk() {
    let scratch = tempfile::tempdir().unwrap();
    let place = scratch.path().join("run");
    std::fs::create_dir(&place).unwrap();
    let root = Root { scratch: Scratch::Directory(place.clone()), ..spec("").root };
    let ran = run(&Spec { root, start: start("echo x > /tmp/x; mkdir /tmp/d; chmod 0 /tmp/d"), ..spec("") });
    assert!(ran.changes.iter().any(|change| change.entry.path == b"tmp/x"), "{}", ran.errors());
    let root = Root { scratch: Scratch::Directory(place.clone()), ..spec("").root };
    assert_eq!(run(&Spec { root, ..spec("cat /tmp/x") }).text(), "x\n", "started again, it forgot");
    sandbox::remove(&place).unwrap();
    assert!(!place.exists());
}

fn deep_trees() {
    let ran = run(&spec("cd /tmp; guest deep"));
    assert_eq!(ran.text(), "deep\n", "{}", ran.errors());
    assert!(ran.changes.iter().any(|change| change.entry.kind == EntryKind::Unread));
}
