//! A gate with people and images in it, for a browser to look at.

use super::driver::Browser;
use crate::serve::Served;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use test_support::{Image, ImageBuilder, Layer, LayerBuilder, peer, standin};

pub(crate) const PASSWORD: &str = "correct horse battery";

/// What an image calls itself where it wants to run something in the browser of whoever looks at it, or to look like
/// something else: markup, quotes, scripts, text that is written from right to left, control characters, and no end.
pub(crate) fn hostile(mark: &str) -> String {
    let markup = format!(
        "\"'><img src=x onerror=\"window.ran='{mark}'\"><script>window.ran='{mark}'</script>{{{{7*7}}}}"
    );
    format!("{markup}\u{202e}gnp.\u{2066}\u{7}\u{1b}[31m{}", "w".repeat(10_000))
}

/// The gate, its people, and an image of each kind.
pub(crate) struct House {
    pub(crate) served: Served,
    pub(crate) clean: Image,
    pub(crate) miner: Image,
    pub(crate) held: Image,
    _folder: TempDir,
}

impl House {
    /// Starts a gate, with two administrators `ann` and `ben` and a developer `dev` who may pull and push below `team`,
    /// pushes the images, and waits until all are decided. None where there is nothing to push with.
    pub(crate) fn open() -> Option<Self> {
        let skopeo = peer("skopeo")?;
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let (served, secret) = Served::start(&data, &["--detonate", "off"]);
        let first = json!({ "secret": secret.unwrap(), "name": "ann", "password": PASSWORD });
        assert_eq!(served.ask("POST", "/api/v1/setup", "", Some(&first)).0, 201);
        let house = Self { served, clean: clean(), miner: miner(), held: held(), _folder: folder };
        for (name, admin) in [("ben", true), ("dev", false)] {
            let user = json!({ "name": name, "password": PASSWORD, "admin": admin });
            assert_eq!(house.admin("POST", "/api/v1/users", Some(&user)).0, 201);
        }
        let grant = json!({ "principal": "user:dev", "repositories": "team/*", "actions": ["pull", "push"] });
        assert_eq!(house.admin("PUT", "/api/v1/grants", Some(&grant)).0, 204);
        let all = json!({ "principal": "user:ann", "repositories": "**", "actions": ["pull", "push"] });
        assert_eq!(house.admin("PUT", "/api/v1/grants", Some(&all)).0, 204);
        // Tokens of the second in which rights change are cut off with those before.
        std::thread::sleep(Duration::from_millis(1100));
        for (name, image) in [
            ("team/web", &house.clean),
            ("team/miner", &house.miner),
            ("team/tool", &house.held),
            ("other/app", &house.clean),
        ] {
            house.push(&skopeo, name, image);
            house.decided(name, image.digest());
        }
        Some(house)
    }

    /// Asks the administration, as `ann`.
    pub(crate) fn admin(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let token = self.served.token("ann", PASSWORD, "registry:admin:*").unwrap();
        self.served.ask(method, path, &token, body)
    }

    fn push(&self, skopeo: &Path, name: &str, image: &Image) {
        let layout = tempfile::tempdir().unwrap();
        test_support::write_oci_layout(layout.path(), &[(Some("1"), image)]).unwrap();
        let pushed = Command::new(skopeo)
            .args(["copy", "--insecure-policy", "--dest-tls-verify=false", "--dest-creds"])
            .arg(format!("ann:{PASSWORD}"))
            .arg(format!("oci:{}:1", layout.path().display()))
            .arg(format!("docker://{}/{name}:1", self.served.address))
            .output()
            .unwrap();
        assert!(pushed.status.success(), "{pushed:?}");
    }

    fn decided(&self, name: &str, digest: &str) {
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let path = format!("/api/v1/image?repository={name}&digest={digest}");
            let (status, image) = self.admin("GET", &path, None);
            if status == 200 && !image["decision"].is_null() {
                return;
            }
            assert!(Instant::now() < until, "{name} was not decided: {image}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// A browser in which somebody has logged in.
    pub(crate) fn browser(&self, name: &str) -> Option<Browser> {
        let browser = Browser::open(&self.served.address)?;
        browser.goto("/console");
        browser.fill("input[name=name]", name);
        browser.fill("input[name=password]", PASSWORD);
        browser.press("Log in");
        browser.says("Images");
        Some(browser)
    }
}

/// The page of an image.
pub(crate) fn page(repository: &str, image: &Image) -> String {
    format!("/console/image?repository={repository}&digest={}", image.digest())
}

fn clean() -> Image {
    let layer = LayerBuilder::new().file("app/serve", 0o755, standin::program("a service"));
    ImageBuilder::new().layer(layer).config(|config| config.entrypoint(&["/app/serve"])).build()
}

/// Denied, and hostile wherever an image says something of itself.
fn miner() -> Image {
    let name = hostile("path");
    let short: String = name.chars().filter(|character| *character != '/').take(150).collect();
    let path = format!("usr/lib/{short}");
    let layer = LayerBuilder::new().file(&path, 0o755, standin::miner(&["xmrig", "hidden"]));
    let start = format!("/{path}");
    ImageBuilder::new()
        .layer(Layer::new(layer.build()).created_by(&hostile("history")))
        .config(|config| {
            config
                .entrypoint(&[&start, "-o", "pool.invalid:3333", &hostile("argument")])
                .label(&hostile("label"), &hostile("label value"))
                .author(&hostile("author"))
                .env("NAME", &hostile("environment"))
        })
        .build()
}

/// Held, as one of its layers cannot be read.
fn held() -> Image {
    let tar = LayerBuilder::new().file("app/tool", 0o755, standin::program("a tool")).build();
    let broken =
        [b"\x1f\x8b\x08".to_vec(), (0..20_000_u32).map(|at| ((at * 7919) >> 5) as u8).collect()].concat();
    ImageBuilder::new()
        .layer(Layer::new(tar.clone()))
        .layer(Layer::new(tar).stored(broken))
        .config(|config| config.entrypoint(&["/app/tool"]))
        .build()
}
