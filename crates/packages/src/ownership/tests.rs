use crate::{Agreement, Database, Ownership, Part, agreement, parse, recognize};
use md5::{Digest as _, Md5};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Database files of one tree, by path.
type Tree<'a> = BTreeMap<Vec<u8>, Part>;

fn build(tree: &Tree<'_>, resolve_parent: &dyn Fn(&[u8]) -> Vec<u8>) -> Ownership {
    Ownership::build(tree.iter().map(|(path, part)| (path.as_slice(), part)), resolve_parent)
}

/// This test reads the machine's own dpkg database where there is one, for it is what real ones look like.
#[test]
fn the_hosts_own_packages_agree_with_their_files() {
    if !Path::new("/var/lib/dpkg/info").exists() {
        println!("SKIPPED: this machine has no dpkg database to compare with");
        return;
    }
    let started = std::time::Instant::now();
    let mut tree = Tree::new();
    for folder in ["/var/lib/dpkg", "/var/lib/dpkg/info"] {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            let name = path.strip_prefix("/").unwrap().as_os_str().as_bytes();
            if let Some(kind) = recognize(name) {
                tree.insert(name.to_vec(), parse(kind, name, &fs::read(&path).unwrap()).unwrap());
            }
        }
    }
    let parsed = started.elapsed();
    let merged = Path::new("/bin").is_symlink();
    let resolve = |path: &[u8]| {
        let folders: [&[u8]; 4] = [b"bin/", b"sbin/", b"lib/", b"lib64/"];
        let moved = merged && folders.iter().any(|folder| path.starts_with(folder));
        if moved { [b"usr/", path].concat() } else { path.to_vec() }
    };
    let ownership = build(&tree, &resolve);
    println!("parsed in {parsed:?}, joined after {:?}", started.elapsed());
    assert_eq!(ownership.gaps(), &[]);
    let (mut files, mut agree) = (0, 0);
    for file in fs::read_dir("/usr/bin").unwrap() {
        let path = file.unwrap().path();
        let name = path.strip_prefix("/").unwrap().as_os_str().as_bytes();
        if !path.symlink_metadata().unwrap().is_file() {
            continue;
        }
        let Some(owner) = ownership.owner(name) else { continue };
        assert_eq!(owner.package.database, Database::Dpkg);
        files += 1;
        let md5 = Md5::digest(fs::read(&path).unwrap()).into();
        match agreement(&owner, &md5, &[0; 20], &[0; 32]) {
            Agreement::Agrees => agree += 1,
            other => println!("{}: {other:?}", path.display()),
        }
    }
    println!("{agree} of {files} owned files in /usr/bin agree");
    assert!(files > 50 && agree * 100 > files * 95, "{agree} of {files}");
}
