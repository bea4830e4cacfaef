//! What each value allows by itself and the whole does not.

use super::{Config, Oidc, TlsMode, Upstream, Webhook};
use crate::Error;
use reqwest::Url;
use std::time::Duration;

/// Refuses what cannot be meant, with what to do.
pub(super) fn check(config: &Config) -> Result<(), Error> {
    let fail = |key: &'static str, why: String| {
        Err(Error::Setting { key, whence: "the configuration".to_owned(), why })
    };
    if config.data_dir.as_os_str().is_empty() {
        return fail("data-dir", "it is not set, and there is no home directory; name one".to_owned());
    }
    tls(config).or_else(|(key, why)| fail(key, why))?;
    limits(config).or_else(|(key, why)| fail(key, why))?;
    for (name, upstream) in &config.upstreams {
        check_upstream(name, upstream).or_else(|(key, why)| fail(key, format!("upstream {name}: {why}")))?;
    }
    let mut names = std::collections::BTreeSet::new();
    for webhook in &config.webhooks {
        check_webhook(webhook).or_else(|(key, why)| fail(key, format!("{:?}: {why}", webhook.name)))?;
        if !names.insert(&webhook.name) {
            return fail("webhooks[].name", format!("{:?} stands twice", webhook.name));
        }
    }
    if let Some(oidc) = &config.oidc {
        check_oidc(oidc).or_else(|(key, why)| fail(key, why))?;
        if config.public_url.is_none() {
            return fail("public-url", "the identity provider sends users back to it; set it".to_owned());
        }
    }
    harbor(config).or_else(|(key, why)| fail(key, why))?;
    if config.metrics.token.as_ref().is_some_and(|token| token.expose().len() < 16) {
        return fail("metrics.token", "it is shorter than 16 characters and can be guessed".to_owned());
    }
    Ok(())
}

