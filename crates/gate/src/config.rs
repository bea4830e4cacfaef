//! What the server is told, from flags, environment and a file, in this order of precedence.

mod check;
mod keys;
mod merge;
mod values;

pub use keys::{KEYS, Key, Kind, reference_page};
pub use merge::{Overlay, load};
pub use values::{Secret, Size, Span};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Everything that the server is told. Unknown keys are errors: a setting that is misspelt and silently ignored is a
/// protection that is not there (CVE-2025-29778).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The address by which clients reach the server, where it is not where it listens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_url: Option<String>,
    /// Everything that is kept.
    pub data_dir: PathBuf,
    /// Transport security.
    pub tls: Tls,
    /// Bounds on what clients may take.
    pub limits: Limits,
    /// Public registries that may be pulled through, by the name that stands before the repository.
    pub upstreams: BTreeMap<access::Upstream, Upstream>,
    /// What the store needs done from time to time.
    pub upkeep: Upkeep,
    /// How content is held.
    pub quarantine: Quarantine,
    /// How content is analyzed.
    pub scan: Scan,
    /// How is decided.
    pub policy: Policy,
    /// How releases are signed.
    pub signing: Signing,
    /// Who may do what.
    pub access: Access,
    /// Logging in through an identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
    /// Who is told of releases and denials.
    pub webhooks: Vec<Webhook>,
    /// Being the scanner of a Harbor.
    pub harbor: Harbor,
    /// Metrics for Prometheus.
    pub metrics: Metrics,
    /// Logs.
    pub log: Log,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 5000)),
            public_url: None,
            data_dir: PathBuf::new(),
            tls: Tls::default(),
            limits: Limits::default(),
            upstreams: BTreeMap::new(),
            upkeep: Upkeep::default(),
            quarantine: Quarantine::default(),
            scan: Scan::default(),
            policy: Policy::default(),
            signing: Signing::default(),
            access: Access::default(),
            oidc: None,
            webhooks: Vec::new(),
            harbor: Harbor::default(),
            metrics: Metrics::default(),
            log: Log::default(),
        }
    }
}

/// Transport security.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Tls {
    /// Where the certificate comes from.
    pub mode: TlsMode,
    /// The certificate with its chain, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its key, in PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// Further names and addresses that a self-made certificate is for.
    pub names: Vec<String>,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// No TLS: only on the loopback.
    #[default]
    Off,
    /// From `tls.certificate` and `tls.key`.
    Files,
    /// Made at the first start and kept in the data directory.
    SelfMade,
    /// A proxy in front speaks TLS; `public-url` must say so.
    Proxy,
}

/// Bounds on what clients may take.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Connections at once.
    pub connections: usize,
    /// Connections at once from one address.
    pub connections_per_address: usize,
    /// How long the head of a request, or a TLS handshake, may take.
    pub header_timeout: Span,
    /// How long a connection may be silent in both directions.
    pub idle_timeout: Span,
    /// How long requests have to end once the server is asked to stop.
    pub drain: Span,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_address: 512,
            header_timeout: Span(Duration::from_secs(10)),
            idle_timeout: Span(Duration::from_secs(90)),
            drain: Span(Duration::from_secs(30)),
        }
    }
}

/// A public registry that may be pulled through.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Upstream {
    /// Its address, where it is not `https://NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The user to pull as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// His password or token; it goes to this registry and its token service only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
    /// Repositories that may be pulled, with `*` for one part and `**` for all that follow; all where it is empty.
    pub allow: Vec<access::Pattern>,
    /// Repositories that may not, whatever `allow` says.
    pub deny: Vec<access::Pattern>,
    /// Further hosts that may hand out tokens for it.
    pub token_realms: Vec<String>,
    /// Files of public keys, one of which must have signed what is pulled from it; not looked for where there are none.
    pub signature_keys: Vec<PathBuf>,
    /// How old a digest must be here before it is released, where it is another than `quarantine.minimum-age`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_age: Option<Span>,
}

