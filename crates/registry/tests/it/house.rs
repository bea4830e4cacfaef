//! A registry with people, a quarantine that is a table, and images, for tests and for the example.

use access::{
    Action, Grant, Identity, Minter, Pattern, Principal, Rights, TokenKey, Upstream, Upstreams, Verifier,
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use model::{Digest, RepositoryName, Tag};
use registry::{
    Accounts, Arrival, Listening, Metrics, Place, Pushed, Quarantine, Reference, Registry, Settings,
    Standing, Unavailable, listen, router,
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use store::{Decision, Options, State, Store};
use tokio::sync::oneshot;

/// The service that tokens are for.
pub const SERVICE: &str = "gate.test";

/// Who has an account. Everybody's password is their name with `-secret`.
#[derive(Default)]
pub struct People {
    accounts: Mutex<HashMap<String, Principal>>,
    open: Mutex<Vec<Grant>>,
}

/// The repositories that a pattern names, and what may be done there.
pub fn grant(pattern: &str, actions: &[Action]) -> Grant {
    Grant {
        repositories: pattern.parse().expect("a pattern"),
        actions: actions.to_vec(),
        upstreams: vec![Upstreams::All],
    }
}

impl People {
    /// Adds somebody, or changes their rights.
    pub fn add(&self, name: &str, rights: Rights) {
        let identity = Identity::of_login(name).expect("a name");
        let principal = Principal::new(identity, rights);
        self.accounts.lock().expect("no test panicked").insert(name.to_owned(), principal);
    }

    /// Removes somebody.
    pub fn remove(&self, name: &str) {
        self.accounts.lock().expect("no test panicked").remove(name);
    }

    /// Opens repositories to everybody.
    pub fn open(&self, grant: Grant) {
        self.open.lock().expect("no test panicked").push(grant);
    }

    fn of(&self, name: &str) -> Option<Principal> {
        self.accounts.lock().expect("no test panicked").get(name).cloned()
    }
}

impl Accounts for People {
    fn login<'a>(
        &'a self,
        name: &'a str,
        secret: &'a str,
    ) -> BoxFuture<'a, Result<Option<Principal>, Unavailable>> {
        let found = self.of(name).filter(|_| secret == format!("{name}-secret"));
        async move { Ok(found) }.boxed()
    }

    fn principal<'a>(
        &'a self,
        identity: &'a Identity,
    ) -> BoxFuture<'a, Result<Option<Principal>, Unavailable>> {
        let found = match identity {
            Identity::User(name) => self.of(name.as_str()),
            _ => None,
        };
        async move { Ok(found) }.boxed()
    }

    fn anonymous(&self) -> Principal {
        Principal::anonymous(self.open.lock().expect("no test panicked").clone())
    }
}

/// A quarantine that answers as the store's standings say.
pub struct Table {
    store: Store,
    /// Whether everything that is pushed is released at once.
    pub release: bool,
    /// What was pushed, in its order.
    pub pushed: Mutex<Vec<(RepositoryName, Digest)>>,
    /// What an upstream's tags point to today.
    pub upstream: Mutex<HashMap<(RepositoryName, Tag), Standing>>,
}

impl Quarantine for Table {
    fn place(&self, name: &RepositoryName, namespace: Option<&str>) -> Place {
        let through = |repository: RepositoryName, used| Place {
            repository,
            upstream: Some("docker.io".parse::<Upstream>().expect("an upstream")),
            namespace_used: used,
        };
        if namespace == Some("docker.io") {
            return through(format!("docker.io/{name}").parse().expect("a name"), true);
        }
        match name.components().next() {
            Some("docker.io") => through(name.clone(), false),
            _ => Place::hosted(name),
        }
    }

    fn arrive<'a>(&'a self, arrival: Arrival<'a>) -> BoxFuture<'a, Standing> {
        async move {
            let repository = arrival.permit.repository();
            let digest = match arrival.reference {
                Reference::Digest(digest) => Some(*digest),
                Reference::Tag(tag) => {
                    let key = (repository.clone(), tag.clone());
                    let known = self.upstream.lock().expect("no test panicked").get(&key).cloned();
                    if let Some(standing) = known {
                        return standing;
                    }
                    self.store.tag(repository, tag).await.expect("a store").map(|row| row.digest)
                }
            };
            let Some(digest) = digest else { return Standing::Unknown };
            let standing = self.store.standing(repository, &digest).await.expect("a store");
            match standing.map(|standing| standing.state) {
                None => Standing::Unknown,
                Some(State::Released) => Standing::Released(digest, None),
                Some(State::Quarantined) => Standing::Held {
                    message: "the image is being looked at: 1 of 2 layers".to_owned(),
                    retry_after: 7,
                    page: None,
                },
                Some(State::Denied | State::Revoked) => Standing::Denied {
                    message: "rule no-miners refuses /usr/bin/xmrig in layer 1".to_owned(),
                    detail: json!({"rule": "no-miners"}),
                },
            }
        }
        .boxed()
    }

