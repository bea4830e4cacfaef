//! Finds in the bytes of a file what a miner needs. No judgement: only what is there, and where.

pub(super) mod command;
mod config_shape;
mod dots;
pub(super) mod endpoint;
pub(super) mod hosts;
pub(super) mod marks;
mod reference;
pub(super) mod wallets;
pub(super) mod words;

pub use command::Command;
pub use config_shape::ConfigShape;
pub use endpoint::Endpoint;
pub use marks::Mark;
pub use wallets::Coin;

use super::{Found, MinerFacts, PoolList};
use crate::signs::{Group, Sign, Signs};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use command::Proof;
use std::collections::BTreeSet;
use std::sync::{LazyLock, OnceLock};

/// Most commands, addresses of wallets, endpoints and marks of one file that are kept.
pub(super) const MAX_COMMANDS: usize = 8;
const MAX_WALLETS: usize = 8;
const MAX_OTHERS: usize = 4;
const MAX_ENDPOINTS: usize = 16;
pub(super) const MAX_MARKS: usize = 16;
/// A file that names more different ones of a kind is a list. More need not be counted.
pub(super) const LIST: usize = 25;
/// Killing fewer different miners than this may be by chance of their names.
const RIVALS: usize = 3;
/// Shortest text in base 58 that is tried as an address: of Monero, and of any coin, which only explains and so is
/// worth the time only beside another sign.
const ANY_COIN: usize = 25;
const MONERO: usize = 95;

/// Words at which a line is looked at. Each is short enough to be found at the speed of the memory, and none of
/// them proves anything.
const ANCHORS: &[&str] = &[
    "stratum",
    "donate",
    "nicehash",
    "rig-id",
    "randomx",
    "threads-hint",
    "--cc-",
    " -o",
    "\"-o",
    "'-o",
    "--url",
    "--pool",
    "--server",
    "xmrig",
    "XMRig",
    "miner",
    "Miner",
    "xmr-stak",
    "t-rex",
    "ethminer",
    "kdevtmpfsi",
    "kinsing",
    "kworkerds",
    "nr_hugepages",
    "msr",
    "nmi_watchdog",
    "scaling_governor",
    "tou-accept",
    "accept-tos",
    "start accept",
    "sdk-node-",
    "teneo.pro",
    ".Anonymous(",
    "cryptonight",
    "\\x73\\x74\\x72\\x61\\x74\\x75\\x6d",
    "c3RyYXR1bS",
    "N0cmF0dW0r",
    "zdHJhdHVtK",
];

/// The same words as signs, and the one that every configuration has.
pub(crate) fn signs() -> Vec<Sign> {
    ANCHORS.iter().chain(&[config_shape::POOLS]).map(|&word| Sign::anywhere(word)).collect()
}

/// The signs of lines, and that of configurations.
static MARKS: LazyLock<[Signs; 2]> = LazyLock::new(|| {
    [false, true].map(|last| Signs::chosen(Group::Mining, |at| (at == ANCHORS.len()) == last))
});

fn anchors() -> Option<&'static AhoCorasick> {
    static ANCHORED: OnceLock<Option<AhoCorasick>> = OnceLock::new();
    ANCHORED
        .get_or_init(|| {
            let mut builder = AhoCorasick::builder();
            builder.match_kind(MatchKind::LeftmostFirst).kind(Some(AhoCorasickKind::DFA)).build(ANCHORS).ok()
        })
        .as_ref()
}

/// What a text holds; none where that is nothing.
pub(super) fn text(text: &[u8], signs: &Signs) -> Option<MinerFacts> {
    let mut scan = Scan::new(text);
    let [lines, configurations] = &*MARKS;
    if signs.meet(lines) {
        scan.anchors();
    }
    scan.hosts();
    scan.wallets(MONERO);
    if signs.meet(configurations) {
        scan.configuration();
    }
    if scan.facts != MinerFacts::default() {
        scan.wallets(ANY_COIN);
    }
    scan.finish()
}

/// What the strings of a program hold: servers, wallets, a configuration. Commands are those of texts.
pub(super) fn program(bytes: &[u8]) -> Option<MinerFacts> {
    let mut scan = Scan::new(bytes);
    scan.lines = false;
    for at in memchr::memmem::find_iter(bytes, b"stratum") {
        if at < scan.uri_done {
            continue;
        }
        scan.uri_done = at + bytes.get(at..).map_or(0, endpoint::uri_len);
        if let Some(endpoint) = bytes.get(at..).and_then(endpoint::stratum_at)
            && !endpoint.host.is_empty()
        {
            scan.endpoint(at, endpoint, false);
        }
    }
    scan.hosts();
    scan.wallets(MONERO);
    scan.configuration();
    scan.finish().map(|facts| MinerFacts { program: true, ..facts })
}

