//! The one table of all keys, from which flags, variables of the environment and the page of the reference come.

use std::fmt::Write as _;

/// What a key takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A text, a span of time or a size: written in quotes in a file.
    Text,
    /// `true` or `false`.
    Truth,
    /// A whole number.
    Number,
    /// Several texts: in the environment with commas between them, as a flag repeated.
    List,
    /// A text that is never shown and no flag takes, as arguments of programs are visible to all users.
    Secret,
    /// A table or a list of tables, in a file only.
    Tables,
}

/// A key of the configuration.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its path in the file, with dots.
    pub key: &'static str,
    /// The variable of the environment.
    pub env: Option<&'static str>,
    /// The flag of `roadstead serve`, without its dashes.
    pub flag: Option<&'static str>,
    /// What it takes.
    pub kind: Kind,
    /// What is in force where it is not written, for people.
    pub default: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// A value, as a flag would take it, for tests.
    pub example: &'static str,
}

/// `key, variable, flag, kind, default, meaning, example`; `""` for none.
macro_rules! keys {
    ($($key:literal, $env:literal, $flag:literal, $kind:ident, $default:literal, $example:literal, $meaning:literal;)*) => {
        /// All keys, in the order of the reference.
        pub const KEYS: &[Key] = &[$(Key {
            key: $key,
            env: if $env.is_empty() { None } else { Some($env) },
            flag: if $flag.is_empty() { None } else { Some($flag) },
            kind: Kind::$kind,
            default: $default,
            meaning: $meaning,
            example: $example,
        }),*];
    };
}

