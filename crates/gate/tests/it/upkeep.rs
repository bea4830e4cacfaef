//! What the server does by itself: it removes what nobody names, and finds what broke on the disk.

use crate::running::Running;
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use test_support::{Image, sha256_hex};

const BLOBS: &str = "/v2/team/app/blobs";

/// Somebody who pushes and pulls.
struct Person<'a> {
    gate: &'a Running,
    token: String,
}

impl Person<'_> {
    fn status(&self, method: Method, path: &str) -> u16 {
        self.gate.send(method, path, Some(&self.token), None).status().as_u16()
    }

    fn push_blob(&self, bytes: &[u8]) -> String {
        let digest = format!("sha256:{}", sha256_hex(bytes));
        let url = self.gate.url(&format!("{BLOBS}/uploads/?digest={digest}"));
        let pushed = self.gate.client.post(url).bearer_auth(&self.token).body(bytes.to_vec()).send().unwrap();
        assert_eq!(pushed.status(), 201, "{:?}", pushed.text());
        digest
    }

    fn push(&self, image: &Image) {
        for blob in image.blobs().values() {
            self.push_blob(&blob.bytes);
        }
        let url = self.gate.url("/v2/team/app/manifests/1");
        let request = self.gate.client.put(url).bearer_auth(&self.token);
        let request = request.header("content-type", image.media_type()).body(image.manifest().to_vec());
        let pushed = request.send().unwrap();
        assert_eq!(pushed.status(), 201, "{:?}", pushed.text());
    }

    fn pull(&self, path: &str) -> Option<Vec<u8>> {
        let answer = self.gate.send(Method::GET, path, Some(&self.token), None);
        (answer.status() == 200).then(|| answer.bytes().unwrap().to_vec())
    }
}

fn until(what: &str, so: impl Fn() -> bool) {
    let start = Instant::now();
    while !so() {
        assert!(start.elapsed() < Duration::from_secs(60), "it did not come about: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// What a counter stands at.
fn counted(gate: &Running, name: &str) -> u64 {
    let text = gate.get("/metrics").text().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("roadstead_{name}_total ")));
    line.unwrap_or_else(|| panic!("{name} is not counted: {text}")).parse().unwrap()
}

#[test]
fn what_nobody_names_goes_and_what_broke_is_given_out_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let (gate, admin) = Running::set_up(
        folder.path(),
        "[upkeep]\ncollect-every = \"200ms\"\ncollect-grace = \"2s\"\nupload-life = \"1s\"\nscrub-every = \"500ms\"\n\
         [signing]\nenabled = false\n[quarantine]\nretry-after = \"1s\"\n",
    );
    let grants = json!([{"repositories": "team/*", "actions": ["pull", "push"]}]);
    let fields = json!({"name": "ci", "expires": null, "grants": grants});
    let (status, robot) = gate.ask(Method::POST, "/api/v1/robots", &admin, Some(fields));
    assert_eq!(status, 201, "{robot}");
    let secret = robot["secret"].as_str().unwrap();
    let token = gate.token("robot+ci", secret, "repository:team/app:pull,push").unwrap();
    let person = Person { gate: &gate, token };

    let image = crate::core::clean("kept up");
    let digest =
        image.blobs().keys().max_by_key(|digest| image.blobs()[*digest].bytes.len()).unwrap().clone();
    let (manifest, layer) = ("/v2/team/app/manifests/1", format!("{BLOBS}/{digest}"));
    person.push(&image);
    until("it is released", || person.pull(manifest).is_some());
    let loose = person.push_blob(b"nobody names this");
    let begun = gate.send(Method::POST, &format!("{BLOBS}/uploads/"), Some(&person.token), None);
    let upload = begun.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(person.status(Method::GET, &upload), 204);

    let data = folder.path().join("data");
    let file = |digest: &str| data.join("blobs/sha256").join(digest.trim_start_matches("sha256:"));
    assert!(file(&loose).exists());
    until("the loose blob is removed", || !file(&loose).exists());
    until("the upload is removed", || person.status(Method::GET, &upload) == 404);
    until("both are counted", || {
        counted(&gate, "collected_blobs") == 1 && counted(&gate, "expired_uploads") == 1
    });
    assert_eq!(counted(&gate, "collected_bytes"), 17);
    assert_eq!(person.pull(&layer).as_deref(), Some(&*image.blobs()[&digest].bytes));
    until("what lies there is read", || counted(&gate, "scrubbed_blobs") > 3);
    assert_eq!(counted(&gate, "broken_blobs"), 0);

    // One bit, as disks have it: the size tells nothing.
    flip(&file(&digest));
    until("the broken blob is found", || counted(&gate, "broken_blobs") == 1);
    for path in [manifest, &layer, &format!("/v2/team/app/manifests/{}", image.digest())] {
        assert_eq!(person.pull(path), None, "{path}");
    }
    assert!(!file(&digest).exists());
    let (_, page) = gate.ask(Method::GET, "/api/v1/journal?n=1000", &admin, None);
    let lost = page["entries"].as_array().unwrap().iter().find(|entry| entry["kind"] == "lost");
    assert!(lost.is_some_and(|entry| entry["body"].to_string().contains(&digest)), "{page}");

    // It heals by being pushed.
    person.push(&image);
    until("it is released again", || person.pull(manifest).is_some());
    assert_eq!(person.pull(&layer).as_deref(), Some(&*image.blobs()[&digest].bytes));
    // In the middle of all of it the server ends in good order.
    let started = Instant::now();
    gate.stop().unwrap();
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    let checked = gate::journal::verify(&data.join("roadstead.db"), None).unwrap();
    assert_eq!(checked.broken, None);
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap();
}
