//! Puts signatures beside images, in registries of several kinds.
use crate::support::digest;
use model::Digest;
use source::{Error, Locator, NewManifest, Options, Referrer, Repository};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use test_support::{
    FakeRegistry, Image, ImageBuilder, LayerBuilder, Request, Response, RunningRegistry, sha256_digest,
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

fn image() -> Image {
    ImageBuilder::new().layer(LayerBuilder::new().file("app", 0o755, "x")).build()
}

/// Manifests by tag and digest, and blobs by digest, as a registry keeps them.
type Kept = Arc<Mutex<BTreeMap<String, Vec<u8>>>>;

/// A registry that can be written to; `first` may answer before it.
fn writable(
    lists_referrers: bool,
    first: impl Fn(&Request, &Kept) -> Option<Response> + Send + Sync + 'static,
) -> (RunningRegistry, Kept) {
    let kept = Kept::default();
    let shared = Arc::clone(&kept);
    let answer = move |request: &Request| {
        if let Some(response) = first(request, &shared) {
            return Some(response);
        }
        let rest = request.path.strip_prefix("/v2/team/app/")?;
        match (request.method.as_str(), rest.split_once('/')) {
            ("POST", Some(("blobs", "uploads/"))) => {
                Some(Response::new(202).header("Location", "/v2/team/app/blobs/uploads/7?state=a%2Bb"))
            }
            ("PUT", Some(("blobs", "uploads/7"))) => {
                let asked = request.query.strip_prefix("state=a%2Bb&digest=sha256%3A")?;
                let computed = sha256_digest(&request.body);
                if computed != format!("sha256:{asked}") {
                    return Some(Response::new(400));
                }
                shared.lock().unwrap().insert(format!("blobs/{computed}"), request.body.clone());
                Some(Response::new(201).header("Docker-Content-Digest", &computed))
            }
            ("PUT", Some(("manifests", target))) => {
                let computed = sha256_digest(&request.body);
                for name in [target, computed.as_str()] {
                    shared.lock().unwrap().insert(format!("manifests/{name}"), request.body.clone());
                }
                let answer = Response::new(201).header("Docker-Content-Digest", &computed);
                Some(if lists_referrers { answer.header("OCI-Subject", "sha256:00") } else { answer })
            }
            ("GET", Some(("referrers", _))) => Some(Response::new(404)),
            ("GET" | "HEAD", Some(_)) => {
                let bytes = shared.lock().unwrap().get(rest).cloned()?;
                Some(Response::new(200).header("Content-Type", MANIFEST).body(bytes))
            }
            _ => None,
        }
    };
    (FakeRegistry::new().image("team/app", "1", &image()).intercept(answer).start(), kept)
}

fn options(registry: &RunningRegistry) -> Options {
    let mut options = Options { plain_http: vec![registry.host()], ..Options::default() };
    options.limits.backoff = Duration::from_millis(1);
    options.limits.attempts = 2;
    options
}

fn opened(registry: &RunningRegistry, options: &Options) -> Box<dyn Repository> {
    let locator: Locator = registry.reference("team/app:1").parse().unwrap();
    source::repository(&locator, true, options).unwrap()
}

fn referrer(bytes: &[u8]) -> Referrer {
    Referrer {
        media_type: MANIFEST.to_owned(),
        size: bytes.len() as u64,
        digest: digest(bytes),
        artifact_type: Some("application/x".to_owned()),
        annotations: BTreeMap::from([("a".to_owned(), "b".to_owned())]),
    }
}

fn put(repository: &dyn Repository, bytes: &[u8]) -> Result<Digest, Error> {
    let (image, referrer) = (image().digest().parse().unwrap(), referrer(bytes));
    let refers = Some((&image, &referrer));
    repository.put_manifest(&NewManifest { bytes, media_type: MANIFEST, tag: None, refers })
}

fn fallback() -> String {
    image().digest().replace(':', "-")
}

#[test]
fn a_blob_is_put_once() {
    let (registry, kept) = writable(true, |_, _| None);
    let repository = opened(&registry, &options(&registry));
    for _ in 0..2 {
        repository.put_blob(&digest(b"blob"), b"blob").unwrap();
    }
    assert_eq!(kept.lock().unwrap()[&format!("blobs/{}", digest(b"blob"))], b"blob");
    assert_eq!(registry.requests().iter().filter(|request| request.method == "POST").count(), 1);
    assert_eq!(repository.blob(&digest(b"blob"), 4).unwrap(), b"blob");
    assert!(matches!(repository.blob(&digest(b"blob"), 3), Err(Error::TooLarge { .. })));
    assert!(repository.put_blob(&digest(b"other"), b"blob").is_err(), "the registry hashes it");
}

#[test]
fn referrers_are_listed_by_hand_where_a_registry_does_not() {
    for lists in [true, false] {
        let (registry, kept) = writable(lists, |_, _| None);
        let repository = opened(&registry, &options(&registry));
        let image: Digest = image().digest().parse().unwrap();
        assert_eq!(repository.referrers(&image).unwrap(), []);
        for bytes in [&b"one"[..], b"two", b"one"] {
            assert_eq!(put(repository.as_ref(), bytes).unwrap(), digest(bytes));
        }
        let list = kept.lock().unwrap().get(&format!("manifests/{}", fallback())).cloned();
        assert_eq!(list.is_some(), !lists);
        let found = repository.referrers(&image).unwrap();
        assert_eq!(found, if lists { vec![] } else { vec![referrer(b"one"), referrer(b"two")] });
    }
}

#[test]
fn an_entry_that_another_writer_takes_away_is_written_again() {
    // Whoever else writes wins twice, and then stops.
    let lost = Mutex::new(0);
    let (registry, _) = writable(false, move |request, kept| {
        let path = format!("manifests/{}", fallback());
        if request.method == "GET" && request.path.ends_with(&fallback()) && *lost.lock().unwrap() < 2 {
            *lost.lock().unwrap() += 1;
            kept.lock().unwrap().remove(&path);
        }
        None
    });
    let repository = opened(&registry, &options(&registry));
    put(repository.as_ref(), b"one").unwrap();
    assert_eq!(repository.referrers(&image().digest().parse().unwrap()).unwrap(), [referrer(b"one")]);
}

#[test]
fn what_others_listed_stays_as_it_is() {
    let (registry, kept) = writable(false, |_, _| None);
    let theirs = format!(
        r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{{"mediaType":"m","size":1,"digest":"{}","x":{{"b":1,"a":1.50}}}},{{"odd":true}}]}}"#,
        digest(b"theirs")
    );
    kept.lock().unwrap().insert(format!("manifests/{}", fallback()), theirs.clone().into_bytes());
    let repository = opened(&registry, &options(&registry));
    put(repository.as_ref(), b"one").unwrap();
    let list = kept.lock().unwrap()[&format!("manifests/{}", fallback())].clone();
    let list = String::from_utf8(list).unwrap();
    assert!(list.starts_with(theirs.trim_end_matches("]}")), "{list}");
    // What is no list is not written over.
    kept.lock().unwrap().insert(format!("manifests/{}", fallback()), b"{}".to_vec());
    assert!(put(repository.as_ref(), b"two").is_err());
}

