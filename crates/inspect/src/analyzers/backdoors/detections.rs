use model::{Class, Detection, Role, Severity, Stage};

const fn about(
    id: &'static str,
    title: &'static str,
    grade: (Severity, Role),
    techniques: &'static [&'static str],
    why: &'static str,
    advice: &'static str,
) -> Detection {
    let (severity, role) = grade;
    Detection { id, title, severity, role, class: Class::File, stage: Stage::Static, techniques, why, advice }
}

pub(crate) const XZ_VERSION: Detection = about(
    "S-PKG-XZVER",
    "Release of xz with a back door",
    (Severity::Critical, Role::Convicts),
    &["T1195.002"],
    "The package database names a build of xz 5.6.0 or 5.6.1. These releases carry a back door that lets its owner in \
     through sshd, and images of the distributions' development branches shipped them. Versions that only sort behind \
     the bad one, such as 5.6.1+really5.4.5, hold the old code and are not meant. Alpine's builds never held the \
     back door's code, so they corroborate.",
    "Do not run the image. Rebuild it, and everything built on it, from a base of April 2024 or later.",
);

pub(crate) const INSTALL_HOOK: Detection = about(
    "S-PKG-NPMHOOK",
    "Install hook that runs what it fetches or hides",
    (Severity::High, Role::Corroborates),
    &["T1195.001"],
    "A hook that npm runs when it installs the package, or a command in its build description, pipes a download into \
     an interpreter, runs code that it hides, or sends away what the machine is called. Worms and stealers spread \
     through these hooks. Hooks that build or fetch a library through a script of the package, as those of esbuild, \
     sharp or playwright do, are not meant. In an application's own manifest it only explains.",
    "Read the hook and the package. Replace every credential that the build of the image had at hand.",
);

pub(crate) const MAINTAINER_SCRIPT: Detection = about(
    "S-PKG-MSCRIPT",
    "Maintainer script that runs what it fetches or hides",
    (Severity::Medium, Role::Corroborates),
    &["T1546.016"],
    "A script that the package manager runs as root, of a package of dpkg or apk, runs what it fetches or what it \
     hides. Packages of the distributions never do; some vendors' do. Scripts that only add a repository or fetch a \
     font are not meant. Scripts of rpm packages are not read.",
    "Read the script, and find out where the package comes from.",
);

pub(crate) const UNSIGNED: Detection = about(
    "S-PKG-UNSIGNED",
    "Software of unchecked origin",
    (Severity::Low, Role::Context),
    &["T1195.002"],
    "A setting or an instruction of the history switches off the check of packages' signatures, or a key that no \
     package brought is trusted for all repositories. Many vendors' images do so; it tells where a package of a \
     stranger could have come in.",
    "Import the publisher's key for its own repository, and install with the check switched on.",
);

pub(crate) const RECORD: Detection = about(
    "S-PKG-RECORD",
    "Python source that its package did not bring",
    (Severity::High, Role::Corroborates),
    &["T1554"],
    "A source of an installed Python package differs from what the package's RECORD lists, while its other sources \
     agree: it was altered after the installation. Compiled files are not compared, and editable installations list \
     no sources. Where much of a package differs, or a file is listed by nobody, it only explains: applications put \
     modules of their own into packages' folders.",
    "Compare the file with the one of the released wheel. Look at the layer that changed it.",
);

pub(crate) const TYPO: Detection = about(
    "S-PKG-TYPO",
    "Package with almost a popular name",
    // The age of a package, which tells a stranger's from an old neighbour's, is not in the image.
    (Severity::Medium, Role::Context),
    &["T1195.001"],
    "An installed package of npm or PyPI has a name one letter away from a popular one. Strangers wait under such \
     names for slips of the finger; honest packages have them as well. Names in a scope are its owner's and are not \
     compared.",
    "Check that the package is the one that was meant.",
);

pub(super) const DETECTIONS: &[Detection] =
    &[XZ_VERSION, INSTALL_HOOK, MAINTAINER_SCRIPT, UNSIGNED, RECORD, TYPO];