keys! {
    "listen", "ROADSTEAD_LISTEN", "listen", Text, "127.0.0.1:5000", "127.0.0.1:0",
        "Where to listen; port 0 lets the system choose one, which is printed";
    "public-url", "ROADSTEAD_PUBLIC_URL", "public-url", Text, "where it listens", "https://gate.example",
        "The address by which clients reach it; tokens and messages name it";
    "data-dir", "ROADSTEAD_DATA_DIR", "data-dir", Text, "$XDG_DATA_HOME/roadstead/gate", "/var/lib/roadstead",
        "Everything that is kept: rows, blobs, evidence, keys";
    "tls.mode", "ROADSTEAD_TLS_MODE", "tls-mode", Text, "off", "proxy",
        "off (on the loopback only), files, self-made (made at the first start), proxy (one in front speaks TLS)";
    "tls.certificate", "ROADSTEAD_TLS_CERTIFICATE", "tls-certificate", Text, "none", "/etc/roadstead/tls.crt",
        "With tls.mode files: the certificate with its chain, in PEM";
    "tls.key", "ROADSTEAD_TLS_KEY", "tls-key", Text, "none", "/etc/roadstead/tls.key",
        "With tls.mode files: its key, in PEM";
    "tls.names", "ROADSTEAD_TLS_NAMES", "tls-name", List, "none", "gate.example",
        "With tls.mode self-made: further names and addresses that the certificate is for";
    "limits.connections", "ROADSTEAD_LIMITS_CONNECTIONS", "", Number, "1024", "2048",
        "Connections at once; further ones wait";
    "limits.connections-per-address", "ROADSTEAD_LIMITS_CONNECTIONS_PER_ADDRESS", "", Number, "512", "64",
        "Connections at once from one address; further ones are closed";
    "limits.header-timeout", "ROADSTEAD_LIMITS_HEADER_TIMEOUT", "", Text, "10s", "5s",
        "How long a TLS handshake or the head of a request may take";
    "limits.idle-timeout", "ROADSTEAD_LIMITS_IDLE_TIMEOUT", "", Text, "90s", "2m",
        "How long a connection may be silent in both directions; more than quarantine.wait";
    "limits.drain", "ROADSTEAD_LIMITS_DRAIN", "", Text, "30s", "10s",
        "How long running requests have to end once the server is asked to stop";
    "upstreams.NAME.url", "", "", Text, "https://NAME", "https://registry-1.docker.io",
        "The address of the registry NAME, such as \"docker.io\", that may be pulled through as HOST/NAME/REPOSITORY";
    "upstreams.NAME.username", "", "", Text, "none", "puller",
        "The user to pull as";
    "upstreams.NAME.password", "", "", Secret, "none", "secret",
        "His password or token: a text, or { file = \"PATH\" }";
    "upstreams.NAME.allow", "", "", List, "all", "library/*",
        "Repositories that may be pulled, with `*` for one part of a name and `**` for all that follow";
    "upstreams.NAME.deny", "", "", List, "none", "*/xmrig",
        "Repositories that may not, whatever `allow` says";
    "upstreams.NAME.token-realms", "", "", List, "none", "auth.example",
        "Further hosts that may hand out tokens for it, and see its credentials";
    "upstreams.NAME.signature-keys", "", "", List, "none", "/etc/roadstead/vendor.pub",
        "Public keys in PEM, by one of which its images are signed as cosign does; without, signatures are not looked for";
    "upstreams.NAME.minimum-age", "", "", Text, "quarantine.minimum-age", "7d",
        "How long a digest of it must have been known before it is released";
    "upkeep.collect-every", "ROADSTEAD_UPKEEP_COLLECT_EVERY", "", Text, "1h", "6h",
        "How often content is removed that no manifest names; 0s for never";
    "upkeep.collect-grace", "ROADSTEAD_UPKEEP_COLLECT_GRACE", "", Text, "2h", "1d",
        "How long nobody must have touched such content; with less than an hour, slow pushes find their first blobs gone and bring them again";
    "upkeep.upload-life", "ROADSTEAD_UPKEEP_UPLOAD_LIFE", "", Text, "1d", "6h",
        "How long an upload stays that nobody goes on with; 0s for ever";
    "upkeep.scrub-every", "ROADSTEAD_UPKEEP_SCRUB_EVERY", "", Text, "7d", "30d",
        "How often each blob is read and held against its digest; what is broken is given out no more; 0s for never";
    "upkeep.scrub-rate", "ROADSTEAD_UPKEEP_SCRUB_RATE", "", Text, "32MiB", "100MiB",
        "Most that is read for that in a second";
    "quarantine.wait", "ROADSTEAD_QUARANTINE_WAIT", "wait", Text, "20s", "5s",
        "How long a pull waits for the decision before it is told to come again";
    "quarantine.retry-after", "ROADSTEAD_QUARANTINE_RETRY_AFTER", "", Text, "10s", "15s",
        "When it is told to come again";
    "quarantine.minimum-age", "ROADSTEAD_QUARANTINE_MINIMUM_AGE", "", Text, "0s", "3d",
        "How long a digest of an upstream must have been known before it is released";
    "quarantine.tag-life", "ROADSTEAD_QUARANTINE_TAG_LIFE", "", Text, "1m", "5m",
        "How long the digest of an upstream's tag is believed before it is asked again";
    "quarantine.rescan-every", "ROADSTEAD_QUARANTINE_RESCAN_EVERY", "", Text, "1h", "6h",
        "How often released content is held against newer rules and feeds";
    "scan.workers", "ROADSTEAD_SCAN_WORKERS", "workers", Number, "2", "4",
        "Images analyzed at once";
    "scan.jobs", "ROADSTEAD_SCAN_JOBS", "jobs", Number, "0", "3",
        "Threads of one analysis; 0 for as many as there are processors";
    "scan.timeout", "ROADSTEAD_SCAN_TIMEOUT", "", Text, "30m", "10m",
        "How long the analysis of one image may take; it is held then";
    "scan.rules", "ROADSTEAD_SCAN_RULES", "rules", List, "none", "/etc/roadstead/rules",
        "Folders of YARA rules besides the built-in ones";
    "scan.feeds", "ROADSTEAD_SCAN_FEEDS", "feed", List, "none", "/etc/roadstead/feed.csv",
        "Feeds to compare with, in any of the forms that `feeds import` reads";
    "scan.cache-size", "ROADSTEAD_SCAN_CACHE_SIZE", "", Text, "2GiB", "10GiB",
        "Most that the facts of earlier scans may take on disk";
    "scan.detonate", "ROADSTEAD_SCAN_DETONATE", "detonate", Text, "pulled", "all",
        "Which images are run in the sandbox: pulled (from an upstream, and those that the policy names), all; off runs none, and holds those that the policy wants to be run";
    "scan.detonate-duration", "ROADSTEAD_SCAN_DETONATE_DURATION", "", Text, "1m", "2m",
        "How long all runs of one image may take";
    "policy.file", "ROADSTEAD_POLICY_FILE", "policy", Text, "built in", "/etc/roadstead/policy.toml",
        "Rules, in place of the built-in ones, that decide what is released";
    "policy.exceptions", "ROADSTEAD_POLICY_EXCEPTIONS", "exceptions", Text, "none", "/etc/roadstead/exceptions.toml",
        "Findings that are known and accepted, each with a reason and a last day";
    "policy.approvals", "ROADSTEAD_POLICY_APPROVALS", "", Number, "1", "2",
        "How many people have to approve a held image before it is released; who pushed it is none of them";
    "signing.enabled", "ROADSTEAD_SIGNING_ENABLED", "", Truth, "true", "false",
        "Whether releases are signed";
    "signing.release-key", "ROADSTEAD_SIGNING_RELEASE_KEY", "release-key", Text, "DATA-DIR/keys/release.key", "/etc/roadstead/release.key",
        "The private key, in cosign's form, that signs releases and nothing else; made at the first start";
    "signing.evidence-key", "ROADSTEAD_SIGNING_EVIDENCE_KEY", "evidence-key", Text, "DATA-DIR/keys/evidence.key", "/etc/roadstead/evidence.key",
        "The private key that signs verdicts and evidence";
    "signing.password", "ROADSTEAD_SIGNING_PASSWORD", "", Secret, "DATA-DIR/keys/password", "secret",
        "The password of both keys; generated at the first start where none is given";
    "access.anonymous", "ROADSTEAD_ACCESS_ANONYMOUS", "anonymous", List, "nobody", "public/**",
        "Repositories that anybody may pull released content of without logging in";
    "access.token-life", "ROADSTEAD_ACCESS_TOKEN_LIFE", "", Text, "5m", "10m",
        "How long tokens are good for; at least a minute, at most an hour";
    "access.logins-per-address", "ROADSTEAD_ACCESS_LOGINS_PER_ADDRESS", "", Number, "300", "10",
        "Attempts to log in, a minute, from one address";
    "access.logins-per-account", "ROADSTEAD_ACCESS_LOGINS_PER_ACCOUNT", "", Number, "20", "5",
        "Attempts to log in, a minute, as one account";
    "access.password-checks", "ROADSTEAD_ACCESS_PASSWORD_CHECKS", "", Number, "2", "4",
        "Passwords checked at once; each takes memory and time on purpose";
    "oidc.issuer", "ROADSTEAD_OIDC_ISSUER", "", Text, "none", "https://login.example",
        "The identity provider, as its tokens spell it; switches logging in through it on";
    "oidc.client-id", "ROADSTEAD_OIDC_CLIENT_ID", "", Text, "none", "roadstead",
        "Who we are to it";
    "oidc.client-secret", "ROADSTEAD_OIDC_CLIENT_SECRET", "", Secret, "none", "secret",
        "How we prove it";
    "oidc.scopes", "ROADSTEAD_OIDC_SCOPES", "", List, "profile, email, groups", "profile",
        "What is asked for beside openid";
    "oidc.groups-claim", "ROADSTEAD_OIDC_GROUPS_CLAIM", "", Text, "groups", "roles",
        "The claim that lists the user's groups";
    "oidc.groups[].name", "", "", Text, "required", "platform",
        "A group, exactly as the provider names it; who is in none of them may do nothing";
    "oidc.groups[].admin", "", "", Truth, "false", "true",
        "Its members administer";
    "oidc.groups[].catalog", "", "", Truth, "false", "true",
        "Its members may list all repositories";
    "oidc.groups[].grants", "", "", Tables, "none", "",
        "What its members may do: a list of { repositories, actions, upstreams }, as robots have them";
    "oidc.allow-private", "ROADSTEAD_OIDC_ALLOW_PRIVATE", "", Truth, "false", "true",
        "Whether the provider may have a private address";
    "webhooks[].name", "", "", Text, "required", "chat",
        "What it is called in the list of deliveries";
    "webhooks[].url", "", "", Text, "required", "https://hooks.example/x",
        "Where events are sent; redirects are not followed";
    "webhooks[].format", "", "", Text, "cloudevents", "harbor",
        "cloudevents (1.0, structured) or harbor";
    "webhooks[].events", "", "", List, "all", "released",
        "quarantined, released, denied, revoked";
    "webhooks[].secret", "", "", Secret, "none", "secret",
        "The key of the HMAC in X-Roadstead-Signature";
    "webhooks[].allow-private", "", "", Truth, "false", "true",
        "Whether it may have a private address";
    "harbor.enabled", "ROADSTEAD_HARBOR_ENABLED", "", Truth, "false", "true",
        "Answer as a pluggable scanner of Harbor under /harbor";
    "harbor.secret", "ROADSTEAD_HARBOR_SECRET", "", Secret, "none", "secret",
        "What Harbor proves itself with: Basic (as the password), Bearer or an API key";
    "harbor.registries", "ROADSTEAD_HARBOR_REGISTRIES", "", List, "none", "https://harbor.example",
        "The registries that Harbor may have us pull from; no other is connected to";
    "harbor.queue", "ROADSTEAD_HARBOR_QUEUE", "", Number, "256", "16",
        "Scans that may wait; further ones are refused";
    "metrics.token", "ROADSTEAD_METRICS_TOKEN", "", Secret, "none", "secret",
        "The bearer token that reads /metrics; without one, only the loopback does";
    "log.format", "ROADSTEAD_LOG_FORMAT", "log-format", Text, "auto", "json",
        "text, json, or auto: text on a terminal, JSON otherwise";
    "log.level", "ROADSTEAD_LOG_LEVEL", "log-level", Text, "info", "info,gate=debug",
        "error, warn, info, debug, trace; or directives such as info,gate=debug";
}

