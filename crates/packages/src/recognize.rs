use std::fmt;

const MIB: u64 = 1024 * 1024;

/// Which database file this path is, by the path alone.
///
/// `path` is relative to the image's root, without a leading slash, as the file tree holds it.
pub fn recognize(path: &[u8]) -> Option<DatabaseFile> {
    if let Some(rest) = path.strip_prefix(b"var/lib/dpkg/") {
        return dpkg(rest);
    }
    if let b"lib/apk/db/installed" | b"usr/lib/apk/db/installed" = path {
        return Some(DatabaseFile::ApkInstalled);
    }
    RPM_FOLDERS.iter().find_map(|folder| path.strip_prefix(*folder)).and_then(rpm)
}

/// The package databases that are read, one variant for each kind of file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DatabaseFile {
    /// `var/lib/dpkg/status`: every package with its state and its configuration files.
    DpkgStatus,
    /// `var/lib/dpkg/status.d/NAME`: one package, as images without a package manager carry it.
    DpkgStatusEntry,
    /// `NAME.list`: the paths that a package brought.
    DpkgList,
    /// `NAME.md5sums`: the digests that a package promised.
    DpkgSums,
    /// `var/lib/dpkg/diversions`: paths whose owner must put its file elsewhere.
    DpkgDiversions,
    /// `lib/apk/db/installed`.
    ApkInstalled,
    /// `Packages`: rpm headers in a Berkeley DB hash.
    RpmBerkeley,
    /// `Packages.db`: rpm headers in rpm's own ndb format.
    RpmNdb,
    /// `rpmdb.sqlite`: rpm headers in an SQLite database.
    RpmSqlite,
    /// `rpmdb.sqlite-wal` or `-journal`: changes that the database file beside it does not hold. They are not
    /// applied; a log that holds any is a gap.
    RpmSqliteLog,
}

impl DatabaseFile {
    /// How many bytes a file of this kind may have to be read whole.
    pub fn max_size(self) -> u64 {
        match self {
            Self::DpkgStatus
            | Self::DpkgStatusEntry
            | Self::DpkgList
            | Self::DpkgSums
            | Self::DpkgDiversions
            | Self::ApkInstalled => 32 * MIB,
            Self::RpmBerkeley | Self::RpmNdb | Self::RpmSqlite | Self::RpmSqliteLog => 128 * MIB,
        }
    }
}

impl fmt::Display for DatabaseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DpkgStatus => "dpkg status",
            Self::DpkgStatusEntry => "dpkg status of one package",
            Self::DpkgList => "dpkg file list",
            Self::DpkgSums => "dpkg digest list",
            Self::DpkgDiversions => "dpkg diversions",
            Self::ApkInstalled => "apk installed database",
            Self::RpmBerkeley => "rpm database in Berkeley DB",
            Self::RpmNdb => "rpm database in ndb",
            Self::RpmSqlite => "rpm database in SQLite",
            Self::RpmSqliteLog => "log of an rpm database in SQLite",
        })
    }
}

/// Where the distributions keep it: classic, SUSE and Fedora since 36, and ostree trees.
const RPM_FOLDERS: [&[u8]; 3] = [b"var/lib/rpm/", b"usr/lib/sysimage/rpm/", b"usr/share/rpm/"];

fn rpm(name: &[u8]) -> Option<DatabaseFile> {
    match name {
        b"Packages" => Some(DatabaseFile::RpmBerkeley),
        b"Packages.db" => Some(DatabaseFile::RpmNdb),
        b"rpmdb.sqlite" => Some(DatabaseFile::RpmSqlite),
        b"rpmdb.sqlite-wal" | b"rpmdb.sqlite-journal" => Some(DatabaseFile::RpmSqliteLog),
        _ => None,
    }
}

fn dpkg(rest: &[u8]) -> Option<DatabaseFile> {
    match rest {
        b"status" => return Some(DatabaseFile::DpkgStatus),
        b"diversions" => return Some(DatabaseFile::DpkgDiversions),
        _ => {}
    }
    let (single, name) = match (rest.strip_prefix(b"info/"), rest.strip_prefix(b"status.d/")) {
        (Some(name), _) => (false, name),
        (_, Some(name)) => (true, name),
        _ => return None,
    };
    if name.is_empty() || name.contains(&b'/') {
        return None;
    }
    if name.ends_with(b".list") {
        Some(DatabaseFile::DpkgList)
    } else if name.ends_with(b".md5sums") {
        Some(DatabaseFile::DpkgSums)
    } else {
        let control = CONTROL_FILES.iter().any(|ending| name.ends_with(ending));
        (single && !control).then_some(DatabaseFile::DpkgStatusEntry)
    }
}

/// Members of a package's control archive that may lie beside its status and are no status. A package name
/// may itself hold dots (`python3.11`), so endings are named instead of refused.
const CONTROL_FILES: [&[u8]; 9] = [
    b".conffiles",
    b".config",
    b".postinst",
    b".postrm",
    b".preinst",
    b".prerm",
    b".shlibs",
    b".templates",
    b".triggers",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, expect: Option<DatabaseFile>) {
        assert_eq!(recognize(path.as_bytes()), expect, "{path}");
    }

    #[test]
    fn databases_are_known_by_their_place() {
        check("var/lib/dpkg/status", Some(DatabaseFile::DpkgStatus));
        check("var/lib/dpkg/status-old", None);
        check("var/lib/dpkg/diversions", Some(DatabaseFile::DpkgDiversions));
        check("var/lib/dpkg/info/libc6:amd64.list", Some(DatabaseFile::DpkgList));
        check("var/lib/dpkg/info/libc6:amd64.md5sums", Some(DatabaseFile::DpkgSums));
        check("var/lib/dpkg/info/libc6:amd64.postinst", None);
        check("var/lib/dpkg/info/a/b.list", None);
        check("var/lib/dpkg/status.d/python3.11", Some(DatabaseFile::DpkgStatusEntry));
        check("var/lib/dpkg/status.d/base.md5sums", Some(DatabaseFile::DpkgSums));
        check("var/lib/dpkg/status.d/base.preinst", None);
        check("var/lib/dpkg/status.d/", None);
        check("lib/apk/db/installed", Some(DatabaseFile::ApkInstalled));
        check("usr/lib/apk/db/installed", Some(DatabaseFile::ApkInstalled));
        check("lib/apk/db/scripts.tar", None);
        check("var/lib/rpm/Packages", Some(DatabaseFile::RpmBerkeley));
        check("usr/lib/sysimage/rpm/Packages.db", Some(DatabaseFile::RpmNdb));
        check("usr/share/rpm/rpmdb.sqlite", Some(DatabaseFile::RpmSqlite));
        check("var/lib/rpm/rpmdb.sqlite-wal", Some(DatabaseFile::RpmSqliteLog));
        check("home/var/lib/rpm/Packages", None);
        check("/var/lib/dpkg/status", None);
        check("", None);
    }
}
