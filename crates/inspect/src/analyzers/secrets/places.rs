use super::formats::{is_named_secret, is_placeholder};
use super::{Secret, SecretFacts, SecretKind, find};
use crate::analyzers::start::base_name;
use base64::Engine as _;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Largest file that is read for what its place says.
const MAX_FILE: usize = 1 << 20;

/// The secrets of a file that its place gives away.
pub(super) fn secrets(path: &[u8], bytes: &[u8], facts: &mut SecretFacts) {
    if bytes.len() > MAX_FILE {
        return;
    }
    let name = base_name(path);
    match name {
        b".netrc" | b"_netrc" => netrc(bytes, facts),
        b"config.json" if path.ends_with(b".docker/config.json") => registries(bytes, facts),
        b".dockercfg" => registries(bytes, facts),
        b"config" if path.ends_with(b".kube/config") => cluster(bytes, facts),
        _ if name == b"kubeconfig" || name.ends_with(b".kubeconfig") => cluster(bytes, facts),
        _ if is_environment(name) => environment(bytes, facts),
        _ => {}
    }
}

/// `.env`, `.env.production`; not those that are made to be copied.
fn is_environment(name: &[u8]) -> bool {
    const EXAMPLES: [&[u8]; 6] = [b"example", b"sample", b"template", b"dist", b"test", b"defaults"];
    let Some(rest) = name.strip_prefix(b".env") else { return false };
    (rest.is_empty() || rest.starts_with(b"."))
        && !EXAMPLES.iter().any(|example| memchr::memmem::find(rest, example).is_some())
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], u32)> {
    bytes.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii).zip(1_u32..)
}

fn environment(bytes: &[u8], facts: &mut SecretFacts) {
    for (line, number) in lines(bytes) {
        let line = line.strip_prefix(b"export ").unwrap_or(line);
        let Some(at) = memchr::memchr(b'=', line).filter(|_| !line.starts_with(b"#")) else { continue };
        let (name, value) = (line.get(..at).unwrap_or_default(), line.get(at + 1..).unwrap_or_default());
        let value = unquoted(value);
        if is_named_secret(name, value) {
            find::push(facts, Secret::new(SecretKind::Named, number, value));
        }
        if facts.cut {
            return;
        }
    }
}

fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    match value {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        value => value,
    }
}

fn netrc(bytes: &[u8], facts: &mut SecretFacts) {
    for (line, number) in lines(bytes) {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            if let Some(secret) = (word == b"password").then(|| words.next()).flatten()
                && !is_placeholder(secret)
            {
                find::push(facts, Secret::new(SecretKind::Netrc, number, secret));
            }
        }
        if facts.cut {
            return;
        }
    }
}

/// The `auths` of Docker's configuration.
fn registries(bytes: &[u8], facts: &mut SecretFacts) {
    #[derive(serde::Deserialize)]
    struct Registry {
        auth: Option<String>,
    }
    type Fields<'b> = BTreeMap<String, &'b RawValue>;
    let Ok(fields) = serde_json::from_slice::<Fields<'_>>(bytes) else { return };
    let inner = fields.get("auths").and_then(|auths| serde_json::from_str::<Fields<'_>>(auths.get()).ok());
    for (_, registry) in inner.unwrap_or(fields) {
        let Ok(Registry { auth: Some(auth) }) = serde_json::from_str(registry.get()) else { continue };
        let decoded = base64::engine::general_purpose::STANDARD.decode(&auth).unwrap_or_default();
        let secret = memchr::memchr(b':', &decoded).and_then(|at| decoded.get(at + 1..));
        if let Some(secret) = secret.filter(|secret| !secret.is_empty() && !is_placeholder(secret)) {
            find::push(facts, Secret::new(SecretKind::RegistryPassword, 1, secret));
        }
        if facts.cut {
            return;
        }
    }
}

/// `token:` and `client-key-data:` of a kubeconfig.
fn cluster(bytes: &[u8], facts: &mut SecretFacts) {
    for (line, number) in lines(bytes) {
        let value = line.strip_prefix(b"token:").or_else(|| line.strip_prefix(b"client-key-data:"));
        let Some(value) = value.map(unquoted) else { continue };
        if value.len() >= 20 && !is_placeholder(value.get(..32).unwrap_or(value)) {
            find::push(facts, Secret::new(SecretKind::Kubernetes, number, value));
        }
        if facts.cut {
            return;
        }
    }
}
