use super::detections::XZ_VERSION;
use crate::analyzers::start::base_name;
use crate::{ImageView, Outcome};
use model::{Role, Severity};
use packages::{Database, Package};

/// Tells of installed releases with the back door. Its code is told by the analyzer of programs.
pub(super) fn installed(image: &ImageView<'_>, out: &mut Outcome) {
    let bad: Vec<&Package> =
        image.ownership.packages().iter().filter(|package| !package.removed && is_bad(package)).collect();
    if let Some(first) = bad.first() {
        let why = format!(
            "The package database says that {} {} is installed.",
            model::escape_text(&first.name),
            model::escape_text(&first.version)
        );
        let library = image.tree.iter().find(|(path, _)| {
            base_name(path).starts_with(b"liblzma.so.5")
                && image.ownership.owner(path).is_some_and(|owner| is_bad(owner.package))
        });
        let mut finding = match library {
            Some((_, place)) => image.finding_at(&XZ_VERSION, why, place),
            None => image.finding(&XZ_VERSION, why),
        };
        // The build of the release plants the code only for dpkg and rpm on glibc: Alpine's packages hold its
        // source and not the back door.
        if bad.iter().all(|package| package.database == Database::Apk) {
            (finding.role, finding.severity) = (Role::Corroborates, Severity::High);
        }
        for package in bad.iter().take(8) {
            let text = format!("{} {}", package.name, package.version);
            finding = finding.with_evidence("package", &text, None);
        }
        out.findings.push(finding);
    }
}

/// Whether a package was built from a release of xz with the back door, as its version says.
fn is_bad(package: &Package) -> bool {
    const NAMES: [&str; 13] = [
        "xz-utils",
        "xzdec",
        "liblzma5",
        "liblzma5t64",
        "liblzma-dev",
        "xz",
        "xz-libs",
        "xz-devel",
        "xz-static",
        "xz-dev",
        "xz-lzma-compat",
        "liblzma",
        "liblzma-devel",
    ];
    NAMES.contains(&package.name.as_str()) && is_bad_version(package.database, &package.version)
}

pub(super) fn is_bad_version(database: Database, version: &str) -> bool {
    let version = version.split_once(':').map_or(version, |(_, version)| version);
    let (upstream, revision) = version.rsplit_once('-').unwrap_or((version, ""));
    // `5.6.1+really5.4.5` and `5.6.1.revertto5.4` are the old release under a number that sorts behind the bad one.
    if !matches!(upstream, "5.6.0" | "5.6.1") {
        return false;
    }
    match database {
        Database::Dpkg | Database::Rpm => true,
        // Alpine rebuilt 5.6.1 from its sources in r2.
        Database::Apk => upstream == "5.6.0" || matches!(revision, "r0" | "r1"),
    }
}
