use crate::{Agreement, Database, Inconsistency, Ownership, Part, Promise, agreement, parse, recognize};
use md5::{Digest as _, Md5};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Database files of one tree, by path.
type Tree = BTreeMap<Vec<u8>, Part>;

fn tree(files: &[(&str, &str)]) -> Tree {
    let parsed = files.iter().map(|(path, text)| {
        let kind = recognize(path.as_bytes()).unwrap();
        (path.as_bytes().to_vec(), parse(kind, path.as_bytes(), text.as_bytes()).unwrap())
    });
    parsed.collect()
}

fn build(tree: &Tree, resolve_parent: &dyn Fn(&[u8]) -> Vec<u8>) -> Ownership {
    Ownership::build(tree.iter().map(|(path, part)| (path.as_slice(), part)), resolve_parent)
}

/// As a tree with `bin -> usr/bin` and the like resolves paths.
fn merged_usr(path: &[u8]) -> Vec<u8> {
    let folders: [&[u8]; 4] = [b"bin/", b"sbin/", b"lib/", b"lib64/"];
    let moved = folders.iter().any(|folder| path.starts_with(folder));
    if moved { [b"usr/", path].concat() } else { path.to_vec() }
}

/// `path` is owned as the texts say: `name`, then its promise, then whether it is configuration.
fn check(files: &[(&str, &str)], expect: &[(&str, &str)]) -> Ownership {
    let ownership = build(&tree(files), &merged_usr);
    for (path, expect) in expect {
        let owners =
            ownership.owner(path.as_bytes()).into_iter().flat_map(|owner| owner.all().collect::<Vec<_>>());
        let owners: Vec<_> = owners
            .map(|owner| {
                let promise = match owner.promise {
                    Promise::None => String::new(),
                    Promise::Md5(digest) => format!(" {:02x}", digest[0]),
                    other => format!(" {other:?}"),
                };
                let config = if owner.config_file { " config" } else { "" };
                format!("{}{promise}{config}", owner.package.name)
            })
            .collect();
        assert_eq!(owners.join(", "), *expect, "{path}");
    }
    ownership
}

const ONE: &str = "11111111111111111111111111111111";
const TWO: &str = "22222222222222222222222222222222";

#[test]
fn a_list_owns_and_sums_promise() {
    let status = "Package: a\nStatus: install ok installed\nVersion: 1\n\n\
                  Package: c\nStatus: install ok installed\nArchitecture: amd64\nMulti-Arch: same\n\n\
                  Package: c\nStatus: install ok installed\nArchitecture: i386\nMulti-Arch: same\n";
    let sums = format!("{ONE}  bin/ls\n{TWO}  usr/taken\n");
    let c = format!("{ONE}  usr/share/c\n");
    let ownership = check(
        &[
            ("var/lib/dpkg/status", status),
            ("var/lib/dpkg/info/a.list", "/.\n/bin\n/bin/ls\n/bin/link\n"),
            ("var/lib/dpkg/info/a.md5sums", &sums),
            ("var/lib/dpkg/info/c:amd64.list", "/usr/share/c\n"),
            ("var/lib/dpkg/info/c:i386.list", "/usr/share/c\n"),
            ("var/lib/dpkg/info/c:amd64.md5sums", &c),
        ],
        &[
            ("usr/bin/ls", "a 11"),
            ("bin/ls", ""),
            ("usr/bin/link", "a"),
            ("usr/bin", ""),
            // Another package took the file over: it is off the list, while its digest stays behind.
            ("usr/taken", ""),
            ("usr/share/c", "c 11, c"),
        ],
    );
    assert_eq!(ownership.inconsistencies(), &[]);
    assert_eq!(ownership.packages().len(), 3);
    assert!(!ownership.is_empty());
}

#[test]
fn configuration_is_owned_even_by_the_removed() {
    let status = format!(
        "Package: a\nStatus: install ok installed\nConffiles:\n /etc/a {ONE}\n /etc/gone {ONE} obsolete\n\n\
         Package: b\nStatus: deinstall ok config-files\nConffiles:\n /etc/b {TWO}\n\n\
         Package: n\nStatus: purge ok not-installed\n"
    );
    let ownership = check(
        &[
            ("var/lib/dpkg/status", &status),
            ("var/lib/dpkg/info/a.list", "/etc\n/etc/a\n/usr/bin/a\n"),
            ("var/lib/dpkg/info/b.list", "/etc\n/etc/b\n/usr/bin/b\n"),
            ("var/lib/dpkg/info/b.md5sums", &format!("{ONE}  usr/bin/b\n")),
            ("var/lib/dpkg/info/n.list", "/usr/bin/n\n"),
        ],
        &[
            ("etc/a", "a 11 config"),
            ("etc/gone", ""),
            ("etc/b", "b 22 config"),
            ("usr/bin/a", "a"),
            ("usr/bin/b", ""),
            ("usr/bin/n", ""),
        ],
    );
    let removed = |package: &crate::Package| (package.name.clone(), package.removed);
    assert_eq!(
        ownership.packages().iter().map(removed).collect::<Vec<_>>(),
        [("a".into(), false), ("b".into(), true)]
    );
    let owner = ownership.owner(b"etc/a").unwrap();
    assert_eq!(agreement(&owner, Some(&[0; 16]), None, &[0; 32]), Agreement::ConfigChanged);
    assert_eq!(agreement(&owner, Some(&[0x11; 16]), None, &[0; 32]), Agreement::Agrees);
}

