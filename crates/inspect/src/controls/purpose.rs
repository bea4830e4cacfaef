use super::{Control, note};
use crate::ImageView;
use model::{Axis, Finding};

/// G5: what an image openly says of itself, in its name, in a label and in its start alike. A miner that calls
/// itself one is somebody's purpose and somebody else's incident.
pub(super) fn declared(image: &ImageView<'_>) -> Option<Purpose> {
    let name = &image.name?.repository;
    let config = &image.config.config;
    let start = || config.entrypoint.iter().chain(&config.cmd);
    KINDS.iter().find_map(|kind| {
        let in_name = kind.word_in(name)?;
        let (label, in_label) = DESCRIPTIONS
            .iter()
            .find_map(|label| Some((*label, kind.word_in(config.labels.get(*label)?)?)))?;
        let in_start = start().take(MOST_WORDS).find_map(|word| kind.word_in(word))?;
        let because = format!(
            "{}, by the name ({in_name}), the label {label} ({in_label}) and the start ({in_start})",
            kind.name
        );
        Some(Purpose { kind, because })
    })
}

/// A purpose that an image declares.
pub(super) struct Purpose {
    kind: &'static Kind,
    because: String,
}

impl Purpose {
    /// Lets a finding that belongs to the purpose stand on the axis of declared purposes. It is worth what it was
    /// worth: the declaration is a text that an attacker can write, and whether such images may run is a matter
    /// of policy.
    pub(super) fn mark(&self, finding: &mut Finding) -> bool {
        let family = finding.id.split('-').nth(1).unwrap_or_default();
        let belongs = self.kind.families.contains(&family);
        if belongs {
            finding.axis = Some(Axis::Pua);
            note(finding, Control::Purpose, &self.because);
        }
        belongs
    }
}

/// Whether findings of this id belong to any purpose that an image can declare.
pub(super) fn concerns(id: &str) -> bool {
    let family = id.split('-').nth(1).unwrap_or_default();
    KINDS.iter().any(|kind| kind.families.contains(&family))
}

/// Labels in which images describe themselves.
const DESCRIPTIONS: [&str; 6] = [
    "org.opencontainers.image.description",
    "org.opencontainers.image.title",
    "org.label-schema.description",
    "org.label-schema.name",
    "description",
    "summary",
];

/// Words of the start that are looked at, and characters of a text.
const MOST_WORDS: usize = 64;
const MOST_CHARACTERS: usize = 4096;

/// A purpose with the words that say it and the families of findings that follow from it.
struct Kind {
    name: &'static str,
    words: &'static [&'static str],
    families: &'static [&'static str],
}

impl Kind {
    /// The first of its words that a text has, as a word of its own: `tor` is not in `editor`.
    fn word_in(&self, text: &str) -> Option<&'static str> {
        let text = text
            .char_indices()
            .nth(MOST_CHARACTERS)
            .map_or(text, |(end, _)| text.get(..end).unwrap_or_default());
        text.split(|character: char| !character.is_ascii_alphanumeric())
            .find_map(|word| self.words.iter().find(|known| known.eq_ignore_ascii_case(word)).copied())
    }
}

const KINDS: [Kind; 4] = [
    Kind {
        name: "miner",
        words: &[
            "miner",
            "mining",
            "xmrig",
            "cpuminer",
            "monero",
            "monerod",
            "p2pool",
            "ethminer",
            "lolminer",
            "srbminer",
            "bfgminer",
            "cgminer",
            "nbminer",
            "gminer",
            "teamredminer",
        ],
        families: &["MIN"],
    },
    Kind {
        name: "scanner",
        words: &[
            "scanner",
            "scan",
            "scanning",
            "masscan",
            "nmap",
            "zmap",
            "nuclei",
            "nikto",
            "pentest",
            "pentesting",
            "metasploit",
            "msfconsole",
            "kali",
            "peirates",
            "kubehunter",
            "trufflehog",
            "sqlmap",
        ],
        families: &["DIS", "LAT", "C2", "ESC", "CRE", "EXF"],
    },
    Kind {
        name: "VPN or proxy",
        words: &[
            "vpn",
            "openvpn",
            "wireguard",
            "tor",
            "torproxy",
            "proxy",
            "tunnel",
            "tailscale",
            "socks",
            "ngrok",
            "cloudflared",
            "frp",
            "frpc",
            "frps",
            "chisel",
            "gost",
        ],
        families: &["C2", "EVA"],
    },
    Kind {
        name: "benchmark",
        words: &[
            "benchmark",
            "benchmarking",
            "bench",
            "loadtest",
            "stress",
            "wrk",
            "vegeta",
            "bombardier",
            "jmeter",
            "locust",
            "k6",
        ],
        families: &["IMP", "MIN"],
    },
];
