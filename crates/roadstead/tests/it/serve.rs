//! The gate as a program: from an empty directory to an image that was pushed, judged and pulled, and to its end.

use crate::room::Room;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use test_support::{ImageBuilder, LayerBuilder, peer};

const PASSWORD: &str = "correct horse battery";

/// `roadstead serve`, which ends when it is dropped.
pub(crate) struct Served {
    pub(crate) child: Child,
    pub(crate) address: String,
    /// What it said until it had started.
    pub(crate) said: Vec<String>,
    lines: mpsc::Receiver<String>,
}

pub(crate) fn serve(data: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--log-format", "json", "--data-dir"])
        .arg(data)
        .args(more);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    command
}

impl Served {
    /// Starts it, and gives the secret of the first start as well.
    pub(crate) fn start(data: &Path, more: &[&str]) -> (Self, Option<String>) {
        let mut child = serve(data, more).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (tell, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                let _ = tell.send(line);
            }
        });
        let (mut address, mut secret, mut all) = (None, None, Vec::new());
        let until = Instant::now() + Duration::from_secs(60);
        while address.is_none() || !all.iter().any(|line: &String| line.starts_with("Verify:")) {
            let line = lines.recv_timeout(until.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|_| panic!("it did not start: {all:#?}"));
            if let Some(rest) = line.strip_prefix("roadstead: listening on ") {
                address = rest.split(',').next().map(str::to_owned);
            }
            if let Some(at) = line.find("rdst_admin_") {
                secret = line[at..].split('"').next().map(str::to_owned);
            }
            all.push(line);
        }
        (Self { child, address: address.unwrap(), said: all, lines }, secret)
    }

    /// One request, by hand, as there is nothing else here that speaks HTTP.
    pub(crate) fn ask(
        &self,
        method: &str,
        path: &str,
        authorization: &str,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let body = body.map(Value::to_string).unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nauthorization: {authorization}\r\ncontent-type: application/json\r\n\
             content-length: {}\r\nconnection: close\r\n\r\n{body}",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    pub(crate) fn token(&self, name: &str, password: &str, scope: &str) -> Option<String> {
        use base64::Engine as _;
        let basic = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{password}"));
        let path = format!("/token?service=roadstead&scope={scope}");
        let (_, answer) = self.ask("GET", &path, &format!("Basic {basic}"), None);
        answer["token"].as_str().map(|token| format!("Bearer {token}"))
    }

    pub(crate) fn stop(&mut self) -> ExitStatus {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let until = Instant::now() + Duration::from_secs(45);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < until, "it did not stop");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes an administrator, and a robot that may push and pull and read nothing of the quarantine; its secret.
pub(crate) fn robot(served: &Served, secret: &str) -> String {
    let fields = json!({ "secret": secret, "name": "admin", "password": PASSWORD });
    assert_eq!(served.ask("POST", "/api/v1/setup", "", Some(&fields)).0, 201);
    let admin = served.token("admin", PASSWORD, "registry:admin:*").unwrap();
    let grants = json!([{ "repositories": "team/*", "actions": ["pull", "push"] }]);
    let fields = json!({ "name": "ci", "expires": null, "grants": grants });
    let (status, robot) = served.ask("POST", "/api/v1/robots", &admin, Some(&fields));
    assert_eq!(status, 201, "{robot}");
    robot["secret"].as_str().unwrap().to_owned()
}

#[test]
fn from_an_empty_directory_to_a_pull_and_to_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let (mut served, secret) = Served::start(&data, &["--detonate", "off"]);
    assert_eq!(served.ask("GET", "/healthz", "", None).0, 200);
    assert_eq!(served.ask("GET", "/readyz", "", None).0, 200);

    // A second one on the same directory is refused, and says why.
    let second = serve(&data, &[]).output().unwrap();
    let told = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(second.status.code(), Some(2), "{told}");
    assert!(told.contains("is in use by another process"), "{told}");

    let secret = &robot(&served, &secret.unwrap());
    assert!(served.token("robot+ci", secret, "repository:team/app:pull,push").is_some());

    if let Some(skopeo) = peer("skopeo") {
        push_and_pull(&served, &skopeo, folder.path(), secret);
    }

    assert_eq!(served.stop().code(), Some(0));
    let lines: Vec<String> = served.lines.try_iter().collect();
    assert!(lines.iter().any(|line| line.contains("\"stopped\"")), "{lines:#?}");
    assert!(
        lines.iter().all(|line| line.is_empty() || serde_json::from_str::<Value>(line).is_ok()),
        "{lines:#?}"
    );
    assert!(
        lines.iter().all(|line| !line.contains(PASSWORD) && !line.contains(secret)),
        "a secret was logged"
    );

    let journal = Command::new(env!("CARGO_BIN_EXE_roadstead"))
        .args(["verify", "journal"])
        .arg(&data)
        .output()
        .unwrap();
    assert_eq!(journal.status.code(), Some(0), "{journal:?}");
    assert!(String::from_utf8_lossy(&journal.stdout).contains(" entries hold"), "{journal:?}");
}