#[test]
fn who_is_diverted_owns_the_other_path() {
    let status =
        "Package: bash\nStatus: install ok installed\n\nPackage: dash\nStatus: install ok installed\n";
    let (one, two) = (format!("{ONE}  bin/sh\n"), format!("{TWO}  bin/sh\n"));
    let files = |diversions| {
        [
            ("var/lib/dpkg/status", status),
            ("var/lib/dpkg/info/bash.list", "/bin/sh\n"),
            ("var/lib/dpkg/info/bash.md5sums", one.as_str()),
            ("var/lib/dpkg/info/dash.list", "/bin/sh\n"),
            ("var/lib/dpkg/info/dash.md5sums", two.as_str()),
            ("var/lib/dpkg/diversions", diversions),
        ]
    };
    check(
        &files("/bin/sh\n/bin/sh.distrib\ndash\n"),
        &[("usr/bin/sh", "dash 22"), ("usr/bin/sh.distrib", "bash 11")],
    );
    // The diversion may be written in the other spelling of the same folder.
    check(
        &files("/usr/bin/sh\n/usr/bin/sh.distrib\ndash\n"),
        &[("usr/bin/sh", "dash 22"), ("usr/bin/sh.distrib", "bash 11")],
    );
    check(
        &files("/bin/sh\n/bin/sh.real\n:\n"),
        &[("usr/bin/sh", ""), ("usr/bin/sh.real", "bash 11, dash 22")],
    );
}

#[test]
fn images_without_a_package_manager_own_by_their_sums() {
    let ownership = check(
        &[
            ("var/lib/dpkg/status.d/libssl3", "Package: libssl3\nVersion: 3\n"),
            ("var/lib/dpkg/status.d/libssl3.md5sums", &format!("{ONE}  ./usr/lib/libssl.so.3\n")),
            // The file may be named otherwise than the package in it.
            ("var/lib/dpkg/status.d/b", "Package: base-files\nVersion: 12\n"),
            ("var/lib/dpkg/status.d/b.md5sums", &format!("{TWO}  etc/debian_version\n")),
        ],
        &[("usr/lib/libssl.so.3", "libssl3 11"), ("etc/debian_version", "base-files 22")],
    );
    assert_eq!(ownership.inconsistencies(), &[]);
}

#[test]
fn contradictions_are_told() {
    let ownership = check(
        &[
            ("var/lib/dpkg/status", "Package: a\nStatus: install ok installed\n"),
            ("var/lib/dpkg/info/evil.list", "/usr/bin/evil\n"),
            ("var/lib/dpkg/info/broken.list", "usr/bin/broken\n"),
        ],
        &[("usr/bin/evil", "")],
    );
    let stray = |path: &str| Inconsistency::ListWithoutPackage { path: path.into() };
    assert_eq!(
        ownership.inconsistencies(),
        [
            stray("var/lib/dpkg/info/broken.list"),
            stray("var/lib/dpkg/info/evil.list"),
            Inconsistency::PackageWithoutList { package: 0 }
        ]
    );
    let [gap] = ownership.gaps() else { panic!("one file has a gap: {:?}", ownership.gaps()) };
    assert_eq!(gap.what, "var/lib/dpkg/info/broken.list");
    assert!(
        gap.why.contains("entries of this dpkg file list that cannot be read: 1, such as at byte 0"),
        "{}",
        gap.why
    );
}

#[test]
fn a_path_that_everyone_claims_costs_no_more_than_sixty_four_owners() {
    let packages: String = (0..5000).map(|n| format!("P:p{n}\nF:usr\nR:shared\nR:own{n}\n\n")).collect();
    let ownership = check(&[("lib/apk/db/installed", &packages)], &[("usr/own4999", "p4999")]);
    assert_eq!(ownership.owner(b"usr/shared").unwrap().all().count(), 64);
}