    fn arrived<'a>(&'a self, pushed: Pushed<'a>) -> BoxFuture<'a, ()> {
        async move {
            let repository = pushed.permit.repository();
            let entry = (repository.clone(), pushed.stored.digest);
            self.pushed.lock().expect("no test panicked").push(entry);
            if self.release {
                self.store.release(repository, &pushed.stored.digest, decided()).await.expect("a release");
            }
        }
        .boxed()
    }
}

/// A decision as tests write it.
pub fn decided() -> Decision {
    Decision { body: json!({"effect": "allow"}), by: "policy".to_owned(), ..Decision::default() }
}

/// A registry that listens on the loopback.
pub struct House {
    pub store: Store,
    pub people: Arc<People>,
    pub table: Arc<Table>,
    pub registry: Registry,
    pub verifier: Arc<Verifier>,
    pub address: SocketAddr,
    pub client: Client,
    pub metrics: prometheus_client::registry::Registry,
    pub listening: Listening,
    _stop: oneshot::Sender<()>,
    directory: Option<tempfile::TempDir>,
}

impl House {
    /// With all people of the tests, where nothing is released unless somebody does.
    pub async fn new() -> Self {
        Self::with(false, Settings { service: SERVICE.to_owned(), ..Settings::default() }).await
    }

    pub async fn with(release: bool, settings: Settings) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let mut house = Self::at(directory.path(), "127.0.0.1:0", release, settings).await;
        house.directory = Some(directory);
        house
    }

    pub async fn at(directory: &std::path::Path, address: &str, release: bool, settings: Settings) -> Self {
        let (store, _) = Store::open(Options::new(directory)).await.expect("a store");
        let people = Arc::new(People::default());
        everybody(&people);
        let table = Arc::new(Table {
            store: store.clone(),
            release,
            pushed: Mutex::default(),
            upstream: Mutex::default(),
        });
        let key = TokenKey::from_pkcs8(&TokenKey::generate().expect("a key")).expect("a key");
        let minter = Minter::new("https://gate.test", &settings.service, key, 300);
        let verifier = Arc::new(minter.verifier());
        let mut metrics = prometheus_client::registry::Registry::default();
        let counted = Metrics::new(&mut metrics);
        let registry = Registry::new(
            store.clone(),
            people.clone(),
            table.clone(),
            minter,
            verifier.clone(),
            settings,
            counted,
        );
        let (stop, stopped) = oneshot::channel::<()>();
        let service = router(registry.clone());
        let address = address.parse().expect("an address");
        let stopped = stopped.map(|_| ());
        let listening = listen(&registry, service, address, stopped).await.expect("a port");
        let address = listening.address;
        let client = Client::builder().no_proxy().build().expect("a client");
        Self {
            store,
            people,
            table,
            registry,
            verifier,
            address,
            client,
            metrics,
            listening,
            _stop: stop,
            directory: None,
        }
    }

    /// A request by somebody with Basic authentication, or by nobody.
    pub fn ask(&self, who: &str, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.address));
        match who {
            "" => request,
            who => request.basic_auth(who, Some(format!("{who}-secret"))),
        }
    }

    pub async fn get(&self, who: &str, path: &str) -> Response {
        self.ask(who, Method::GET, path).send().await.expect("an answer")
    }

    pub async fn head(&self, who: &str, path: &str) -> Response {
        self.ask(who, Method::HEAD, path).send().await.expect("an answer")
    }

    pub async fn delete(&self, who: &str, path: &str) -> Response {
        self.ask(who, Method::DELETE, path).send().await.expect("an answer")
    }

    /// Pushes a blob with POST and PUT.
    pub async fn push_blob(&self, who: &str, repository: &str, bytes: &[u8]) -> Digest {
        let digest = sha256(bytes);
        self.push_blob_as(who, repository, bytes, &digest.to_string()).await;
        digest
    }

    pub async fn push_blob_as(&self, who: &str, repository: &str, bytes: &[u8], digest: &str) {
        let begun = self
            .ask(who, Method::POST, &format!("/v2/{repository}/blobs/uploads/"))
            .send()
            .await
            .expect("an answer");
        assert_eq!(begun.status(), StatusCode::ACCEPTED);
        let location = header(&begun, "location");
        let put = self.ask(who, Method::PUT, &format!("{location}?digest={digest}")).body(bytes.to_vec());
        let put = put.send().await.expect("an answer");
        assert_eq!(put.status(), StatusCode::CREATED);
    }

    pub async fn put_manifest(
        &self,
        who: &str,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: &[u8],
    ) -> Response {
        self.ask(who, Method::PUT, &format!("/v2/{repository}/manifests/{reference}"))
            .header("content-type", media_type)
            .body(bytes.to_vec())
            .send()
            .await
            .expect("an answer")
    }

    /// Pushes an image of one layer.
    pub async fn push_image(&self, who: &str, repository: &str, tag: &str, layer: &[u8]) -> Image {
        let image = Image::of(layer);
        self.push_blob(who, repository, &image.config_bytes).await;
        self.push_blob(who, repository, &image.layer_bytes).await;
        let put = self.put_manifest(who, repository, tag, OCI_IMAGE, &image.bytes).await;
        assert_eq!(put.status(), StatusCode::CREATED);
        image
    }

    pub async fn release(&self, repository: &str, digest: &Digest) {
        self.store.release(&name(repository), digest, decided()).await.expect("a release");
    }

    pub async fn deny(&self, repository: &str, digest: &Digest) {
        self.store.deny(&name(repository), digest, decided()).await.expect("a denial");
    }

    pub async fn revoke(&self, repository: &str, digest: &Digest) {
        self.store.revoke(&name(repository), digest, decided()).await.expect("a revocation");
    }

    /// A token as a client gets it.
    pub async fn token(&self, who: &str, scopes: &[&str]) -> String {
        let scopes: String = scopes.iter().map(|scope| format!("&scope={scope}")).collect();
        let answer = self.get(who, &format!("/token?service={SERVICE}{scopes}")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        json(answer).await["token"].as_str().expect("a token").to_owned()
    }
}

