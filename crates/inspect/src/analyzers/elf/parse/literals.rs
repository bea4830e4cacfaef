//! Which of the texts that analyzers ask for a program contains, found in one pass over its bytes.

use aho_corasick::packed::{self, Searcher};
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// What a text speaks for. None of them convicts alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    /// Options and settings that only miners have.
    MinerOption,
    /// Names of mining algorithms, each a text of its own as in a table.
    Algorithm,
    /// What a client says to a mining pool.
    PoolMethod,
    /// Addresses of pools.
    PoolScheme,
    /// The salts with which each coin starts RandomX.
    RandomXSalt,
    /// Kernels that mine on graphics cards.
    GpuKernel,
    /// Calls that start a kernel on a graphics card.
    GpuCall,
    /// Settings by which a miner takes orders from a server of its owner.
    RemoteControl,
    /// What a client says to an IRC server.
    IrcMessage,
    /// Orders that bots obey.
    BotOrder,
    /// Formats for the paths by which one process learns the name of another.
    ProcessName,
    /// The path of a descriptor's file, formatted.
    Descriptor,
    /// Where a preloaded library is named, and where connections are listed.
    Concealment,
    /// Any path below `/proc`.
    Proc,
    /// Traces of compilers that wrap a script or a program in another.
    Wrapper,
    /// Who a service is.
    Identity,
}

/// Which texts were found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Literals([u64; WORDS]);

const WORDS: usize = 4;

impl Literals {
    /// How many different texts of a group there are.
    pub(crate) fn count(&self, group: Group) -> usize {
        self.texts(group).count()
    }

    pub(crate) fn has(&self, text: &[u8]) -> bool {
        TABLE.iter().enumerate().any(|(number, literal)| literal.text == text && self.bit(number))
    }

    /// The texts of a group, in the order of the table.
    pub(crate) fn texts(&self, group: Group) -> impl Iterator<Item = &'static [u8]> + '_ {
        let table = TABLE.iter().enumerate().filter(move |(_, literal)| literal.group == group);
        table.filter(|(number, _)| self.bit(*number)).map(|(_, literal)| literal.text)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0 == [0; WORDS]
    }

    pub(crate) fn join(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine |= theirs;
        }
    }

    fn bit(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word >> (number % 64) & 1 == 1)
    }

    fn set(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }
}

/// Finds all texts of the table.
pub(crate) fn find(bytes: &[u8]) -> Literals {
    let index = &*INDEX;
    let mut found = Literals::default();
    for (at, window) in bytes.windows(KEY).enumerate() {
        let &[a, b, c, d] = window else { continue };
        let hash = hash([a, b, c, d]);
        if index.gate.get(hash / 64).is_some_and(|word| word >> (hash % 64) & 1 == 1) {
            let start = index.starts.partition_point(|(key, _)| *key < [a, b, c, d]);
            let candidates = index.starts.iter().skip(start).take_while(|(key, _)| *key == [a, b, c, d]);
            for &(_, number) in candidates {
                if !found.bit(number) && TABLE.get(number).is_some_and(|literal| literal.stands(bytes, at)) {
                    found.set(number);
                }
            }
        }
    }
    found
}

/// Whether a part of a large program is worth to be looked at closely: it has one of those texts that programs do not
/// have by chance, of each kind. Found at the speed of the memory.
pub(crate) struct Telling(Option<Searcher>);

impl Telling {
    pub(crate) fn is_in(&self, bytes: &[u8]) -> bool {
        // Without a searcher, which a test excludes, every part is looked at.
        self.0.as_ref().is_none_or(|searcher| searcher.find(bytes).is_some())
    }

    pub(crate) fn texts() -> &'static Self {
        static TEXTS: LazyLock<Telling> =
            LazyLock::new(|| Telling(packed::Config::new().builder().extend(TELLING).build()));
        &TEXTS
    }
}

