use super::endpoint::{self, Endpoint};
use super::wallets::{self, Coin};
use serde::{Deserialize, Serialize};

/// A command line, read as if it were a miner's. The name of the program is evidence neither way: a renamed
/// miner still needs its options.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its line, the first is 1; 0 where it is none of a file.
    pub line: u32,
    /// Where it gets work.
    pub endpoint: Option<Endpoint>,
    /// Whether the option for it is one that other programs with a server do not use so.
    pub pooled: bool,
    /// The account, where it is an address with a valid checksum.
    pub wallet: Option<(Coin, String)>,
    /// Whether an account is given at all.
    pub account: bool,
    /// An algorithm that serves nothing but mining.
    pub algorithm: Option<String>,
    /// Different options that only miners have.
    pub own: u8,
    /// Different options that miners have, and others too.
    pub shared: u8,
    /// Options of XMRigCC, by which others control the miner: bit 0 the server, bit 1 the token or name.
    pub remote: u8,
    /// Whether the account or its password is the name of the machine.
    pub named_by_host: bool,
    /// The command, cut to what fits a report.
    pub shown: String,
}

/// How sure it is that a command mines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::analyzers::miner) enum Proof {
    /// It shares options with miners, as `curl`, `psql`, `ssh` and `openssl` do.
    No,
    /// Most of a miner's command, where one part is missing or known only when it runs.
    Likely,
    /// A server, and a wallet, an algorithm or an option that only miners have.
    Sure,
}

impl Command {
    pub(in crate::analyzers::miner) fn proof(&self) -> Proof {
        let marks = u8::from(self.wallet.is_some()) + u8::from(self.algorithm.is_some()) + self.own;
        let server = self.endpoint.is_some();
        let stratum = self.endpoint.as_ref().is_some_and(|endpoint| endpoint.stratum);
        if server && marks > 0 {
            Proof::Sure
        } else if marks >= 3
            || (marks >= 2 && self.account)
            || (server && self.account && (stratum || (self.pooled && self.shared >= 2)))
        {
            Proof::Likely
        } else {
            Proof::No
        }
    }
}

/// Longest part of a command that is kept.
const MAX_SHOWN: usize = 200;

/// Options that no other program has.
const OWN: &[&str] = &[
    "argon2-impl",
    "astrobwt-avx2",
    "astrobwt-max-size",
    "cc-access-token",
    "cc-url",
    "cc-worker-id",
    "cpu-max-threads-hint",
    "cpu-no-yield",
    "cuda-bfactor-hint",
    "cuda-max-threads-hint",
    "disable-startup-monitor",
    "donate-level",
    "donate-over-proxy",
    "ethstratum",
    "max-cpu-usage",
    "nicehash",
    "pause-on-active",
    "pause-on-battery",
    "randomx-1gb-pages",
    "randomx-cache-qos",
    "randomx-init",
    "randomx-mode",
    "randomx-no-numa",
    "randomx-no-rdmsr",
    "randomx-wrmsr",
    "rig-id",
];
/// Options of miners that others share.
const SHARED: &[&str] = &[
    "B",
    "background",
    "coin",
    "cpu-affinity",
    "cpu-priority",
    "cpu-threads",
    "av",
    "asm",
    "disable-gpu",
    "health-print-time",
    "huge-pages",
    "k",
    "keepalive",
    "no-color",
    "no-huge-pages",
    "opencl",
    "cuda",
    "p",
    "pass",
    "password",
    "print-time",
    "retries",
    "retry-pause",
    "t",
    "threads",
    "tls",
    "tls-fingerprint",
    "self-select",
    "variant",
    "worker",
];
/// Options that name the server, most of them with a value that other programs take for a file or a person.
const SERVER: &[&str] = &["o", "url", "pool", "P", "server", "s", "S", "epool", "zpool", "stratum"];
const ACCOUNT: &[&str] = &["u", "user", "wal", "wallet", "ewal", "zwal", "userpass", "address", "O"];
const ALGORITHM: &[&str] = &["a", "algo", "algorithm", "coin"];

