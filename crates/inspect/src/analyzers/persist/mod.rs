//! Persistence: what hooks itself into starting beside the configuration of the image, and what lets somebody in.
//!
//! The hooks of a distribution are its packages' own and say nothing. What is judged of the others is where they
//! point and which shape they have; what their commands fetch and run is for other analyzers.

mod environment;
mod hooks;
mod places;
#[cfg(test)]
mod tests;

use crate::{ImageAnalyzer, ImageView, Outcome};
use model::{Class, Detection, Role, Severity, Stage};

/// Judges hooks.
#[derive(Debug)]
pub struct Persistence;

impl ImageAnalyzer for Persistence {
    fn name(&self) -> &'static str {
        "persist"
    }

    fn version(&self) -> u32 {
        1
    }

    fn detections(&self) -> &'static [Detection] {
        DETECTIONS
    }

    fn analyze(&self, image: &ImageView<'_>, out: &mut Outcome) {
        if image.platform.os != "linux" {
            return;
        }
        hooks::judge(image, out);
        environment::settings(image, out);
    }
}

const fn hook(
    id: &'static str,
    title: &'static str,
    grade: (Severity, Role, Class),
    techniques: &'static [&'static str],
    why: &'static str,
    advice: &'static str,
) -> Detection {
    let (severity, role, class) = grade;
    Detection { id, title, severity, role, class, stage: Stage::Static, techniques, why, advice }
}

// Images whose purpose is a job or a service of their own are common (Nextcloud's brings a crontab that no package
// owns), and a hook beside any strong finding on another file would make them malicious. So a hook that only exists
// explains; it corroborates where it points to what hides, to a program put among the distribution's, or to a file of
// which another analyzer found something.
pub(crate) const CRON: Detection = hook(
    "S-PER-CRON",
    "Job of no package",
    (Severity::Medium, Role::Corroborates, Class::Reach),
    &["T1053.003"],
    "A table or script of cron, anacron or at belongs to no package. A job survives the end of what planted it and \
     runs beside the service. Images bring jobs of their own as well, so it only explains unless the job leads to a \
     file that hides, to a program that was put among the distribution's and belongs to no package, or to a file of \
     which something else was found.",
    "Read the job and what it runs. Look at the layer that brought both, and whether anything starts cron.",
);

pub(crate) const SYSTEMD: Detection = hook(
    "S-PER-SYSTEMD",
    "Service of no package",
    (Severity::Medium, Role::Corroborates, Class::Reach),
    &["T1543.002"],
    "A systemd service that no package owns starts a program that no package owns. Containers seldom run systemd; \
     the root file systems of machines do, and so do images that are meant to be copied onto one. So it only explains \
     unless that program hides, lies among the distribution's, or something else was found of it.",
    "Read what the service starts. Remove the unit where the image is not meant for a machine.",
);

pub(crate) const PROFILE: Detection = hook(
    "S-PER-PROFILE",
    "Start of a shell that does more",
    (Severity::Medium, Role::Corroborates, Class::Reach),
    &["T1546.004"],
    "A file that every shell loads leaves a program of no package running behind, loads one that hides, or fetches \
     something. Tools such as conda, nvm or sdkman put blocks there that only set up themselves; these are not meant.",
    "Read the file, and open no shell in the image before.",
);

pub(crate) const RC: Detection = hook(
    "S-PER-RC",
    "Script of the init of no package",
    (Severity::Medium, Role::Corroborates, Class::Reach),
    &["T1037.004"],
    "A script of the classic init, such as /etc/rc.local, belongs to no package and starts a program that belongs to \
     none. In a container it runs only where an init is started. It only explains unless that program hides, lies \
     among the distribution's, or something else was found of it.",
    "Read what the script starts. Remove it where the image has no init.",
);

pub(crate) const PTH: Detection = hook(
    "S-PER-PTH",
    "Code that every Python runs",
    (Severity::High, Role::Corroborates, Class::Reach),
    &["T1546.018"],
    "A line of a .pth file, or sitecustomize, runs whenever any Python of the image starts, before the program and \
     without being imported. Stealers came into packages in this way. The lines that setuptools, namespace packages, \
     editable installations and coverage write are known by their content, whatever their file is called; a line \
     that only imports a module explains, as the module can be read.",
    "Read the line, and find out which package brought the file: its RECORD lists it, or nothing does.",
);

pub(crate) const RTENV: Detection = hook(
    "S-PER-RTENV",
    "Environment that loads code",
    (Severity::High, Role::Corroborates, Class::Config),
    &["T1574"],
    "A variable of the image makes an interpreter load a file of no package into every program that it runs. Agents \
     that watch an application are loaded so, from the application's directory or their vendor's: these only \
     explain.",
    "Find out where the file comes from. Unset the variable where the application does not need it.",
);

pub(crate) const PAM: Detection = hook(
    "S-PER-PAM",
    "Log-in that was added to",
    (Severity::High, Role::Corroborates, Class::File),
    &["T1556.003"],
    "A PAM module, or a program that PAM runs at log-in, belongs to no package. It sees every password that is typed, \
     and can let in whom it likes. Modules for directories and second factors come as packages.",
    "Compare with the module of its publisher. Look at the layer that brought it.",
);

pub(crate) const UDEV: Detection = hook(
    "S-PER-UDEV",
    "Program that the kernel's helpers run",
    (Severity::Low, Role::Context, Class::File),
    &["T1546.017"],
    "A rule of udev, binfmt or modprobe that no package owns runs a program. It works only on a machine or in a \
     privileged container, as images that install emulators are.",
    "Read the rule where the image is run with privileges.",
);

pub(crate) const GITHOOK: Detection = hook(
    "S-PER-GITHOOK",
    "Program that git runs in every repository",
    (Severity::Low, Role::Context, Class::File),
    &["T1546"],
    "The configuration of git names a directory of hooks, a template or a program that is run in every repository. \
     Images for building software do so.",
    "Read the hooks where the image handles sources that matter.",
);

pub(crate) const SSHKEY: Detection = hook(
    "S-C2-SSHKEY",
    "Key that lets somebody in",
    (Severity::High, Role::Corroborates, Class::File),
    &["T1098.004"],
    "The image lets in whoever has the other half of a key that is baked into it, and it starts an SSH server. A key \
     for the owner of a container is given when it is started. Without the server, the key only explains, and so does \
     the one that Vagrant publishes with both halves.",
    "Find out whose key it is. Give keys when the container is started.",
);

pub(crate) const HOSTS: Detection = hook(
    "S-C2-HOSTS",
    "Source of software mapped elsewhere",
    (Severity::Medium, Role::Corroborates, Class::File),
    &["T1565.001"],
    "A table of hosts maps a registry or a mirror of packages to an address of its own, so that software comes from \
     somewhere else or updates never come. Runtimes put their own table over /etc/hosts, where it only explains; \
     what is meant for a chroot or a machine keeps it.",
    "Ask who runs the address. Mirrors are configured in the package manager, with keys.",
);

const DETECTIONS: &[Detection] = &[CRON, SYSTEMD, PROFILE, RC, PTH, RTENV, PAM, UDEV, GITHOOK, SSHKEY, HOSTS];
