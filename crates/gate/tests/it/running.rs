//! A gate that runs, and somebody who asks it.

use gate::config::{Key, Overlay};
use gate::{Config, Engine};
use reqwest::Method;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// A gate of its own, which stops when it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) secret: Option<String>,
    pub(crate) client: Client,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), gate::Error>>>,
}

pub(crate) const PASSWORD: &str = "correct horse battery";

/// A day in three months, whenever this runs.
pub(crate) fn soon() -> String {
    let day = std::time::SystemTime::now() + Duration::from_secs(90 * 86_400);
    let seconds = day.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    model::Date::of_unix_seconds(seconds).to_string()
}

/// The configuration of a text, with a port that the system chooses.
pub(crate) fn config(folder: &Path, text: &str) -> Result<Config, gate::Error> {
    let file = folder.join("gate.toml");
    std::fs::write(&file, text).unwrap();
    let data = folder.join("data").to_str().unwrap().to_owned();
    let default = move |key: &Key| match key.key {
        "data-dir" => Some(vec![data.clone()]),
        "listen" => Some(vec!["127.0.0.1:0".to_owned()]),
        _ => None,
    };
    let none: [Overlay<'_>; 0] = [];
    gate::config::load(&default, Some(&file), &none)
}

/// A scan that reads with the built-in analyzers and no content rules.
pub(crate) fn engine() -> Engine {
    let scan = || pipeline::Settings {
        source: source::Options::default(),
        limits: Default::default(),
        jobs: 1,
        cache: None,
        indicators: Default::default(),
        rules: Default::default(),
        exceptions: Default::default(),
        today: model::Date::of_unix_seconds(1_796_000_000),
        endpoints: false,
        detonate: None,
        watch: Default::default(),
    };
    Engine { scan: Arc::new(scan), detonate: None }
}

impl Running {
    pub(crate) fn start(folder: &Path, text: &str) -> Self {
        let config = config(folder, text).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let (tell, told) = mpsc::channel();
        let asked = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            gate::serve(config, engine(), &asked, |started| {
                let secret = started.first_secret.as_ref().map(|secret| secret.expose().to_owned());
                tell.send((started.address, secret)).unwrap();
            })
        });
        let Ok((address, secret)) = told.recv_timeout(Duration::from_secs(60)) else {
            panic!("{:?}", thread.join().unwrap().map_err(|error| model::error_chain(&error)));
        };
        let client = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(60))
            .no_proxy()
            .build()
            .unwrap();
        Self { address, secret, client, stop, thread: Some(thread) }
    }

    /// A gate with an administrator, and a token for the administration.
    pub(crate) fn set_up(folder: &Path, text: &str) -> (Self, String) {
        let running = Self::start(folder, text);
        let fields = json!({ "secret": running.secret, "name": "admin", "password": PASSWORD });
        let answer = running.send(Method::POST, "/api/v1/setup", None, Some(fields));
        assert_eq!(answer.status(), 201, "{:?}", answer.text());
        let token = running.token("admin", PASSWORD, "registry:admin:*").unwrap();
        (running, token)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Response {
        let mut request = self.client.request(method, self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        request.send().unwrap()
    }

    /// What a path answers: its status and its JSON.
    pub(crate) fn ask(&self, method: Method, path: &str, token: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.send(method, path, Some(token), body);
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().unwrap()).unwrap_or(Value::Null))
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, None, None)
    }

    /// A token as Docker gets it; the status where there is none.
    pub(crate) fn token(&self, name: &str, password: &str, scope: &str) -> Result<String, u16> {
        let url = self.url(&format!("/token?service=roadstead&scope={scope}"));
        let answer = self.client.get(url).basic_auth(name, Some(password)).send().unwrap();
        let status = answer.status().as_u16();
        let body: Value = serde_json::from_str(&answer.text().unwrap()).unwrap_or(Value::Null);
        body["token"].as_str().map(str::to_owned).ok_or(status)
    }

    /// Asks it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), gate::Error> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap())
    }
}

/// Pushes an image under a tag, as clients do.
pub(crate) fn push(running: &Running, token: &str, repository: &str, tag: &str, image: &test_support::Image) {
    for (digest, blob) in image.blobs().iter().filter(|(_, blob)| blob.bytes != image.manifest()) {
        let begun =
            running.send(Method::POST, &format!("/v2/{repository}/blobs/uploads/"), Some(token), None);
        assert_eq!(begun.status(), 202, "{:?}", begun.text());
        let to = begun.headers()["location"].to_str().unwrap().to_owned();
        let to = to.split_once("/v2/").map_or(to.clone(), |(_, rest)| running.url(&format!("/v2/{rest}")));
        let separator = if to.contains('?') { '&' } else { '?' };
        let put = running.client.put(format!("{to}{separator}digest={digest}")).bearer_auth(token);
        let put = put.header("content-type", "application/octet-stream").body(blob.bytes.clone());
        let put = put.send().unwrap();
        assert_eq!(put.status(), 201, "{:?}", put.text());
    }
    let url = running.url(&format!("/v2/{repository}/manifests/{tag}"));
    let put = running.client.put(url).bearer_auth(token);
    let put = put.header("content-type", test_support::media_type::OCI_MANIFEST);
    let put = put.body(image.manifest().to_vec()).send().unwrap();
    assert_eq!(put.status(), 201, "{:?}", put.text());
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
