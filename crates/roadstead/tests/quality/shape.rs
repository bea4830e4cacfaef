//! How an image of the corpus is described, and how it is scanned.

use crate::{Run, ground};
use serde_json::Value;
use std::process::Command;
use std::sync::Mutex;
use test_support::{ConfigBuilder, FakeRegistry, ImageBuilder, Layer, LayerBuilder};

/// What the gate wants to hear of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Proven harmful.
    Malicious,
    /// At least held back.
    Suspicious,
    /// Nothing at all.
    Clean,
}

/// The same thing looked at from two sides: other names, places, hosts, quotes or language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    Plain,
    Changed,
}

impl Surface {
    /// One of two.
    pub(crate) fn pick<T>(self, plain: T, changed: T) -> T {
        match self {
            Self::Plain => plain,
            Self::Changed => changed,
        }
    }
}

/// One entry of the corpus.
pub(crate) struct Shape {
    pub(crate) group: &'static str,
    pub(crate) name: &'static str,
    pub(crate) expect: Expect,
    pub(crate) image: fn(Surface) -> Planted,
}

pub(crate) fn malicious(name: &'static str, image: fn(Surface) -> Planted) -> Shape {
    Shape { group: "", name, expect: Expect::Malicious, image }
}

pub(crate) fn suspicious(name: &'static str, image: fn(Surface) -> Planted) -> Shape {
    Shape { group: "", name, expect: Expect::Suspicious, image }
}

pub(crate) fn clean(name: &'static str, image: fn(Surface) -> Planted) -> Shape {
    Shape { group: "", name, expect: Expect::Clean, image }
}

/// An image: a small distribution, and one layer on top of it.
pub(crate) struct Planted {
    base: LayerBuilder,
    top: LayerBuilder,
    created_by: String,
    history: Vec<String>,
    config: ConfigBuilder,
    name: Option<String>,
}

impl Planted {
    pub(crate) fn debian() -> Self {
        Self::on(ground::debian())
    }

    pub(crate) fn alpine() -> Self {
        Self::on(ground::alpine())
    }

    pub(crate) fn scratch() -> Self {
        Self::on(LayerBuilder::new().dir("etc", 0o755))
    }

    fn on(base: LayerBuilder) -> Self {
        Self {
            base,
            top: LayerBuilder::new(),
            created_by: "COPY . / # buildkit".to_owned(),
            history: Vec::new(),
            config: ConfigBuilder::new(),
            name: None,
        }
    }

    /// The distribution's own layer, changed.
    pub(crate) fn base(mut self, change: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Self {
        self.base = change(self.base);
        self
    }

    pub(crate) fn file(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.top = self.top.file(path.trim_start_matches('/'), 0o644, content);
        self
    }

    /// An executable file.
    pub(crate) fn script(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.top = self.top.file(path.trim_start_matches('/'), 0o755, content);
        self
    }

    pub(crate) fn with_mode(mut self, path: &str, mode: u32, content: impl AsRef<[u8]>) -> Self {
        self.top = self.top.file(path.trim_start_matches('/'), mode, content);
        self
    }

    pub(crate) fn symlink(mut self, path: &str, target: &str) -> Self {
        self.top = self.top.symlink(path.trim_start_matches('/'), target);
        self
    }

    /// Anything else about the top layer.
    pub(crate) fn layer(mut self, change: impl FnOnce(LayerBuilder) -> LayerBuilder) -> Self {
        self.top = change(self.top);
        self
    }

    pub(crate) fn entry(mut self, words: &[&str]) -> Self {
        self.config = self.config.entrypoint(words);
        self
    }

    pub(crate) fn cmd(mut self, words: &[&str]) -> Self {
        self.config = self.config.cmd(words);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.config = self.config.env(name, value);
        self
    }

    pub(crate) fn config(mut self, change: impl FnOnce(ConfigBuilder) -> ConfigBuilder) -> Self {
        self.config = change(self.config);
        self
    }

    /// The instruction that made the top layer.
    pub(crate) fn made_by(mut self, instruction: &str) -> Self {
        self.created_by = instruction.to_owned();
        self
    }

    /// An instruction that made no layer.
    pub(crate) fn history(mut self, instruction: &str) -> Self {
        self.history.push(instruction.to_owned());
        self
    }

    /// The name under which it is asked for.
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.name = Some(name.to_owned());
        self
    }
}

/// Scans every one of them, on all processors.
pub(crate) fn in_parallel<'s>(work: impl Iterator<Item = (&'s Shape, Surface)>) -> Vec<Run> {
    let work: Vec<_> = work.collect();
    let next = Mutex::new(work.iter());
    let done = Mutex::new(Vec::new());
    let threads = std::thread::available_parallelism().map_or(1, Into::into);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let Some(&(shape, surface)) = next.lock().unwrap().next() else { return };
                    let run = scan(shape, surface);
                    done.lock().unwrap().push(run);
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|run| (run.group, run.name, run.surface == Surface::Changed));
    done
}

fn scan(shape: &Shape, surface: Surface) -> Run {
    let Planted { base, top, created_by, history, config, name } = (shape.image)(surface);
    let mut image = ImageBuilder::new()
        .config(|_| config)
        .layer(Layer::from(base).created_by("/bin/sh -c #(nop) ADD file:rootfs in / "))
        .layer(Layer::from(top).created_by(&created_by));
    for instruction in &history {
        image = image.history(instruction);
    }
    let image = image.build();
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("roadstead"));
    command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", folder.path());
    command.args(["scan", "--quiet", "--no-cache", "--jobs", "1", "--format", "json"]);
    // A name counts only where an image was asked for by it: a registry on this machine answers for the one that the
    // name tells.
    let mut registry = None;
    let reference = match &name {
        Some(name) => {
            let (host, rest) = name.split_once('/').unwrap();
            let (repository, tag) = rest.split_once(':').unwrap();
            let running = FakeRegistry::new().image(repository, tag, &image).start();
            command.args(["--plain-http", &running.host()]);
            command.arg("--mirror").arg(format!("{host}=http://{}", running.host()));
            registry = Some(running);
            format!("docker://{name}")
        }
        None => {
            let layout = folder.path().join("layout");
            image.write_oci_layout(&layout, None).unwrap();
            format!("oci:{}", layout.display())
        }
    };
    let output = command.arg(reference).output().unwrap();
    drop(registry);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{} ({surface:?}): {error}: {}", shape.name, String::from_utf8_lossy(&output.stderr))
    });
    let counting = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["role"] != "context")
        .map(|finding| finding["id"].as_str().unwrap().to_owned())
        .collect();
    Run {
        group: shape.group,
        name: shape.name,
        surface,
        expect: shape.expect,
        verdict: report["verdict"].as_str().unwrap().to_owned(),
        counting,
    }
}
