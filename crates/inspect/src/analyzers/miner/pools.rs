use std::net::Ipv4Addr;
use std::sync::OnceLock;

/// Hosts and addresses of mining pools: the built-in list, and what imported lists add to it.
///
/// A domain stands for itself and for everything below it, told at the boundary of a label, so that
/// `notnanopool.org` is nobody's pool. Brands vanish and addresses change hands: an entry never decides alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PoolList {
    /// Sorted, in lower case.
    domains: Vec<Box<str>>,
    /// Sorted; port 0 stands for every port.
    addresses: Vec<(Ipv4Addr, u16)>,
    /// A filter over the last two labels of the domains: a set bit says that a host may be below one of them.
    filter: Vec<u64>,
    /// The same of the last label, by its first and last letter.
    last_labels: u128,
    /// The same of the last label, by its first three letters. It turns most names of code away at once.
    beginnings: Vec<u64>,
}

/// Most entries of all lists together.
const MAX_ENTRIES: usize = 1 << 20;
/// Longest name of a host in the domain name system.
const MAX_HOST: usize = 253;

impl PoolList {
    /// The list that is part of the product.
    pub fn built_in() -> &'static Self {
        static LIST: OnceLock<PoolList> = OnceLock::new();
        LIST.get_or_init(|| {
            let mut list = Self::default();
            list.extend(include_str!("pools.txt").lines());
            list
        })
    }

    /// Adds the entries of a list, one a line: a domain, an address, or an address with a port; `#` begins a
    /// comment. What is none of these is passed over.
    pub fn extend<'l>(&mut self, lines: impl Iterator<Item = &'l str>) {
        for line in lines {
            if self.len() >= MAX_ENTRIES {
                break;
            }
            let entry = line.split('#').next().unwrap_or_default().trim();
            let entry = entry.split_once("://").map_or(entry, |(_, rest)| rest).trim_end_matches('/');
            let (host, port) = match entry.rsplit_once(':') {
                Some((host, port)) => match port.parse() {
                    Ok(port) => (host, port),
                    Err(_) => continue,
                },
                None => (entry, 0),
            };
            if let Ok(address) = host.parse() {
                self.addresses.push((address, port));
            } else if is_domain(host) {
                self.domains.push(host.to_ascii_lowercase().into());
            }
        }
        self.domains.sort_unstable();
        self.domains.dedup();
        self.addresses.sort_unstable();
        self.addresses.dedup();
        self.refill();
    }

    /// Whether a host, with a port or 0 where it has none, is one of a pool.
    pub fn holds(&self, host: &str, port: u16) -> bool {
        if host.len() > MAX_HOST {
            return false;
        }
        if let Ok(address) = host.parse::<Ipv4Addr>() {
            return [0, port].iter().any(|&port| self.addresses.binary_search(&(address, port)).is_ok());
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        let mut rest = host.as_str();
        loop {
            if self.domains.binary_search_by(|domain| domain.as_ref().cmp(rest)).is_ok() {
                return true;
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => return false,
            }
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.domains.len() + self.addresses.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a host in the list may end in the label that begins here.
    pub(super) fn may_begin(&self, after: &[u8]) -> bool {
        let bit = beginning([0, 1, 2].map(|at| after.get(at).map_or(0, |&byte| LETTERS[usize::from(byte)])));
        self.beginnings.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    /// Whether a host that ends in this label may be one of a pool. A text has a name after every other word, and
    /// almost none of them needs to be looked up.
    pub(super) fn may_end_in(&self, last: &[u8]) -> bool {
        last_bit(last).is_some_and(|bit| self.last_labels >> bit & 1 == 1)
    }

    /// The same of its last two labels.
    pub(super) fn may_hold(&self, labels: &[u8]) -> bool {
        let bit = fingerprint(labels);
        self.filter.get(bit / 64).is_some_and(|word| word >> (bit % 64) & 1 == 1)
    }

    fn refill(&mut self) {
        self.filter = vec![0; FILTER_BITS / 64];
        self.last_labels = 0;
        self.beginnings = vec![0; BEGINNINGS.div_ceil(64)];
        for domain in &self.domains {
            let last = domain.rsplit('.').next().unwrap_or_default().as_bytes();
            if let Some(bit) = last_bit(last) {
                self.last_labels |= 1 << bit;
            }
            let first = [0, 1, 2].map(|at| last.get(at).map_or(0, |&byte| LETTERS[usize::from(byte)]));
            let bit = beginning(first);
            if let Some(word) = self.beginnings.get_mut(bit / 64) {
                *word |= 1 << (bit % 64);
            }
            let two = domain.rmatch_indices('.').nth(1).map_or(0, |(at, _)| at + 1);
            let bit = fingerprint(domain.as_bytes().get(two..).unwrap_or_default());
            if let Some(word) = self.filter.get_mut(bit / 64) {
                *word |= 1 << (bit % 64);
            }
        }
    }
}

fn last_bit(label: &[u8]) -> Option<u32> {
    let (first, last) = (label.first()?.to_ascii_lowercase(), label.last()?.to_ascii_lowercase());
    Some((u32::from(first) * 29 + u32::from(last)) % 128)
}

/// What a byte is as a letter of a label, in either case: 0 where it ends one.
static LETTERS: [u8; 256] = {
    let mut letters = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        letters[byte] = match byte as u8 {
            letter @ b'a'..=b'z' => letter - b'a' + 1,
            letter @ b'A'..=b'Z' => letter - b'A' + 1,
            b'0'..=b'9' | b'-' | b'_' => OTHER,
            _ => 0,
        };
        byte += 1;
    }
    letters
};

/// A digit or a dash.
const OTHER: u8 = 27;
const KINDS: usize = OTHER as usize + 1;
const BEGINNINGS: usize = KINDS * KINDS * KINDS;

/// The bit of a beginning. What follows the end of a label may be anything.
fn beginning(letters: [u8; 3]) -> usize {
    letters
        .iter()
        .fold((0, true), |(bit, goes_on), &letter| {
            let letter = if goes_on { usize::from(letter) } else { 0 };
            (bit * KINDS + letter, letter != 0)
        })
        .0
}

const FILTER_BITS: usize = 1 << 15;

/// FNV-1a over the lower-case letters.
fn fingerprint(labels: &[u8]) -> usize {
    let hash = labels.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0100_0000_01b3)
    });
    (hash >> 32) as usize % FILTER_BITS
}

/// At least two labels: a list that holds `com` would make every host a pool.
fn is_domain(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    host.len() <= MAX_HOST
        && host.contains('.')
        && host.split('.').all(label)
        && host.rsplit('.').next().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_alphabetic()))
}
