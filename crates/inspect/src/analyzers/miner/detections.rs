use model::{Class, Detection, Role, Severity, Stage};

/// The role is the highest that a finding has: where nothing runs a file it has a lower one, and documentation,
/// tests, rules and block lists only explain. The class is that of a file; what is run or configured has its own.
const fn about(
    id: &'static str,
    title: &'static str,
    (severity, role): (Severity, Role),
    techniques: &'static [&'static str],
    why: &'static str,
    advice: &'static str,
) -> Detection {
    Detection { id, title, severity, role, class: Class::File, stage: Stage::Static, techniques, why, advice }
}

const MINING: &[&str] = &["T1496.001", "T1496"];
const WHOSE: &str = "Ask who publishes the image and who is paid. An image that openly mines for whoever runs it is a \
                     matter of policy; one that calls itself something else must not run.";

pub(super) const ARGV: Detection = about(
    "S-MIN-ARGV",
    "Command of a miner",
    (Severity::Critical, Role::Convicts),
    MINING,
    "A command names a server to get work from, and a wallet, an algorithm or an option that only miners have. \
     Campaigns rename the program to nginx or python; its options cannot be renamed. The role holds where the image \
     runs the command. Elsewhere it corroborates, and in documentation it only explains.",
    "Do not run the image. Look for the wallet and the server in other images and in network logs.",
);

pub(super) const REMOTE: Detection = about(
    "S-MIN-CC",
    "Miner that others control",
    (Severity::Critical, Role::Convicts),
    &["T1496.001", "T1496", "T1219"],
    "The miner takes its orders from a server of XMRigCC, with a token. Whoever runs that server changes what is mined \
     and, in usual builds, runs commands in the container.",
    "Do not run the image. Where it ran, treat the container as one that somebody else had a shell in.",
);

pub(super) const CONFIG: Detection = about(
    "S-MIN-CONFIG",
    "Configuration of a miner",
    (Severity::High, Role::Convicts),
    MINING,
    "A file, or a text within a script, is a list of pools with server and account beside keys that only miners have. \
     It convicts where the start names it or leads to a program beside it; elsewhere it corroborates.",
    WHOSE,
);

pub(super) const ADDRESS: Detection = about(
    "S-MIN-XMRADDR",
    "Monero wallet",
    (Severity::Medium, Role::Corroborates),
    MINING,
    "The text is the address of a Monero wallet: its checksum is valid, so it was not written by chance. Stolen \
     processors mine Monero. Wallets, nodes and their documentation hold such addresses too.",
    "Look what the address is for, and for the same address in other images.",
);

pub(super) const COIN: Detection = about(
    "S-MIN-COINADDR",
    "Address of a wallet",
    (Severity::Low, Role::Context),
    MINING,
    "The text is the address of a wallet, with a valid checksum. Many programs hold some, so it is \
     told beside another sign of mining alone, and only explains.",
    "Nothing by itself. The same address in other images ties them together.",
);

pub(super) const STRATUM: Detection = about(
    "S-MIN-STRATUM",
    "Server of the mining protocol",
    (Severity::High, Role::Corroborates),
    &["T1496.001", "T1496", "T1071"],
    "A URI names a server that speaks stratum, the protocol between miners and pools. It stands in what a miner is \
     told, and in rules and documents about miners, which do not count.",
    "Look at what reads the file, and where the server is.",
);

pub(super) const POOL: Detection = about(
    "S-MIN-POOL",
    "Host of a mining pool",
    (Severity::Medium, Role::Corroborates),
    MINING,
    "A script, a configuration or a program names a host that is listed as a mining pool. Lists age and addresses \
     change hands, so it never decides alone, and a file that names many is a list itself.",
    "Look at what connects there.",
);

pub(super) const WORKER: Detection = about(
    "S-MIN-WORKERTAG",
    "Worker named after the machine",
    (Severity::Medium, Role::Corroborates),
    &["T1496.001", "T1496", "T1016"],
    "Beside the command of a miner the machine is asked for its name or its public address. Whoever mines on many \
     machines that are not his tells them apart in this way.",
    WHOSE,
);

pub(super) const BANDWIDTH: Detection = about(
    "S-MIN-DEPIN",
    "Sale of bandwidth",
    (Severity::Medium, Role::Corroborates),
    &["T1496.002", "T1496"],
    "A client of a network that pays for bandwidth or presence is started with the account of whoever made the image. \
     Strangers' traffic then leaves from the address of the one who runs it.",
    "Ask who is paid. The vendors' own images take the account from whoever runs them.",
);

pub(super) const PACKAGE: Detection = about(
    "S-MIN-PKG",
    "Package of a miner",
    (Severity::High, Role::Corroborates),
    &["T1496.001", "T1496", "T1072"],
    "A package whose purpose is mining is installed, or the image installs one when it runs. A campaign of 2021 needed \
     nothing but the package of a distribution and a command.",
    WHOSE,
);

pub(super) const BUILD: Detection = about(
    "S-MIN-BUILD",
    "Miner compiled when the image runs",
    (Severity::High, Role::Corroborates),
    &["T1496.001", "T1496", "T1027.004"],
    "The image fetches the source of a miner, or takes the donation out of it, and compiles it. So no known file is \
     in any layer for a list of hashes to find.",
    WHOSE,
);

pub(super) const TUNE: Detection = about(
    "S-MIN-TUNE",
    "Machine tuned for mining",
    (Severity::Medium, Role::Corroborates),
    MINING,
    "Large pages are set aside, registers of the processor written, its watchdog or frequency changed. Databases and \
     packet processing do some of it too, so it counts only beside another sign of mining.",
    "Look at what the script starts afterwards.",
);

pub(super) const WEB: Detection = about(
    "S-MIN-WEB",
    "Miner for visitors of a page",
    (Severity::Medium, Role::Corroborates),
    &["T1496.001", "T1496"],
    "A page or script makes the browser of who visits it mine: a miner is made with the key of an account and started, \
     or the mining function runs in workers beside a socket.",
    "Look who changed the page, and whether the owner of the site knows.",
);

pub(super) const RIVALS: Detection = about(
    "S-MIN-RIVALS",
    "Other miners killed",
    (Severity::High, Role::Convicts),
    &["T1489", "T1496.001"],
    "A script kills the miners of several known campaigns. Whoever mines wants the processor alone. Tools that clean up \
     kill the same programs, so it convicts only where the image runs it and it shows mining of its own.",
    "Look at what the script starts once the others are gone.",
);

pub(super) const ALL: &[Detection] = &[
    ARGV, REMOTE, CONFIG, ADDRESS, COIN, STRATUM, POOL, WORKER, BANDWIDTH, PACKAGE, BUILD, TUNE, WEB, RIVALS,
];
