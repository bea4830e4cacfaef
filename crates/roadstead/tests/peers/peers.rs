//! The tools that are compared with.

use crate::listing::{Listing, on_disk};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

/// Whether the comparison can be made. Says so where it cannot, and fails where it must not be left out.
#[expect(clippy::print_stderr, reason = "whoever runs the tests looks there")]
pub(crate) fn are_here(programs: &[&str]) -> bool {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    if !is_root {
        assert!(std::env::var_os("CI").is_none(), "only root may unpack images, and CI compares with that");
        eprintln!(
            "SKIPPED: only root may unpack images, so nothing was compared with {}",
            programs.join(", ")
        );
    }
    is_root && programs.iter().all(|program| test_support::peer(program).is_some())
}

/// Lists an image `DIR:TAG` as umoci unpacks it; what umoci said where it does not.
pub(crate) fn umoci(image: &str) -> Result<Listing, String> {
    let folder = beside(image);
    let bundle = folder.path().join("bundle");
    output(Command::new("umoci").args(["unpack", "--image", image]).arg(&bundle))?;
    Ok(on_disk(&bundle.join("rootfs")))
}

/// A storage for podman alone; gone with the value.
pub(crate) struct Podman {
    folder: tempfile::TempDir,
    /// Of its own, because podman takes no more than 50 characters as its path.
    state: tempfile::TempDir,
    driver: &'static str,
}

impl Podman {
    /// With overlays, as podman does unless told otherwise; with copies where the kernel lets none be mounted.
    pub(crate) fn new(image: &str) -> Self {
        let with = |driver| {
            let state =
                tempfile::Builder::new().prefix("pod").tempdir_in("/tmp").expect("a directory for podman");
            let this = Self { folder: beside(image), state, driver };
            this.store(image).map(|_| this)
        };
        with("overlay")
            .or_else(|overlay| with("vfs").map_err(|vfs| format!("{overlay}\n{vfs}")))
            .unwrap_or_else(|said| panic!("podman: {said}"))
    }

    /// Lists an image as podman mounts it.
    pub(crate) fn list(&self, image: &str) -> Listing {
        let root = self.store(image).and_then(|name| output(&mut self.run(["mount", &name])));
        let root = root.unwrap_or_else(|said| panic!("podman: {said}"));
        let mut listing = on_disk(Path::new(root.trim_end()));
        // Podman gives the root a mode of its own.
        listing.remove("/");
        listing
    }

    /// Layers that are there already are not stored again.
    fn store(&self, image: &str) -> Result<String, String> {
        let storage = self.storage();
        let (storage, state) = (storage.display(), self.state.path().display());
        let tag = image.rsplit(':').next().unwrap_or_default();
        let name = format!("localhost/peer:{tag}");
        let target = format!("containers-storage:[{}@{storage}+{state}]{name}", self.driver);
        output(Command::new("skopeo").args(["copy", "--quiet", &format!("oci:{image}"), &target]))
            .map(|_| name)
    }

    fn run<'a>(&self, what: impl IntoIterator<Item = &'a str>) -> Command {
        let mut podman = Command::new("podman");
        podman.arg("--root").arg(self.storage());
        podman.arg("--runroot").arg(self.state.path());
        podman.args(["--storage-driver", self.driver, "--runtime", "runc", "--cgroup-manager", "cgroupfs"]);
        podman.arg("image").args(what);
        podman
    }

    fn storage(&self) -> std::path::PathBuf {
        self.folder.path().join("storage")
    }
}

impl Drop for Podman {
    fn drop(&mut self) {
        // What is left mounted could not be removed.
        let _ = output(&mut self.run(["umount", "--all", "--force"]));
        let _ = output(Command::new("umount").arg(self.storage().join(self.driver)));
    }
}

/// A folder beside the layout of an image: on the same disk, and removed with the products of the build.
fn beside(image: &str) -> tempfile::TempDir {
    let layout = Path::new(image);
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