/// A key and what is wrong with it.
type Wrong = (&'static str, String);

fn tls(config: &Config) -> Result<(), Wrong> {
    let tls = &config.tls;
    let url = config.public_url.as_deref().map(|text| url(text, &["http", "https"])).transpose();
    let url = url.map_err(|why| ("public-url", why))?;
    match tls.mode {
        TlsMode::Off if !config.listen.ip().is_loopback() => {
            return Err((
                "tls.mode",
                format!(
                    "off is for the loopback, and {} is not: set self-made, files, or proxy where one in front speaks TLS",
                    config.listen
                ),
            ));
        }
        TlsMode::Files if tls.certificate.is_none() => {
            return Err(("tls.certificate", "tls.mode is files, and none is named".to_owned()));
        }
        TlsMode::Files if tls.key.is_none() => {
            return Err(("tls.key", "tls.mode is files, and none is named".to_owned()));
        }
        TlsMode::Proxy if url.as_ref().is_none_or(|url| url.scheme() != "https") => {
            return Err((
                "public-url",
                "tls.mode is proxy: set the https:// address of the proxy".to_owned(),
            ));
        }
        _ => {}
    }
    if tls.mode != TlsMode::Files && (tls.certificate.is_some() || tls.key.is_some()) {
        return Err((
            "tls.certificate",
            "it is used with tls.mode files only; set that, or remove it".to_owned(),
        ));
    }
    let encrypted = matches!(tls.mode, TlsMode::Files | TlsMode::SelfMade);
    if url.is_some_and(|url| encrypted && url.scheme() == "http") {
        return Err(("public-url", "it is http://, and the server speaks TLS".to_owned()));
    }
    Ok(())
}

fn limits(config: &Config) -> Result<(), Wrong> {
    let limits = &config.limits;
    let at_least_one = [
        ("limits.connections", limits.connections),
        ("limits.connections-per-address", limits.connections_per_address),
        ("scan.workers", config.scan.workers),
        ("access.password-checks", config.access.password_checks),
        ("harbor.queue", config.harbor.queue),
        ("policy.approvals", config.policy.approvals),
        ("access.logins-per-address", config.access.logins_per_address as usize),
        ("access.logins-per-account", config.access.logins_per_account as usize),
    ];
    for (key, number) in at_least_one {
        if number == 0 {
            return Err((key, "it must be at least 1".to_owned()));
        }
    }
    let longest = Duration::from_secs(600);
    let wait = config.quarantine.wait.0;
    if wait > longest {
        return Err(("quarantine.wait", "it is more than 10m, and clients give up long before".to_owned()));
    }
    if limits.idle_timeout.0 <= wait + Duration::from_secs(5) {
        return Err((
            "limits.idle-timeout",
            format!(
                "connections that wait for a decision would be cut: make it more than {}",
                config.quarantine.wait
            ),
        ));
    }
    if limits.header_timeout.0.is_zero() || limits.header_timeout.0 > longest {
        return Err(("limits.header-timeout", "it must be between 1ms and 10m".to_owned()));
    }
    if config.upkeep.scrub_rate.0 < 1 << 20 {
        return Err((
            "upkeep.scrub-rate",
            "it is less than 1MiB, and a scrub would not come to its end".to_owned(),
        ));
    }
    let life = config.access.token_life.0;
    if life < Duration::from_secs(60) || life > Duration::from_secs(3600) {
        return Err(("access.token-life", "it must be between 1m and 1h".to_owned()));
    }
    Ok(())
}

fn check_upstream(name: &access::Upstream, upstream: &Upstream) -> Result<(), Wrong> {
    // It stands before the repository, so that it must be the beginning of a name.
    if name.as_str().parse::<model::RepositoryName>().is_err() {
        return Err((
            "upstreams.NAME.url",
            "the name cannot stand at the beginning of a repository's".to_owned(),
        ));
    }
    if let Some(text) = &upstream.url {
        let url = url(text, &["http", "https"]).map_err(|why| ("upstreams.NAME.url", why))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err((
                "upstreams.NAME.url",
                "credentials stand in username and password, not in the address".to_owned(),
            ));
        }
    }
    if upstream.username.is_some() != upstream.password.is_some() {
        return Err(("upstreams.NAME.username", "username and password go together".to_owned()));
    }
    Ok(())
}

fn check_webhook(webhook: &Webhook) -> Result<(), Wrong> {
    if webhook.name.is_empty() || webhook.name.len() > 64 {
        return Err(("webhooks[].name", "it must have 1 to 64 characters".to_owned()));
    }
    let url = url(&webhook.url, &["http", "https"]).map_err(|why| ("webhooks[].url", why))?;
    if url.scheme() == "http" && !webhook.allow_private {
        return Err((
            "webhooks[].url",
            "http:// is for private addresses, which allow-private = true allows; use https://".to_owned(),
        ));
    }
    Ok(())
}

fn check_oidc(oidc: &Oidc) -> Result<(), Wrong> {
    let url = url(&oidc.issuer, &["http", "https"]).map_err(|why| ("oidc.issuer", why))?;
    if url.scheme() == "http" && !oidc.allow_private {
        return Err(("oidc.issuer", "tokens must not be fetched over http://; use https://".to_owned()));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(("oidc.issuer", "it has a query or a fragment".to_owned()));
    }
    Ok(())
}

fn harbor(config: &Config) -> Result<(), Wrong> {
    let harbor = &config.harbor;
    if !harbor.enabled {
        return Ok(());
    }
    if harbor.secret.as_ref().is_none_or(|secret| secret.expose().len() < 16) {
        return Err(("harbor.secret", "the adapter needs one of at least 16 characters".to_owned()));
    }
    if harbor.registries.is_empty() {
        return Err((
            "harbor.registries",
            "name the registries that Harbor may have us pull from".to_owned(),
        ));
    }
    for text in &harbor.registries {
        url(text, &["http", "https"]).map_err(|why| ("harbor.registries", why))?;
    }
    Ok(())
}