fn check_lie(answer: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static, expect: &str) {
    let (registry, _) = writable(true, move |request, _| answer(request));
    let repository = opened(&registry, &options(&registry));
    let result = repository
        .put_blob(&digest(b"blob"), b"blob")
        .and_then(|()| put(repository.as_ref(), b"one").map(drop));
    let why = result.unwrap_err().chain();
    assert!(why.contains(expect), "{why}");
}

#[test]
fn a_registry_that_takes_something_else_is_not_believed() {
    let other = sha256_digest(b"other");
    let of = |method: &'static str, part: &'static str, make: Box<dyn Fn() -> Response + Send + Sync>| {
        move |request: &Request| (request.method == method && request.path.contains(part)).then(&make)
    };
    let lie = other.clone();
    let taken = Box::new(move || Response::new(201).header("Docker-Content-Digest", &lie));
    check_lie(of("PUT", "manifests", taken), "hashes to");
    let lie = other.clone();
    let taken = Box::new(move || Response::new(201).header("Docker-Content-Digest", &lie));
    check_lie(of("PUT", "uploads", taken), "hashes to");
    check_lie(of("PUT", "manifests", Box::new(|| Response::new(403))), "other credentials");
    check_lie(of("PUT", "manifests", Box::new(|| Response::new(200))), "answered 200");
    check_lie(of("POST", "uploads", Box::new(|| Response::new(202))), "without saying where to");
    check_lie(of("POST", "uploads", Box::new(|| Response::new(405))), "it takes nothing");
    check_lie(
        of("POST", "uploads", Box::new(|| Response::new(307).header("Location", "/x"))),
        "answered 307",
    );
    // An upload that is to go on inside of somebody's network.
    let inside = || Response::new(202).header("Location", "http://127.0.0.1:1/secret");
    check_lie(of("POST", "uploads", Box::new(inside)), "not obeyed");
}

