use crate::label::{Label, Names};
use crate::pattern::Pattern;
use crate::reject::Refused;
use crate::table::{ANY_SIZE, Algorithm, Row, Table};
use crate::text_table::{TextKind, TextTable};
use crate::{broad, normal};
use model::{Digest, Severity};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Raised whenever the same feed would give other indicators: verdicts and facts that are kept depend on it.
const VERSION: u32 = 1;
/// Most rows of one feed: beyond this a feed is a mistake, and its memory would be the scan's.
pub(crate) const MAX_ROWS: usize = 16_000_000;
/// Most byte patterns of one feed.
const MAX_PATTERNS: usize = 200_000;
/// Longest name or origin that is kept, in characters.
const MAX_LABEL: usize = 120;

/// What a feed is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Built into the product.
    BuiltIn,
    /// One hash of a file to a line.
    Hashes,
    /// ClamAV hashes of files: `.hdb`, `.hsb`.
    ClamavHashes,
    /// ClamAV hashes of files that are no malware: `.fp`, `.sfp`.
    ClamavAllow,
    /// ClamAV byte patterns: `.ndb`.
    ClamavPatterns,
    /// The CSV of MalwareBazaar.
    MalwareBazaar,
    /// The CSV of ThreatFox.
    ThreatFox,
    /// The CSV of URLhaus.
    UrlHaus,
    /// A MISP event in JSON.
    Misp,
    /// The `hashes.csv` of a MISP feed.
    MispHashes,
    /// A STIX 2.0 or 2.1 bundle.
    Stix,
    /// Host names, addresses and URLs, one to a line, as Maltrail writes them.
    Network,
    /// Digests of images that were revoked.
    Images,
    /// Digests of layers that are known to be bad.
    Layers,
}

impl Kind {
    /// Every kind that can be imported.
    pub const ALL: [Self; 13] = [
        Self::Hashes,
        Self::ClamavHashes,
        Self::ClamavAllow,
        Self::ClamavPatterns,
        Self::MalwareBazaar,
        Self::ThreatFox,
        Self::UrlHaus,
        Self::Misp,
        Self::MispHashes,
        Self::Stix,
        Self::Network,
        Self::Images,
        Self::Layers,
    ];

    /// The name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::BuiltIn => "built-in",
            Self::Hashes => "hashes",
            Self::ClamavHashes => "clamav-hashes",
            Self::ClamavAllow => "clamav-allow",
            Self::ClamavPatterns => "clamav-patterns",
            Self::MalwareBazaar => "malwarebazaar",
            Self::ThreatFox => "threatfox",
            Self::UrlHaus => "urlhaus",
            Self::Misp => "misp",
            Self::MispHashes => "misp-hashes",
            Self::Stix => "stix",
            Self::Network => "network",
            Self::Images => "images",
            Self::Layers => "layers",
        }
    }
}

/// One feed, normalised. It does not change once it is made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Feed {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// SHA-256 of the feed as it was read.
    pub(crate) digest: Digest,
    pub(crate) severity: Severity,
    /// How it was read.
    pub(crate) version: u32,
    names: Names,
    origins: Names,
    pub(crate) md5: Table<16>,
    pub(crate) sha1: Table<20>,
    pub(crate) sha256: Table<32>,
    pub(crate) allowed: Allowed,
    pub(crate) images: Table<32>,
    pub(crate) layers: Table<32>,
    pub(crate) texts: TextTable,
    pub(crate) patterns: Vec<Pattern>,
}

/// Hashes that an import was wrong about.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Allowed {
    pub(crate) md5: Table<16>,
    pub(crate) sha1: Table<20>,
    pub(crate) sha256: Table<32>,
}

/// How many different indicators a feed has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Hashes of bad files.
    pub files: usize,
    /// Hashes that other feeds are wrong about.
    pub allowed: usize,
    /// Hosts, addresses, URLs and wallets.
    pub texts: usize,
    /// Digests of images.
    pub images: usize,
    /// Digests of layers.
    pub layers: usize,
    /// Byte patterns.
    pub patterns: usize,
}

impl Counts {
    /// All of them.
    pub fn total(&self) -> usize {
        self.files + self.allowed + self.texts + self.images + self.layers + self.patterns
    }
}

impl Feed {
    /// Its name, escaped.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// SHA-256 of the file that was imported.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The most that a finding from it may weigh.
    pub fn severity(&self) -> Severity {
        self.severity
    }