/// `puller` may pull below `team`, `pusher` push there and read back, `owner` everything there, `stranger` nothing there.
fn everybody(people: &People) {
    let may = |name: &str, pattern: &str, actions: &[Action]| {
        people.add(name, Rights { grants: vec![grant(pattern, actions)], ..Rights::default() });
    };
    may("puller", "team/**", &[Action::Pull]);
    may("writer", "team/**", &[Action::Pull, Action::Push]);
    may("pusher", "team/**", &[Action::Pull, Action::Push, Action::QuarantineRead]);
    may("owner", "team/**", &Action::ALL);
    may("stranger", "other/**", &Action::ALL);
    may("mirror", "docker.io/**", &[Action::Pull]);
    people.add("admin", Rights { admin: true, ..Rights::default() });
    let lister =
        Rights { catalog: true, grants: vec![grant("team/a", &[Action::Pull])], ..Rights::default() };
    people.add("lister", lister);
    let _ = Pattern::everything();
}

pub const OCI_IMAGE: &str = store::media_type::OCI_MANIFEST;
pub const OCI_INDEX: &str = store::media_type::OCI_INDEX;
pub const DOCKER_IMAGE: &str = store::media_type::DOCKER_MANIFEST;

/// An image of one layer.
pub struct Image {
    pub bytes: Vec<u8>,
    pub digest: Digest,
    pub config_bytes: Vec<u8>,
    pub config: Digest,
    pub layer_bytes: Vec<u8>,
    pub layer: Digest,
}

impl Image {
    pub fn of(layer: &[u8]) -> Self {
        Self::with(layer, |_| {})
    }

    /// With changes to the manifest.
    pub fn with(layer: &[u8], change: impl FnOnce(&mut Value)) -> Self {
        let config_bytes = json!({
            "architecture": "amd64", "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [sha256(layer)]},
        })
        .to_string()
        .into_bytes();
        let (config, layer_digest) = (sha256(&config_bytes), sha256(layer));
        let mut manifest = json!({
            "schemaVersion": 2,
            "mediaType": OCI_IMAGE,
            "config": descriptor("application/vnd.oci.image.config.v1+json", &config_bytes),
            "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", layer)],
        });
        change(&mut manifest);
        let bytes = manifest.to_string().into_bytes();
        let digest = sha256(&bytes);
        Self { bytes, digest, config_bytes, config, layer_bytes: layer.to_vec(), layer: layer_digest }
    }
}

pub fn descriptor(media_type: &str, bytes: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len()})
}

pub fn sha256(bytes: &[u8]) -> Digest {
    hashed(&aws_lc_rs::digest::SHA256, bytes)
}

pub fn sha512(bytes: &[u8]) -> Digest {
    hashed(&aws_lc_rs::digest::SHA512, bytes)
}

fn hashed(algorithm: &'static aws_lc_rs::digest::Algorithm, bytes: &[u8]) -> Digest {
    let hash = aws_lc_rs::digest::digest(algorithm, bytes);
    match <[u8; 32]>::try_from(hash.as_ref()) {
        Ok(hash) => Digest::sha256(hash),
        Err(_) => Digest::sha512(hash.as_ref().try_into().expect("64 bytes")),
    }
}

pub fn name(text: &str) -> RepositoryName {
    text.parse().expect("a name")
}

pub fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name).unwrap_or_else(|| panic!("no {name} in {response:?}"));
    value.to_str().expect("text").to_owned()
}

pub async fn text(response: Response) -> String {
    response.text().await.expect("a body")
}

pub async fn body(response: Response) -> Bytes {
    response.bytes().await.expect("a body")
}

pub async fn json(response: Response) -> Value {
    serde_json::from_slice(&body(response).await).expect("JSON")
}

/// The code of the first error.
pub async fn code(response: Response) -> String {
    json(response).await["errors"][0]["code"].as_str().unwrap_or("none").to_owned()
}

/// Runs a test on a runtime as the server's.
pub fn run<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(test)
}