#[test]
fn a_token_to_push_is_asked_for_by_who_pushes_and_sent_to_nobody_else() {
    let (registry, _) = writable(true, |request, _| {
        if request.path == "/token" {
            return Some(Response::new(200).body(r#"{"token":"abc"}"#));
        }
        (request.header("authorization") != "Bearer abc").then(|| {
            let realm = format!("Bearer realm=\"http://{}/token\",service=\"s\"", request.header("host"));
            Response::new(401).header("WWW-Authenticate", &realm)
        })
    });
    let mut config = tempfile::NamedTempFile::new().unwrap();
    let auths = serde_json::json!({"auths": {registry.host(): {"auth": "dXNlcjpodW50ZXIy"}}});
    config.write_all(auths.to_string().as_bytes()).unwrap();
    let given = Options { docker_config: Some(config.path().to_owned()), ..options(&registry) };
    let repository = opened(&registry, &given);
    repository.put_blob(&digest(b"blob"), b"blob").unwrap();
    let tokens: Vec<String> =
        registry.requests().into_iter().filter(|one| one.path == "/token").map(|one| one.query).collect();
    assert_eq!(tokens, ["service=s&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"]);
}

#[test]
fn signatures_lie_in_registries_and_layouts() {
    for text in ["docker-archive:x.tar", "dir:/x", "containers-storage:x"] {
        let locator: Locator = text.parse().unwrap();
        assert!(source::repository(&locator, false, &Options::default()).is_err(), "{text}");
    }
    let dir = tempfile::tempdir().unwrap();
    image().write_oci_layout(dir.path(), Some("1")).unwrap();
    let locator = Locator::Oci { dir: dir.path().to_owned(), tag: Some("1".to_owned()) };
    let repository = source::repository(&locator, true, &Options::default()).unwrap();
    let root = repository.root().unwrap();
    assert_eq!(
        (root.digest.to_string().as_str(), root.bytes.as_slice()),
        (image().digest(), image().manifest())
    );
    assert!(repository.signatures(&root.digest).unwrap().is_empty());
    let subject = format!(r#"{{"subject":{{"digest":"{}"}}}}"#, root.digest);
    for bytes in [subject.as_bytes(), b"{}", subject.as_bytes()] {
        put(repository.as_ref(), bytes).unwrap();
    }
    assert_eq!(repository.referrers(&root.digest).unwrap(), [referrer(subject.as_bytes())]);
    let tag = format!("{}.sig", fallback());
    for bytes in [&b"{\"a\":1}"[..], b"{\"b\":1}"] {
        let new = NewManifest { bytes, media_type: MANIFEST, tag: Some(&tag), refers: None };
        repository.put_manifest(&new).unwrap();
        let found = repository.signatures(&root.digest).unwrap();
        assert_eq!(found.iter().map(|found| found.bytes.as_slice()).collect::<Vec<_>>(), [bytes]);
    }
    // A blob that is not what its name says, and a directory that leads elsewhere.
    let path = dir.path().join("blobs/sha256").join(root.digest.hex());
    std::fs::write(&path, b"other").unwrap();
    assert!(matches!(repository.root(), Err(Error::DigestMismatch { .. })));
    let away = tempfile::tempdir().unwrap();
    std::fs::rename(dir.path().join("blobs"), away.path().join("blobs")).unwrap();
    std::os::unix::fs::symlink(away.path().join("blobs"), dir.path().join("blobs")).unwrap();
    assert!(repository.put_blob(&digest(b"new"), b"new").is_err());
}
