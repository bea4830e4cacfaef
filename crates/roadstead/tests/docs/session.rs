//! A reader who goes through a page from its first block to its last, in a directory of their own.

use crate::blocks::{Block, Marker};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use test_support::{ImageBuilder, LayerBuilder, free_port, standin};

/// How long one block may take: images are run in it, on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_mins(5);
/// What a page calls the gate, and what it calls the registry behind it. Each run has ports of its own in their place.
const GATE: &str = "localhost:5000";
const UPSTREAM: &str = "localhost:5001";
/// The secret of the first start, as pages write it; the one that the gate printed stands for it.
const FIRST_SECRET: &str = "rdst_admin_SECRET";
/// Where pages keep the configuration; secrets that it names are made there.
const CONFIGURATION: &str = "/etc/roadstead";
const SECRETS: [&str; 3] = ["etc/docker.io.token", "etc/metrics.token", "password"];
/// What pages call an image that the reader has, and what is here in its place.
const IMAGES: [(&str, &str); 3] =
    [("IMAGE", "oci:layout"), ("OLD", "oci:build/before"), ("NEW", "oci:build/after")];

/// The directory, what runs in it, and what was printed last.
pub(crate) struct Session {
    room: tempfile::TempDir,
    gate: String,
    upstream: String,
    running: Vec<Child>,
    printed: String,
    secret: Option<String>,
}

