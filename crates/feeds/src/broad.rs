//! Values that feeds have held and that would accuse images of everyone.

use crate::normal::{RESOLVERS, address, is_public, split_port};
use crate::reject::Refused;
use crate::text_table::TextKind;
use std::net::IpAddr;

/// Hosts that belong to no one culprit: registries, places where everybody's code and files lie, and names that
/// documentation uses. A URL below them may be listed, they themselves may not.
const SHARED_HOSTS: &[&str] = &[
    "amazonaws.com",
    "anaconda.org",
    "archive.org",
    "azureedge.net",
    "bit.ly",
    "bitbucket.org",
    "blob.core.windows.net",
    "cdn.discordapp.com",
    "cdn.jsdelivr.net",
    "cloudflare.com",
    "cloudfront.net",
    "codeload.github.com",
    "crates.io",
    "debian.org",
    "discord.com",
    "docker.com",
    "docker.io",
    "dropbox.com",
    "example.com",
    "example.net",
    "example.org",
    "facebook.com",
    "files.pythonhosted.org",
    "gcr.io",
    "ghcr.io",
    "gist.github.com",
    "gist.githubusercontent.com",
    "github.com",
    "github.io",
    "githubusercontent.com",
    "gitlab.com",
    "gitlab.io",
    "golang.org",
    "google.com",
    "googleapis.com",
    "googleusercontent.com",
    "herokuapp.com",
    "hub.docker.com",
    "index.docker.io",
    "ipfs.io",
    "maven.org",
    "mcr.microsoft.com",
    "microsoft.com",
    "netlify.app",
    "ngrok.io",
    "npmjs.com",
    "npmjs.org",
    "objects.githubusercontent.com",
    "onrender.com",
    "pages.dev",
    "pastebin.com",
    "proxy.golang.org",
    "public.ecr.aws",
    "pypi.org",
    "python.org",
    "quay.io",
    "raw.githubusercontent.com",
    "registry-1.docker.io",
    "registry.npmjs.org",
    "registry.yarnpkg.com",
    "rubygems.org",
    "s3.amazonaws.com",
    "sourceforge.net",
    "storage.googleapis.com",
    "t.me",
    "telegram.org",
    "trycloudflare.com",
    "ubuntu.com",
    "vercel.app",
    "w3.org",
    "windows.net",
    "workers.dev",
];

/// Second levels under which anybody registers names: `co.uk` is no one's.
const SECOND_LEVELS: &[&str] = &["ac", "co", "com", "edu", "gov", "net", "org"];

/// Digests that images share without having anything in common: the empty layer as Docker and as BuildKit
/// write it, an empty archive, and no bytes at all.
const SHARED_DIGESTS: [[u8; 32]; 4] = [
    *b"\x4f\x4f\xb7\x00\xef\x54\x46\x1c\xfa\x02\x57\x1a\xe0\xdb\x9a\x0d\xc1\xe0\xcd\xb5\x57\x74\x84\xa6\xd7\x5e\x68\xdc\x38\xe8\xac\xc1",
    *b"\xa3\xed\x95\xca\xeb\x02\xff\xe6\x8c\xdd\x9f\xd8\x44\x06\x68\x0a\xe9\x3d\x63\x3c\xb1\x64\x22\xd0\x0e\x8a\x7c\x22\x95\x5b\x46\xd4",
    *b"\x5f\x70\xbf\x18\xa0\x86\x00\x70\x16\xe9\x48\xb0\x4a\xed\x3b\x82\x10\x3a\x36\xbe\xa4\x17\x55\xb6\xcd\xdf\xaf\x10\xac\xe3\xc6\xef",
    *b"\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55",
];

/// Refuses a value that stands for far more than one culprit.
pub(crate) fn refuse(kind: TextKind, value: &str) -> Result<(), Refused> {
    let why = match kind {
        TextKind::Domain if is_shared_host(value) => "is used by everybody; list a URL below it instead",
        TextKind::Address | TextKind::Endpoint if !is_own_address(kind, value) => {
            "is an address that everybody has or asks"
        }
        TextKind::Url => {
            let name = value.split(['/', '?']).next().unwrap_or(value);
            match split_port(name).and_then(|(name, _)| address(name)) {
                Some(address) if !is_public(address) => "is an address that everybody has or asks",
                _ => return Ok(()),
            }
        }
        _ => return Ok(()),
    };
    Err(Refused::new(why, value))
}

pub(crate) fn is_shared_digest(hash: &[u8; 32]) -> bool {
    SHARED_DIGESTS.contains(hash)
}

fn is_shared_host(name: &str) -> bool {
    let mut labels = name.split('.');
    let second_level = matches!(
        (labels.next(), labels.next(), labels.next()),
        (Some(first), Some(country), None) if country.len() == 2 && SECOND_LEVELS.contains(&first)
    );
    second_level || SHARED_HOSTS.binary_search(&name.strip_prefix("www.").unwrap_or(name)).is_ok()
}

fn is_own_address(kind: TextKind, value: &str) -> bool {
    let text = match kind {
        TextKind::Endpoint => split_port(value).map(|(address, _)| address),
        _ => Some(value),
    };
    text.and_then(address).is_some_and(|address| {
        is_public(address) && !matches!(address, IpAddr::V4(address) if RESOLVERS.contains(&address))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normal::indicator;

    fn check(text: &str, taken: bool) {
        let (kind, value) = indicator(text.as_bytes()).unwrap();
        assert_eq!(refuse(kind, &value).is_ok(), taken, "{text}");
    }

    #[test]
    fn what_belongs_to_everybody_is_refused() {
        assert!(SHARED_HOSTS.is_sorted());
        for broad in [
            "github.com",
            "www.github.com",
            "https://raw.githubusercontent.com/",
            "docker.io",
            "co.uk",
            "8.8.8.8",
            "8.8.8.8:53",
            "10.0.0.1",
            "172.16.3.4",
            "192.168.1.1:3333",
            "127.0.0.1",
            "::1",
            "fe80::1",
            "0.0.0.0",
            "100.64.0.1",
            "http://127.0.0.1/x",
        ] {
            check(broad, false);
        }
        for narrow in [
            "https://raw.githubusercontent.com/a/b/x.sh",
            "someone.github.io",
            "evil.co.uk",
            "notgithub.com",
            "192.0.2.7",
            "192.0.2.7:3333",
            "2001:db8::7",
        ] {
            check(narrow, true);
        }
    }
}
