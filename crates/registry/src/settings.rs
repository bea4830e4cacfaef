use access::Rate;
use std::time::Duration;

/// What can be set about the registry, and every limit with its name.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name of this registry in tokens and challenges.
    pub service: String,
    /// Where tokens are given, as clients reach it: `https://gate.example/token`. Without, the host that the client
    /// spoke to is taken, which is right where nothing stands between.
    pub realm: Option<String>,
    /// Whether the host that the client spoke to is reached by TLS, for the realm.
    pub secure: bool,
    /// Whether a manifest or an upload may be deleted at all.
    pub deletes: bool,
    /// Longest wait for the next piece of a request's body.
    pub body_idle: Duration,
    /// Longest time for the body of a manifest.
    pub manifest_time: Duration,
    /// Longest wait for the headers of a request.
    pub header_time: Duration,
    /// Most connections at the same time.
    pub connections: usize,
    /// How often passwords may be tried from one address.
    pub logins_by_address: Rate,
    /// How often a wrong password may be tried for one account.
    pub logins_by_account: Rate,
    /// Passwords that are checked at the same time: each takes memory and a processor for a while, on purpose.
    pub logins_at_once: usize,
    /// For how long a login by Basic authentication is remembered, so that not every request costs a password check. What the
    /// account may do is asked for each time all the same.
    pub login_memory: Duration,
    /// Entries of a page of tags, referrers or repositories, where the client asks for no number.
    pub page: usize,
    /// Repositories that one request for the catalog looks at.
    pub catalog_looks: usize,
    /// Bytes of descriptors in one page of referrers: clients read no more of one document.
    pub referrers_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            service: "roadstead".to_owned(),
            realm: None,
            secure: false,
            deletes: true,
            body_idle: Duration::from_mins(1),
            manifest_time: Duration::from_mins(1),
            header_time: Duration::from_secs(20),
            connections: 4096,
            logins_by_address: Rate { burst: 200, refill: Duration::from_millis(200) },
            logins_by_account: Rate { burst: 20, refill: Duration::from_secs(5) },
            logins_at_once: 2,
            login_memory: Duration::from_secs(30),
            page: 1000,
            catalog_looks: 10_000,
            referrers_bytes: 3 << 20,
        }
    }
}