impl Session {
    /// With what pages take for granted: an image as a layout, as an archive and as a directory, some lists, and the
    /// program on the path.
    pub(crate) fn new() -> Self {
        let room = tempfile::tempdir().unwrap();
        let at = |name: &str| room.path().join(name);
        for folder in ["bin", "home", "tmp", "run", "empty", "rootfs/bin", "etc"] {
            std::fs::create_dir_all(at(folder)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_roadstead"), at("bin/roadstead")).unwrap();
        let layer = LayerBuilder::new().file("usr/bin/app", 0o755, standin::program("an honest program"));
        let image =
            ImageBuilder::new().config(|config| config.entrypoint(&["/usr/bin/app"])).layer(layer).build();
        for layout in ["build/layout", "build/before", "build/after", "layout", "x"] {
            std::fs::create_dir_all(at(layout).parent().unwrap()).unwrap();
            test_support::write_oci_layout(&at(layout), &[(Some("1.0"), &image)]).unwrap();
        }
        std::fs::write(at("image.tar"), image.docker_archive(&["registry.example/team/app:1.4"])).unwrap();
        std::fs::write(at("rootfs/bin/app"), standin::program("an honest program")).unwrap();
        std::fs::write(at("feed.txt"), format!("{} a miner\n", test_support::sha256_hex(b"some miner")))
            .unwrap();
        for secret in SECRETS {
            std::fs::write(at(secret), "a secret that is long enough").unwrap();
        }
        let (gate, upstream) = (format!("localhost:{}", free_port()), format!("localhost:{}", free_port()));
        Self { room, gate, upstream, running: Vec::new(), printed: String::new(), secret: None }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    /// What a page says, with the addresses and the secret of this run.
    fn substituted(&self, text: &str) -> String {
        let text = text.replace(GATE, &self.gate).replace(UPSTREAM, &self.upstream);
        let text = text.replace(CONFIGURATION, &self.path("etc").display().to_string());
        match &self.secret {
            Some(secret) => text.replace(FIRST_SECRET, secret),
            None => text,
        }
    }

    /// Does what a block says.
    pub(crate) fn follow(&mut self, block: &Block) -> Result<(), String> {
        match &block.marker {
            Marker::Run { code } => self.run(block, *code),
            Marker::Background { until } => self.start(block, until),
            Marker::Printed => self.compare(block),
            Marker::File { name } => self.write(name, &block.text),
            _ => Ok(()),
        }
    }

    fn write(&self, name: &str, text: &str) -> Result<(), String> {
        let relative =
            Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
        // Pages name files below /etc as well: those are checked, and no later block uses them.
        if !relative {
            return Ok(());
        }
        let path = self.path(name);
        let folder = path.parent().unwrap_or(self.room.path());
        let written =
            std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, self.substituted(text)));
        written.map_err(|error| format!("{name}: {error}"))
    }

    /// Bash with nothing of the environment but the path; variables that a block sets are there in the next one.
    fn shell(&self, script: &str) -> Command {
        let script = with_images(script);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut command = Command::new("bash");
        let script = format!(
            "set -aeuo pipefail\n[ ! -e .variables ] || . ./.variables\n{}\n{{ export -p | grep -v ' -[a-z]*r' > .variables; }} || :\n",
            self.substituted(&script)
        );
        command
            .args(["-c", &script])
            .env_clear()
            .env("PATH", format!("{}:{}", self.path("bin").display(), path.display()))
            .env("HOME", self.path("home"))
            .env("TMPDIR", self.path("tmp"))
            .env("XDG_RUNTIME_DIR", self.path("run"))
            .env("IMAGE", IMAGES[0].1)
            .env("ROADSTEAD_LISTEN", self.gate.replace("localhost", "127.0.0.1"))
            .current_dir(self.room.path())
            .stdin(Stdio::null());
        command
    }

    fn run(&mut self, block: &Block, expect: i32) -> Result<(), String> {
        let (out, err) = (self.path(".out"), self.path(".err"));
        let mut command = self.shell(&block.text);
        command.stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        let mut child = command.spawn().map_err(|error| format!("cannot start bash: {error}"))?;
        let until = Instant::now() + PATIENCE;
        let status = loop {
            match child.try_wait().unwrap() {
                Some(status) => break status,
                None if Instant::now() > until => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err("takes too long".to_owned());
                }
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        };
        self.printed = read(&out) + &read(&err);
        match status.code() {
            Some(code) if code == expect => Ok(()),
            code => Err(format!(
                "leaves with {code:?} and not with {expect}:\n{}\n{}",
                self.printed,
                self.said_behind()
            )),
        }
    }

    /// What those say that go on in the background: why a request failed is often theirs to tell.
    fn said_behind(&self) -> String {
        (0..self.running.len()).map(|number| read(&self.path(&format!(".said-{number}")))).collect()
    }

    fn start(&mut self, block: &Block, until: &str) -> Result<(), String> {
        let file = self.path(&format!(".said-{}", self.running.len()));
        let said = File::create(&file).unwrap();
        // `exec`, so that what is ended at the end is the program and no shell before it.
        let mut command = self.shell(&format!("exec {}", block.text.trim_start()));
        command.stdout(said.try_clone().unwrap()).stderr(said);
        self.running.push(command.spawn().map_err(|error| format!("cannot start bash: {error}"))?);
        let patience = Instant::now() + Duration::from_mins(1);
        loop {
            self.printed = read(&file);
            if self.printed.contains(until) {
                break;
            }
            let ended = self.running.last_mut().and_then(|child| child.try_wait().ok().flatten());
            if ended.is_some() || Instant::now() > patience {
                return Err(format!("does not say {until:?} ({ended:?}): {}", self.printed));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Some(at) = self.printed.find("rdst_admin_") {
            self.secret = self.printed[at..].split('"').next().map(str::to_owned);
        }
        Ok(())
    }

    /// Each line of the block was printed, in this order, where `…` stands for anything.
    fn compare(&self, block: &Block) -> Result<(), String> {
        let mut lines = self.printed.lines();
        for expected in block.text.lines().map(|line| self.substituted(line)) {
            // Of what is cut at its end, and of a command that is shown with its output, nothing was printed.
            if expected.trim().is_empty() || expected.trim() == "…" || expected.starts_with("$ ") {
                continue;
            }
            if !lines.any(|line| is_like(line.trim(), expected.trim())) {
                return Err(format!("was not printed: {expected}\nbut:\n{}", self.printed));
            }
        }
        Ok(())
    }

    /// Runs the program with a file of this content between two parts of its arguments; its exit code, and what it said.
    pub(crate) fn on_a_file(&self, before: &[&str], name: &str, text: &str, after: &[&str]) -> (i32, String) {
        let folder = tempfile::tempdir_in(self.room.path()).unwrap();
        let file = folder.path().join(name);
        std::fs::write(&file, self.substituted(text)).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
        command
            .args(before)
            .arg(&file)
            .args(after)
            .env_clear()
            .env("HOME", self.path("home"))
            .current_dir(self.room.path());
        let output = command.output().unwrap();
        let said =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code().unwrap_or(-1), said)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        for child in &mut self.running {
            // One that has ended already is no matter.
            let _ =
                Command::new("kill").args(["-TERM", &child.id().to_string()]).stderr(Stdio::null()).status();
        }
        for child in &mut self.running {
            let until = Instant::now() + Duration::from_secs(20);
            while child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < until {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// A script with images that are here, where it names one by a placeholder as a word of its own.
fn with_images(script: &str) -> String {
    let is_end = |letter: char| letter.is_whitespace() || letter == ')';
    script
        .split_inclusive(is_end)
        .map(|piece| {
            let word = piece.trim_end_matches(is_end);
            let image = IMAGES.iter().find(|(name, _)| *name == word).map_or(word, |(_, image)| image);
            format!("{image}{}", &piece[word.len()..])
        })
        .collect()
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// Whether a line has the parts of a pattern in their order, its beginning and its end included.
fn is_like(line: &str, pattern: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('…') else { return line == pattern };
    let Some(mut line) = line.strip_prefix(begin) else { return false };
    let mut parts: Vec<&str> = rest.split('…').collect();
    let end = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = line.find(part) else { return false };
        line = &line[at + part.len()..];
    }
    line.ends_with(end)
}

#[test]
fn placeholders_are_words() {
    assert_eq!(
        with_images("scan IMAGE\n$(diff OLD NEW) \"$IMAGE\" IMAGES\n"),
        "scan oci:layout\n$(diff oci:build/before oci:build/after) \"$IMAGE\" IMAGES\n"
    );
}

#[test]
fn lines_are_like_patterns() {
    fn check(line: &str, pattern: &str, expect: bool) {
        assert_eq!(is_like(line, pattern), expect, "{line} and {pattern}");
    }
    check("a b c", "a b c", true);
    check("a b c", "a b", false);
    check("a b c", "a …", true);
    check("a b c d", "a … c …", true);
    check("a b c d", "… c", false);
    check("a b c", "…b…c", true);
    check("c", "a…", false);
}

#[test]
fn a_session_goes_on_from_block_to_block() {
    let mut session = Session::new();
    let page = "<!-- run -->\n```\nA=one; echo \"$A\" first; roadstead --version\n```\n<!-- printed -->\n```text\none …\nroadstead …\n```\n\
                <!-- run: exit 3 -->\n```\ntest \"$A\" = one && exit 3\n```\n<!-- file: b.txt -->\n```text\nlocalhost:5000\n```\n";
    for block in crate::blocks::blocks("a.md", page) {
        session.follow(&block).unwrap();
    }
    assert_eq!(read(&session.path("b.txt")).trim(), session.gate);
    let wrong = |text: &str, session: &mut Session| {
        let blocks = crate::blocks::blocks("a.md", text);
        blocks.iter().try_for_each(|block| session.follow(block)).is_err()
    };
    assert!(wrong("<!-- run -->\n```\nexit 1\n```\n", &mut session));
    assert!(wrong("<!-- run -->\n```\nnothing-of-this-name\n```\n", &mut session));
    assert!(wrong("<!-- run -->\n```\necho a\n```\n<!-- printed -->\n```text\nb\n```\n", &mut session));
    assert!(wrong("<!-- run: in the background until \"never\" -->\n```\ntrue\n```\n", &mut session));
}
