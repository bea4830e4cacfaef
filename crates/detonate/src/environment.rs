//! What a process of the image finds in its environment: what the configuration sets, what a cluster or a build
//! would add, and what the image's start asks for and nobody sets.

use fakenet::Canaries;
use model::ImageConfig;

/// Variables without which well-known starts refuse to go on, with a value that satisfies them.
const ASKED_FOR: [(&str, &str); 22] = [
    ("POSTGRES_PASSWORD", "s3cr3t-postgres"),
    ("MYSQL_ROOT_PASSWORD", "s3cr3t-mysql"),
    ("MARIADB_ROOT_PASSWORD", "s3cr3t-mariadb"),
    ("MONGO_INITDB_ROOT_USERNAME", "root"),
    ("MONGO_INITDB_ROOT_PASSWORD", "s3cr3t-mongo"),
    ("REDIS_PASSWORD", "s3cr3t-redis"),
    ("RABBITMQ_DEFAULT_USER", "app"),
    ("RABBITMQ_DEFAULT_PASS", "s3cr3t-rabbit"),
    ("MINIO_ROOT_USER", "minio-admin"),
    ("MINIO_ROOT_PASSWORD", "s3cr3t-minio"),
    ("ELASTIC_PASSWORD", "s3cr3t-elastic"),
    ("discovery.type", "single-node"),
    ("ACCEPT_EULA", "Y"),
    ("SA_PASSWORD", "S3cr3t-mssql"),
    ("NEO4J_AUTH", "neo4j/s3cr3t-neo4j"),
    ("KEYCLOAK_ADMIN", "admin"),
    ("KEYCLOAK_ADMIN_PASSWORD", "s3cr3t-keycloak"),
    ("GRAFANA_PASSWORD", "s3cr3t-grafana"),
    ("SECRET_KEY", "c3VjaC1hLXNlY3JldC1rZXk"),
    ("SECRET_KEY_BASE", "c3VjaC1hLXNlY3JldC1rZXktYmFzZS1vZi1zaXh0eS1mb3Vy"),
    ("DB_PASSWORD", "s3cr3t-db"),
    ("DATABASE_URL", "postgres://app:s3cr3t-db@database:5432/app"),
];

/// The environment of a process: the configuration's first, so that its own values win.
pub(crate) fn environment(
    config: &ImageConfig,
    home: &str,
    hostname: &str,
    canaries: &Canaries,
) -> Vec<Vec<u8>> {
    let mut environment: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| {
        if !name.is_empty() && !environment.iter().any(|(known, _)| known == name) {
            environment.push((name.to_owned(), value.to_owned()));
        }
    };
    for variable in config.config.env.iter().take(4096) {
        if let Some((name, value)) = variable.split_once('=') {
            set(name, value);
        }
    }
    set("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    set("HOME", home);
    set("HOSTNAME", hostname);
    set("TERM", "xterm");
    for (name, value) in ASKED_FOR {
        set(name, value);
    }
    for (name, canary) in [
        ("AWS_ACCESS_KEY_ID", "env-aws-key-id"),
        ("AWS_SECRET_ACCESS_KEY", "env-aws-secret"),
        ("GITHUB_TOKEN", "env-github-token"),
        ("NPM_TOKEN", "env-npm-token"),
        ("DATABASE_PASSWORD", "env-database-password"),
    ] {
        set(name, canaries.get(canary));
    }
    set("AWS_DEFAULT_REGION", "eu-central-1");
    set("KUBERNETES_SERVICE_HOST", "10.96.0.1");
    set("KUBERNETES_SERVICE_PORT", "443");
    for (name, value) in crate::trust::environment() {
        set(name, value);
    }
    environment.into_iter().map(|(name, value)| format!("{name}={value}").into_bytes()).collect()
}

/// Hosts that the image's configuration names: in values of variables and in words of its start. What it is told of
/// openly it may speak to.
pub(crate) fn configured_hosts(config: &ImageConfig) -> Vec<String> {
    let words = config.config.entrypoint.iter().chain(&config.config.cmd);
    let values =
        config.config.env.iter().filter_map(|variable| variable.split_once('=')).map(|(_, value)| value);
    let mut hosts: Vec<String> = values
        .chain(words.map(String::as_str))
        .chain(["postgres://app@database:5432/app"])
        .take(8192)
        .flat_map(hosts_in)
        .collect();
    hosts.sort();
    hosts.dedup();
    hosts
}

/// The hosts of URLs in a text.
fn hosts_in(text: &str) -> Vec<String> {
    let mut hosts = Vec::new();
    for (at, _) in text.match_indices("://").take(16) {
        let rest = text.get(at + 3..).unwrap_or_default();
        let end = rest.find(['/', '?', '#', ' ', '"', '\'', ',']).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
        });
        if !host.is_empty() && host.len() <= 253 {
            hosts.push(host.to_lowercase());
        }
    }
    hosts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_s_own_values_win() {
        let mut config = ImageConfig::default();
        config.config.env = vec!["PATH=/opt/bin".into(), "POSTGRES_PASSWORD=own".into(), "odd".into()];
        let canaries = Canaries::new([7; 32]);
        let set = environment(&config, "/root", "h", &canaries);
        let of = |name: &str| {
            let start = format!("{name}=");
            let all: Vec<String> =
                set.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
            let found: Vec<String> =
                all.iter().filter_map(|line| line.strip_prefix(&start)).map(str::to_owned).collect();
            found
        };
        assert_eq!(of("PATH"), ["/opt/bin"]);
        assert_eq!(of("POSTGRES_PASSWORD"), ["own"]);
        assert_eq!(of("GITHUB_TOKEN"), [canaries.get("env-github-token")]);
    }

    #[test]
    fn hosts_are_read_out_of_urls() {
        assert_eq!(hosts_in("postgres://u:p@db.example:5432/x"), ["db.example"]);
        assert_eq!(hosts_in("http://A.example,https://b.example/"), ["a.example", "b.example"]);
        assert_eq!(hosts_in("no url: //x"), [""; 0]);
    }
}