/// Beginnings that many texts of the table share stand for all of them.
const TELLING: [&[u8]; 37] = [
    b"donate-",
    b"donate.",
    b"max-threads-hint",
    b"huge-pages-jit",
    b"randomx-",
    b"RandomX\x03",
    b"RandomXYada",
    b"RandomX-G",
    b"RandomWOW",
    b"RandomARQ",
    b"RandomSFX",
    b"RandomKV\x01",
    b"nicehash",
    b"SRBMiner",
    b"cpu-threads-",
    b"msr-use-",
    b"coinbase-",
    b"no-stratum",
    b"no-longpoll",
    b"lhr-",
    b"mining.",
    b"eth_submit",
    b"stratum",
    b"ethash_",
    b"progpow_",
    b"kawpow",
    b"cryptonight",
    b"autolykos",
    b"cc-access-token",
    b"PRIVMSG ",
    b"UDPFLOOD",
    b"udpflood",
    b"/proc/%s/",
    b"ld.so.preload",
    b"E: neither argv[0]",
    b"main.runFromMemory",
    b"main.aesDec",
];

/// Bytes by which a text is looked up; none is shorter.
const KEY: usize = 4;
const GATE_BITS: u32 = 16;
const GATE_WORDS: usize = 1 << (GATE_BITS - 6);

struct Index {
    /// One bit for each hash of a key.
    gate: Box<[u64; GATE_WORDS]>,
    /// Texts by key, sorted.
    starts: Vec<([u8; KEY], usize)>,
}

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index = Index { gate: Box::new([0; GATE_WORDS]), starts: Vec::new() };
    for (number, literal) in TABLE.iter().enumerate() {
        let Some(key) = literal.text.first_chunk() else { continue };
        let hash = hash(*key);
        if let Some(word) = index.gate.get_mut(hash / 64) {
            *word |= 1 << (hash % 64);
        }
        index.starts.push((*key, number));
    }
    index.starts.sort_unstable();
    index
});

fn hash(key: [u8; KEY]) -> usize {
    (u32::from_le_bytes(key).wrapping_mul(0x9e37_79b1) >> (32 - GATE_BITS)) as usize
}

struct Literal {
    group: Group,
    text: &'static [u8],
    edge: Edge,
}

/// How a text must stand among others. Programs written in C and C++ end each of their texts with a zero; rules,
/// documentation and block lists inside a program are longer texts, and programs in Go and Rust run theirs into
/// each other. So the zero tells a word that a program uses from a word that it talks about.
#[derive(Clone, Copy, PartialEq)]
enum Edge {
    Anywhere,
    Ends,
    /// Between two zeros.
    Whole,
}

impl Literal {
    fn stands(&self, bytes: &[u8], at: usize) -> bool {
        let Some(rest) = bytes.get(at..) else { return false };
        if !rest.starts_with(self.text) {
            return false;
        }
        let ends = rest.get(self.text.len()) == Some(&0);
        match self.edge {
            Edge::Anywhere => true,
            Edge::Ends => ends,
            Edge::Whole => ends && at.checked_sub(1).and_then(|at| bytes.get(at)) == Some(&0),
        }
    }
}