/// An absolute address of one of these schemes.
fn url(text: &str, schemes: &[&str]) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|_| format!("{text:?} is no address; write https://HOST[:PORT]"))?;
    if !schemes.contains(&url.scheme()) || url.host().is_none() {
        return Err(format!("{text:?} is not an address of {}", schemes.join(" or ")));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(text: &str) -> Result<(), Error> {
        let config: Config = toml::from_str(&format!("data-dir = \"/d\"\n{text}")).unwrap();
        super::check(&config)
    }

    fn check(text: &str, expect: Option<&str>) {
        match (load(text), expect) {
            (Ok(()), None) => {}
            (Err(Error::Setting { key, why, .. }), Some(expect)) => assert_eq!(key, expect, "{why}"),
            (found, expect) => panic!("{found:?} where {expect:?} was expected: {text}"),
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        check("", None);
        check("listen = \"[::1]:5000\"", None);
        check("listen = \"0.0.0.0:5000\"", Some("tls.mode"));
        check("listen = \"0.0.0.0:5000\"\ntls.mode = \"self-made\"", None);
        check("listen = \"0.0.0.0:5000\"\ntls.mode = \"proxy\"", Some("public-url"));
        check("listen = \"0.0.0.0:5000\"\ntls.mode = \"proxy\"\npublic-url = \"https://g.example\"", None);
        check("tls.mode = \"files\"", Some("tls.certificate"));
        check("tls.mode = \"files\"\ntls.certificate = \"a\"", Some("tls.key"));
        check("tls.certificate = \"a\"", Some("tls.certificate"));
        check("public-url = \"gate.example\"", Some("public-url"));
        check("public-url = \"ftp://gate.example\"", Some("public-url"));
        check("tls.mode = \"self-made\"\npublic-url = \"http://gate.example\"", Some("public-url"));
        check("scan.workers = 0", Some("scan.workers"));
        check("limits.idle-timeout = \"20s\"", Some("limits.idle-timeout"));
        check("quarantine.wait = \"1h\"", Some("quarantine.wait"));
        check("access.token-life = \"1s\"", Some("access.token-life"));
        check("upkeep.scrub-rate = \"1KiB\"", Some("upkeep.scrub-rate"));
        check("upkeep.scrub-every = \"0s\"\nupkeep.collect-every = \"0s\"", None);
        check("metrics.token = \"short\"", Some("metrics.token"));
    }

    #[test]
    fn others_are_named_by_addresses_without_secrets() {
        check("[upstreams.\"docker.io\"]\nallow = [\"library/*\"]", None);
        check("[upstreams.local]\nurl = \"http://localhost:5001\"", None);
        check("[upstreams.\"a..b\"]", Some("upstreams.NAME.url"));
        check("[upstreams.\"a\"]\nurl = \"https://u:p@a.example\"", Some("upstreams.NAME.url"));
        check("[upstreams.\"a\"]\nusername = \"u\"", Some("upstreams.NAME.username"));
        check("[[webhooks]]\nname = \"a\"\nurl = \"https://a.example\"", None);
        check("[[webhooks]]\nname = \"a\"\nurl = \"http://a.example\"", Some("webhooks[].url"));
        check(
            "[[webhooks]]\nname = \"a\"\nurl = \"https://a.example\"\n[[webhooks]]\nname = \"a\"\nurl = \"https://b.example\"",
            Some("webhooks[].name"),
        );
        check("harbor.enabled = true", Some("harbor.secret"));
        check("harbor.enabled = true\nharbor.secret = \"0123456789abcdef\"", Some("harbor.registries"));
        check("[oidc]\nissuer = \"https://i.example\"\nclient-id = \"x\"", Some("public-url"));
        check("[oidc]\nissuer = \"http://i.example\"\nclient-id = \"x\"", Some("oidc.issuer"));
    }
}