fn push_and_pull(served: &Served, skopeo: &Path, folder: &Path, secret: &str) {
    let layer = LayerBuilder::new().file("etc/hello", 0o644, b"hello\n");
    let image = ImageBuilder::new().layer(layer).build();
    let layout = folder.join("layout");
    test_support::write_oci_layout(&layout, &[(Some("1"), &image)]).unwrap();
    let there = format!("docker://{}/team/app:1", served.address);
    let copy = |credentials: [&str; 2], from: &str, to: &str| {
        let mut command = Command::new(skopeo);
        command.args(["copy", "--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false"]);
        command.args(credentials).args([from, to]).output().unwrap()
    };
    let login = format!("robot+ci:{secret}");
    let pushed = copy(["--dest-creds", &login], &format!("oci:{}:1", layout.display()), &there);
    assert!(pushed.status.success(), "{pushed:?}");
    let back = folder.join("back");
    let pulled = copy(["--src-creds", &login], &there, &format!("oci:{}:1", back.display()));
    assert!(pulled.status.success(), "{pulled:?}");
    let refused = copy(["--src-creds", "robot+ci:wrong"], &there, &format!("oci:{}:2", back.display()));
    assert!(!refused.status.success(), "{refused:?}");
}

fn check(text: &str, env: &[(&str, &str)], flags: &[&str], expect: (i32, &str)) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gate.toml");
    std::fs::write(&file, text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_roadstead"));
    command.args(["serve", "--check-config", "--config"]).arg(&file).args(flags);
    let output = command.env_clear().env("HOME", folder.path()).envs(env.iter().copied()).output().unwrap();
    let told =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(expect.0), "{told}");
    assert!(told.contains(expect.1), "{told} does not say {}", expect.1);
    assert!(!told.contains("hunter2"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "checking makes nothing");
}

#[test]
fn a_configuration_is_checked_without_starting() {
    check("", &[], &[], (0, "listen = \"127.0.0.1:5000\""));
    check("", &[], &[], (0, "/.local/share/roadstead/gate\""));
    check("", &[("ROADSTEAD_LISTEN", "127.0.0.1:1")], &[], (0, "listen = \"127.0.0.1:1\""));
    check("", &[("ROADSTEAD_LISTEN", "127.0.0.1:1")], &["--listen", "127.0.0.1:2"], (0, "\"127.0.0.1:2\""));
    check("", &[("ROADSTEAD_LISTN", "127.0.0.1:1")], &[], (0, "no key has the variable ROADSTEAD_LISTN"));
    check("[metrics]\ntoken = \"hunter2hunter2hunter2\"\n", &[], &[], (0, "token = \"[redacted]\""));
    check("lisen = \"127.0.0.1:1\"\n", &[], &[], (2, "lisen"));
    check("listen = \"0.0.0.0:1\"\n", &[], &[], (2, "off is for the loopback"));
    check("", &[], &["--listen", "here"], (2, "listen"));
    check("", &[("ROADSTEAD_SCAN_WORKERS", "many")], &[], (2, "scan.workers of the environment"));
    check("policy.file = \"/nowhere/policy.toml\"\n", &[], &[], (2, "/nowhere/policy.toml"));
    check("scan.feeds = [\"/nowhere/feed.csv\"]\n", &[], &[], (2, "/nowhere/feed.csv"));
    check(
        "[tls]\nmode = \"files\"\ncertificate = \"/nowhere/a.crt\"\nkey = \"/nowhere/a.key\"\n",
        &[],
        &[],
        (2, "/nowhere/a.crt"),
    );
}

#[test]
fn a_journal_that_was_changed_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (mut served, _) = Served::start(&folder.path().join("data"), &["--detonate", "off"]);
    assert_eq!(served.stop().code(), Some(0));
    let room = Room::new();
    let (data, lines) = (folder.path().join("data"), folder.path().join("journal.jsonl"));
    let (data, lines) = (data.to_str().unwrap(), lines.to_str().unwrap());
    let ran = room.run(&["verify", "journal", "--export", lines, data]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let head = ran.out.lines().find(|line| line.starts_with('{')).unwrap();
    assert_eq!(room.run(&["verify", "journal", "--anchor", head, lines]).code, 0);
    let text = std::fs::read_to_string(lines).unwrap();
    let without_end: Vec<&str> = text.lines().take(text.lines().count() - 1).collect();
    std::fs::write(lines, format!("{}\n", without_end.join("\n"))).unwrap();
    assert_eq!(room.run(&["verify", "journal", lines]).code, 0);
    let cut = room.run(&["verify", "journal", "--anchor", head, lines]);
    assert!(cut.code == 1 && cut.out.contains("cut off"), "{cut:?}");
    std::fs::write(lines, text.replacen("start", "begin", 1)).unwrap();
    let changed = room.run(&["verify", "journal", lines]);
    assert!(changed.code == 1 && changed.out.contains("BROKEN at entry"), "{changed:?}");
    assert_eq!(room.run(&["verify", "journal", "/nowhere"]).code, 2);
}
