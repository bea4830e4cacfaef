use super::*;

fn paths(claims: &Claims) -> Vec<String> {
    claims
        .iter()
        .map(|claim| {
            let mark = if claim.config_file { " (config)" } else { "" };
            let digest = match claim.promise {
                Promise::Md5(digest) => format!(" {:02x}", digest[0]),
                Promise::None => String::new(),
                other => panic!("{other:?} from dpkg"),
            };
            format!("{}{digest}{mark}", String::from_utf8_lossy(claim.path))
        })
        .collect()
}

/// What a file says, a line for each claim, stanza or diversion, and the reason of the first gap.
fn check(part: &Part, expect: &[&str], gap: Option<&str>) {
    let found = match &part.content {
        Content::DpkgList { claims, .. } | Content::DpkgSums { claims, .. } => paths(claims),
        Content::DpkgDiversions(all) => all
            .iter()
            .map(|each| {
                let path = |path: &[u8]| String::from_utf8_lossy(path).into_owned();
                format!("{} {} {}", path(&each.contested), path(&each.real), each.package)
            })
            .collect(),
        Content::DpkgStatus(stanzas) => stanzas
            .iter()
            .map(|stanza| {
                let Stanza { package, state, conffiles, .. } = stanza;
                let files = paths(conffiles).join(", ");
                format!("{} {} {} {state:?} [{files}]", package.name, package.version, package.architecture)
            })
            .collect(),
        Content::Packages(_) => panic!("dpkg keeps packages and files apart"),
    };
    assert_eq!(found, expect);
    assert_eq!(part.unread.as_ref().map(|unread| &*unread.reason), gap);
}

fn check_list(input: &str, expect: &[&str], gap: Option<&str>) {
    check(&list(input.as_bytes(), String::new()), expect, gap);
}

#[test]
fn a_list_names_files_and_what_is_not_a_folder_of_the_next() {
    check_list("", &[], None);
    check_list("/.\n/usr\n/usr/bin\n/usr/bin/ls\n/usr/bin/lsattr\n", &["usr/bin/ls", "usr/bin/lsattr"], None);
    check_list("/a/empty\n/a/file", &["a/empty", "a/file"], None);
    check_list("/a b\n/ä\n", &["a b", "ä"], None);
    check_list("relative\n/a\n", &["a"], Some("a path that does not begin with a slash"));
    check_list("/../a\n/b\n", &["b"], Some("a path with a part `..`"));
    check_list("\n/b\n", &["b"], Some("a path that does not begin with a slash"));
}

#[test]
fn a_list_ends_at_the_allowance_with_a_gap() {
    let many: String = (0..1_000_010).map(|n| format!("/{n:x}\n")).collect();
    let part = list(many.as_bytes(), String::new());
    let Content::DpkgList { claims, .. } = &part.content else { panic!("a list was read") };
    assert_eq!(claims.len(), 1_000_000);
    assert!(part.unread.unwrap().reason.contains("1,000,000 paths"));
}

#[test]
fn sums_are_what_md5sum_prints() {
    let check =
        |input: &str, expect: &[&str], gap| check(&sums(input.as_bytes(), String::new()), expect, gap);
    let (one, two) = ("11".repeat(16), "22".repeat(16));
    check(&format!("{one}  usr/bin/ls\n{two} *bin/b\n"), &["usr/bin/ls 11", "bin/b 22"], None);
    check(&format!("{one}  ./usr/bin/ls\n{two}  /bin/b\n"), &["usr/bin/ls 11", "bin/b 22"], None);
    check(&format!("{one}  a  b\n"), &["a  b 11"], None);
    check(&format!("\\{one}  a\\nb\\\\c\n{two}  a\\nb\n"), &["a\nb\\c 11", "a\\nb 22"], None);
    let gap = Some("a line that is not an MD5 and a path");
    check(&format!("{one}\n{two}  b\n"), &["b 22"], gap);
    check(&format!("{}  a\n{two}  b\n", "x".repeat(32)), &["b 22"], gap);
    check(&format!("{one}a  a\n{two}  b\n"), &["b 22"], gap);
}

#[test]
fn a_status_tells_state_and_configuration() {
    let check = |input: &str, expect: &[&str], gap| check(&status(input.as_bytes(), None), expect, gap);
    let one = "11".repeat(16);
    check(
        &format!(
            "Package: a\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1:2-3\nConffiles:\n \
             /etc/a {one}\n /etc/a b {one} obsolete\n /etc/new newconffile\nDescription: words\n more: words\n .\n\n\
             Package: b\nStatus: deinstall ok config-files\nConffiles:\n /etc/b {one} remove-on-upgrade\n\n\n\
             package:c\nSTATUS: install reinstreq half-installed\n"
        ),
        &[
            "a 1:2-3 amd64 Present [etc/a 11 (config), etc/a b 11 (config), etc/new (config)]",
            "b   ConfigFiles [etc/b 11 (config)]",
            "c   Present []",
        ],
        None,
    );
    check("Package: a\nStatus: purge ok not-installed\n", &["a   Absent []"], None);
    check("Package: a\n", &["a   Absent []"], None);
    check("Version: 1\n\nPackage: b\n", &["b   Absent []"], Some("a package without a name"));
    check("Package: a\nPackage: b\n", &["a   Absent []"], Some("a field that stands twice in one package"));
    check("Package: a\nhello\n", &["a   Absent []"], Some("a line without a field name"));
    check(
        "Package: a\nConffiles:\n /etc/a\n /etc/b nothex\n",
        &["a   Absent []"],
        Some("a configuration file without a digest"),
    );
}

#[test]
fn one_package_beside_others_needs_no_state() {
    check(&status(b"Package: base\nVersion: 1\n", Some("base".into())), &["base 1  Present []"], None);
    let removed = b"Package: base\nStatus: deinstall ok config-files\n";
    check(&status(removed, Some("base".into())), &["base   ConfigFiles []"], None);
}

#[test]
fn a_diversion_is_three_lines() {
    let check = |input: &str, expect: &[&str], gap| check(&diversions(input.as_bytes()), expect, gap);
    check("/bin/sh\n/bin/sh.distrib\ndash\n", &["bin/sh bin/sh.distrib dash"], None);
    check("/bin/sh\n/bin/sh.real\n:\n/a\n/b\nc\n", &["bin/sh bin/sh.real ", "a b c"], None);
    check("/bin/sh\n/bin/sh.real\n", &[], Some("a diversion of fewer than three lines"));
    check("/../x\n/y\nz\n/a\n/b\nc\n", &["a b c"], Some("a path with a part `..`"));
}

#[test]
fn a_stem_is_the_name_without_folder_and_ending() {
    let check = |path: &str, expect| assert_eq!(stem(path.as_bytes()), expect);
    check("var/lib/dpkg/info/libc6:amd64.list", "libc6:amd64");
    check("var/lib/dpkg/status.d/python3.11.md5sums", "python3.11");
    check("var/lib/dpkg/status.d/python3.11", "python3.11");
}