/// What the store needs done from time to time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Upkeep {
    /// How often content is removed that no manifest names.
    pub collect_every: Span,
    /// How long nobody must have touched it.
    pub collect_grace: Span,
    /// How long an upload stays that nobody goes on with.
    pub upload_life: Span,
    /// How often each blob is read and held against its digest.
    pub scrub_every: Span,
    /// Most that is read for that in a second.
    pub scrub_rate: Size,
}

impl Default for Upkeep {
    fn default() -> Self {
        Self {
            collect_every: Span(Duration::from_hours(1)),
            // An hour is the least for slow pushes, and as much is what fetching an image may take.
            collect_grace: Span(Duration::from_hours(2)),
            upload_life: Span(Duration::from_hours(24)),
            scrub_every: Span(Duration::from_hours(7 * 24)),
            scrub_rate: Size(32 << 20),
        }
    }
}

/// How content is held.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Quarantine {
    /// How long a pull waits for the decision before it is told to come again.
    pub wait: Span,
    /// What `Retry-After` says.
    pub retry_after: Span,
    /// How long a digest that was first seen must lie before it is released.
    pub minimum_age: Span,
    /// How long the digest of an upstream's tag is believed before it is asked again.
    pub tag_life: Span,
    /// How often released content is looked at again for newer rules and feeds.
    pub rescan_every: Span,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self {
            wait: Span(Duration::from_secs(20)),
            retry_after: Span(Duration::from_secs(10)),
            minimum_age: Span(Duration::ZERO),
            tag_life: Span(Duration::from_secs(60)),
            rescan_every: Span(Duration::from_secs(3600)),
        }
    }
}

/// How content is analyzed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Scan {
    /// Images analyzed at once.
    pub workers: usize,
    /// Threads of one analysis; 0 for as many as there are processors.
    pub jobs: usize,
    /// How long the analysis of one image may take.
    pub timeout: Span,
    /// Folders of YARA rules besides the built-in ones.
    pub rules: Vec<PathBuf>,
    /// Feeds to compare with.
    pub feeds: Vec<PathBuf>,
    /// Most that the facts of earlier scans may take on disk.
    pub cache_size: Size,
    /// Which images are run in the sandbox.
    pub detonate: Detonation,
    /// How long all runs of one image may take.
    pub detonate_duration: Span,
}

impl Default for Scan {
    fn default() -> Self {
        Self {
            workers: 2,
            jobs: 0,
            timeout: Span(Duration::from_secs(1800)),
            rules: Vec::new(),
            feeds: Vec::new(),
            cache_size: Size(2 << 30),
            detonate: Detonation::Pulled,
            detonate_duration: Span(Duration::from_secs(60)),
        }
    }
}

/// Which images are run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detonation {
    /// None; what the policy wants to be run is held.
    Off,
    /// Those that come from an upstream, and those that the policy names.
    #[default]
    Pulled,
    /// All.
    All,
}

/// How is decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Policy {
    /// Rules in place of the built-in ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Findings that are known and accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exceptions: Option<PathBuf>,
    /// How many people have to approve a held image before it is released.
    pub approvals: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self { file: None, exceptions: None, approvals: 1 }
    }
}

/// How releases are signed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Signing {
    /// Whether releases are signed.
    pub enabled: bool,
    /// The private key that signs releases and nothing else, in cosign's form; made at the first start where none is
    /// named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release_key: Option<PathBuf>,
    /// The private key that signs verdicts and evidence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence_key: Option<PathBuf>,
    /// The password of both; generated into the data directory at the first start where none is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<Secret>,
}

impl Default for Signing {
    fn default() -> Self {
        Self { enabled: true, release_key: None, evidence_key: None, password: None }
    }
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Access {
    /// Repositories, with `*` and `**`, that anybody may pull released content of; nobody where it is empty.
    pub anonymous: Vec<access::Pattern>,
    /// How long tokens are good for.
    pub token_life: Span,
    /// Attempts to log in, a minute, from one address.
    pub logins_per_address: u32,
    /// Attempts to log in, a minute, as one account.
    pub logins_per_account: u32,
    /// Passwords that are checked at once.
    pub password_checks: usize,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            anonymous: Vec::new(),
            token_life: Span(Duration::from_secs(300)),
            logins_per_address: 300,
            logins_per_account: 20,
            password_checks: 2,
        }
    }
}

