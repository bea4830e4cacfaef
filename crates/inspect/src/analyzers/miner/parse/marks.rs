use memchr::memmem;
use serde::{Deserialize, Serialize};

/// What a line does for a miner without being its command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mark {
    /// Installs a package whose purpose is mining.
    Package,
    /// Fetches the source of a miner, or takes the donation out of it.
    Source,
    /// Sets aside large pages of memory.
    LargePages,
    /// Writes registers of the processor.
    Registers,
    /// Turns off the watchdog for the sake of speed.
    Watchdog,
    /// Sets the frequency of the processor.
    Frequency,
    /// Mines in the browser of who visits a page.
    Web,
    /// Sells bandwidth or presence.
    Bandwidth,
}

impl Mark {
    /// Whether it tunes the machine.
    pub(in crate::analyzers::miner) fn tunes(self) -> bool {
        matches!(self, Self::LargePages | Self::Registers | Self::Watchdog | Self::Frequency)
    }
}

/// Miners by the name under which they are published as source or package.
const PROJECTS: &[&str] = &[
    "bfgminer",
    "ccminer",
    "cgminer",
    "cpuminer",
    "cpuminer-multi",
    "cpuminer-opt",
    "ethminer",
    "gminer",
    "lolminer",
    "minerd",
    "minergate",
    "minergate-cli",
    "multiminer",
    "nanominer",
    "nbminer",
    "nheqminer",
    "nsfminer",
    "phoenixminer",
    "srbminer",
    "srbminer-multi",
    "t-rex",
    "teamredminer",
    "wildrig-multi",
    "xlarig",
    "xmr-stak",
    "xmr-stak-cpu",
    "xmr-stak-rx",
    "xmrig",
    "xmrig-c3",
    "xmrig-mo",
    "xmrig-proxy",
    "xmrigcc",
    "xmrig-nvidia",
    "xmrig-amd",
    "xmrig-gpu",
];

/// Programs that other miners kill, and the names by which they are told.
const RIVALS: &[&str] = &[
    "cpuminer",
    "cryptonight",
    "ddgs",
    "kdevtmpfsi",
    "kinsing",
    "kthreaddk",
    "kworkerds",
    "ld-linux-x86-64",
    "minerd",
    "minergate",
    "minexmr",
    "monero",
    "moneroocean",
    "nanopool",
    "networkservice",
    "pnscan",
    "qW3xT",
    "stratum",
    "supportxmr",
    "sysguard",
    "sysupdate",
    "sysupdata",
    "watchbog",
    "watchdogs",
    "xmr",
    "xmr-stak",
    "xmrig",
    "xmrigDaemon",
    "xmrigMiner",
    "xmrpool",
    "zzh",
];

/// Whether a package or project is a miner by its published name.
pub(in crate::analyzers::miner) fn is_miner_project(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| {
        let name = name.to_ascii_lowercase();
        PROJECTS.contains(&name.as_str())
    })
}

/// What the commands of a line do.
pub(in crate::analyzers::miner) fn of_line(
    line: &[u8],
    commands: &[Vec<&[u8]>],
    found: &mut dyn FnMut(Mark),
) {
    let has = |word: &str| memmem::find(line, word.as_bytes()).is_some();
    for words in commands {
        if installs_miner(words) {
            found(Mark::Package);
        }
        if fetches_source(words) {
            found(Mark::Source);
        }
        if sells_bandwidth(words) {
            found(Mark::Bandwidth);
        }
    }
    if has("donate.h") && has("sed") {
        found(Mark::Source);
    }
    // A socket that is held open to a network which pays for being there, not a page that is read.
    if has("teneo.pro") && (has("wss://") || has("ws://")) {
        found(Mark::Bandwidth);
    }
    let writes = has("=") || has(">") || has("tee ");
    if has("nr_hugepages") && writes {
        found(Mark::LargePages);
    }
    if has("modprobe msr") || has("wrmsr -") || has("allow_writes=on") {
        found(Mark::Registers);
    }
    if has("nmi_watchdog") && writes {
        found(Mark::Watchdog);
    }
    if has("scaling_governor") && writes {
        found(Mark::Frequency);
    }
}

/// The rivals that a line kills.
pub(in crate::analyzers::miner) fn rivals(line: &[u8], found: &mut dyn FnMut(&'static str)) {
    let has = |word: &str| memmem::find(line, word.as_bytes()).is_some();
    if !(has("pkill")
        || has("killall")
        || has("kill -")
        || has("xargs kill")
        || has("kill $")
        || has("kill("))
    {
        return;
    }
    for word in line.split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))) {
        if let Some(rival) = RIVALS.iter().find(|rival| rival.as_bytes() == word) {
            found(rival);
        }
    }
}

