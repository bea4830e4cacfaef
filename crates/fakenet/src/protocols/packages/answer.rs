use crate::payloads::{Id, gzip, tar, zip};
use crate::protocols::http::{Answer, Asked, date, unescape};
use crate::server::Shared;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// Versions that every package has. Who pins another one does not get it.
const VERSIONS: &[&str] = &["0.1.0", "1.0.0", "1.2.3", "2.0.0", "2.31.0"];

/// The content of a package is the same whenever it is asked for: the index says its digest.
fn id(kind: &str, name: &str, version: &str, shared: &Shared) -> Id {
    Id::new(&format!("{}/{kind}/{name}/{version}", shared.world.canaries.get("input-data")), 0)
}

fn plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() < 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

pub(super) fn python(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    if let Some(name) = asked.path.strip_prefix("/simple/").map(|name| name.trim_matches('/')) {
        if !plain(name) {
            return None;
        }
        let mut page = format!("<!DOCTYPE html><html><head><title>Links for {name}</title></head><body>\n");
        for version in VERSIONS {
            let file = format!("{}-{version}-py3-none-any.whl", name.replace(['-', '.'], "_"));
            let hash = data_encoding::HEXLOWER.encode(&Sha256::digest(wheel(name, version, shared)));
            page.push_str(&format!("<a href=\"/packages/{file}#sha256={hash}\">{file}</a><br/>\n"));
        }
        page.push_str("</body></html>\n");
        return Some(Answer::new(200, "text/html", page, "index"));
    }
    let file = asked.path.strip_prefix("/packages/").and_then(|path| path.rsplit('/').next())?;
    let (name, rest) = file.split_once('-')?;
    let version = rest.strip_suffix("-py3-none-any.whl")?;
    let media_type = "application/octet-stream";
    (plain(name) && plain(version))
        .then(|| Answer::new(200, media_type, wheel(name, version, shared), "archive"))
}

fn wheel(name: &str, version: &str, shared: &Shared) -> Vec<u8> {
    let name = name.replace(['-', '.'], "_").to_ascii_lowercase();
    let module = format!("# build {}\n__version__ = \"{version}\"\n", id("python", &name, version, shared).0);
    let about = format!("{name}-{version}.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nSummary: {name}\n");
    let kind =
        "Wheel-Version: 1.0\nGenerator: bdist_wheel (0.42.0)\nRoot-Is-Purelib: true\nTag: py3-none-any\n";
    let files = [
        (format!("{name}/__init__.py"), module),
        (format!("{about}/METADATA"), metadata),
        (format!("{about}/WHEEL"), kind.to_owned()),
    ];
    let mut record = String::new();
    for (path, text) in &files {
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(text));
        record.push_str(&format!("{path},sha256={hash},{}\n", text.len()));
    }
    let place = format!("{about}/RECORD");
    record.push_str(&format!("{place},,\n"));
    let mut entries: Vec<(&str, u32, &[u8])> =
        files.iter().map(|(path, text)| (path.as_str(), 0o644, text.as_bytes())).collect();
    entries.push((&place, 0o644, record.as_bytes()));
    zip(&entries)
}

pub(super) fn node(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    let path = unescape(asked.path.strip_prefix('/')?);
    if let Some((name, file)) = path.split_once("/-/") {
        let last = name.rsplit('/').next().unwrap_or_default();
        let version = file.strip_prefix(last)?.strip_prefix('-')?.strip_suffix(".tgz")?;
        return Some(Answer::new(200, "application/octet-stream", tarball(name, version, shared), "archive"));
    }
    let asks = asked.at("registry.npmjs.org")
        || asked.at("registry.yarnpkg.com")
        || asked.agent.starts_with("npm/")
        || asked.header("accept").contains("vnd.npm.install");
    let named = path.strip_prefix('@').and_then(|rest| rest.split_once('/'));
    let good = named.map_or_else(|| plain(&path), |(scope, name)| plain(scope) && plain(name));
    if !asks || !good {
        return None;
    }
    let scheme = if asked.tls { "https" } else { "http" };
    let authority = asked.header("host").into_owned();
    // HTTP/2 has no such header.
    let authority = match (authority.is_empty(), asked.port) {
        (false, _) => authority,
        (true, 80 | 443) => asked.host.clone(),
        (true, port) => format!("{}:{port}", asked.host),
    };
    let last = path.rsplit('/').next().unwrap_or_default();
    let mut versions = serde_json::Map::new();
    for version in VERSIONS {
        let bytes = tarball(&path, version, shared);
        versions.insert(
            (*version).into(),
            json!({
                "name": path, "version": version, "dist": {
                    "tarball": format!("{scheme}://{authority}/{path}/-/{last}-{version}.tgz"),
                    "shasum": data_encoding::HEXLOWER.encode(&Sha1::digest(&bytes)),
                    "integrity": format!("sha512-{}", STANDARD.encode(Sha512::digest(&bytes))),
                },
            }),
        );
    }
    let latest = VERSIONS.last();
    let body = json!({"name": path, "dist-tags": {"latest": latest}, "versions": versions});
    Some(Answer::json(200, &body).served("index"))
}

fn tarball(name: &str, version: &str, shared: &Shared) -> Vec<u8> {
    let about = json!({"name": name, "version": version, "main": "index.js", "license": "MIT"}).to_string();
    let main = format!("/* build {} */\nmodule.exports = {{}};\n", id("node", name, version, shared).0);
    let entries: [(&str, u32, &[u8]); 2] =
        [("package/package.json", 0o644, about.as_bytes()), ("package/index.js", 0o644, main.as_bytes())];
    gzip(&tar(&entries, 499_162_500))
}

/// An archive without packages. It is not signed by anybody whom a guest trusts.
pub(super) fn debian(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    let (_, rest) = asked.path.split_once("/dists/")?;
    let (suite, file) = rest.split_once('/')?;
    match file {
        "Release" => {
            let text = format!(
                "Origin: Debian\nLabel: Debian\nSuite: {suite}\nCodename: {suite}\nDate: {}\nArchitectures: amd64 arm64\nComponents: main\n",
                date(shared.world.clock.seconds())
            );
            Some(Answer::text(200, &text).served("index"))
        }
        _ if file.ends_with("Packages.gz") => Some(Answer::new(200, "application/gzip", gzip(b""), "index")),
        _ => Some(Answer::text(404, "404 Not Found\n")),
    }
}