/// Logging in through an identity provider.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Oidc {
    /// Its issuer, as its tokens spell it.
    pub issuer: String,
    /// Who we are to it.
    pub client_id: String,
    /// How we prove it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Secret>,
    /// What is asked for beside `openid`.
    #[serde(default = "scopes")]
    pub scopes: Vec<String>,
    /// The claim that lists the groups.
    #[serde(default = "groups")]
    pub groups_claim: String,
    /// What members of groups may do; who is in none of them may do nothing.
    #[serde(default)]
    pub groups: Vec<OidcGroup>,
    /// Whether the provider may have a private address.
    #[serde(default)]
    pub allow_private: bool,
}

/// What members of a group may do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OidcGroup {
    /// The group, exactly as the provider names it.
    pub name: String,
    /// Its members administer.
    #[serde(default)]
    pub admin: bool,
    /// Its members may list all repositories.
    #[serde(default)]
    pub catalog: bool,
    /// What its members may do where.
    #[serde(default)]
    pub grants: Vec<access::Grant>,
}

fn scopes() -> Vec<String> {
    ["profile", "email", "groups"].map(str::to_owned).to_vec()
}

fn groups() -> String {
    "groups".to_owned()
}

/// Who is told of releases and denials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Webhook {
    /// What it is called in logs and in the list of deliveries.
    pub name: String,
    /// Where events go.
    pub url: String,
    /// In which shape.
    #[serde(default)]
    pub format: WebhookFormat,
    /// Which; all where it is empty.
    #[serde(default)]
    pub events: Vec<EventKind>,
    /// The key of the signature in `X-Roadstead-Signature`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// Whether it may have a private address.
    #[serde(default)]
    pub allow_private: bool,
}

/// The shape of an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WebhookFormat {
    /// CloudEvents 1.0, structured, in JSON.
    #[default]
    Cloudevents,
    /// As Harbor's webhooks send it by default.
    Harbor,
}

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// Content came into quarantine.
    Quarantined,
    /// Content was released: what consumers of a registry call a push.
    Released,
    /// Content was denied.
    Denied,
    /// A release was taken back.
    Revoked,
}

/// Being the scanner of a Harbor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Harbor {
    /// Whether the adapter answers.
    pub enabled: bool,
    /// What Harbor proves itself with (Basic, Bearer or `X-ScannerAdapter-API-Key`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<Secret>,
    /// The registries that may be asked for images, as `https://host[:port]`; none other is connected to.
    pub registries: Vec<String>,
    /// Scans that may wait.
    pub queue: usize,
}

impl Default for Harbor {
    fn default() -> Self {
        Self { enabled: false, secret: None, registries: Vec::new(), queue: 256 }
    }
}

/// Metrics for Prometheus.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Metrics {
    /// The bearer token that reads them; without one, only the loopback does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Secret>,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged: `error`, `warn`, `info`, `debug`, `trace`, or directives such as `info,gate=debug`.
    pub level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Auto, level: "info".to_owned() }
    }
}

/// How a line looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    /// Text.
    Text,
    /// A JSON object.
    Json,
}

impl Config {
    /// The whole configuration as it is in force, in TOML, with every secret redacted.
    pub fn shown(&self) -> String {
        toml::to_string(self).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
    }

    /// The address by which clients reach the server that listens here.
    pub fn base_url(&self, listening: SocketAddr) -> String {
        if let Some(url) = &self.public_url {
            return url.trim_end_matches('/').to_owned();
        }
        let scheme = if self.tls.mode == TlsMode::Off { "http" } else { "https" };
        format!("{scheme}://{listening}")
    }
}
