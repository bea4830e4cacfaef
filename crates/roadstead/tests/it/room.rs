//! A place of its own for each test, and the program run in it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;
use test_support::{Image, ImageBuilder, LayerBuilder, sha256_hex, standin};

/// Directories that nothing else uses: images, the cache, the child's temporary files.
pub(crate) struct Room {
    dir: TempDir,
}

/// What one run of the program left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Room {
    pub(crate) fn new() -> Self {
        let room = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(room.temporary()).unwrap();
        std::fs::write(room.feed(), feed_of(&payload())).unwrap();
        room
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.path("cache")
    }

    /// Where the child keeps its temporary files.
    pub(crate) fn temporary(&self) -> PathBuf {
        self.path("tmp")
    }

    /// The list on which [`payload`] stands.
    pub(crate) fn feed(&self) -> PathBuf {
        self.path("feed.txt")
    }

    /// The image as an OCI layout of this name.
    pub(crate) fn layout(&self, name: &str, image: &Image) -> String {
        image.write_oci_layout(&self.path(name), None).unwrap();
        format!("oci:{}", self.path(name).display())
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// The program with nothing of the environment that could change what it does.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("roadstead"));
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.temporary())
            .current_dir(self.dir.path());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command().args(args))
    }

    /// A scan with the list and the cache of this room.
    pub(crate) fn scan_command(&self, image: &str, more: &[&str]) -> Command {
        let mut command = self.command();
        command.args(["scan", "--cache-dir"]).arg(self.cache()).arg("--known-hashes").arg(self.feed());
        command.args(more).arg(image);
        command
    }

    pub(crate) fn scan(&self, image: &str, more: &[&str]) -> Ran {
        Ran::of(&mut self.scan_command(image, more))
    }

    /// The report of a scan, and its exit code.
    pub(crate) fn report(&self, image: &str, more: &[&str]) -> (i32, Value) {
        let ran = self.scan(image, &[&["--format", "json"], more].concat());
        (ran.code, ran.json())
    }
}

impl Ran {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// A harmless program that stands for malware: its hash is on the list of every room.
pub(crate) fn payload() -> Vec<u8> {
    standin::program("stand-in for a known miner")
}

/// A list of known hashes with these bytes on it.
pub(crate) fn feed_of(bytes: &[u8]) -> String {
    format!("{} miner (stand-in)\n", sha256_hex(bytes))
}

/// A layer as honest images have one: a program, and nothing that is on any list.
pub(crate) fn base() -> LayerBuilder {
    LayerBuilder::new().dir("usr", 0o755).dir("usr/bin", 0o755).file(
        "usr/bin/app",
        0o755,
        standin::program("an honest program"),
    )
}

/// An image that starts the program of [`base`].
pub(crate) fn image() -> ImageBuilder {
    ImageBuilder::new().config(|config| config.entrypoint(&["/usr/bin/app"]))
}

pub(crate) fn verdict(report: &Value) -> &str {
    report["verdict"].as_str().unwrap()
}

/// The findings that a hash list made: path, and whether a later layer took the file away.
pub(crate) fn known(report: &Value) -> Vec<(String, bool)> {
    let of_lists = |finding: &&Value| ["S-MIN-HASH", "S-IOC-HASH"].contains(&finding["id"].as_str().unwrap());
    let removed = |finding: &Value| {
        finding["evidence"].as_array().unwrap().iter().any(|evidence| evidence["kind"] == "removed_by")
    };
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(of_lists)
        .map(|finding| (finding["path"].as_str().unwrap_or_default().to_owned(), removed(finding)))
        .collect()
}

/// Whether a gap, a finding or a piece of evidence of the report says this.
pub(crate) fn says(report: &Value, word: &str) -> bool {
    report["gaps"].to_string().contains(word) || report["findings"].to_string().contains(word)
}

/// All regular files below a directory; none where it does not exist.
pub(crate) fn files_below(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Vec::new() };
    let below = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.unwrap().path();
        if path.is_dir() { files_below(&path) } else { vec![path] }
    };
    entries.flat_map(below).collect()
}