fn literals<const N: usize>(group: Group, edge: Edge, texts: [&'static [u8]; N]) -> [Literal; N] {
    texts.map(|text| Literal { group, text, edge })
}

/// All texts. A change of order or content asks for another version of the analyzer.
static TABLE: LazyLock<Vec<Literal>> = LazyLock::new(|| {
    let mut table = Vec::new();
    table.extend(literals(Group::MinerOption, Edge::Ends, MINER_OPTIONS));
    table.extend(literals(Group::Algorithm, Edge::Whole, ALGORITHMS));
    table.extend(literals(Group::PoolMethod, Edge::Anywhere, POOL_METHODS));
    table.extend(literals(Group::PoolMethod, Edge::Ends, [b"keepalived"]));
    table.extend(literals(Group::PoolScheme, Edge::Anywhere, POOL_SCHEMES));
    table.extend(literals(Group::RandomXSalt, Edge::Anywhere, RANDOMX_SALTS));
    table.extend(literals(Group::GpuKernel, Edge::Anywhere, GPU_KERNELS));
    table.extend(literals(Group::GpuCall, Edge::Anywhere, GPU_CALLS));
    table.extend(literals(Group::RemoteControl, Edge::Ends, REMOTE_CONTROL));
    table.extend(literals(Group::IrcMessage, Edge::Anywhere, IRC_MESSAGES));
    table.extend(literals(Group::BotOrder, Edge::Ends, BOT_ORDERS));
    table.extend(literals(Group::ProcessName, Edge::Ends, PROCESS_NAMES));
    table.extend(literals(Group::Descriptor, Edge::Ends, [b"/proc/self/fd/%d"]));
    table.extend(literals(Group::Concealment, Edge::Anywhere, [b"ld.so.preload", b"/proc/net/tcp"]));
    table.extend(literals(Group::Proc, Edge::Anywhere, [b"/proc"]));
    table.extend(literals(Group::Wrapper, Edge::Anywhere, WRAPPERS));
    table.extend(literals(Group::Identity, Edge::Anywhere, IDENTITIES));
    debug_assert!(table.len() <= 64 * WORDS);
    table
});

const MINER_OPTIONS: [&[u8]; 49] = [
    // XMRig and its many forks.
    b"donate-level",
    b"donate-over-proxy",
    b"cpu-max-threads-hint",
    b"max-threads-hint",
    b"cpu-memory-pool",
    b"cpu-no-yield",
    b"cpu-argon2-impl",
    b"argon2-impl",
    b"huge-pages-jit",
    b"hugepages-jit",
    b"randomx-init",
    b"randomx-no-numa",
    b"randomx-mode",
    b"randomx-1gb-pages",
    b"randomx-wrmsr",
    b"randomx-no-rdmsr",
    b"randomx-cache-qos",
    b"astrobwt-max-size",
    b"cuda-bfactor-hint",
    b"cuda-bsleep-hint",
    b"opencl-loader",
    b"cuda-loader",
    b"health-print-time",
    b"daemon-poll-interval",
    b"submit-to-origin",
    b"self-select",
    b"rig-id",
    b"nicehash",
    b"donate.v2.xmrig.com",
    b"donate.ssl.xmrig.com",
    // SRBMiner-MULTI.
    b"SRBMiner-MULTI",
    b"cpu-threads-intensity",
    b"cpu-threads-priority",
    b"msr-use-tweaks",
    b"msr-use-preset",
    // cpuminer, ccminer and what came of them.
    b"coinbase-addr",
    b"coinbase-sig",
    b"no-stratum",
    b"diff-multiplier",
    b"no-longpoll",
    b"no-getwork",
    b"no-gbt",
    b"scantime",
    // T-Rex.
    b"gpu-report-interval",
    b"lhr-tune",
    b"lhr-autotune-mode",
    b"lhr-autotune-interval",
    b"dag-build-mode",
    b"sharerate-avr",
];

const ALGORITHMS: [&[u8]; 56] = [
    b"rx/0",
    b"rx/2",
    b"rx/wow",
    b"rx/arq",
    b"rx/graft",
    b"rx/sfx",
    b"rx/keva",
    b"rx/yada",
    b"randomx",
    b"cn/0",
    b"cn/1",
    b"cn/2",
    b"cn/r",
    b"cn/fast",
    b"cn/half",
    b"cn/xao",
    b"cn/rto",
    b"cn/rwz",
    b"cn/zls",
    b"cn/double",
    b"cn/ccx",
    b"cn/gpu",
    b"cn/upx2",
    b"cn-lite/0",
    b"cn-lite/1",
    b"cn-heavy/0",
    b"cn-heavy/tube",
    b"cn-heavy/xhv",
    b"cn-pico",
    b"cn-pico/tlo",
    b"cryptonight",
    b"argon2/chukwa",
    b"argon2/chukwav2",
    b"argon2/wrkz",
    b"astrobwt",
    b"kawpow",
    b"kawpow/rvn",
    b"ghostrider",
    b"lyra2rev2",
    b"lyra2v3",
    b"neoscrypt",
    b"x16r",
    b"x16rv2",
    b"yescryptr16",
    b"yespower",
    b"power2b",
    b"verushash",
    b"minotaurx",
    b"heavyhash",
    b"autolykos2",
    b"etchash",
    b"ethash",
    b"firopow",
    b"verthash",
    b"randomarq",
    b"cryptolight",
];

const POOL_METHODS: [&[u8]; 9] = [
    b"mining.subscribe",
    b"mining.authorize",
    b"mining.notify",
    b"mining.submit",
    b"mining.set_difficulty",
    b"mining.set_target",
    b"mining.extranonce.subscribe",
    b"eth_submitLogin",
    b"eth_submitWork",
];

const POOL_SCHEMES: [&[u8]; 4] =
    [b"stratum+tcp://", b"stratum+ssl://", b"stratum+tls://", b"stratum2+tcp://"];

const RANDOMX_SALTS: [&[u8]; 7] = [
    b"RandomX\x03",
    b"RandomXYadaCoin\x03",
    b"RandomWOW\x01",
    b"RandomARQ\x01",
    b"RandomSFX\x01",
    b"RandomX-Graft\x01",
    b"RandomKV\x01",
];

const GPU_KERNELS: [&[u8]; 7] = [
    b"ethash_search",
    b"ethash_calculate_dag_item",
    b"ethash_generate_dag",
    b"progpow_search",
    b"kawpow_search",
    b"cryptonight_core_gpu_phase",
    b"autolykos_",
];

const GPU_CALLS: [&[u8]; 6] = [
    b"clEnqueueNDRangeKernel",
    b"cuLaunchKernel",
    b"cudaLaunchKernel",
    b"cuModuleLoadData",
    b"__kernel void",
    b"nvrtcCompileProgram",
];

const REMOTE_CONTROL: [&[u8]; 7] = [
    b"cc-url",
    b"cc-access-token",
    b"cc-worker-id",
    b"cc-reboot-cmd",
    b"cc-use-remote-logging",
    b"cc-update-interval-s",
    b"xmrigDaemon",
];

const IRC_MESSAGES: [&[u8]; 8] =
    [b"PRIVMSG ", b"NICK %s", b"JOIN %s", b"PONG %s", b"USER %s", b"NOTICE %s :", b"NICK ", b"JOIN #"];

const BOT_ORDERS: [&[u8]; 18] = [
    b"TSUNAMI",
    b"GETSPOOFS",
    b"SPOOFS",
    b"KILLALL",
    b"UNKNOWN",
    b"UDPFLOOD",
    b"SYNFLOOD",
    b"TCPFLOOD",
    b"HTTPFLOOD",
    b"ACKFLOOD",
    b"STDFLOOD",
    b"udpflood",
    b"synflood",
    b"tcpflood",
    b"httpflood",
    b"!exec",
    b"!shell",
    b"!flood",
];

const PROCESS_NAMES: [&[u8]; 5] =
    [b"/proc/%s/stat", b"/proc/%s/cmdline", b"/proc/%s/status", b"/proc/%s/comm", b"/proc/%s/exe"];

const WRAPPERS: [&[u8]; 4] =
    [b"E: neither argv[0] nor $_ works.", b"%lu %d%c", b"main.runFromMemory", b"main.aesDec"];

const IDENTITIES: [&[u8]; 6] = [b"OpenSSH", b"dropbear", b"crontab", b"systemd", b"D-Bus", b"rsyslog"];

#[cfg(test)]
mod tests {
    use super::*;

    /// A large program is looked at closely for each kind of text that counts without another.
    #[test]
    fn parts_are_told_by_their_texts() {
        let telling = Telling::texts();
        assert!(telling.0.is_some());
        let groups = [POOL_METHODS.as_slice(), &POOL_SCHEMES, &RANDOMX_SALTS, &GPU_KERNELS, &PROCESS_NAMES];
        for text in groups.concat().into_iter().filter(|text| *text != b"keepalived") {
            assert!(telling.is_in(&[b"\0a\0", text, b"\0"].concat()), "{}", text.escape_ascii());
        }
        assert!(MINER_OPTIONS.iter().filter(|text| telling.is_in(text)).count() > MINER_OPTIONS.len() / 2);
        assert!(!telling.is_in(b"an ordinary text, /proc/self/maps"));
    }

    #[test]
    fn every_text_has_a_bit_and_a_key_and_stands_once() {
        assert!(TABLE.len() <= 64 * WORDS, "{}", TABLE.len());
        let mut texts: Vec<_> = TABLE.iter().map(|literal| literal.text).collect();
        assert!(texts.iter().all(|text| text.len() >= KEY));
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), TABLE.len());
        for literal in TABLE.iter() {
            let bytes = [b"\0".as_slice(), literal.text, b"\0"].concat();
            assert!(find(&bytes).has(literal.text));
            let longer = [b"\0".as_slice(), literal.text, b"x"].concat();
            assert_eq!(find(&longer).has(literal.text), literal.edge == Edge::Anywhere);
        }
    }
}
