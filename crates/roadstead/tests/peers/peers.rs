//! The tools that are compared with.

use crate::image::Image;
use crate::listing::{Listing, on_disk};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the comparison needs and does not have.
pub(crate) fn missing() -> Vec<String> {
    let programs = ["debootstrap", "umoci", "skopeo", "buildah", "podman", "runc", "python3"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &&str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let mut missing: Vec<String> =
        programs.iter().filter(|program| !is_there(program)).map(|program| program.to_string()).collect();
    if !std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0) {
        missing.push("root".to_string());
    }
    missing
}

/// Lists the first layers of an image as umoci unpacks them.
pub(crate) fn umoci(image: &Image, layers: usize) -> Listing {
    let folder = beside(&image.layout);
    let bundle = folder.path().join("bundle");
    output(Command::new("umoci").args(["unpack", "--image"]).arg(tag(image, layers)).arg(&bundle))
        .unwrap_or_else(|said| panic!("umoci: {said}"));
    on_disk(&bundle.join("rootfs"))
}

/// A storage for podman alone; gone with the value.
pub(crate) struct Podman {
    folder: tempfile::TempDir,
    driver: &'static str,
}

impl Podman {
    /// With overlays, as podman does unless told otherwise; with copies where the kernel lets none be mounted.
    pub(crate) fn new(image: &Image) -> Self {
        let with = |driver| {
            let this = Self { folder: beside(&image.layout), driver };
            this.store(image, 1).map(|_| this)
        };
        with("overlay")
            .or_else(|overlay| with("vfs").map_err(|vfs| format!("{overlay}\n{vfs}")))
            .unwrap_or_else(|said| panic!("podman: {said}"))
    }

    /// Lists the first layers of an image as podman mounts them.
    pub(crate) fn list(&self, image: &Image, layers: usize) -> Listing {
        let root = self.store(image, layers).and_then(|name| output(&mut self.run(["mount", &name])));
        let root = root.unwrap_or_else(|said| panic!("podman: {said}"));
        let mut listing = on_disk(Path::new(root.trim_end()));
        // Podman gives the root a mode of its own.
        listing.remove("/");
        listing
    }

    /// Layers that are there already are not stored again.
    fn store(&self, image: &Image, layers: usize) -> Result<String, String> {
        let [storage, state] = ["storage", "run"].map(|name| self.folder.path().join(name));
        let [storage, state] = [storage.display(), state.display()];
        let name = format!("localhost/peer:upto-{layers}");
        let source = format!("oci:{}", tag(image, layers).display());
        let target = format!("containers-storage:[{}@{storage}+{state}]{name}", self.driver);
        output(Command::new("skopeo").args(["copy", "--quiet", &source, &target])).map(|_| name)
    }

    fn run<'a>(&self, what: impl IntoIterator<Item = &'a str>) -> Command {
        let mut podman = Command::new("podman");
        podman.arg("--root").arg(self.folder.path().join("storage"));
        podman.arg("--runroot").arg(self.folder.path().join("run"));
        podman.args(["--storage-driver", self.driver, "--runtime", "runc", "--cgroup-manager", "cgroupfs"]);
        podman.arg("image").args(what);
        podman
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // What is left mounted could not be removed.
        let _ = output(&mut self.run(["umount", "--all", "--force"]));
        let _ = output(Command::new("umount").arg(self.folder.path().join("storage").join(self.driver)));
    }
}

fn tag(image: &Image, layers: usize) -> PathBuf {
    let mut tag = image.layout.clone().into_os_string();
    tag.push(format!(":upto-{layers}"));
    tag.into()
}

fn beside(layout: &Path) -> tempfile::TempDir {
    tempfile::tempdir_in(layout.parent().unwrap_or(layout)).expect("a directory to unpack in")
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        String::from_utf8(output.stdout).map_err(|error| error.to_string())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
