use crate::feed::{Feed, Kind};
use crate::label::Label;
use crate::normal;
use crate::pattern_match::PatternSet;
use crate::table::{Algorithm, Row};
use crate::text_table::TextKind;
use std::net::IpAddr;
use std::net::SocketAddr;
use std::sync::Arc;

/// All that a scan compares an image with: the built-in hashes and the feeds that a person chose. It does not
/// change once it is made.
#[derive(Debug, Clone, Default)]
pub struct Indicators {
    feeds: Arc<[Feed]>,
    patterns: Option<Arc<PatternSet>>,
}

/// The sums of one file.
#[derive(Debug, Clone, Copy)]
pub struct FileSums<'a> {
    /// Its MD5, where it was taken.
    pub md5: Option<&'a [u8; 16]>,
    /// Its SHA-1, where it was taken.
    pub sha1: Option<&'a [u8; 20]>,
    /// Its SHA-256.
    pub sha256: &'a [u8; 32],
    /// How many bytes it has.
    pub size: u64,
}

/// A hash of a file that is on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit<'f> {
    /// Which of the file's hashes it is.
    pub algorithm: Algorithm,
    /// What the list says.
    pub label: Label<'f>,
}

/// A text that is on a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextHit<'f> {
    /// What it names.
    pub kind: TextKind,
    /// The text as it is listed: of a host below a listed name, that name.
    pub listed: &'f str,
    /// What the list says.
    pub label: Label<'f>,
}

impl Indicators {
    /// The built-in hashes, and these feeds.
    pub fn new(feeds: Vec<Feed>) -> Self {
        let mut all = vec![Feed::built_in()];
        all.extend(feeds);
        let patterns = PatternSet::of(all.iter());
        Self { feeds: all.into(), patterns: patterns.map(Arc::new) }
    }

    /// The imported feeds as `name@digest`, in the order in which they were given.
    pub fn feeds(&self) -> Vec<String> {
        self.imported().map(|feed| format!("{}@{}", feed.name, feed.digest)).collect()
    }

    /// Everything that a verdict depends on, in one text.
    pub fn key(&self) -> String {
        let one = |feed: &Feed| {
            format!(
                "{} {} {} {} {}\n",
                feed.kind.name(),
                feed.version,
                feed.severity.name(),
                feed.digest,
                feed.name
            )
        };
        self.feeds.iter().map(one).collect()
    }

    /// The byte patterns, where there are any.
    pub fn patterns(&self) -> Option<&PatternSet> {
        self.patterns.as_deref()
    }

    /// The most that a finding from the feed of this name may weigh.
    pub fn severity_of(&self, feed: &str) -> Option<model::Severity> {
        self.feeds.iter().find(|known| known.name == feed).map(|feed| feed.severity)
    }

    /// Whether SHA-1 of every file is needed, so that none of the lists is asked in vain.
    pub fn needs_sha1(&self) -> bool {
        self.feeds.iter().any(|feed| feed.sha1.len() > 0)
    }

    /// Whether MD5 of every file is needed: findings name it whatever hash a list is written in. For the built-in
    /// hashes alone it is needed where [`crate::may_be_built_in`].
    pub fn needs_md5(&self) -> bool {
        self.imported().any(|feed| feed.counts().files > 0)
    }

    /// Whether any file can be on a list.
    pub fn has_files(&self) -> bool {
        self.feeds.iter().any(|feed| feed.counts().files > 0)
    }

    /// Whether any host, address, URL or wallet is listed.
    pub fn has_texts(&self) -> bool {
        self.feeds.iter().any(|feed| feed.texts.len() > 0)
    }