    /// How many indicators it has.
    pub fn counts(&self) -> Counts {
        Counts {
            files: self.md5.len() + self.sha1.len() + self.sha256.len(),
            allowed: self.allowed.md5.len() + self.allowed.sha1.len() + self.allowed.sha256.len(),
            texts: self.texts.len(),
            images: self.images.len(),
            layers: self.layers.len(),
            patterns: self.patterns.len(),
        }
    }

    /// What is known without any import: the two miners of the 2021 alert, both published by MD5 only. Whoever adds to
    /// them sees that [`may_be_built_in`] still tells all that they may be of.
    pub(crate) fn built_in() -> Self {
        const SOURCE: &str = "Aqua Nautilus, Supply chain threats using container images (2021)";
        const MINERS: [(u128, &str); 2] = [
            (0x4873_e560_df68_ad96_c3de_0816_4b13_9b09, "xmrig, run by dao.py"),
            (0x1657_2572_588c_2e24_1225_ea2b_f680_7eff, "xmrig, in openjdk and golang"),
        ];
        let mut draft = Draft::default();
        for (md5, name) in MINERS {
            let label = draft.label(name, "");
            draft.md5.push((md5.to_be_bytes(), Row { label, size: ANY_SIZE }));
        }
        draft.seal(SOURCE.to_owned(), Kind::BuiltIn, Digest::sha256([0; 32]), Severity::Critical)
    }

    pub(crate) fn label(&self, number: u32) -> Label<'_> {
        Label {
            name: self.names.get(number as usize).unwrap_or_default(),
            origin: self.origins.get(number as usize).unwrap_or_default(),
            source: &self.name,
            severity: self.severity,
        }
    }

    /// Makes a feed that was read back ready for look-ups; false where it does not add up.
    pub(crate) fn restore(&mut self) -> bool {
        let labels = self.names.len();
        self.names.is_sound()
            && self.origins.is_sound()
            && self.origins.len() == labels
            && self.md5.restore(labels)
            && self.sha1.restore(labels)
            && self.sha256.restore(labels)
            && self.allowed.md5.restore(labels)
            && self.allowed.sha1.restore(labels)
            && self.allowed.sha256.restore(labels)
            && self.images.restore(labels)
            && self.layers.restore(labels)
            && self.texts.restore(labels)
            && self.patterns.iter().all(|pattern| (pattern.label as usize) < labels && pattern.is_sound())
    }
}

/// Whether a file that begins like this and has so many bytes may be one of the built-in miners. Both are programs, which
/// hold a zero byte long before the end of their headers; texts hold none. And both are builds of xmrig of 2021, none of
/// which comes near the bound. Whoever changes or adds a byte has another hash anyway.
pub fn may_be_built_in(head: &[u8], size: u64) -> bool {
    size <= LARGEST_BUILT_IN && memchr::memchr(0, head).is_some()
}

/// Many times what the project publishes: statically linked programs of a few megabytes.
const LARGEST_BUILT_IN: u64 = 64 << 20;

/// A feed while its rows come in.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    names: Names,
    origins: Names,
    numbers: HashMap<(String, String), u32>,
    md5: Vec<([u8; 16], Row)>,
    sha1: Vec<([u8; 20], Row)>,
    sha256: Vec<([u8; 32], Row)>,
    /// Whether hashes of files are of those that other feeds are wrong about.
    pub(crate) allows: bool,
    images: Vec<([u8; 32], Row)>,
    layers: Vec<([u8; 32], Row)>,
    texts: Vec<(TextKind, String, u32)>,
    patterns: Vec<Pattern>,
    rows: usize,
}

impl Draft {
    /// The number of a label; both texts are escaped and cut here.
    pub(crate) fn label(&mut self, name: impl AsRef<[u8]>, origin: impl AsRef<[u8]>) -> u32 {
        let short = |text: &[u8]| -> String { model::escape_bytes(text).chars().take(MAX_LABEL).collect() };
        let key = (short(name.as_ref().trim_ascii()), short(origin.as_ref().trim_ascii()));
        if let Some(&number) = self.numbers.get(&key) {
            return number;
        }
        let number = self.names.push(&key.0);
        self.origins.push(&key.1);
        self.numbers.insert(key, number);
        number
    }

    fn room(&mut self, shown: &[u8]) -> Result<(), Refused> {
        if self.rows >= MAX_ROWS {
            return Err(Refused::new("is beyond the 16 million rows of one feed; split it", shown));
        }
        self.rows += 1;
        Ok(())
    }

