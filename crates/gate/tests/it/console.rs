//! The console as browsers see it.

mod accounts;
mod deciding;
mod forms;
mod hostile;
mod many;
mod searching;
mod seeing;
mod sessions;

use crate::running::{PASSWORD, Running};
use reqwest::Method;
use reqwest::blocking::{RequestBuilder, Response};
use serde_json::{Value, json};
use std::path::Path;
use std::time::{Duration, Instant};
use test_support::{Image, ImageBuilder, Layer, LayerBuilder, standin};

/// A browser: it keeps a cookie, asks for HTML, and says where it comes from.
pub(crate) struct Browser<'a> {
    gate: &'a Running,
    cookie: String,
}

impl<'a> Browser<'a> {
    /// One that is not logged in.
    pub(crate) fn new(gate: &'a Running) -> Self {
        Self { gate, cookie: String::new() }
    }

    /// One that somebody has logged in with.
    pub(crate) fn of(gate: &'a Running, name: &str) -> Self {
        let mut browser = Self::new(gate);
        let answer = browser.log_in(name, PASSWORD, "");
        assert_eq!(answer.status(), 303, "{:?}", answer.text());
        browser
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request =
            self.gate.client.request(method, self.gate.url(path)).header("accept", "text/html,*/*;q=0.8");
        if self.cookie.is_empty() { request } else { request.header("cookie", &self.cookie) }
    }

    /// Takes the cookie of an answer, as browsers do.
    pub(crate) fn keep(&mut self, answer: &Response) {
        if let Some(cookie) = answer.headers().get("set-cookie") {
            self.cookie = cookie.to_str().unwrap().split(';').next().unwrap().to_owned();
        }
    }

    pub(crate) fn log_in(&mut self, name: &str, password: &str, next: &str) -> Response {
        let form = form(&[("name", name), ("password", password), ("next", next)]);
        let request = self.request(Method::POST, "/console/login").header("sec-fetch-site", "same-origin");
        let answer = request.header("content-type", FORM).body(form).send().unwrap();
        self.keep(&answer);
        answer
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).header("sec-fetch-site", "same-origin").send().unwrap()
    }

    /// A page that is there.
    pub(crate) fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status(), 200, "{path}: {:?}", answer.headers().get("location"));
        answer.text().unwrap()
    }

    /// The token that the forms of this browser's pages have.
    pub(crate) fn csrf(&self) -> String {
        let page = self.page("/console/search");
        let (_, rest) = page.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Sends a form of ours.
    pub(crate) fn send(&self, path: &str, fields: &[(&str, &str)]) -> Response {
        let csrf = self.csrf();
        let fields: Vec<_> = fields.iter().copied().chain([("csrf", csrf.as_str())]).collect();
        let request = self.request(Method::POST, path).header("sec-fetch-site", "same-origin");
        request.header("content-type", FORM).body(form(&fields)).send().unwrap()
    }

    /// Sends a form; gives the page to which that leads.
    pub(crate) fn sends(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.send(path, fields);
        assert_eq!(answer.status(), 303, "{path}: {:?}", answer.text());
        self.page(answer.headers()["location"].to_str().unwrap())
    }
}

pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// Fields as a form sends them.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

pub(crate) fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

/// A gate that holds what is pushed below `held/`, with an administrator and their token.
pub(crate) fn gate(folder: &Path, more: &str) -> (Running, String) {
    let policy = folder.join("policy.toml");
    let rule = "[[rule]]\nname = \"look\"\nwhen = \"true\"\neffect = \"hold\"\nreason = \"a person looks at it\"\n\
                repositories = [\"held/**\"]\n";
    std::fs::write(&policy, format!("schema = \"roadstead.policy/v1\"\nextends = \"default\"\n{rule}"))
        .unwrap();
    Running::set_up(folder, &format!("[policy]\nfile = {policy:?}\n{more}"))
}

pub(crate) fn add_user(gate: &Running, admin: &str, name: &str, is_admin: bool) {
    let user = json!({ "name": name, "password": PASSWORD, "admin": is_admin });
    assert_eq!(gate.ask(Method::POST, "/api/v1/users", admin, Some(user)).0, 201);
}

pub(crate) fn grant(gate: &Running, admin: &str, name: &str, repositories: &str, action: &str) {
    let grant =
        json!({ "principal": format!("user:{name}"), "repositories": repositories, "actions": [action] });
    assert_eq!(gate.ask(Method::PUT, "/api/v1/grants", admin, Some(grant)).0, 204);
}

/// Pushes an image, and waits until it is decided.
pub(crate) fn pushed(gate: &Running, admin: &str, repository: &str, tag: &str, image: &Image) -> Value {
    let token = gate.token("admin", PASSWORD, &format!("repository:{repository}:pull,push")).unwrap();
    crate::running::push(gate, &token, repository, tag, image);
    stands(gate, admin, repository, image, |standing| !standing["decision"].is_null())
}

/// How an image stands, as soon as it has come to stand so.
pub(crate) fn stands(
    gate: &Running,
    admin: &str,
    repository: &str,
    image: &Image,
    so: impl Fn(&Value) -> bool,
) -> Value {
    let path = format!("/api/v1/image?repository={repository}&digest={}", image.digest());
    let start = Instant::now();
    loop {
        let (_, standing) = gate.ask(Method::GET, &path, admin, None);
        if so(&standing) {
            return standing;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{standing}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub(crate) fn page_of(repository: &str, image: &Image) -> String {
    format!("/console/image?repository={repository}&digest={}", image.digest())
}

/// An image with this file.
pub(crate) fn with_file(path: &str, bytes: Vec<u8>) -> Image {
    let tar = LayerBuilder::new().file(path, 0o755, bytes).build();
    ImageBuilder::new().layer(Layer::new(tar)).config(|config| config.entrypoint(&["/app/serve"])).build()
}

/// An image that is clean, and another one for each text.
pub(crate) fn clean(text: &str) -> Image {
    with_file("app/serve", standin::program(text))
}
