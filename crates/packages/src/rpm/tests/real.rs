//! The readers against databases that the real programs write, where these are installed.

use super::*;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether the program is here to be compared with.
fn has(program: &str) -> bool {
    test_support::peer(program).is_some()
}

fn run(command: &mut Command, input: &str) {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn hex_of(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Packages of no, few and many files: on a page, over one, over many.
const FILES: [usize; 7] = [0, 1, 5, 40, 300, 2, 3000];

#[test]
fn sqlite_as_it_writes_it_itself() {
    if !has("sqlite3") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for page_size in [512, 4096, 65536] {
        let path = folder.path().join(format!("{page_size}.sqlite"));
        let mut sql = format!(
            "PRAGMA page_size={page_size};CREATE TABLE other (a TEXT, b BLOB);\
             CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL);\
             CREATE TABLE Name (key TEXT NOT NULL, hnum INTEGER); CREATE INDEX Name_idx ON Name(key);\
             INSERT INTO other VALUES ('Packages', x'00');BEGIN;"
        );
        let files: Vec<_> = FILES.iter().copied().cycle().take(100).collect();
        for header in headers(&files) {
            let _ = write!(sql, "INSERT INTO Packages (blob) VALUES (x'{}');", hex_of(&header));
        }
        run(Command::new("sqlite3").arg(&path), &(sql + "COMMIT;"));
        check(DatabaseFile::RpmSqlite, &fs::read(&path).unwrap(), &files);
    }
}

#[test]
fn berkeley_db_as_it_writes_it_itself() {
    if !has("db5.3_load") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (page_size, order) in [(512, 1234), (4096, 1234), (4096, 4321), (65536, 4321)] {
        let path = folder.path().join(format!("{page_size}-{order}"));
        let mut dump = format!(
            "VERSION=3\nformat=bytevalue\ntype=hash\ndb_pagesize={page_size}\ndb_lorder={order}\nHEADER=END\n 00000000\n 09000000\n"
        );
        for (number, header) in headers(&FILES).iter().enumerate() {
            let _ = write!(dump, " {}\n {}\n", hex_of(&(number as u32 + 1).to_le_bytes()), hex_of(header));
        }
        run(Command::new("db5.3_load").arg(&path), &(dump + "DATA=END\n"));
        // A hash has no order, so neither has what is compared.
        let (mut found, gap) = summary(DatabaseFile::RpmBerkeley, &fs::read(&path).unwrap()).unwrap();
        found.sort_unstable();
        let expect: Vec<_> =
            FILES.iter().enumerate().map(|(number, files)| format!("p{number} {files}")).collect();
        assert_eq!((found, gap), (expect, None), "{page_size} {order}");
    }
}

const SPEC: &str = "\
Name: harmless
Version: 1.2
Release: 3
Epoch: 4
Summary: A package to read
License: Apache-2.0
Vendor: Example Works
BuildArch: noarch
%description
A package to read.
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc %{buildroot}/usr/share/harmless
echo program > %{buildroot}/usr/bin/harmless
ln -s harmless %{buildroot}/usr/bin/link
echo setting > %{buildroot}/etc/harmless.conf
for i in $(seq 500); do echo $i > %{buildroot}/usr/share/harmless/file-$i; done
%files
/usr/bin/harmless
/usr/bin/link
%config(noreplace) /etc/harmless.conf
%ghost /usr/share/ghost
/usr/share/harmless
";

#[test]
fn rpm_as_it_installs() {
    if !has("rpmbuild") || !has("rpm") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let top = folder.path().to_str().unwrap();
    let spec = folder.path().join("harmless.spec");
    fs::write(&spec, SPEC).unwrap();
    run(Command::new("rpmbuild").args(["-bb", "--define", &format!("_topdir {top}")]).arg(&spec), "");
    let built = folder.path().join("RPMS/noarch/harmless-1.2-3.noarch.rpm");
    let install =
        ["--dbpath", &format!("{top}/db"), "--define", "_db_backend sqlite", "--justdb", "--nodeps", "-i"];
    run(Command::new("rpm").args(install).arg(&built), "");
    let file = fs::read(Path::new(top).join("db/rpmdb.sqlite")).unwrap();
    let part = database(DatabaseFile::RpmSqlite, &file).unwrap();
    assert_eq!(part.unread, None);
    let Content::Packages(found) = &part.content else { panic!("another kind of content") };
    let [package] = found.as_slice() else { panic!("one package was installed") };
    assert_eq!((&*package.package.version, &*package.package.vendor), ("4:1.2-3", "Example Works"));
    assert_eq!(package.claims.len(), 504);
    let claim = |path: &[u8]| package.claims.iter().find(|claim| claim.path == path).unwrap();
    use sha2::Digest as _;
    assert_eq!(claim(b"usr/bin/harmless").promise, Promise::Sha256(sha2::Sha256::digest("program\n").into()));
    assert_eq!(claim(b"usr/bin/link").promise, Promise::Symlink(b"harmless"));
    assert_eq!(claim(b"usr/share/ghost").promise, Promise::None);
    assert!(claim(b"etc/harmless.conf").config_file && !claim(b"usr/bin/harmless").config_file);
}
