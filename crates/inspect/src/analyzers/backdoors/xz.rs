use super::detections::{XZ_CODE, XZ_VERSION};
use super::{BackdoorFacts, live};
use crate::analyzers::start::base_name;
use crate::{ImageView, Outcome};
use model::{Role, Severity};
use packages::{Database, Package};

/// The first bytes of the function by which the back door decides whether to wake up, as Binarly published them.
const CODE: [u8; 34] = [
    0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xf5, 0x4c, 0x89, 0xce, 0x53, 0x89, 0xfb, 0x81, 0xe7, 0x00,
    0x00, 0x00, 0x80, 0x48, 0x83, 0xec, 0x28, 0x48, 0x89, 0x54, 0x24, 0x18, 0x48, 0x89, 0x4c, 0x24, 0x10,
];

/// Whether a file is a library by its head. Scripts that look for the code hold it as text.
pub(super) fn is_library(head: &[u8]) -> bool {
    head.starts_with(b"\x7fELF") || head.starts_with(b"!<arch>\n")
}

/// Where the code of the back door begins.
pub(super) fn code(bytes: &[u8]) -> Option<u64> {
    memchr::memmem::find(bytes, &CODE).map(|offset| offset as u64)
}

/// Tells of installed releases with the back door, and of its code.
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
    for (place, fact) in live(image) {
        if let BackdoorFacts::XzCode(offset) = fact {
            let why = "The library holds the first function of the back door of xz 5.6.0 and 5.6.1.";
            out.findings.push(image.finding_at(&XZ_CODE, why, place).with_evidence(
                "bytes",
                "f30f1efa554889f54c89ce5389fb81e7000000804883ec28488954241848894c2410",
                Some(*offset),
            ));
        }
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
