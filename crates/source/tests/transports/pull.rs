//! Copies repositories out of registries, honest and hostile; opens what was copied under the name it was copied by.
use crate::support::digest;
use model::{Digest, RepositoryName, Tag};
use source::{Error, Locator, Login, Options, Remote, Vouched};
use std::io::Read as _;
use std::time::Duration;
use test_support::{
    FakeRegistry, Image, ImageBuilder, Layer, LayerBuilder, Request, Response, RunningRegistry,
};

fn image() -> Image {
    ImageBuilder::new().layer(Layer::new(LayerBuilder::new().file("app", 0o755, "x").build())).build()
}

fn serve(answer: impl Fn(&Request) -> Option<Response> + Send + Sync + 'static) -> RunningRegistry {
    FakeRegistry::new().image("team/app", "1", &image()).intercept(answer).start()
}

fn remote(registry: &RunningRegistry, logins: Vec<Login>) -> Remote {
    let mut options = Options { logins, ..Options::default() };
    options.limits.backoff = Duration::from_millis(1);
    options.limits.attempts = 2;
    let name: RepositoryName = "team/app".parse().unwrap();
    Remote::new(&[format!("http://{}", registry.host())], &name, &options).unwrap()
}

fn tag() -> Tag {
    "1".parse().unwrap()
}

/// What resolving, and then fetching the manifest and its configuration, comes to.
fn check(registry: &RunningRegistry, expect: Result<(), &str>) {
    let remote = remote(registry, Vec::new());
    let built = image();
    let copy = || -> Result<(), Error> {
        let root = remote.resolve(&tag())?;
        let pulled = remote.manifest(&root)?;
        assert_eq!(pulled.bytes, built.manifest());
        let config: Digest = digest(built.config());
        let mut bytes = Vec::new();
        let read = remote.blob(&config, built.config().len() as u64)?.read_to_end(&mut bytes);
        read.map_err(|source| Error::Io { path: "blob".to_owned(), source })?;
        assert_eq!(bytes, built.config());
        Ok(())
    };
    match (copy(), expect) {
        (Ok(()), Ok(())) => {}
        (Err(error), Err(part)) => assert!(error.chain().contains(part), "{} lacks {part}", error.chain()),
        (found, expect) => panic!("{found:?}, expected {expect:?}"),
    }
}

#[test]
fn a_repository_is_copied_from_honest_and_other_registries() {
    let honest = serve(|_| None);
    check(&honest, Ok(()));
    assert_eq!(honest.requests()[0].method, "HEAD", "a tag is asked for with HEAD");
    // Knows no HEAD.
    check(&serve(|request| (request.method == "HEAD").then(|| Response::new(405))), Ok(()));
    // Says nothing of digests.
    check(&serve(|request| (request.method == "HEAD").then(|| Response::new(200))), Ok(()));
    // Names a digest that it then does not have, or sends other bytes for.
    let lie = test_support::sha256_digest(b"lie");
    let named = move |request: &Request| {
        (request.method == "HEAD").then(|| Response::new(200).header("Docker-Content-Digest", &lie))
    };
    check(&serve(named.clone()), Err("is not there"));
    let other = move |request: &Request| {
        let is_lie = request.path.ends_with(&test_support::sha256_hex(b"lie"));
        named(request).or_else(|| is_lie.then(|| Response::new(200).body("{}")))
    };
    check(&serve(other), Err("hashes to"));
    check(&serve(|request| (request.path.ends_with("/1")).then(|| Response::new(404))), Err("is not there"));
    let circle = |request: &Request| Some(Response::new(307).header("Location", &request.path));
    check(&serve(circle), Err("redirects more than"));
}

#[test]
fn a_password_goes_to_the_registry_it_is_for() {
    let asks = |request: &Request| {
        let answer = Response::new(401).header("WWW-Authenticate", "Basic realm=\"x\"");
        (request.header("authorization").is_empty()).then_some(answer)
    };
    let registry = serve(asks);
    let login = |registry: &str| Login {
        registry: registry.to_owned(),
        user: "robot".to_owned(),
        password: "hunter2".to_owned(),
    };
    assert!(remote(&registry, vec![login(&registry.host())]).resolve(&tag()).is_ok());
    assert!(registry.requests().iter().any(|request| request.header("authorization").starts_with("Basic ")));
    let other = serve(asks);
    let refused = remote(&other, vec![login(&registry.host())]).resolve(&tag()).unwrap_err();
    assert!(refused.chain().contains("there are none"), "{}", refused.chain());
    assert!(other.requests().iter().all(|request| request.header("authorization").is_empty()));
    assert!(!format!("{:?}", login("x")).contains("hunter2"));
    assert_eq!(Remote::registry_name("https://registry-1.docker.io").unwrap(), "docker.io");
}

#[test]
fn a_layout_has_the_name_that_is_vouched_for_it() {
    let folder = tempfile::tempdir().unwrap();
    test_support::write_oci_layout(folder.path(), &[(Some("evil/name"), &image())]).unwrap();
    let locator = Locator::Oci { dir: folder.path().to_owned(), tag: None };
    let brought = source::open(&locator, &Options::default()).unwrap();
    assert_eq!((brought.name, brought.images[0].layers[0].is_verified_by_clients()), (None, false));
    let name: model::ImageRef = "docker.io/library/x:1".parse().unwrap();
    let vouched = Some(Vouched { name: name.clone(), sparse: true });
    let made = source::open(&locator, &Options { vouched, ..Options::default() }).unwrap();
    assert_eq!((made.reference, made.name), (name.to_string(), Some(name)));
    assert!(made.images[0].layers[0].is_verified_by_clients());
}