    /// Takes the hash of a file, in hexadecimal of either case; its length says of which kind it is.
    pub(crate) fn file(&mut self, digits: &[u8], size: u64, label: u32) -> Result<(), Refused> {
        let algorithm = Algorithm::of_digits(digits.len()).ok_or_else(|| {
            Refused::new("is no hash: an MD5 has 32 digits, a SHA-1 40, a SHA-256 64", digits)
        })?;
        let hash = unhex(digits).ok_or_else(|| Refused::new("is not hexadecimal", digits))?;
        if algorithm.of_nothing() == hash {
            return Err(Refused::new("is the hash of an empty file, which every image holds", digits));
        }
        self.room(digits)?;
        let row = Row { label, size };
        match algorithm {
            Algorithm::Md5 => self.md5.extend(hash.try_into().ok().map(|hash| (hash, row))),
            Algorithm::Sha1 => self.sha1.extend(hash.try_into().ok().map(|hash| (hash, row))),
            Algorithm::Sha256 => self.sha256.extend(hash.try_into().ok().map(|hash| (hash, row))),
        }
        Ok(())
    }

    /// Takes the digest of an image or layer, with or without `sha256:` before it.
    pub(crate) fn digest(&mut self, text: &[u8], of_image: bool, label: u32) -> Result<(), Refused> {
        let refused = || Refused::new("is no SHA-256 digest", text);
        let lower = text.to_ascii_lowercase();
        let digits = lower.strip_prefix(b"sha256:").unwrap_or(&lower);
        let hash: [u8; 32] = unhex(digits).and_then(|hash| hash.try_into().ok()).ok_or_else(refused)?;
        if broad::is_shared_digest(&hash) {
            return Err(Refused::new("is the digest of nothing: every other image has that layer", text));
        }
        self.room(text)?;
        let row = Row { label, size: ANY_SIZE };
        if of_image {
            self.images.push((hash, row))
        } else {
            self.layers.push((hash, row))
        }
        Ok(())
    }

    /// Takes a host, an address, a host with a port or a URL, whichever it is.
    pub(crate) fn network(&mut self, text: &[u8], label: u32) -> Result<(), Refused> {
        let (kind, value) = normal::indicator(text)?;
        broad::refuse(kind, &value)?;
        self.room(text)?;
        self.texts.push((kind, value, label));
        Ok(())
    }

    /// Takes an address of a currency.
    pub(crate) fn wallet(&mut self, text: &[u8], label: u32) -> Result<(), Refused> {
        let text = text.trim_ascii();
        let good = (26..=110).contains(&text.len()) && text.iter().all(u8::is_ascii_alphanumeric);
        let value = str::from_utf8(text).ok().filter(|_| good);
        let value = value.ok_or_else(|| Refused::new("is no address of a currency", text))?;
        self.room(text)?;
        self.texts.push((TextKind::Wallet, value.to_owned(), label));
        Ok(())
    }

    pub(crate) fn pattern(&mut self, pattern: Pattern) -> Result<(), Refused> {
        if self.patterns.len() >= MAX_PATTERNS {
            return Err(Refused::new("is beyond the 200,000 patterns of one feed; split it", ""));
        }
        self.patterns.push(pattern);
        Ok(())
    }

    pub(crate) fn seal(self, name: String, kind: Kind, digest: Digest, severity: Severity) -> Feed {
        let tables = (Table::of(self.md5), Table::of(self.sha1), Table::of(self.sha256));
        let none = <(Table<16>, Table<20>, Table<32>)>::default();
        let (files, allowed) = if self.allows { (none, tables) } else { (tables, none) };
        Feed {
            name,
            kind,
            digest,
            severity,
            version: VERSION,
            names: self.names,
            origins: self.origins,
            md5: files.0,
            sha1: files.1,
            sha256: files.2,
            allowed: Allowed { md5: allowed.0, sha1: allowed.1, sha256: allowed.2 },
            images: Table::of(self.images),
            layers: Table::of(self.layers),
            texts: TextTable::of(self.texts),
            patterns: self.patterns,
        }
    }
}

/// Bytes of a hexadecimal text in either case.
pub(crate) fn unhex(digits: &[u8]) -> Option<Vec<u8>> {
    digits
        .chunks(2)
        .map(|pair| match *pair {
            [high, low] => Some(nibble(high)? << 4 | nibble(low)?),
            _ => None,
        })
        .collect()
}

pub(crate) fn nibble(digit: u8) -> Option<u8> {
    u8::try_from(char::from(digit).to_digit(16)?).ok()
}
