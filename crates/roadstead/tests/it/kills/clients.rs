//! Clients that push and pull without end, and remember what they were told.

use super::http::{Answer, ask};
use super::images::{Chance, Pushed};
use crate::serve::Served;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const REPOSITORY: &str = "/v2/team/app";

/// An upload that was begun and not ended.
struct Upload {
    path: String,
    content: Vec<u8>,
    /// Bytes of it that were acknowledged.
    acknowledged: usize,
}

/// What all clients were told, over all starts of one directory.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) stop: AtomicBool,
    begun: Mutex<Vec<Arc<Pushed>>>,
    acknowledged: Mutex<Vec<Arc<Pushed>>>,
    blobs: Mutex<BTreeSet<String>>,
    uploads: Mutex<Vec<Upload>>,
    served: Mutex<BTreeSet<String>>,
    wrong: Mutex<Vec<String>>,
    gone_on: AtomicUsize,
    given: AtomicUsize,
    refused: AtomicUsize,
}

impl Told {
    /// Images whose push was acknowledged, in that order.
    pub(crate) fn acknowledged(&self) -> Vec<Arc<Pushed>> {
        self.acknowledged.lock().unwrap().clone()
    }

    /// Blobs whose push was acknowledged.
    pub(crate) fn blobs(&self) -> BTreeSet<String> {
        self.blobs.lock().unwrap().clone()
    }

    /// Images of which something was given out.
    pub(crate) fn served(&self) -> BTreeSet<String> {
        self.served.lock().unwrap().clone()
    }

    /// What was not as it should be.
    pub(crate) fn wrong(&self) -> Vec<String> {
        self.wrong.lock().unwrap().clone()
    }

    pub(crate) fn counts(&self) -> [usize; 4] {
        let writes = self.blobs.lock().unwrap().len() + self.acknowledged.lock().unwrap().len();
        let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        [writes, count(&self.gone_on), count(&self.given), count(&self.refused)]
    }

    fn complain(&self, what: String) {
        self.wrong.lock().unwrap().push(what);
    }
}

/// Somebody who may push and pull. Other clients are clones.
#[derive(Clone)]
pub(crate) struct Client {
    address: String,
    token: String,
    pub(crate) told: Arc<Told>,
}

impl Client {
    pub(crate) fn log_in(served: &Served, secret: &str, told: &Arc<Told>) -> Self {
        let token = served.token("robot+ci", secret, "repository:team/app:pull,push").unwrap();
        Self { address: served.address.clone(), token, told: Arc::clone(told) }
    }

    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Option<Answer> {
        let headers = [&[("authorization", self.token.as_str())], headers].concat();
        ask(&self.address, method, path, &headers, body)
    }