fn installs_miner(words: &[&[u8]]) -> bool {
    let base = |word: &[u8]| word.rsplit(|&byte| byte == b'/').next().unwrap_or(word).to_vec();
    let manager = words.iter().position(|word| {
        matches!(
            base(word).as_slice(),
            b"apk"
                | b"apt"
                | b"apt-get"
                | b"aptitude"
                | b"yum"
                | b"dnf"
                | b"microdnf"
                | b"zypper"
                | b"pacman"
                | b"pip"
                | b"pip3"
                | b"npm"
                | b"yarn"
                | b"pnpm"
                | b"snap"
                | b"brew"
                | b"conda"
                | b"emerge"
                | b"nix-env"
                | b"cargo"
        )
    });
    let Some(rest) = manager.and_then(|at| words.get(at + 1..)) else { return false };
    let verb = rest.iter().position(|word| {
        matches!(*word, b"add" | b"install" | b"in" | b"i" | b"-S" | b"-Sy" | b"-Syu" | b"-iA" | b"-i")
    });
    let Some(names) = verb.and_then(|at| rest.get(at + 1..)) else { return false };
    names.iter().any(|name| {
        let end = name.iter().position(|byte| b"=@<>~".contains(byte)).unwrap_or(name.len());
        is_miner_project(name.get(..end).unwrap_or_default())
    })
}

fn fetches_source(words: &[&[u8]]) -> bool {
    let fetches =
        words.iter().any(|word| matches!(*word, b"clone" | b"wget" | b"curl" | b"fetch" | b"aria2c"));
    fetches
        && words.iter().any(|word| {
            let Some(scheme) = memmem::find(word, b"://").or_else(|| memmem::find(word, b"git@")) else {
                return false;
            };
            let path = word.get(scheme + 3..).unwrap_or_default();
            path.split(|&byte| byte == b'/').skip(1).any(|part| {
                let part = part.strip_suffix(b".git").unwrap_or(part);
                is_miner_project(part)
            })
        })
}

/// The options by which a client of a network for bandwidth takes an account and its consent, or the identity
/// that such a network gives out.
fn sells_bandwidth(words: &[&[u8]]) -> bool {
    let has = |names: &[&str]| {
        words.iter().any(|word| {
            let end = memchr::memchr(b'=', word).unwrap_or(word.len());
            let name = word.get(..end).unwrap_or_default();
            names.iter().any(|expect| {
                name.strip_prefix(b"-")
                    .is_some_and(|name| name.strip_prefix(b"-").unwrap_or(name) == expect.as_bytes())
            })
        })
    };
    let consents = has(&["tou-accept", "accept-tos", "tos-accept"]);
    let account = has(&["email", "token", "api-key", "device", "device-name", "pass", "password"]);
    let accepts = words.windows(2).any(|pair| pair == [b"start".as_slice(), b"accept"]);
    let identity = words.iter().any(|word| {
        memmem::find(word, b"sdk-node-").is_some_and(|at| {
            let id = word.get(at + 9..).unwrap_or_default();
            id.len() >= 32 && id.iter().take(32).all(u8::is_ascii_hexdigit)
        })
    });
    (consents && account) || (accepts && has(&["token"])) || identity
}

/// What in a whole page or script speaks of mining in the browser.
pub(super) struct Page {
    /// Something is started.
    starts: bool,
    /// The mining function beside a socket, workers and compiled code.
    computes: bool,
}

impl Page {
    pub(super) fn of(text: &[u8]) -> Self {
        let has = |word: &str| memmem::find(text, word.as_bytes()).is_some();
        Self {
            starts: has(".start("),
            computes: has("WebAssembly") && has("WebSocket") && has("Worker(") && has("cryptonight"),
        }
    }

    /// Whether it mines in the browser: the function itself, or at this offset an object that is made with the key
    /// of an account and started.
    pub(super) fn mines(&self, text: &[u8], at: usize) -> bool {
        let rest = text.get(at..text.len().min(at + 128)).unwrap_or_default();
        let Some(arguments) = rest.strip_prefix(b".Anonymous(") else { return self.computes };
        let Some((b'"' | b'\'', key)) = arguments.trim_ascii_start().split_first() else { return false };
        let length = key.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let before = text.get(at.saturating_sub(64)..at).unwrap_or_default();
        length >= 16 && self.starts && memmem::find(before, b"new ").is_some()
    }
}
