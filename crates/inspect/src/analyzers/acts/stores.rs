use super::Cargo;
use serde::{Deserialize, Serialize};

/// Where people and programs keep credentials. At most nine, for `Cargo` has as many bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Store {
    /// Amazon's command line.
    Aws,
    /// Keys of the secure shell.
    Ssh,
    /// Kubernetes.
    Kube,
    /// Registries of images.
    Docker,
    /// Registries of packages: npm, PyPI, RubyGems, Cargo.
    Packages,
    /// Google's command line and Microsoft's.
    Cloud,
    /// Password hashes.
    Shadow,
    /// Git.
    Git,
    /// Wallets, browsers and password managers.
    Wallets,
}

/// The store that a path or a pattern leads into.
pub(super) fn store_of(path: &[u8]) -> Option<Store> {
    /// No part that is looked for is shorter.
    const SHORTEST: usize = 5;
    if !may_lead_into_one(path) {
        return None;
    }
    let has = |part: &[u8]| memchr::memmem::find(path, part).is_some();
    // Most texts of a script are no path at all; these parts have no slash in them.
    let named = || {
        has(b"id_ed25519")
            || has(b"application_default_credentials")
            || has(b"wallet.dat")
            || has(b"Login Data")
    };
    if path.len() < SHORTEST || memchr::memchr(b'/', path).is_none() && !named() {
        return None;
    }
    // The public half, the list of known hosts and the configuration are no credentials.
    let ssh = has(b".ssh/id_")
        || has(b"/.ssh/*")
        || path.ends_with(b"/.ssh")
        || path.ends_with(b"/.ssh/")
        || has(b"/etc/ssh/ssh_host_")
        || has(b"id_ed25519");
    Some(if has(b".aws/") && !has(b".aws/cli") || path.ends_with(b"/.aws") {
        Store::Aws
    } else if ssh && !path.ends_with(b".pub") {
        Store::Ssh
    } else if has(b".kube/") || path.ends_with(b"/.kube") || has(b"/etc/kubernetes/admin.conf") {
        Store::Kube
    } else if has(b".docker/config.json") || path.ends_with(b"/.docker") || path.ends_with(b"/.dockercfg") {
        Store::Docker
    } else if has(b"/.npmrc") || has(b"/.pypirc") || has(b"/.gem/credentials") || has(b".cargo/credentials") {
        Store::Packages
    } else if has(b".config/gcloud") || has(b"/.azure") || has(b"application_default_credentials") {
        Store::Cloud
    } else if path == b"/etc/shadow" || path == b"/etc/gshadow" {
        Store::Shadow
    } else if has(b"/.git-credentials") || has(b"/.netrc") || has(b".config/gh/hosts") {
        Store::Git
    } else if has(b"wallet.dat")
        || has(b"/.bitcoin")
        || has(b"/.ethereum/keystore")
        || has(b"Login Data")
        || has(b"/.password-store")
    {
        Store::Wallets
    } else {
        return None;
    })
}

/// Whether a text has two bytes that one of the parts which are looked for has: a dot with the letter behind it, and of
/// the few without a dot the beginning of `/etc/`, the underscores of `id_ed25519` and of
/// `application_default_credentials`, and the blank of `Login Data`. Every text of a script is asked about, and next to
/// none is such a path.
fn may_lead_into_one(path: &[u8]) -> bool {
    path.array_windows().any(|pair| match pair {
        [b'.', letter] => b"abcdegknps".contains(letter),
        b"/e" | b"d_" | b"n_" | b"n " => true,
        _ => false,
    })
}

/// What is in the file at a path.
pub(super) fn cargo_of(path: &[u8]) -> Cargo {
    /// The shortest end of the path of a token.
    const TOKEN: usize = b"kubernetes.io/serviceaccount".len();
    let has = |part: &[u8]| memchr::memmem::find(path, part).is_some();
    let mut cargo = Cargo::default();
    if let Some(store) = store_of(path) {
        cargo.add(Cargo::of_store(store));
    }
    if path.len() >= TOKEN
        && (has(b"secrets/kubernetes.io/serviceaccount/token")
            || path.ends_with(b"kubernetes.io/serviceaccount/")
            || path.ends_with(b"kubernetes.io/serviceaccount"))
    {
        cargo.add(Cargo::TOKEN);
    }
    let process = || path.starts_with(b"/proc/") || has(b"\"/proc/");
    if path.ends_with(b"/environ") && process() {
        let own = path == b"/proc/self/environ" || path == b"/proc/1/environ";
        cargo.add(if own { Cargo::ENVIRONMENT } else { Cargo::PROCESSES });
    }
    if path.ends_with(b"/mem") && process() && !path.starts_with(b"/proc/self/") {
        cargo.add(Cargo::PROCESSES);
    }
    if path == b"/proc/cpuinfo" || path == b"/etc/os-release" || path == b"/proc/meminfo" {
        cargo.add(Cargo::MACHINE);
    }
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_store_is_told() {
        let check = |path: &str, expect| assert_eq!(store_of(path.as_bytes()), expect, "{path}");
        for (paths, store) in [
            (&["~/.aws/credentials", "/root/.aws"][..], Store::Aws),
            (
                &[
                    "/root/.ssh/id_rsa",
                    "~/.ssh/*",
                    "/root/.ssh",
                    "/root/.ssh/",
                    "/etc/ssh/ssh_host_key",
                    "id_ed25519",
                ],
                Store::Ssh,
            ),
            (&["~/.kube/config", "/root/.kube", "/etc/kubernetes/admin.conf"], Store::Kube),
            (&["~/.docker/config.json", "/root/.docker", "/root/.dockercfg"], Store::Docker),
            (
                &["/root/.npmrc", "/root/.pypirc", "/root/.gem/credentials", "~/.cargo/credentials"],
                Store::Packages,
            ),
            (&["~/.config/gcloud", "/root/.azure", "application_default_credentials"], Store::Cloud),
            (&["/etc/shadow", "/etc/gshadow"], Store::Shadow),
            (&["/root/.git-credentials", "/root/.netrc", "~/.config/gh/hosts.yml"], Store::Git),
            (
                &[
                    "wallet.dat",
                    "/root/.bitcoin",
                    "/a/.ethereum/keystore",
                    "Login Data",
                    "/a/.password-store",
                ],
                Store::Wallets,
            ),
        ] {
            paths.iter().for_each(|path| check(path, Some(store)));
        }
        ["", "./a", "/etc/passwd", "/root/.ssh/id_rsa.pub", "n_", "a b"]
            .iter()
            .for_each(|path| check(path, None));
    }
}
