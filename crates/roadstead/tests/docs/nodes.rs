//! The files that the guide to Kubernetes gives, shown to containerd: it asks the gate, and nobody else.

use crate::blocks::{Marker, blocks};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use test_support::{FakeRegistry, ImageBuilder, LayerBuilder, Response, peer};

/// The last block of the page that is a file of this name.
fn file(name: &str) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/kubernetes.md");
    let found = blocks("kubernetes.md", &std::fs::read_to_string(page).unwrap());
    let mut named = found.into_iter().filter(|block| block.marker == Marker::File { name: name.to_owned() });
    named.next_back().unwrap_or_else(|| panic!("the guide has no {name}")).text
}

/// containerd with everything below one directory, until it is dropped.
struct Containerd {
    child: Child,
    folder: PathBuf,
    ctr: PathBuf,
}

impl Containerd {
    fn start(program: &Path, ctr: PathBuf, folder: &Path) -> Self {
        let config = folder.join("config.toml");
        std::fs::write(&config, "version = 2\ndisabled_plugins = [\"io.containerd.grpc.v1.cri\"]\n").unwrap();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = Command::new(program)
            .arg("--config")
            .arg(config)
            .args([Path::new("--root"), &folder.join("root"), Path::new("--state"), &folder.join("state")])
            .arg("--address")
            .arg(folder.join("socket"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let started = Self { child, folder: folder.to_owned(), ctr };
        let until = Instant::now() + Duration::from_mins(1);
        while !started.ctr(&["version"]).0 {
            let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
            assert!(Instant::now() < until, "containerd does not start: {log}");
            std::thread::sleep(Duration::from_millis(100));
        }
        started
    }

    /// Whether `ctr` succeeds, and what it says.
    fn ctr(&self, words: &[&str]) -> (bool, String) {
        let output = Command::new(&self.ctr)
            .arg("--address")
            .arg(self.folder.join("socket"))
            .args(words)
            .output()
            .unwrap();
        let said =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.success(), said)
    }

    fn fetch(&self, reference: &str) -> (bool, String) {
        let folder = self.folder.join("certs.d");
        self.ctr(&["content", "fetch", "--hosts-dir", folder.to_str().unwrap(), reference])
    }
}

impl Drop for Containerd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn containerd_asks_the_gate_and_nobody_else() {
    let (Some(program), Some(ctr)) = (peer("containerd"), peer("ctr")) else { return };
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: containerd was not started, which takes root");
        return;
    }
    let image = ImageBuilder::new().layer(LayerBuilder::new().file("etc/hello", 0o644, b"hello\n")).build();
    let gate = FakeRegistry::new()
        .image("team/app", "1", &image)
        .intercept(|request| request.path.contains("/mined/").then(|| Response::new(403)))
        .start();
    let folder = tempfile::tempdir().unwrap();
    let hosts = |registry: &str, text: &str| {
        let text = text.replace("https://gate.example", &format!("http://{}", gate.host()));
        // What stands for the gate here has no certificate.
        let text: String =
            text.lines().filter(|line| !line.starts_with("ca = ")).map(|line| format!("{line}\n")).collect();
        let place = folder.path().join("certs.d").join(registry);
        std::fs::create_dir_all(&place).unwrap();
        std::fs::write(place.join("hosts.toml"), text).unwrap();
    };
    hosts("_default", &file("/etc/containerd/certs.d/_default/hosts.toml"));
    hosts("quay.io", &file("/etc/containerd/certs.d/quay.io/hosts.toml"));
    hosts("unreadable.invalid", &format!("server = \"http://{}\"\n", gate.host()));
    let node = Containerd::start(&program, ctr, folder.path());

    let (given, said) = node.fetch("docker.io/team/app:1");
    assert!(given, "{said}");
    let asked = gate.requests();
    assert!(!asked.is_empty());
    for request in &asked {
        assert_eq!(request.query, "ns=docker.io", "{request:?}");
        assert!(request.header("authorization").starts_with("Basic "), "{request:?}");
    }
    // What the gate refuses or does not know is asked of nobody else.
    for (reference, elsewhere) in
        [("docker.io/mined/app:1", "docker.io/v2"), ("ghcr.io/team/app:2", "ghcr.io/v2")]
    {
        let (given, said) = node.fetch(reference);
        assert!(!given && !said.contains(elsewhere), "{reference}: {said}");
    }
    let before = gate.requests().len();
    let (given, said) = node.fetch("quay.io/team/app:1");
    assert!(
        !given && said.contains("not-through-this-node.invalid") && !said.contains("quay.io/v2"),
        "{said}"
    );
    assert_eq!(gate.requests().len(), before);
    // As the page warns: what cannot be read is left out, and the registry in the name is asked.
    let (given, said) = node.fetch("unreadable.invalid/team/app:1");
    assert!(!given && said.contains("https://unreadable.invalid/v2"), "{said}");
    assert_eq!(gate.requests().len(), before);
}
