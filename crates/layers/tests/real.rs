//! Archives as GNU tar and Python write them, read back: the same files with the same content, and nothing odd but
//! what sparse files are.

use layers::{AnomalyKind, Entry, Kind, Limits, TarReader, Weight};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;

#[allow(clippy::print_stdout)] // What is skipped is said aloud.
fn skipped(peer: &str) {
    println!("SKIPPED: {peer} is not installed, nothing of its making was read");
    assert!(std::env::var_os("CI").is_none(), "{peer} is required where CI is set");
}

/// A tree with a torn file, a large hole, a long name, a directory and links.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let long = format!("{}/{}", "d".repeat(120), "n".repeat(120));
    fs::create_dir_all(root.join(&long).parent().expect("a parent")).expect("directory");
    fs::create_dir(root.join("empty")).expect("directory");
    let mut torn = File::create(root.join("torn")).expect("file");
    for place in 0..40u64 {
        torn.seek(SeekFrom::Start(place * 200_000)).expect("seek");
        torn.write_all(format!("data {place}").as_bytes()).expect("write");
    }
    torn.set_len(9_000_000).expect("a hole at the end");
    File::create(root.join("hole")).expect("file").set_len(50 << 20).expect("a hole");
    fs::write(root.join("small"), "hello").expect("file");
    fs::write(root.join(&long), "far away").expect("file");
    std::os::unix::fs::symlink("small", root.join("link")).expect("link");
    fs::hard_link(root.join("small"), root.join("twin")).expect("link");
    let mut expect = BTreeMap::new();
    for name in ["torn", "hole", "small", &long] {
        expect.insert(name.to_owned(), digest(&fs::read(root.join(name)).expect("read")));
    }
    expect
}

fn digest(content: &[u8]) -> String {
    use sha2::Digest as _;
    format!("{} {:x?}", content.len(), sha2::Sha256::digest(content).as_slice())
}

/// Files of the archive with their content, and the kinds of anomalies that are more than benign.
fn read(archive: &[u8]) -> (BTreeMap<String, String>, Vec<AnomalyKind>) {
    let mut reader = TarReader::new(archive, &Limits::default());
    let mut entry = Entry::default();
    let mut files = BTreeMap::new();
    let mut links = BTreeMap::new();
    while reader.next_into(&mut entry).expect("an honest archive") {
        let path = String::from_utf8(entry.path.clone()).expect("a path");
        match entry.kind {
            Kind::File => {
                let mut content = Vec::new();
                reader.data().read_to_end(&mut content).expect("content");
                files.insert(path, digest(&content));
            }
            Kind::Hardlink => {
                links.insert(path, String::from_utf8(entry.link.clone()).expect("a path"));
            }
            _ => {}
        }
    }
    for (path, target) in links {
        let content = files.get(&target).expect("the target is in the archive").clone();
        files.insert(path, content);
    }
    let (_, anomalies) = reader.finish();
    let kinds = anomalies.iter().map(|anomaly| anomaly.kind).filter(|kind| kind.weight() > Weight::Benign);
    (files, kinds.collect())
}

fn check(what: &str, archive: &[u8], mut expect: BTreeMap<String, String>, allowed: &[AnomalyKind]) {
    let (files, mut kinds) = read(archive);
    let twin = expect["small"].clone();
    expect.insert("twin".to_owned(), twin);
    expect.retain(|name, _| files.contains_key(name) || name.len() < 200);
    assert_eq!(files, expect, "{what}");
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds, allowed, "{what}");
}

#[test]
fn gnu_tar_in_all_its_formats() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path().join("tree");
    fs::create_dir(&root).expect("directory");
    let expect = tree(&root);
    let sparse = [AnomalyKind::Sparse];
    let formats: [(&[&str], &[AnomalyKind]); 9] = [
        (&["--format=gnu"], &[]),
        (&["--format=oldgnu"], &[]),
        (&["--format=pax"], &[]),
        (&["--format=ustar"], &[]),
        (&["--format=v7"], &[]),
        (&["--format=gnu", "--sparse"], &[AnomalyKind::Sparse, AnomalyKind::UnknownType]),
        (&["--format=pax", "--sparse", "--sparse-version=0.0"], &sparse),
        (&["--format=pax", "--sparse", "--sparse-version=0.1"], &sparse),
        (&["--format=pax", "--sparse", "--sparse-version=1.0"], &sparse),
    ];
    for (options, allowed) in formats {
        let output =
            Command::new("tar").args(options).args(["-C"]).arg(&root).args(["-cf", "-", "."]).output();
        let Ok(output) = output else { return skipped("GNU tar") };
        let mut allowed = allowed.to_vec();
        allowed.sort();
        check(&options.join(" "), &output.stdout, expect.clone(), &allowed);
    }
}

#[test]
fn python_in_all_its_formats() {
    let directory = tempfile::tempdir().expect("directory");
    let root = directory.path().join("tree");
    fs::create_dir(&root).expect("directory");
    let expect = tree(&root);
    for format in ["GNU_FORMAT", "PAX_FORMAT"] {
        let script = format!(
            "import sys, tarfile\n\
             tar = tarfile.open(fileobj=sys.stdout.buffer, mode='w|', format=tarfile.{format}, \
             pax_headers={{'comment': 'made by a test'}})\n\
             tar.add(sys.argv[1], arcname='.')\n\
             tar.close()\n"
        );
        let Ok(output) = Command::new("python3").args(["-c", &script]).arg(&root).output() else {
            return skipped("python3");
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        check(format, &output.stdout, expect.clone(), &[]);
    }
}
