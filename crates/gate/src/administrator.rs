//! A gate, asked from outside by whoever administers it: the first account, and how an image stands by which report.
//! It says what `/api/v1` says, and knows nothing that an administrator with `curl` would not.

use crate::admin;
use crate::config::Secret;
use model::{Digest, Report, RepositoryName};
use reqwest::blocking::{Client, Response};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::io::Read as _;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Somebody who administers a gate that runs.
pub struct Administrator {
    client: Client,
    url: String,
    name: String,
    password: Secret,
    /// Good for minutes; renewed where it is not any more.
    token: Mutex<String>,
}

/// How an image stands.
#[derive(Debug, Clone, Deserialize)]
pub struct Decided {
    /// `quarantined`, `released`, `denied` or `revoked`.
    pub state: String,
    /// By which decision; none where nobody has decided yet.
    pub decision: Option<Decision>,
}

/// What was decided.
#[derive(Debug, Clone, Deserialize)]
pub struct Decision {
    /// `allow`, `hold` or `deny`.
    pub effect: String,
    /// The rule that said so.
    pub rule: String,
    /// Why, in a sentence; escaped by the gate.
    pub message: String,
}

/// Why a gate gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// There is no connection, or it broke.
    #[error("cannot ask the gate at {url}; check that it runs")]
    Connection {
        /// Where.
        url: String,
        /// What the connection said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// It refuses.
    #[error("the gate answers {status} when it is asked to {what}: {message}")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The status.
        status: u16,
        /// Why; escaped.
        message: String,
    },
    /// The answer is none that a gate gives.
    #[error("the gate's answer cannot be understood when it is asked to {what}: {why}")]
    Answer {
        /// What was asked for.
        what: &'static str,
        /// What is wrong with it; escaped.
        why: String,
    },
}

/// Far larger than any report.
const LARGEST: u64 = 64 << 20;
/// For one exchange as a whole.
const TIME: Duration = Duration::from_secs(30);

impl std::fmt::Debug for Administrator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Neither the password nor the token.
        f.debug_struct("Administrator")
            .field("url", &self.url)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Administrator {
    /// Makes the first account of a gate with the secret that it gave when it started, and logs in as that. Not for a thread
    /// of an asynchronous runtime, as it waits for the answers.
    ///
    /// # Errors
    /// Where the gate does not answer, or takes the secret, the name or the password for none.
    pub fn first(url: &str, secret: &str, name: &str, password: &str) -> Result<Self, AskError> {
        let client = Client::builder()
            .user_agent(concat!("roadstead/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(TIME)
            .build();
        let made = Self {
            client: client.map_err(|source| connection(url, source))?,
            url: url.trim_end_matches('/').to_owned(),
            name: name.to_owned(),
            password: Secret::new(password.to_owned()),
            token: Mutex::default(),
        };
        let what = "make the first account";
        let fields = json!({ "secret": secret, "name": name, "password": password }).to_string();
        let request = made.client.request(Method::POST, format!("{}{}/setup", made.url, admin::BASE));
        let request = request.header(reqwest::header::CONTENT_TYPE, "application/json").body(fields);
        let answer = request.send().map_err(|source| connection(url, source))?;
        if answer.status() != StatusCode::CREATED {
            return Err(refused(what, answer));
        }
        made.log_in()?;
        Ok(made)
    }

    /// How an image stands.
    ///
    /// # Errors
    /// Where the gate does not know it or does not answer.
    pub fn standing(&self, repository: &RepositoryName, digest: &Digest) -> Result<Decided, AskError> {
        self.ask("say how an image stands", "image", repository, digest)
    }

    /// The report by which an image was decided.
    ///
    /// # Errors
    /// Where there is none, or the gate does not answer.
    pub fn report(&self, repository: &RepositoryName, digest: &Digest) -> Result<Report, AskError> {
        self.ask("give the report of an image", "image/report", repository, digest)
    }

    fn ask<T: DeserializeOwned>(
        &self,
        what: &'static str,
        path: &str,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<T, AskError> {
        let url = format!("{}{}/{path}?repository={repository}&digest={digest}", self.url, admin::BASE);
        let send = || {
            let token = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let answer = self.client.get(&url).bearer_auth(token).send();
            answer.map_err(|source| connection(&self.url, source))
        };
        let mut answer = send()?;
        if answer.status() == StatusCode::UNAUTHORIZED {
            self.log_in()?;
            answer = send()?;
        }
        read(what, answer)
    }

    fn log_in(&self) -> Result<(), AskError> {
        #[derive(Deserialize)]
        struct Token {
            token: String,
        }
        let url = format!("{}/token?service={}&scope=registry:admin:*", self.url, crate::serve::SERVICE);
        let request = self.client.get(url).basic_auth(&self.name, Some(self.password.expose()));
        let answer = request.send().map_err(|source| connection(&self.url, source))?;
        let token: Token = read("log in", answer)?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token.token;
        Ok(())
    }
}

fn read<T: DeserializeOwned>(what: &'static str, answer: Response) -> Result<T, AskError> {
    if answer.status() != StatusCode::OK {
        return Err(refused(what, answer));
    }
    let wrong = |why: String| AskError::Answer { what, why: model::escape_text(&why) };
    let mut body = Vec::new();
    answer.take(LARGEST + 1).read_to_end(&mut body).map_err(|error| wrong(error.to_string()))?;
    if body.len() as u64 > LARGEST {
        return Err(wrong(format!("it is longer than {LARGEST} bytes")));
    }
    serde_json::from_slice(&body).map_err(|error| wrong(error.to_string()))
}

fn refused(what: &'static str, answer: Response) -> AskError {
    let status = answer.status().as_u16();
    let mut body = String::new();
    // What cannot be read adds nothing to the status.
    let _ = answer.take(4096).read_to_string(&mut body);
    let parsed: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let message = parsed.pointer("/errors/0/message").and_then(serde_json::Value::as_str);
    AskError::Refused { what, status, message: model::escape_text(message.unwrap_or("it does not say why")) }
}

fn connection(url: &str, source: reqwest::Error) -> AskError {
    // The address in the error may hold what nobody should read.
    AskError::Connection { url: model::escape_text(url), source: source.without_url().into() }
}