struct Scan<'t> {
    text: &'t [u8],
    facts: MinerFacts,
    /// Whether lines are looked at.
    lines: bool,
    /// Where the last line that was looked at ends, in the pass that is under way.
    done: usize,
    /// Where the last URI ends.
    uri_done: usize,
    /// An offset, and its line.
    counted: (usize, u32),
    /// What in the whole text makes a page a miner, looked for once.
    page: Option<marks::Page>,
    servers: BTreeSet<String>,
    addresses: BTreeSet<String>,
    rivals: BTreeSet<&'static str>,
}

impl<'t> Scan<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            facts: MinerFacts::default(),
            lines: true,
            done: 0,
            uri_done: 0,
            counted: (0, 1),
            page: None,
            servers: BTreeSet::new(),
            addresses: BTreeSet::new(),
            rivals: BTreeSet::new(),
        }
    }

    fn anchors(&mut self) {
        let Some(anchors) = anchors() else { return };
        self.done = 0;
        let text = self.text;
        for found in anchors.find_iter(text) {
            let at = found.start();
            match ANCHORS.get(found.pattern().as_usize()).copied().unwrap_or_default() {
                "stratum" if at >= self.uri_done => {
                    let uri = text.get(at..).unwrap_or_default();
                    self.uri_done = at + endpoint::uri_len(uri);
                    self.uri(at, uri);
                }
                anchor if anchor.starts_with("\\x") && at >= self.uri_done => {
                    let plain = hex_escapes(text.get(at..text.len().min(at + 1024)).unwrap_or_default());
                    self.uri_done = at + 4 * plain.len();
                    self.uri(at, &plain);
                }
                "c3RyYXR1bS" | "N0cmF0dW0r" | "zdHJhdHVtK" => {
                    let hidden = Endpoint { stratum: true, ..Endpoint::default() };
                    self.endpoint(at, hidden, true);
                }
                ".Anonymous(" | "cryptonight" => {
                    let page = self.page.get_or_insert_with(|| marks::Page::of(text));
                    if page.mines(text, at) {
                        self.mark(at, Mark::Web);
                    }
                }
                _ => {}
            }
            self.line(at);
        }
    }

    fn uri(&mut self, at: usize, uri: &[u8]) {
        let Some(endpoint) = endpoint::stratum_at(uri) else { return };
        self.endpoint(at, endpoint, false);
        if self.facts.config.is_none()
            && let Some(shape) = config_shape::around_uri(self.text, at)
        {
            self.facts.config = Some(ConfigShape { line: self.line_number(at), ..shape });
        }
    }

    fn hosts(&mut self) {
        self.done = 0;
        let text = self.text;
        hosts::scan(text, PoolList::built_in(), &mut |at, endpoint| {
            self.endpoint(at, endpoint, false);
            self.line(at);
            self.servers.len() <= LIST
        });
    }

    fn wallets(&mut self, shortest: usize) {
        self.done = 0;
        let text = self.text;
        wallets::scan(text, shortest, &mut |at, coin, wallet| {
            let wallet = || String::from_utf8_lossy(wallet).into_owned();
            let kept = &self.facts.wallets;
            // Addresses that only explain leave room for those that count.
            let keep = if coin == Coin::Monero {
                self.addresses.insert(wallet()) && self.addresses.len() <= MAX_WALLETS
            } else {
                kept.iter().filter(|known| known.what.0 != Coin::Monero).count() < MAX_OTHERS
                    && kept.iter().all(|known| known.what.1 != wallet())
            };
            if keep {
                let line = self.line_number(at);
                self.facts.wallets.push(Found { line, what: (coin, wallet()) });
                self.line(at);
            }
            self.addresses.len() <= LIST
        });
    }

    fn configuration(&mut self) {
        if let Some((at, shape)) = config_shape::find(self.text) {
            if let Some(endpoint) = shape.endpoint.clone() {
                self.endpoint(at, endpoint, false);
            }
            self.facts.config = Some(ConfigShape { line: self.line_number(at), ..shape });
        }
    }

    fn endpoint(&mut self, at: usize, endpoint: Endpoint, encoded: bool) {
        self.facts.encoded |= encoded;
        if self.servers.len() > LIST || !self.servers.insert(endpoint.shown()) {
            return;
        }
        if self.facts.endpoints.len() < MAX_ENDPOINTS {
            let line = self.line_number(at);
            self.facts.endpoints.push(Found { line, what: endpoint });
        }
    }

    fn mark(&mut self, at: usize, mark: Mark) {
        if self.facts.marks.len() < MAX_MARKS && self.facts.marks.iter().all(|known| known.what != mark) {
            let line = self.line_number(at);
            self.facts.marks.push(Found { line, what: mark });
        }
    }

    /// Reads the line around an offset, once in each pass.
    fn line(&mut self, at: usize) {
        if !self.lines || at < self.done {
            return;
        }
        let range = words::logical_line(self.text, at);
        self.done = range.end.max(at + 1);
        let Some(line) = self.text.get(range) else { return };
        // Nothing runs a comment. What it names is noted all the same.
        let comment =
            [b"#".as_slice(), b"//", b"* "].iter().any(|sign| line.trim_ascii_start().starts_with(sign));
        if comment {
            return;
        }
        let commands = words::commands(line);
        let mut found = Vec::new();
        marks::of_line(line, &commands, &mut |mark| found.push(mark));
        found.into_iter().for_each(|mark| self.mark(at, mark));
        marks::rivals(line, &mut |rival| {
            self.rivals.insert(rival);
        });
        for words in commands {
            let read = command::read(&words);
            if read.proof() > Proof::No || read.remote == 3 {
                self.command(at, read);
            }
        }
    }

    fn command(&mut self, at: usize, command: Command) {
        let command = Command { line: self.line_number(at), ..command };
        if self.facts.commands.iter().any(|known| known.shown == command.shown) {
            return;
        }
        if self.facts.commands.len() >= MAX_COMMANDS {
            // What proves most is kept, so that nothing can be hidden behind lesser ones.
            let weakest = self.facts.commands.iter_mut().min_by_key(|known| known.proof());
            match weakest {
                Some(weakest) if weakest.proof() < command.proof() => *weakest = command,
                _ => {}
            }
            return;
        }
        self.facts.commands.push(command);
    }

    /// The line of an offset, counted on from the one that was asked for before where that is possible.
    fn line_number(&mut self, at: usize) -> u32 {
        let (from, line) = if at >= self.counted.0 { self.counted } else { (0, 1) };
        let between = self.text.get(from..at).unwrap_or_default();
        let newlines = memchr::memchr_iter(b'\n', between).count();
        let line = line.saturating_add(u32::try_from(newlines).unwrap_or(u32::MAX));
        self.counted = (at, line);
        line
    }

    fn finish(mut self) -> Option<MinerFacts> {
        self.facts.rivals = if self.rivals.len() >= RIVALS { self.rivals.len() as u8 } else { 0 };
        if self.facts == MinerFacts::default() {
            return None;
        }
        let has = |word: &str| memchr::memmem::find(self.text, word.as_bytes()).is_some();
        self.facts.many_servers = self.servers.len() > LIST;
        self.facts.many_wallets = self.addresses.len() > LIST;
        self.facts.rules = self.lines && reference::is_rule_or_block_list(self.text);
        self.facts.script = self.text.starts_with(b"#!");
        self.facts.options = OPTIONS.iter().any(|option| has(option));
        self.facts.compiles =
            ["cmake", "make", "build.sh", "autogen", "gcc ", "configure"].iter().any(|word| has(word));
        self.facts.asks_own_address = OWN_ADDRESS.iter().any(|host| has(host));
        Some(self.facts)
    }
}

/// What a script gives to a miner beside server and account, where it puts the command together from parts.
const OPTIONS: &[&str] = &[
    "donate-level",
    "donate.level",
    "rx/0",
    "randomx",
    "cryptonight",
    "nicehash",
    "rig-id",
    "--algo",
    "--coin",
    "keepalive",
];

/// Services that tell who asks them under which address.
const OWN_ADDRESS: &[&str] = &[
    "ifconfig.me",
    "ipinfo.io",
    "api.ipify.org",
    "icanhazip.com",
    "checkip.amazonaws.com",
    "ident.me",
    "ipecho.net",
    "ip.sb",
    "ifconfig.co",
    "ip-api.com",
    "ipv4.icanhazip",
    "myip.opendns.com",
];

/// The text of `\x73\x74…` up to what is not written so.
fn hex_escapes(text: &[u8]) -> Vec<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    text.chunks_exact(4)
        .map_while(|escape| match escape {
            [b'\\', b'x', high, low] => Some(digit(high)? << 4 | digit(low)?),
            _ => None,
        })
        .collect()
}
