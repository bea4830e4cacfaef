use crate::LayerBuilder;
use crate::hash::{apk_checksum, md5_hex};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One installed package: name, version, and its files with their modes.
pub(super) struct Package {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    pub(super) files: Vec<OwnedFile>,
}

/// Path, mode and content of a file of a package.
pub(super) type OwnedFile = (&'static str, u32, Vec<u8>);

/// Files of Debian packages together with the database that owns them, as `dpkg` leaves it.
pub(super) fn with_dpkg(mut layer: LayerBuilder, packages: &[Package]) -> LayerBuilder {
    layer = with_directories(layer, packages, &["var/lib/dpkg/info"]);
    let mut status = String::new();
    for package in packages {
        let (name, version) = (package.name, package.version);
        let _ = writeln!(
            status,
            "Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: misc\n\
             Maintainer: Nobody <nobody@example.org>\nArchitecture: amd64\nVersion: {version}\nDescription: {name}\n"
        );
        let (mut list, mut sums) = (String::from("/.\n"), String::new());
        for directory in directories(package) {
            let _ = writeln!(list, "/{directory}");
        }
        for (path, mode, content) in &package.files {
            let _ = writeln!(list, "/{path}");
            let _ = writeln!(sums, "{}  {path}", md5_hex(content));
            layer = layer.file(path, *mode, content);
        }
        layer = layer.file(format!("var/lib/dpkg/info/{name}.list"), 0o644, list).file(
            format!("var/lib/dpkg/info/{name}.md5sums"),
            0o644,
            sums,
        );
    }
    layer.file("var/lib/dpkg/status", 0o644, status)
}

/// Files of Alpine packages together with the database that owns them, as `apk` leaves it.
pub(super) fn with_apk(mut layer: LayerBuilder, packages: &[Package]) -> LayerBuilder {
    layer = with_directories(layer, packages, &["lib/apk/db"]);
    let mut installed = String::new();
    for package in packages {
        let (name, version) = (package.name, package.version);
        let _ = writeln!(
            installed,
            "C:{}\nP:{name}\nV:{version}\nA:x86_64\nS:1\nI:1\nT:{name}\nU:https://example.org\nL:MIT\no:{name}",
            apk_checksum(name.as_bytes())
        );
        let mut by_directory: BTreeMap<&str, Vec<&OwnedFile>> = BTreeMap::new();
        for file in &package.files {
            by_directory.entry(parent(file.0)).or_default().push(file);
        }
        for (directory, files) in by_directory {
            let _ = writeln!(installed, "F:{directory}");
            for (path, mode, content) in files {
                let file_name = path.rsplit('/').next().unwrap_or(path);
                let _ = writeln!(installed, "R:{file_name}");
                if *mode != 0o644 {
                    let _ = writeln!(installed, "a:0:0:{mode:o}");
                }
                let _ = writeln!(installed, "Z:{}", apk_checksum(content));
                layer = layer.file(path, *mode, content);
            }
        }
        installed.push('\n');
    }
    layer.file("lib/apk/db/installed", 0o644, installed)
}

fn with_directories(layer: LayerBuilder, packages: &[Package], more: &[&str]) -> LayerBuilder {
    let mut all: Vec<String> = packages.iter().flat_map(directories).collect();
    for path in more {
        all.extend(ancestors(path));
        all.push((*path).to_owned());
    }
    all.sort();
    all.dedup();
    all.iter().fold(layer, |layer, path| layer.dir(path, 0o755))
}

/// All directories above the files of a package, sorted.
fn directories(package: &Package) -> Vec<String> {
    let mut all: Vec<String> = package.files.iter().flat_map(|(path, ..)| ancestors(path)).collect();
    all.sort();
    all.dedup();
    all
}

fn ancestors(path: &str) -> impl Iterator<Item = String> + '_ {
    path.match_indices('/').map(|(at, _)| path[..at].to_owned())
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}
