use super::parse::Query;
use crate::{Names, World};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The answer, and what it says in words.
pub(super) fn answer(query: &Query, most: usize, world: &World) -> (Vec<u8>, Vec<String>) {
    let name = String::from_utf8_lossy(&query.name()).to_ascii_lowercase();
    let opcode = query.flags >> 11 & 0xf;
    let exists = exists(&name, &world.names);
    let records = if opcode == 0 && exists { records(&name, query.kind, world) } else { Vec::new() };
    let code = match (opcode, exists) {
        (0, true) => 0,
        (0, false) => 3,
        _ => 4,
    };
    let mut out = message(query, code, &records, false);
    if out.len() > most {
        out = message(query, code, &[], true);
    }
    (out, records.into_iter().map(|record| record.shown).collect())
}

struct Record {
    kind: u16,
    data: Vec<u8>,
    shown: String,
}

fn message(query: &Query, code: u16, records: &[Record], cut: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    let half = |out: &mut Vec<u8>, number: u16| out.extend(number.to_be_bytes());
    half(&mut out, query.id);
    half(&mut out, 0x8080 | query.flags & 0x7900 | code | if cut { 0x0200 } else { 0 });
    half(&mut out, 1);
    half(&mut out, records.len() as u16);
    half(&mut out, 0);
    half(&mut out, u16::from(query.edns));
    for label in &query.labels {
        out.push(label.len() as u8);
        out.extend(label);
    }
    out.push(0);
    half(&mut out, query.kind);
    half(&mut out, query.class);
    for record in records {
        half(&mut out, 0xc00c);
        half(&mut out, record.kind);
        half(&mut out, 1);
        out.extend(300_u32.to_be_bytes());
        half(&mut out, record.data.len() as u16);
        out.extend(&record.data);
    }
    if query.edns {
        out.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0]);
    }
    out
}

fn records(name: &str, kind: u16, world: &World) -> Vec<Record> {
    let record = |kind, data, shown: String| vec![Record { kind, data, shown }];
    let host = |name: &str| {
        let mut out = Vec::new();
        for label in name.split('.').filter(|label| !label.is_empty()) {
            let label = label.as_bytes();
            let label = label.get(..63).unwrap_or(label);
            out.push(label.len() as u8);
            out.extend(label);
        }
        out.push(0);
        out
    };
    let domain = || {
        let labels: Vec<&str> = name.split('.').collect();
        labels.get(labels.len().saturating_sub(2)..).unwrap_or_default().join(".")
    };
    match kind {
        1 | 255 => {
            let address = address4(name, world);
            record(1, address.octets().to_vec(), address.to_string())
        }
        28 => match address6(name) {
            Some(address) => record(28, address.octets().to_vec(), address.to_string()),
            None => Vec::new(),
        },
        2 => {
            let server = format!("ns1.{}", domain());
            record(2, host(&server), server)
        }
        12 => {
            let server = pointer(name);
            record(12, host(&server), server)
        }
        15 => {
            let server = format!("mail.{}", domain());
            record(15, [&[0, 10][..], &host(&server)].concat(), format!("10 {server}"))
        }
        16 => {
            let text = "v=spf1 mx -all";
            record(16, [&[text.len() as u8][..], text.as_bytes()].concat(), text.into())
        }
        33 => {
            let mut labels = name.split('.');
            let service = labels.next().unwrap_or_default();
            let rest: Vec<&str> = labels.skip_while(|label| label.starts_with('_')).collect();
            let (server, port) = (format!("node1.{}", rest.join(".")), port(service));
            let data = [&[0, 0, 0, 5][..], &port.to_be_bytes(), &host(&server)].concat();
            record(33, data, format!("0 5 {port} {server}"))
        }
        _ => Vec::new(),
    }
}

fn port(service: &str) -> u16 {
    match service {
        "_mongodb" => 27017,
        "_xmpp-server" => 5269,
        "_xmpp-client" => 5222,
        "_ldap" => 389,
        "_kerberos" => 88,
        "_sip" => 5060,
        "_etcd-server-ssl" | "_etcd-server" => 2380,
        "_minecraft" => 25565,
        _ => 443,
    }
}

/// The name behind an address that is asked for backwards.
fn pointer(name: &str) -> String {
    let Some(backwards) = name.strip_suffix(".in-addr.arpa") else { return "host.example.net".into() };
    let mut parts: Vec<&str> = backwards.split('.').collect();
    parts.reverse();
    format!("host-{}.static.example.net", parts.join("-"))
}