/// Reads the words of one command.
pub(in crate::analyzers::miner) fn read(words: &[&[u8]]) -> Command {
    let mut command = Command::default();
    let mut own: Vec<&str> = Vec::new();
    let mut shared: Vec<&str> = Vec::new();
    let mut port_alone = None;
    for (at, &word) in words.iter().enumerate() {
        if command.endpoint.as_ref().is_none_or(|known| !known.stratum)
            && let Some(endpoint) = endpoint::stratum_at(word)
        {
            // ethminer writes the account into the URI: `stratum://WALLET.worker@host:port`.
            if let Some(found) = wallets::of_account(after_scheme(word)) {
                command.wallet = Some(owned(found));
                command.account = true;
            }
            command.endpoint = Some(endpoint);
            continue;
        }
        let Some(option) = word.strip_prefix(b"-") else { continue };
        let option = option.strip_prefix(b"-").unwrap_or(option);
        let (name, within) = match memchr::memchr(b'=', option) {
            Some(equals) => (option.get(..equals), option.get(equals + 1..)),
            None => (Some(option), None),
        };
        let Some(name) = name.and_then(|name| std::str::from_utf8(name).ok()) else { continue };
        let next = words.get(at + 1).copied().filter(|next| !next.starts_with(b"-"));
        let value = within.or(next).unwrap_or_default();
        if let Some(&name) = OWN.iter().find(|own| **own == name)
            && !own.contains(&name)
        {
            own.push(name);
            command.remote |= match name {
                "cc-url" => 1,
                "cc-access-token" | "cc-worker-id" => 2,
                _ => 0,
            };
        }
        if let Some(&name) = SHARED.iter().find(|shared| **shared == name)
            && !shared.contains(&name)
        {
            shared.push(name);
            command.named_by_host |=
                matches!(name, "p" | "pass" | "password") && is_host_name(value, words.get(at + 1..));
        }
        // `-opool:3333`, as getopt allows.
        let glued = word.strip_prefix(b"-o").filter(|rest| !rest.is_empty() && within.is_none());
        if command.endpoint.is_none() {
            let server = if SERVER.contains(&name) { Some(value) } else { glued };
            command.endpoint = server.and_then(endpoint::read);
            // Programs for databases and for measuring load have `--url` and `--server`, users and threads too.
            command.pooled = command.endpoint.is_some()
                && matches!(name, "o" | "pool" | "epool")
                && !value.starts_with(b"http");
            if command.endpoint.is_none() && matches!(name, "server" | "s") && is_dotted(value) {
                port_alone = std::str::from_utf8(value).ok().map(str::to_ascii_lowercase);
            }
        }
        if ACCOUNT.contains(&name) && !value.is_empty() {
            command.account = true;
            command.named_by_host |= is_host_name(value, words.get(at + 1..));
            if command.wallet.is_none() {
                command.wallet = wallets::of_account(value).map(owned);
            }
        }
        if ALGORITHM.contains(&name) && is_mining_algorithm(value) {
            command.algorithm = Some(String::from_utf8_lossy(value).into_owned());
        }
        command.named_by_host |= name == "rig-id" && is_host_name(value, words.get(at + 1..));
    }
    // GMiner has the port in an option of its own: `--server host --port 4444`.
    if command.endpoint.is_none()
        && let Some(host) = port_alone
        && let Some(port) = port_option(words)
    {
        command.endpoint = Some(Endpoint { host, port, stratum: false });
    }
    command.own = own.len() as u8;
    command.shared = shared.len() as u8;
    command.shown = shown(words);
    command
}

fn owned((coin, text): (Coin, &[u8])) -> (Coin, String) {
    (coin, String::from_utf8_lossy(text).into_owned())
}

fn after_scheme(uri: &[u8]) -> &[u8] {
    let rest = memchr::memmem::find(uri, b"://").and_then(|at| uri.get(at + 3..)).unwrap_or_default();
    memchr::memchr(b'@', rest).and_then(|at| rest.get(..at)).unwrap_or_default()
}

fn is_dotted(value: &[u8]) -> bool {
    value.contains(&b'.') && value.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(byte))
}

fn port_option(words: &[&[u8]]) -> Option<u16> {
    let at = words.iter().position(|word| matches!(*word, b"--port" | b"-n"))?;
    std::str::from_utf8(words.get(at + 1)?).ok()?.parse().ok()
}

/// Whether a value is the name of the machine: `$(hostname)`, `$HOSTNAME`, `` `uname -n` ``.
fn is_host_name(value: &[u8], rest: Option<&[&[u8]]>) -> bool {
    let named = |word: &[u8]| {
        [b"hostname".as_slice(), b"HOSTNAME", b"uname"]
            .iter()
            .any(|name| memchr::memmem::find(word, name).is_some())
    };
    // The brackets of a substitution separate words, so it leaves `$` and the command behind it.
    named(value)
        || (value.ends_with(b"$") && rest.is_some_and(|rest| rest.iter().take(3).any(|word| named(word))))
}

/// Algorithms that serve nothing but mining. Those that are known as hashes or for storing passwords, such as
/// `sha256`, `scrypt` and `argon2`, say nothing.
pub(super) fn is_mining_algorithm(name: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        "astrobwt",
        "autolykos",
        "autolykos2",
        "beamhash",
        "cryptonight",
        "cryptonight-lite",
        "cryptonight-heavy",
        "cryptonightr",
        "cryptonight_upx",
        "cuckaroo29",
        "cuckatoo32",
        "cuckoo29",
        "curvehash",
        "dynex",
        "etchash",
        "ethash",
        "fishhash",
        "ghostrider",
        "gr",
        "heavyhash",
        "kawpow",
        "kheavyhash",
        "karlsenhash",
        "lyra2rev2",
        "lyra2rev3",
        "lyra2v2",
        "lyra2z",
        "minotaurx",
        "mtp",
        "neoscrypt",
        "nexapow",
        "panthera",
        "progpow",
        "progpowz",
        "pyrinhash",
        "randomepic",
        "randomx",
        "randomxl",
        "sha256dt",
        "verus",
        "verushash",
        "verthash",
        "x13",
        "x16r",
        "x16rv2",
        "xelishash",
        "xelishashv2",
        "yescryptr16",
        "yescryptr32",
        "yespower",
        "zelhash",
        "zhash",
    ];
    const FAMILIES: &[&str] =
        &["rx/", "cn/", "cn-lite/", "cn-heavy/", "cn-pico", "argon2/", "randomx/", "cryptonight/", "ethash/"];
    let Some(name) = name.get(..name.len().min(32)).and_then(|name| std::str::from_utf8(name).ok()) else {
        return false;
    };
    let name = name.to_ascii_lowercase();
    NAMES.contains(&name.as_str()) || FAMILIES.iter().any(|family| name.starts_with(family))
}

fn shown(words: &[&[u8]]) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.extend(
            String::from_utf8_lossy(word.get(..word.len().min(MAX_SHOWN)).unwrap_or_default()).chars(),
        );
        if line.len() >= MAX_SHOWN {
            break;
        }
    }
    line.chars().take(MAX_SHOWN).collect()
}
