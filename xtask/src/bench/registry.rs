//! The gate against Debian's `docker-registry`, on the same disk in one run: what pushes and pulls bring per second, what
//! small requests cost, and how much memory many pulls take. The gate authenticates and checks releases meanwhile; the
//! other does neither.

mod client;
mod load;
mod server;

use super::build;
use anyhow::{Context as _, Result, bail};
use load::{Blob, Target};
use serde_json::{Value, json};
use server::Running;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const MIB: usize = 1 << 20;
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// Clients at once: of big transfers, and of small requests.
const TRANSFERS: usize = 4;
const ASKING: usize = 16;
const REQUESTS: usize = 40_000;
const PULLS: usize = 64;

/// One thing that is measured of both.
struct Line {
    what: String,
    unit: &'static str,
    /// Whether more is better.
    more: bool,
    ours: Vec<f64>,
    theirs: Vec<f64>,
}

/// Measures, and prints Markdown. `rounds` times, each time both.
pub(crate) fn run(root: &Path, rounds: usize) -> Result<()> {
    let tools = build(root)?;
    let place = root.join("target/bench-registry");
    std::fs::create_dir_all(&place)?;
    let one = [Blob::layer(1024 * MIB, 1)?];
    let many = (0..20).map(|seed| Blob::layer(51 * MIB, 100 + seed)).collect::<Result<Vec<_>>>()?;
    let mut lines: Vec<Line> = Vec::new();
    for round in 0..rounds.max(1) {
        // Who comes first has the colder disk: they take turns.
        for ours in if round % 2 == 0 { [true, false] } else { [false, true] } {
            let dir = tempfile::tempdir_in(&place)?;
            let measured = if ours {
                let gate = Gate::start(&tools.roadstead, dir.path())?;
                measure(&gate.running, &|| gate.target("pusher"), &|| gate.target("puller"), &one, &many)?
            } else {
                let running = server::docker_registry(dir.path())?;
                let address = running.address;
                let target =
                    || Ok(Target { address, authorization: None, repository: "bench/image".to_owned() });
                measure(&running, &target, &target, &one, &many)?
            };
            for (what, unit, more, value) in measured {
                let at = lines.iter().position(|line| line.what == what).unwrap_or_else(|| {
                    lines.push(Line { what, unit, more, ours: Vec::new(), theirs: Vec::new() });
                    lines.len() - 1
                });
                if ours { lines[at].ours.push(value) } else { lines[at].theirs.push(value) }
            }
        }
    }
    println!(
        "{rounds} rounds, medians\n\n| what | gate | docker-registry | unit | ratio |\n|---|---|---|---|---|"
    );
    for line in &mut lines {
        let (ours, theirs) = (median(&mut line.ours), median(&mut line.theirs));
        let better = if line.more { "more is better" } else { "less is better" };
        println!(
            "| {} ({better}) | {ours:.1} | {theirs:.1} | {} | {:.2} |",
            line.what,
            line.unit,
            ours / theirs
        );
    }
    Ok(())
}

type Values = Vec<(String, &'static str, bool, f64)>;
type GetTarget<'a> = &'a dyn Fn() -> Result<Target>;

fn measure(
    running: &Running,
    pusher: GetTarget<'_>,
    puller: GetTarget<'_>,
    one: &[Blob],
    many: &[Blob],
) -> Result<Values> {
    let mut values = Values::new();
    let rate = |blobs: &[Blob], taken: Duration| {
        blobs.iter().map(|blob| blob.bytes.len()).sum::<usize>() as f64 / MIB as f64 / taken.as_secs_f64()
    };
    for (name, blobs) in [("one blob of 1 GiB", one), ("20 layers of 51 MiB", many)] {
        eprintln!("pushing {name}");
        let taken = load::push(&pusher()?, blobs, TRANSFERS)?;
        values.push((format!("push, {name}"), "MiB/s", true, rate(blobs, taken)));
    }
    eprintln!("waiting until it is served");
    let digest = push_manifest(&pusher()?, one, many)?;
    wait_until_served(puller, &digest)?;
    for (name, blobs) in [("one blob of 1 GiB", one), ("20 layers of 51 MiB", many)] {
        eprintln!("pulling {name}");
        let taken = load::pull(&puller()?, blobs, TRANSFERS)?;
        values.push((format!("pull, {name}"), "MiB/s", true, rate(blobs, taken)));
    }
    let target = puller()?;
    let manifest = format!("/v2/{}/manifests/{digest}", target.repository);
    let blob = format!("/v2/{}/blobs/{}", target.repository, many[0].digest);
    for (name, method, path) in [("manifest GET", "GET", &manifest), ("blob HEAD", "HEAD", &blob)] {
        eprintln!("asking: {name}");
        load::rate(&target, method, path, &[("Accept", MANIFEST)], REQUESTS / 10, ASKING)?;
        let rate = load::rate(&target, method, path, &[("Accept", MANIFEST)], REQUESTS, ASKING)?;
        values.push((name.to_owned(), "1/s", true, rate.per_second));
        values.push((format!("{name}, 99th percentile"), "ms", false, rate.p99.as_secs_f64() * 1e3));
    }
    eprintln!("{PULLS} pulls at once");
    load::pull_slowly(&puller()?, &many[0], PULLS)?;
    values.push((
        format!("largest memory, in the end under {PULLS} pulls"),
        "MiB",
        false,
        running.peak_mib()?,
    ));
    Ok(values)
}

/// Pushes the image that has all the layers; gives the digest of its manifest.
fn push_manifest(target: &Target, one: &[Blob], many: &[Blob]) -> Result<String> {
    let layers = || one.iter().chain(many);
    // An image that says of its layers what they are: the gate releases nothing else.
    let config = json!({
        "architecture": "amd64",
        "os": "linux",
        "config": {"Cmd": ["/data-1"]},
        "rootfs": {"type": "layers", "diff_ids": layers().map(|blob| &blob.digest).collect::<Vec<_>>()},
    });
    let config = [Blob::of(config.to_string().into_bytes())];
    load::push(target, &config, 1)?;
    let described =
        |kind: &str, blob: &Blob| json!({"mediaType": kind, "digest": blob.digest, "size": blob.bytes.len()});
    let layers: Vec<Value> =
        layers().map(|blob| described("application/vnd.oci.image.layer.v1.tar", blob)).collect();
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described("application/vnd.oci.image.config.v1+json", &config[0]),
        "layers": layers,
    });
    let manifest = Blob::of(manifest.to_string().into_bytes());
    let path = format!("/v2/{}/manifests/bench", target.repository);
    let (answer, body) = target.connect()?.send_body("PUT", &path, MANIFEST, &manifest.bytes)?;
    load::expect(answer.status, 201, &body)?;
    Ok(manifest.digest)
}

