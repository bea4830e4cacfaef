//! One folder per protocol. Each has the same parts: `mod.rs` tastes and converses, `parse.rs` takes apart what the
//! guest says, `answer.rs` makes what it is told, `tests.rs` holds whole talks.

pub(crate) mod bittorrent;
pub(crate) mod dns;
pub(crate) mod docker;
pub(crate) mod etcd;
pub(crate) mod ftp;
pub(crate) mod git;
pub(crate) mod http;
pub(crate) mod imds;
pub(crate) mod irc;
pub(crate) mod kubelet;
pub(crate) mod kubernetes;
pub(crate) mod ldap;
pub(crate) mod mqtt;
pub(crate) mod mysql;
pub(crate) mod ntp;
pub(crate) mod packages;
pub(crate) mod postgres;
pub(crate) mod raw;
pub(crate) mod redis;
pub(crate) mod registry;
pub(crate) mod shell;
pub(crate) mod smtp;
pub(crate) mod socks;
pub(crate) mod ssh;
pub(crate) mod stratum;
pub(crate) mod stun;
pub(crate) mod telnet;
pub(crate) mod tftp;
pub(crate) mod tor;

use crate::server::Ended;
use crate::talk::Talk;
use std::pin::Pin;

/// Whoever can answer a protocol.
pub(crate) struct Emulator {
    pub(crate) name: &'static str,
    /// How sure it is, of a hundred, that these first bytes are its own. The port is a hint, never a reason.
    pub(crate) taste: fn(&[u8], u16) -> u8,
    /// Ports on which the server speaks first.
    pub(crate) greets: &'static [u16],
    pub(crate) serve: fn(Talk) -> Conversation,
}

pub(crate) type Conversation = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// Nobody is asked any more.
pub(crate) const SURE: u8 = 80;

macro_rules! emulator {
    ($name:literal, $module:path, $greets:expr) => {{
        use $module as emulator;
        Emulator {
            name: $name,
            taste: emulator::taste,
            greets: &$greets,
            serve: |talk| Box::pin(emulator::serve(talk)),
        }
    }};
}

/// What a silent guest gets: it may be a shell that waits for orders.
pub(crate) static SHELL: Emulator = emulator!("shell", shell, []);

/// What nobody knows.
static RAW: Emulator = emulator!("raw", raw, []);

static TLS: Emulator = Emulator {
    name: "tls",
    taste: |bytes, _| if bytes.len() > 5 && crate::tls::looks(bytes) { 99 } else { 0 },
    greets: &[],
    serve: |talk| Box::pin(crate::tls::serve(talk)),
};

static EMULATORS: &[&Emulator] = &[
    &TLS,
    &emulator!("http", http, []),
    &emulator!("stratum", stratum, []),
    &emulator!("dns", dns, []),
    &emulator!("tor", tor, []),
    &emulator!("redis", redis, []),
    &emulator!("ssh", ssh, [22, 2222]),
    &emulator!("socks", socks, []),
    &emulator!("irc", irc, []),
    &emulator!("smtp", smtp, [25, 465, 587, 2525]),
    &emulator!("ftp", ftp, [21, 990]),
    &emulator!("telnet", telnet, [23, 2323]),
    &emulator!("mysql", mysql, [3306, 3307]),
    &emulator!("postgres", postgres, []),
    &emulator!("mqtt", mqtt, []),
    &emulator!("ldap", ldap, []),
    &SHELL,
];

/// Who is surest of these bytes.
pub(crate) fn taste(bytes: &[u8], port: u16) -> (u8, &'static Emulator) {
    let mut best = (0, &RAW);
    for emulator in EMULATORS {
        let sure = (emulator.taste)(bytes, port);
        if sure > best.0 {
            best = (sure, emulator);
        }
    }
    best
}

/// Who speaks first on this port.
pub(crate) fn greets(port: u16) -> Option<&'static Emulator> {
    EMULATORS.iter().copied().find(|emulator| emulator.greets.contains(&port))
}

/// Ports on which clients speak first, and may keep a connection for later.
pub(crate) fn waits(port: u16) -> bool {
    const WAITS: &[u16] = &[
        53, 80, 88, 389, 443, 445, 636, 853, 1080, 1433, 1521, 1883, 2181, 2375, 2376, 2379, 3000, 3128,
        3389, 4222, 4318, 5000, 5432, 5601, 5671, 5672, 6379, 6443, 7474, 8000, 8080, 8083, 8086, 8088, 8123,
        8200, 8300, 8443, 8500, 8883, 8888, 9000, 9042, 9090, 9092, 9200, 9300, 9411, 10250, 10255, 11211,
        15672, 27017,
    ];
    WAITS.contains(&port)
}

/// Whoever can answer a datagram.
pub(crate) struct DatagramEmulator {
    pub(crate) name: &'static str,
    taste: fn(&[u8], u16) -> u8,
    pub(crate) answer: fn(&[u8], &crate::recorder::Flow, &crate::server::Shared) -> Option<Vec<u8>>,
}

static DATAGRAMS: &[DatagramEmulator] = &[
    DatagramEmulator { name: "dns", taste: dns::taste_datagram, answer: dns::datagram },
    DatagramEmulator { name: "ntp", taste: ntp::taste, answer: ntp::datagram },
    DatagramEmulator { name: "bittorrent", taste: bittorrent::taste, answer: bittorrent::datagram },
    DatagramEmulator { name: "stun", taste: stun::taste, answer: stun::datagram },
    DatagramEmulator { name: "tftp", taste: tftp::taste, answer: tftp::datagram },
    DatagramEmulator { name: "quic", taste: raw::taste_quic, answer: raw::recognised },
    DatagramEmulator { name: "wireguard", taste: raw::taste_wireguard, answer: raw::recognised },
];

static UNKNOWN: DatagramEmulator = DatagramEmulator { name: "raw", taste: |_, _| 0, answer: |_, _, _| None };

/// Who is surest of a datagram.
pub(crate) fn taste_datagram(bytes: &[u8], port: u16) -> &'static DatagramEmulator {
    let sure = |emulator: &&DatagramEmulator| (emulator.taste)(bytes, port);
    DATAGRAMS.iter().filter(|emulator| sure(emulator) > 0).max_by_key(sure).unwrap_or(&UNKNOWN)
}