#[test]
fn a_large_image_fits_in_forty_megabytes() {
    // Every name is made longer than the 45 bytes that they have in Debian on average.
    let files: String = (0..200_000)
        .map(|n| {
            format!(
                "F:usr/share/package-{}/folder-{}\nR:a-file-of-the-package-{n}\nZ:X2{n:064x}\n",
                n % 700,
                n % 97
            )
        })
        .collect();
    let ownership =
        build(&tree(&[("lib/apk/db/installed", &format!("P:p\n{files}"))]), &|path| path.to_vec());
    let bytes = ownership.claimed.heap_size();
    assert!((20_000_000..40_000_000).contains(&bytes), "{bytes} bytes for 200,000 paths");
}

proptest! {
    /// Whatever folders are links, a package owns what it lists where it lies, and nothing else.
    #[test]
    fn ownership_follows_links(
        paths in proptest::collection::btree_set("[ab]/[ab]/[a-e]{1,2}", 1..40),
        moved in proptest::collection::btree_map("[ab]/[ab]", "[xy](/[xy])?", 0..4),
    ) {
        let resolve = |path: &[u8]| {
            let (folder, name) = path.split_at_checked(3).unwrap_or_default();
            let real = std::str::from_utf8(folder).ok().and_then(|folder| moved.get(folder));
            real.map_or(path.to_vec(), |real| [real.as_bytes(), name].concat())
        };
        let list: String = paths.iter().map(|path| format!("/{path}\n")).collect();
        let sums: String = paths.iter().map(|path| format!("{ONE}  {path}\n")).collect();
        let tree = tree(&[
            ("var/lib/dpkg/status", "Package: p\nStatus: install ok installed\n"),
            ("var/lib/dpkg/info/p.list", &list),
            ("var/lib/dpkg/info/p.md5sums", &sums),
        ]);
        let ownership = build(&tree, &resolve);
        let real: std::collections::BTreeSet<_> = paths.iter().map(|path| resolve(path.as_bytes())).collect();
        for path in &paths {
            let owner = ownership.owner(&resolve(path.as_bytes())).unwrap();
            prop_assert_eq!(owner.promise, Promise::Md5([0x11; 16]));
            prop_assert_eq!(owner.all().count(), 1);
            prop_assert_eq!(ownership.owner(path.as_bytes()).is_some(), real.contains(path.as_bytes()));
        }
    }

    /// Parts come back from the cache as they went in, and a damaged cache does no harm.
    #[test]
    fn parts_survive_the_cache(
        lines in proptest::collection::vec("[PFRZAVm]:[a-z/.]{0,9}|", 0..40),
        damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..8),
    ) {
        let mut tree = tree(&[("lib/apk/db/installed", &lines.join("\n"))]);
        let (path, part) = tree.pop_first().unwrap();
        let mut bytes = postcard::to_stdvec(&part).unwrap();
        prop_assert_eq!(postcard::from_bytes::<Part>(&bytes).unwrap(), part);
        for (at, value) in damage {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        if let Ok(part) = postcard::from_bytes::<Part>(&bytes) {
            let ownership = Ownership::build([(path.as_slice(), &part)], &|path| path.to_vec());
            ownership.owner(b"a");
        }
    }

    /// No text makes a parser panic, and what it takes never grows beyond what was given.
    #[test]
    fn any_text_is_read_or_refused(
        text in "([a-zA-Z]{1,9}: ?|[PFRZ]:|/| |\\\\|\n|\n\n|[0-9a-f]{32}|  |\\.\\.|[\u{0}-\u{ff}]){0,60}",
        which in 0..6_usize,
    ) {
        let path = [
            "var/lib/dpkg/status",
            "var/lib/dpkg/status.d/p",
            "var/lib/dpkg/info/p.list",
            "var/lib/dpkg/info/p.md5sums",
            "var/lib/dpkg/diversions",
            "lib/apk/db/installed",
        ][which];
        let kind = recognize(path.as_bytes()).unwrap();
        let part = parse(kind, path.as_bytes(), text.as_bytes()).unwrap();
        prop_assert!(postcard::to_stdvec(&part).unwrap().len() <= 4 * text.len() + 100);
        Ownership::build([(path.as_bytes(), &part)], &|path| path.to_vec());
    }
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
    let is_merged = Path::new("/bin").is_symlink();
    let resolve = |path: &[u8]| if is_merged { merged_usr(path) } else { path.to_vec() };
    let ownership = build(&tree, &resolve);
    println!(
        "read in {parsed:?}, joined after {:?}, {} bytes",
        started.elapsed(),
        ownership.claimed.heap_size()
    );
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
        match agreement(&owner, Some(&md5), None, &[0; 32]) {
            Agreement::Agrees => agree += 1,
            other => println!("{}: {other:?}", path.display()),
        }
    }
    println!("{agree} of {files} owned files in /usr/bin agree");
    assert!(files > 50 && agree * 100 > files * 95, "{agree} of {files}");
}