/// The page `docs/reference/configuration.md`.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Configuration of `roadstead serve`\n\n\
         Generated by `cargo xtask reference` from the table that reads it.\n\n\
         A flag wins over a variable of the environment, that over the file (`--config FILE`, in TOML), that over the \
         default. A key that does not exist is an error. In the environment a list has commas between its items; as a \
         flag it is repeated. A secret is a text, or `{ file = \"PATH\" }` in the file; none is a flag, as arguments are \
         visible to all users of a machine.\n\n\
         Spans of time are written `250ms`, `20s`, `5m`, `12h`, `14d`; sizes `64KiB`, `10MiB`, `20GiB`.\n\n\
         `roadstead serve --check-config` prints what is in force, without secrets, and exits with 0, or says what is \
         wrong and exits with 2.\n\n\
         | key | variable | flag | default | meaning |\n|---|---|---|---|---|\n",
    );
    for key in KEYS {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {} | {} |",
            key.key,
            key.env.map_or_else(|| "–".to_owned(), |name| format!("`{name}`")),
            key.flag.map_or_else(|| "–".to_owned(), |name| format!("`--{name}`")),
            key.default,
            key.meaning
        );
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_keys_and_none_stands_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for key in KEYS {
            assert!(seen.insert(key.key), "{} stands twice", key.key);
            let expect = format!("ROADSTEAD_{}", key.key.to_uppercase().replace(['.', '-'], "_"));
            assert!(key.env.is_none_or(|env| env == expect), "{} is not {expect}", key.key);
            assert!(key.flag.is_none_or(|flag| seen.insert(flag) || flag == key.key), "--{:?}", key.flag);
            assert!(key.kind != Kind::Secret || key.flag.is_none(), "{}: a secret is no flag", key.key);
        }
    }
}