    /// As [`Client::ask`], where only one status will do.
    fn expect(
        &self,
        status: u16,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Option<Answer> {
        let answer = self.ask(method, path, headers, body)?;
        if answer.status != status {
            let said = String::from_utf8_lossy(&answer.body);
            self.told.complain(format!("{method} {path}: {} where {status} was due: {said}", answer.status));
            return None;
        }
        Some(answer)
    }

    pub(crate) fn push_clean(&self, chance: &mut Chance) {
        let _ = self.push(Arc::new(Pushed::clean(chance)), chance);
        // Else more comes in than can be read before somebody wants to see it released.
        std::thread::sleep(std::time::Duration::from_millis(chance.below(150)));
    }

    pub(crate) fn push_what_is_held(&self, chance: &mut Chance) {
        let _ = self.push(Arc::new(Pushed::never(chance)), chance);
        std::thread::sleep(std::time::Duration::from_millis(chance.below(150)));
    }

    fn push(&self, pushed: Arc<Pushed>, chance: &mut Chance) -> Option<()> {
        self.told.begun.lock().unwrap().push(Arc::clone(&pushed));
        for (digest, bytes) in pushed.blobs() {
            match chance.below(3) {
                0 => {
                    let path = format!("{REPOSITORY}/blobs/uploads/?digest={digest}");
                    self.expect(201, "POST", &path, &[], bytes)?;
                }
                _ => {
                    let begun = self.begin()?;
                    let (first, second) = bytes.split_at(chance.below(bytes.len() as u64) as usize);
                    let appended = self.append(&begun, 0, first)?;
                    let end = format!("{appended}?digest={digest}");
                    self.expect(201, "PUT", &end, &[], second)?;
                }
            }
            self.told.blobs.lock().unwrap().insert(digest.clone());
        }
        let path = format!("{REPOSITORY}/manifests/{}", pushed.tag);
        let kind = [("content-type", pushed.image.media_type())];
        self.expect(201, "PUT", &path, &kind, pushed.image.manifest())?;
        self.told.acknowledged.lock().unwrap().push(pushed);
        Some(())
    }

    /// Begins an upload; its path.
    fn begin(&self) -> Option<String> {
        let begun = self.expect(202, "POST", &format!("{REPOSITORY}/blobs/uploads/"), &[], &[])?;
        begun.header("location").map(str::to_owned)
    }

    /// Sends a piece of an upload; its path for the next.
    fn append(&self, path: &str, at: usize, piece: &[u8]) -> Option<String> {
        let range = format!("{at}-{}", (at + piece.len()).saturating_sub(1));
        let headers: &[(&str, &str)] = if piece.is_empty() { &[] } else { &[("content-range", &range)] };
        let appended = self.expect(202, "PATCH", path, headers, piece)?;
        appended.header("location").map(str::to_owned)
    }

    /// Sends piece by piece, and remembers how far it came.
    pub(crate) fn upload_slowly(&self, chance: &mut Chance) {
        let content = chance.bytes(400_000);
        let Some(path) = self.begin() else { return };
        let mut upload = Upload { path, content, acknowledged: 0 };
        while upload.acknowledged < upload.content.len() {
            let end = (upload.acknowledged + 10_000).min(upload.content.len());
            let piece = &upload.content[upload.acknowledged..end];
            if self.append(&upload.path, upload.acknowledged, piece).is_none() {
                break;
            }
            upload.acknowledged = end;
        }
        self.told.uploads.lock().unwrap().push(upload);
    }

    /// Uploads that were begun are there after a restart, as far as they were acknowledged at least, and come to their end.
    pub(crate) fn go_on_with_uploads(&self) {
        let uploads = std::mem::take(&mut *self.told.uploads.lock().unwrap());
        for Upload { path, content, acknowledged } in uploads {
            let answer = self.ask("GET", &path, &[], &[]).unwrap();
            assert_eq!(answer.status, 204, "{path} was begun and is lost");
            let last = answer.header("range").and_then(|range| range.split_once('-')).unwrap().1;
            let last: usize = last.parse().unwrap();
            let there = if last == 0 { 0 } else { last + 1 };
            assert!(
                there >= acknowledged && there <= content.len(),
                "{there} of {acknowledged} bytes are left"
            );
            let digest = format!("sha256:{}", test_support::sha256_hex(&content));
            let end = format!("{path}?digest={digest}");
            let range = format!("{there}-{}", content.len() - 1);
            let headers: &[(&str, &str)] =
                if there < content.len() { &[("content-range", &range)] } else { &[] };
            if self.expect(201, "PUT", &end, headers, &content[there..]).is_some() {
                self.told.blobs.lock().unwrap().insert(digest);
                self.told.gone_on.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Asks for anything that anybody has begun to push.
    pub(crate) fn pull(&self, chance: &mut Chance) {
        let image = {
            let begun = self.told.begun.lock().unwrap();
            let count = begun.len() as u64;
            (count > 0).then(|| Arc::clone(&begun[chance.below(count) as usize]))
        };
        let Some(image) = image else {
            std::thread::sleep(std::time::Duration::from_millis(5));
            return;
        };
        let method = if chance.below(3) == 0 { "HEAD" } else { "GET" };
        let manifest = image.image.manifest();
        let (path, bytes) = match chance.below(5) {
            0 => (format!("{REPOSITORY}/manifests/{}", image.tag), manifest),
            1 => (format!("{REPOSITORY}/manifests/{}", image.digest()), manifest),
            2 => (format!("{REPOSITORY}/blobs/{}", image.digest()), manifest),
            _ => {
                let blobs: Vec<_> = image.blobs().collect();
                let (digest, bytes) = blobs[chance.below(blobs.len() as u64) as usize];
                (format!("{REPOSITORY}/blobs/{digest}"), bytes.as_slice())
            }
        };
        let part = (chance.below(3) == 0).then(|| {
            let start = chance.below(bytes.len() as u64) as usize;
            start..start + 1 + chance.below((bytes.len() - start) as u64) as usize
        });
        let _ = self.ask_for(&image, method, &path, bytes, part);
    }

    /// Asks for content and looks closely at the answer; its status.
    fn ask_for(
        &self,
        image: &Pushed,
        method: &str,
        path: &str,
        bytes: &[u8],
        part: Option<std::ops::Range<usize>>,
    ) -> Option<u16> {
        let range = part.as_ref().map(|part| format!("bytes={}-{}", part.start, part.end - 1));
        let headers: Vec<_> = range.iter().map(|range| ("range", range.as_str())).collect();
        let answer = self.ask(method, path, &headers, &[])?;
        let wrong = |why: &str| {
            let Answer { status, body, .. } = &answer;
            let shown = String::from_utf8_lossy(&body[..body.len().min(300)]);
            self.told.complain(format!(
                "{method} {path} {range:?}: {status}, {} bytes: {why}: {shown}",
                body.len()
            ));
        };
        if !answer.is_success() {
            if !matches!(answer.status, 403 | 404 | 429) {
                wrong("no answer of these");
            }
            // Neither a byte nor the size nor, by a tag, the digest.
            let told = answer.header("docker-content-digest").is_some() || answer.header("etag").is_some();
            let shown = &bytes[..bytes.len().min(32)];
            if told || answer.body.windows(shown.len()).any(|window| window == shown) {
                wrong("it tells of what is held");
            }
            self.told.refused.fetch_add(1, Ordering::Relaxed);
            return Some(answer.status);
        }
        if image.held {
            wrong("it is given out, and must never be");
        }
        self.told.served.lock().unwrap().insert(image.digest().to_owned());
        self.told.given.fetch_add(1, Ordering::Relaxed);
        let wanted = match &part {
            _ if method == "HEAD" => &[],
            Some(part) if answer.status == 206 => &bytes[part.clone()],
            _ => bytes,
        };
        // A kill may cut it off, and then what came is the beginning.
        if answer.body != wanted && !(method == "GET" && is_cut_of(&answer, wanted)) {
            wrong("other bytes than were pushed");
        }
        Some(answer.status)
    }

    /// Asks for the manifest of an image; the status.
    pub(crate) fn get(&self, image: &Pushed) -> Option<u16> {
        let path = format!("{REPOSITORY}/manifests/{}", image.digest());
        self.ask_for(image, "GET", &path, image.image.manifest(), None)
    }

    /// All of a released image is given out, by its tag as well.
    pub(crate) fn has_all(&self, image: &Pushed) {
        let path = format!("{REPOSITORY}/manifests/{}", image.tag);
        assert_eq!(self.ask_for(image, "GET", &path, image.image.manifest(), None), Some(200), "{path}");
        for (digest, bytes) in image.blobs() {
            let path = format!("{REPOSITORY}/blobs/{digest}");
            assert_eq!(self.ask_for(image, "GET", &path, bytes, None), Some(200), "{path}");
            assert_eq!(self.ask_for(image, "HEAD", &path, bytes, None), Some(200), "{path}");
            assert_eq!(self.ask_for(image, "GET", &path, bytes, Some(1..9)), Some(206), "{path}");
        }
    }

    /// Nothing of an image is given out, whoever asks how.
    pub(crate) fn is_refused(&self, image: &Pushed) {
        let manifest = image.image.manifest();
        let mut paths = vec![
            (format!("{REPOSITORY}/manifests/{}", image.tag), manifest),
            (format!("{REPOSITORY}/manifests/{}", image.digest()), manifest),
            (format!("{REPOSITORY}/blobs/{}", image.digest()), manifest),
        ];
        paths.extend(
            image.blobs().map(|(digest, bytes)| (format!("{REPOSITORY}/blobs/{digest}"), bytes.as_slice())),
        );
        for (path, bytes) in paths {
            for (method, part) in [("GET", None), ("HEAD", None), ("GET", Some(0..8)), ("HEAD", Some(0..8))] {
                let status = self.ask_for(image, method, &path, bytes, part);
                assert!(status.is_some_and(|status| status >= 400), "{method} {path}: {status:?}");
            }
        }
    }
}

/// Whether an answer broke off in the middle of what was to come.
fn is_cut_of(answer: &Answer, wanted: &[u8]) -> bool {
    answer.body.len() < wanted.len()
        && wanted.starts_with(&answer.body)
        && answer.header("content-length").is_some_and(|length| length.parse() == Ok(wanted.len()))
}