/// An address that belongs to a name as long as the run lasts, and to no other.
fn address4(name: &str, world: &World) -> Ipv4Addr {
    if let Some(known) = known(name, world) {
        return known;
    }
    // Where clouds and hosters have theirs: nobody looks twice. Nothing leaves for them.
    const RANGES: &[[u8; 2]] =
        &[[34, 117], [52, 84], [104, 18], [151, 101], [185, 199], [188, 114], [13, 224], [95, 216]];
    let hash = Sha256::digest(name);
    let [one, two, three, ..] = hash.as_slice() else { return Ipv4Addr::new(104, 18, 1, 1) };
    let [a, b] = RANGES.get(usize::from(*one) % RANGES.len()).copied().unwrap_or([104, 18]);
    Ipv4Addr::new(a, b, *two, (*three).clamp(2, 253))
}

fn address6(name: &str) -> Option<Ipv6Addr> {
    if internal(name) || name == "localhost" {
        return (name == "localhost").then_some(Ipv6Addr::LOCALHOST);
    }
    let hash = Sha256::digest(name);
    let half = |at: usize| {
        hash.get(at..).and_then(|rest| rest.first_chunk()).map_or(1, |two| u16::from_be_bytes(*two))
    };
    Some(Ipv6Addr::new(0x2606, 0x4700, half(0), 0, 0, 0, half(2), half(4).max(1)))
}

fn internal(name: &str) -> bool {
    let ends = [".internal", ".local", ".cluster.local", ".svc", ".consul", ".lan"];
    !name.contains('.') || ends.iter().any(|end| name.ends_with(end))
}

fn known(name: &str, world: &World) -> Option<Ipv4Addr> {
    if let Ok(IpAddr::V4(address)) = name.parse() {
        return Some(address);
    }
    Some(match name {
        "localhost" => Ipv4Addr::LOCALHOST,
        "metadata.google.internal" | "metadata" | "instance-data" => Ipv4Addr::new(169, 254, 169, 254),
        "host.docker.internal" | "gateway.docker.internal" => Ipv4Addr::new(172, 17, 0, 1),
        "kubernetes"
        | "kubernetes.default"
        | "kubernetes.default.svc"
        | "kubernetes.default.svc.cluster.local" => Ipv4Addr::new(10, 96, 0, 1),
        _ if name == world.persona.hostname => world.persona.address,
        _ if internal(name) => {
            let hash = Sha256::digest(name);
            let [one, two, ..] = hash.as_slice() else { return None };
            Ipv4Addr::new(10, 96, *one, (*two).clamp(2, 253))
        }
        _ => return None,
    })
}

/// Domains that exist for everybody: where packages, images, certificates and time come from, and the clouds.
const PLAUSIBLE: &[&str] = &[
    "amazonaws.com",
    "aws.amazon.com",
    "apache.org",
    "alpinelinux.org",
    "archive.ubuntu.com",
    "azure.com",
    "azure.net",
    "bitbucket.org",
    "centos.org",
    "cloudflare.com",
    "cloudfront.net",
    "crates.io",
    "debian.org",
    "docker.com",
    "docker.io",
    "duckduckgo.com",
    "elastic.co",
    "example.com",
    "example.net",
    "example.org",
    "fedoraproject.org",
    "gcr.io",
    "ghcr.io",
    "github.com",
    "githubusercontent.com",
    "gitlab.com",
    "golang.org",
    "google.com",
    "googleapis.com",
    "gstatic.com",
    "hashicorp.com",
    "icanhazip.com",
    "ifconfig.me",
    "ipify.org",
    "ipinfo.io",
    "k8s.io",
    "kernel.org",
    "letsencrypt.org",
    "maven.org",
    "microsoft.com",
    "mongodb.org",
    "mozilla.org",
    "mysql.com",
    "nginx.org",
    "nodejs.org",
    "npmjs.org",
    "ntp.org",
    "nuget.org",
    "openssl.org",
    "oracle.com",
    "packagist.org",
    "pastebin.com",
    "php.net",
    "postgresql.org",
    "pypi.org",
    "python.org",
    "pythonhosted.org",
    "quay.io",
    "redhat.com",
    "redis.io",
    "rubygems.org",
    "rust-lang.org",
    "sentry.io",
    "slack.com",
    "sourceforge.net",
    "telegram.org",
    "ubuntu.com",
    "wikipedia.org",
    "windows.net",
    "yahoo.com",
    "yarnpkg.com",
    "in-addr.arpa",
    "ip6.arpa",
];

fn exists(name: &str, names: &Names) -> bool {
    let Names::OnlyPlausible { also } = names else { return true };
    let below = |domain: &str| {
        name.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    name == crate::DEAD_DROP
        || PLAUSIBLE.iter().any(|domain| below(domain))
        || also.iter().any(|domain| below(&domain.to_ascii_lowercase()))
        || matches!(
            name,
            "localhost"
                | "metadata.google.internal"
                | "kubernetes.default.svc"
                | "kubernetes.default.svc.cluster.local"
        )
}
