//! What the image finds about itself in its file system: secrets of this run, trust stores that know this run's
//! authority, documents, and the traces that tell a container from a sandbox.

use crate::stage::Staged;
use fakenet::{Authority, Canaries};
use sandbox::Persona;
use std::path::PathBuf;

/// All files that are put over the image for a run.
pub(crate) fn files(
    staged: &Staged,
    canaries: &Canaries,
    authority: &Authority,
    home: &str,
    seconds: i64,
) -> Vec<Persona> {
    let mut files = secrets(canaries, home);
    files.extend(crate::baits::documents(canaries));
    files.extend(crate::trust::stores(staged, authority.pem(), authority.der(), seconds));
    files
}

fn secrets(canaries: &Canaries, home: &str) -> Vec<Persona> {
    let get = |name: &str| canaries.get(name);
    let at_home = |path: &str| format!("{}/{path}", home.trim_end_matches('/'));
    let aws = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\nregion = eu-central-1\n",
        get("file-aws-key-id"),
        get("file-aws-secret")
    );
    let docker = format!(
        "{{\n  \"auths\": {{\n    \"https://index.docker.io/v1/\": {{\n      \"auth\": \"{}\"\n    }}\n  }}\n}}\n",
        get("file-docker-auth")
    );
    let kube = format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- name: production\n  cluster:\n    server: https://10.96.0.1:443\n\
         users:\n- name: deploy\n  user:\n    token: {}\ncontexts:\n- name: production\n  context:\n    cluster: production\n    \
         user: deploy\ncurrent-context: production\n",
        get("kube-config-token")
    );
    let git = format!("https://deploy:{}@github.com\n", get("file-github-token"));
    let pgpass = format!("database:5432:app:app:{}\n", get("file-database-password"));
    let gcp = format!(
        "{{\n  \"type\": \"service_account\",\n  \"project_id\": \"prod-platform-318207\",\n  \"private_key_id\": \"{}\",\n  \
         \"private_key\": \"-----BEGIN PRIVATE KEY-----\\n{}\\n-----END PRIVATE KEY-----\\n\",\n  \"client_email\": \
         \"deploy@prod-platform-318207.iam.gserviceaccount.com\"\n}}\n",
        get("gcp-key-id"),
        get("gcp-key")
    );
    let pod = "/var/run/secrets/kubernetes.io/serviceaccount";
    let list = [
        (at_home(".aws/credentials"), 0o600, aws),
        (at_home(".ssh/id_ed25519"), 0o600, get("file-ssh-key").to_owned()),
        (at_home(".ssh/known_hosts"), 0o644, KNOWN_HOSTS.to_owned()),
        (at_home(".docker/config.json"), 0o600, docker),
        (at_home(".kube/config"), 0o600, kube),
        (at_home(".npmrc"), 0o600, format!("//registry.npmjs.org/:_authToken={}\n", get("file-npm-token"))),
        (at_home(".git-credentials"), 0o600, git),
        (at_home(".pgpass"), 0o600, pgpass),
        (at_home(".config/gcloud/application_default_credentials.json"), 0o600, gcp),
        (format!("{pod}/token"), 0o644, get("kube-service-token").to_owned()),
        (format!("{pod}/namespace"), 0o644, "production".to_owned()),
    ];
    list.into_iter()
        .map(|(path, mode, text)| Persona {
            path: PathBuf::from(path),
            mode,
            owner: (0, 0),
            bytes: text.into_bytes(),
        })
        .collect()
}

/// Neighbours that a worm would go on to.
const KNOWN_HOSTS: &str = "10.42.3.21 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1aWxkLXJ1bm5lci0wMS1ob3N0LWtleS1hYWFhYWE=\n\
10.42.3.22 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1aWxkLXJ1bm5lci0wMi1ob3N0LWtleS1iYmJiYmI=\n";
