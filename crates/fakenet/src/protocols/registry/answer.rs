use crate::World;
use crate::payloads::{Id, gzip, shell_script, tar};
use crate::protocols::http::{Answer, Asked};
use serde_json::json;
use sha2::{Digest, Sha256};

/// Documents of the one image that a name stands for: the same whenever it is asked for.
struct Image {
    manifest: Vec<u8>,
    config: Vec<u8>,
    layer: Vec<u8>,
}

const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)))
}

impl Image {
    fn new(name: &str, world: &World) -> Self {
        let id = Id::new(&format!("{}/{name}", world.canaries.get("input-data")), 0);
        let files = tar(&[("entrypoint.sh", 0o755, &shell_script(&id))], 1_700_000_000);
        let layer = gzip(&files);
        let config = json!({
            "architecture": "amd64", "os": "linux", "created": "2023-11-14T22:13:20Z",
            "config": {"Entrypoint": ["/entrypoint.sh"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(&files)]}, "history": [{"created_by": "COPY entrypoint.sh /"}],
        })
        .to_string()
        .into_bytes();
        let part = |kind: &str, bytes: &[u8]| json!({"mediaType": format!("application/vnd.docker.{kind}"), "size": bytes.len(), "digest": digest(bytes)});
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": part("container.image.v1+json", &config),
            "layers": [part("image.rootfs.diff.tar.gzip", &layer)],
        })
        .to_string()
        .into_bytes();
        Self { manifest, config, layer }
    }
}

pub(super) fn answer(asked: &Asked<'_>, path: &str, world: &World) -> Answer {
    if path.is_empty() {
        return Answer::json(200, &json!({}));
    }
    if path == "_catalog" {
        return Answer::json(200, &json!({"repositories": ["platform/web", "platform/worker"]}));
    }
    let unknown = |code: &str| Answer::json(404, &json!({"errors": [{"code": code, "message": "unknown"}]}));
    if let Some((name, _)) = path.split_once("/tags/list") {
        return Answer::json(200, &json!({"name": name, "tags": ["latest", "1.0"]}));
    }
    if let Some((name, reference)) = path.split_once("/manifests/") {
        if asked.method == "PUT" {
            return Answer::empty(201)
                .with("location", asked.path.clone())
                .with("docker-content-digest", digest(&asked.body));
        }
        let image = Image::new(name, world);
        let own = digest(&image.manifest);
        if reference.starts_with("sha256:") && reference != own {
            return unknown("MANIFEST_UNKNOWN");
        }
        return Answer::new(200, MANIFEST, image.manifest, "image").with("docker-content-digest", own);
    }
    if let Some((name, rest)) = path.split_once("/blobs/") {
        if let Some(upload) = rest.strip_prefix("uploads/") {
            let place = format!("/v2/{name}/blobs/uploads/6f1d2c3e-4f5a-4978-8f2b-1c7d3e5a4906");
            return match asked.method.as_str() {
                "PUT" => Answer::empty(201)
                    .with(
                        "docker-content-digest",
                        asked.parameter("digest").unwrap_or_default().replace(['\r', '\n'], ""),
                    )
                    .with("location", format!("/v2/{name}/blobs/{upload}")),
                _ => Answer::empty(202)
                    .with("location", place)
                    .with("range", format!("0-{}", asked.length.saturating_sub(1))),
            };
        }
        let image = Image::new(name, world);
        let blob = [image.config, image.layer].into_iter().find(|blob| digest(blob) == rest);
        return match blob {
            Some(blob) => Answer::new(200, "application/octet-stream", blob, "image")
                .with("docker-content-digest", rest),
            None => unknown("BLOB_UNKNOWN"),
        };
    }
    unknown("NAME_UNKNOWN")
}