    /// The gravest entry that one of the hashes is on; among equals SHA-256 before SHA-1 before MD5, and the first
    /// feed before the others.
    ///
    /// An entry that a list of errors names does not count, unless it is built in. That corrects the entry of that
    /// hash and exempts no file: another hash of the same file still finds it.
    pub fn find_file(&self, file: &FileSums<'_>) -> Option<Hit<'_>> {
        let mut best: Option<Hit<'_>> = None;
        for algorithm in [Algorithm::Sha256, Algorithm::Sha1, Algorithm::Md5] {
            for feed in self.feeds.iter() {
                let row = match algorithm {
                    Algorithm::Sha256 => feed.sha256.find(file.sha256),
                    Algorithm::Sha1 => file.sha1.and_then(|sha1| feed.sha1.find(sha1)),
                    Algorithm::Md5 => file.md5.and_then(|md5| feed.md5.find(md5)),
                };
                let Some(row) = row.filter(|row| row.fits(file.size)) else { continue };
                let label = feed.label(row.label);
                let graver = best.is_none_or(|best| label.severity > best.label.severity);
                if graver && (feed.kind == Kind::BuiltIn || !self.is_allowed(algorithm, file)) {
                    best = Some(Hit { algorithm, label });
                }
            }
        }
        best
    }

    fn is_allowed(&self, algorithm: Algorithm, file: &FileSums<'_>) -> bool {
        let fits = |row: Option<Row>| row.is_some_and(|row| row.fits(file.size));
        self.feeds.iter().map(|feed| &feed.allowed).any(|allowed| {
            fits(match algorithm {
                Algorithm::Sha256 => allowed.sha256.find(file.sha256),
                Algorithm::Sha1 => file.sha1.and_then(|sha1| allowed.sha1.find(sha1)),
                Algorithm::Md5 => file.md5.and_then(|md5| allowed.md5.find(md5)),
            })
        })
    }

    /// What is said of an image's digest.
    pub fn find_image(&self, digest: &model::Digest) -> Option<Label<'_>> {
        let hash = digest.bytes().try_into().ok()?;
        gravest(self.feeds.iter().filter_map(|feed| Some(feed.label(feed.images.find(hash)?.label))))
    }

    /// What is said of a layer's digest, compressed or not.
    pub fn find_layer(&self, digest: &model::Digest) -> Option<Label<'_>> {
        let hash = digest.bytes().try_into().ok()?;
        gravest(self.feeds.iter().filter_map(|feed| Some(feed.label(feed.layers.find(hash)?.label))))
    }

    /// What is said of a host, an address, a host with a port, or a URL, as a file spells it.
    pub fn find_network(&self, text: &str) -> Option<TextHit<'_>> {
        let bare = text.split_once("://").map_or(text, |(_, rest)| rest);
        let authority = bare.split(['/', '?', '#']).next().unwrap_or(bare);
        if authority.len() < bare.len()
            && let Some(url) = normal::url(text)
        {
            let plain = url.split('?').next().unwrap_or(&url);
            let hit = self.find_text(TextKind::Url, &url).or_else(|| self.find_text(TextKind::Url, plain));
            if hit.is_some() {
                return hit;
            }
        }
        let (name, port) = normal::split_port(authority)?;
        match normal::address(name) {
            Some(address) => self.find_address(address, port),
            None => {
                let host = normal::host(name)?;
                self.gravest_text(TextKind::Domain, |feed| feed.texts.find_domain(&host))
            }
        }
    }

    /// What is said of an address of a currency.
    pub fn find_wallet(&self, text: &str) -> Option<TextHit<'_>> {
        self.find_text(TextKind::Wallet, text)
    }

    fn find_address(&self, address: IpAddr, port: Option<u16>) -> Option<TextHit<'_>> {
        let endpoint = port.map(|port| SocketAddr::new(address, port).to_string());
        endpoint
            .and_then(|endpoint| self.find_text(TextKind::Endpoint, &endpoint))
            .or_else(|| self.find_text(TextKind::Address, &address.to_string()))
    }

    fn find_text(&self, kind: TextKind, text: &str) -> Option<TextHit<'_>> {
        self.gravest_text(kind, |feed| feed.texts.find(kind, text))
    }

    fn gravest_text<'f>(
        &'f self,
        kind: TextKind,
        find: impl Fn(&'f Feed) -> Option<(&'f str, u32)>,
    ) -> Option<TextHit<'f>> {
        let hits = self.feeds.iter().filter_map(|feed| {
            let (listed, label) = find(feed)?;
            Some(TextHit { kind, listed, label: feed.label(label) })
        });
        hits.reduce(|best, hit| if hit.label.severity > best.label.severity { hit } else { best })
    }

    fn imported(&self) -> impl Iterator<Item = &Feed> {
        self.feeds.iter().filter(|feed| feed.kind != Kind::BuiltIn)
    }
}

fn gravest<'f>(labels: impl Iterator<Item = Label<'f>>) -> Option<Label<'f>> {
    labels.reduce(|best, label| if label.severity > best.severity { label } else { best })
}