/// Until the image was read and is released.
fn wait_until_served(puller: GetTarget<'_>, digest: &str) -> Result<()> {
    let patience = Instant::now() + Duration::from_secs(600);
    loop {
        let target = puller()?;
        let path = format!("/v2/{}/manifests/{digest}", target.repository);
        let (answer, body) = target.connect()?.ask("GET", &path, &[("Accept", MANIFEST)])?;
        let held = String::from_utf8_lossy(&body).contains("held by the rule");
        match answer.status {
            200 => return Ok(()),
            429 if !held && Instant::now() < patience => std::thread::sleep(Duration::from_secs(1)),
            status => bail!("the image is not released ({status}): {}", String::from_utf8_lossy(&body)),
        }
    }
}

/// The gate, with a robot that pushes and one that pulls.
struct Gate {
    running: Running,
    pusher: (String, String),
    puller: (String, String),
}

impl Gate {
    fn start(program: &Path, dir: &Path) -> Result<Self> {
        let log = dir.join("log");
        let data = dir.join("data");
        let running = Running::start(
            |address| {
                let mut command = Command::new(program);
                command.args(["serve", "--detonate", "off", "--log-format", "json"]);
                command.arg("--listen").arg(address.to_string()).arg("--data-dir").arg(&data);
                command
            },
            Some(&log),
        )?;
        let address = running.address;
        let secret = secret_in(&log)?;
        let fields = json!({"secret": secret, "name": "admin", "password": "only for a measurement"});
        api(address, None, "/api/v1/setup", &fields)?;
        let admin = token(address, "admin", "only for a measurement", "registry:admin:*")?;
        let robot = |name: &str, actions: &[&str]| -> Result<(String, String)> {
            let grants = json!([{"repositories": "bench/*", "actions": actions}]);
            let answer = api(
                address,
                Some(&admin),
                "/api/v1/robots",
                &json!({"name": name, "expires": null, "grants": grants}),
            )?;
            let secret = answer["secret"].as_str().context("a robot has no secret")?;
            Ok((format!("robot+{name}"), secret.to_owned()))
        };
        let pusher = robot("pusher", &["pull", "push"])?;
        let puller = robot("puller", &["pull"])?;
        Ok(Self { running, pusher, puller })
    }

    /// With a token that is new, as tokens are short-lived.
    fn target(&self, who: &str) -> Result<Target> {
        let (robot, scope) = match who {
            "pusher" => (&self.pusher, "repository:bench/image:pull,push"),
            _ => (&self.puller, "repository:bench/image:pull"),
        };
        let address = self.running.address;
        let authorization = Some(token(address, &robot.0, &robot.1, scope)?);
        Ok(Target { address, authorization, repository: "bench/image".to_owned() })
    }
}

/// The secret of the first start, which the gate prints once.
fn secret_in(log: &Path) -> Result<String> {
    let patience = Instant::now() + Duration::from_secs(30);
    loop {
        for line in BufReader::new(std::fs::File::open(log)?).lines() {
            let line = line?;
            if let Some(at) = line.find("rdst_admin_") {
                let secret = line[at..].split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
                return Ok(secret.unwrap_or_default().to_owned());
            }
        }
        if Instant::now() > patience {
            bail!("the gate printed no secret");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn api(address: SocketAddr, authorization: Option<&str>, path: &str, fields: &Value) -> Result<Value> {
    let mut client = client::Client::connect(address, authorization)?;
    let (answer, body) = client.send_body("POST", path, "application/json", fields.to_string().as_bytes())?;
    load::expect(answer.status, 201, &body)?;
    Ok(serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn token(address: SocketAddr, name: &str, password: &str, scope: &str) -> Result<String> {
    let basic =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{name}:{password}"));
    let mut client = client::Client::connect(address, Some(&format!("Basic {basic}")))?;
    let (answer, body) = client.ask("GET", &format!("/token?service=roadstead&scope={scope}"), &[])?;
    load::expect(answer.status, 200, &body)?;
    let body: Value = serde_json::from_slice(&body)?;
    Ok(format!("Bearer {}", body["token"].as_str().context("an answer has no token")?))
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
