use super::super::detections::{
    ADDRESS, ARGV, BANDWIDTH, BUILD, COIN, CONFIG, PACKAGE, POOL, REMOTE, RIVALS, STRATUM, TUNE, WEB, WORKER,
};
use super::super::parse::command::{Command, Proof};
use super::super::{Coin, Mark, MinerFacts, PoolList};
use super::standing::{Standing, Standings};
use super::{Environment, commands_of_script};
use crate::analyzers::start::base_name;
use crate::{Fact, ImageView, Outcome};
use layers::Place;
use model::{Class, Finding, Role, Severity};
use std::collections::HashSet;

/// Most values of one kind that a finding shows.
const MAX_SHOWN: usize = 4;

/// What each file with facts about mining amounts to, and each script that the start leads to.
pub(super) fn files(
    image: &ImageView<'_>,
    pools: &PoolList,
    environment: &Environment<'_>,
    out: &Outcome,
    findings: &mut Vec<Finding>,
) {
    let mut standings = Standings::new(image, out);
    let mut seen = HashSet::new();
    let empty = MinerFacts::default();
    let named = named_files(image, out);
    for (layer, number) in image.layers.iter().zip(0..) {
        for (entry, _, fact) in layer.facts.all() {
            let Fact::Miner(facts) = fact else { continue };
            let place = Place { layer: number, entry };
            seen.insert(place);
            if let Some(standing) = standings.of(image, place, facts) {
                file(image, pools, environment, standing, facts, &named, findings);
            }
        }
    }
    // A script may name nothing itself, and get all of it from the environment.
    for reached in &out.chain {
        let place = image.tree.content(reached.place);
        if seen.insert(place)
            && let Some(standing) = standings.of(image, place, &empty)
        {
            file(image, pools, environment, standing, &empty, &named, findings);
        }
    }
}

fn file(
    image: &ImageView<'_>,
    pools: &PoolList,
    environment: &Environment<'_>,
    standing: Standing,
    facts: &MinerFacts,
    named: &Named,
    findings: &mut Vec<Finding>,
) {
    let mut commands = facts.commands.clone();
    if standing.runs() {
        commands.extend(commands_of_script(image, standing.place, environment));
    }
    let before = findings.len();
    let best = commands.iter().max_by_key(|command| command.proof());
    let best = best.filter(|command| command.proof() > Proof::No);
    let sure = best.is_some_and(|command| command.proof() == Proof::Sure);
    if !sure && standing.runs() && is_assembled(facts, pools) {
        let why = "This is run, and has a mining server, a wallet with a valid checksum and options of a miner, from \
                   which it puts the command of one together.";
        findings.push(with_places(standing.finding(image, &ARGV, true, false, why), facts));
    } else if let Some(command) = best {
        findings.push(miner_command(image, &standing, command));
    }
    if let Some(command) = commands.iter().find(|command| command.remote == 3) {
        let why =
            "A command takes orders from a server of XMRigCC, which controls the miner and can run commands.";
        findings.push(standing.finding(image, &REMOTE, true, false, why).with_evidence(
            "command",
            &command.shown,
            None,
        ));
    }
    configuration(image, pools, &standing, facts, named, findings);
    addresses(image, pools, &standing, facts, findings);
    servers(image, pools, &standing, facts, findings);
    let mines = commands.iter().any(|command| command.proof() > Proof::No)
        || (!facts.endpoints.is_empty() && monero(facts).next().is_some());
    if mines && (facts.asks_own_address || commands.iter().any(|command| command.named_by_host)) {
        let why = "The worker of a miner is named after the machine or the address under which it is seen.";
        findings.push(standing.finding(image, &WORKER, false, false, why));
    }
    marks(image, &standing, facts, findings);
    if facts.rivals > 0 {
        // Who cleans up after an attack kills the same programs. Only beside mining of its own it is competition.
        let own =
            findings.get(before..).unwrap_or_default().iter().any(|finding| finding.role > Role::Context);
        let why = format!("It kills {} different miners of others.", facts.rivals);
        findings.push(standing.finding(image, &RIVALS, own, false, why));
    }
}

fn miner_command(image: &ImageView<'_>, standing: &Standing, command: &Command) -> Finding {
    let sure = command.proof() == Proof::Sure;
    let why = if sure {
        "This is the command of a miner: it names a server, and a wallet, an algorithm or an option that nothing else has."
    } else {
        "This is most of the command of a miner; one part is missing, or known only when it runs."
    };
    let mut finding = standing.finding(image, &ARGV, sure, false, why);
    if !sure && !standing.runs() && finding.role > Role::Context {
        finding.severity = Severity::Medium;
    }
    evidence(finding, command)
}

pub(super) fn evidence(mut finding: Finding, command: &Command) -> Finding {
    finding = finding.with_evidence("command", &command.shown, None);
    if let Some(endpoint) = &command.endpoint {
        finding = finding.with_evidence("endpoint", &endpoint.shown(), None);
    }
    if let Some((coin, wallet)) = &command.wallet {
        finding = finding.with_evidence("wallet", &format!("{}: {wallet}", coin.name()), None);
    }
    if command.line > 0 {
        finding = finding.with_evidence("line", &command.line.to_string(), None);
    }
    finding
}

/// Whether a script holds the parts of a miner's command without spelling it out: a string of one language put
/// together in another is not followed, so the parts must do.
fn is_assembled(facts: &MinerFacts, pools: &PoolList) -> bool {
    let server = facts.endpoints.iter().any(|found| found.what.stratum || found.what.is_listed(pools));
    server && facts.options && !facts.program && !facts.many_wallets && monero(facts).next().is_some()
}

fn monero(facts: &MinerFacts) -> impl Iterator<Item = &str> {
    facts.wallets.iter().filter(|found| found.what.0 == Coin::Monero).map(|found| found.what.1.as_str())
}

fn with_places(mut finding: Finding, facts: &MinerFacts) -> Finding {
    for found in facts.endpoints.iter().take(MAX_SHOWN) {
        finding = finding.with_evidence("endpoint", &found.what.shown(), None);
    }
    for wallet in monero(facts).take(MAX_SHOWN) {
        finding = finding.with_evidence("wallet", wallet, None);
    }
    finding
}

/// What tells that a program reads a configuration: it is named in a command, or lies where the program does.
struct Named {
    names: HashSet<Vec<u8>>,
    folders: HashSet<Vec<u8>>,
}

fn named_files(image: &ImageView<'_>, out: &Outcome) -> Named {
    let mut named = Named { names: HashSet::new(), folders: HashSet::new() };
    let config = &image.config.config;
    let mut name = |text: &[u8]| {
        for word in text.split(|byte| byte.is_ascii_whitespace() || b"=\"'".contains(byte)) {
            if word.contains(&b'.') || word.contains(&b'/') {
                named.names.insert(base_name(word).to_vec());
            }
        }
    };
    config.entrypoint.iter().chain(&config.cmd).for_each(|word| name(word.as_bytes()));
    for reached in &out.chain {
        for fact in image.facts(reached.place) {
            let Fact::Script(script) = fact else { continue };
            let words = script.runs.iter().flat_map(|run| &run.words);
            words.filter_map(|word| word.as_text()).for_each(&mut name);
        }
    }
    for reached in &out.chain {
        let folder = reached.path.len() - base_name(&reached.path).len();
        named.folders.insert(reached.path.get(..folder).unwrap_or_default().to_vec());
    }
    named
}

fn configuration(
    image: &ImageView<'_>,
    pools: &PoolList,
    standing: &Standing,
    facts: &MinerFacts,
    named: &Named,
    findings: &mut Vec<Finding>,
) {
    let Some(shape) = &facts.config else { return };
    let Some(entry) = image.tree.entry(standing.place) else { return };
    let name = base_name(entry.path);
    let folder = entry.path.get(..entry.path.len() - name.len()).unwrap_or_default();
    // XMRig reads `config.json` beside itself when it is told nothing else.
    let read = named.names.contains(name) || (name == b"config.json" && named.folders.contains(folder));
    let server = shape.endpoint.as_ref().is_some_and(|server| server.stratum || server.is_listed(pools));
    let certain = shape.account && (shape.wallet.is_some() || server || shape.own >= 2);
    let standing = Standing { reached: standing.reached || read, ..*standing };
    let why = if standing.runs() {
        "This is the configuration of a miner with its server and account, and the start of the image leads to it."
    } else {
        "This is the configuration of a miner, with its server and account."
    };
    let mut finding = standing.finding(image, &CONFIG, certain, false, why);
    if let Some(endpoint) = &shape.endpoint {
        finding = finding.with_evidence("endpoint", &endpoint.shown(), None);
    }
    if let Some((coin, wallet)) = &shape.wallet {
        finding = finding.with_evidence("wallet", &format!("{}: {wallet}", coin.name()), None);
    }
    findings.push(finding.with_evidence("line", &shape.line.to_string(), None));
}

fn addresses(
    image: &ImageView<'_>,
    pools: &PoolList,
    standing: &Standing,
    facts: &MinerFacts,
    findings: &mut Vec<Finding>,
) {
    if let Some(first) = monero(facts).next() {
        // Wallets and nodes carry the address for donations to their authors.
        let server = facts.endpoints.iter().any(|found| found.what.stratum || found.what.is_listed(pools));
        let alone = facts.program && !server;
        let why = "It holds the address of a Monero wallet, with a valid checksum.";
        let mut finding = standing.finding(image, &ADDRESS, false, facts.many_wallets, why);
        if alone {
            (finding.role, finding.severity) = (Role::Context, Severity::Low);
        }
        findings.push(finding.with_evidence("wallet", first, None));
    }
    if let Some(other) = facts.wallets.iter().find(|found| found.what.0 != Coin::Monero) {
        let (coin, wallet) = &other.what;
        let why = format!("It holds an address of {}, with a valid checksum.", coin.name());
        findings
            .push(standing.finding(image, &COIN, false, false, why).with_evidence("wallet", wallet, None));
    }
}

fn servers(
    image: &ImageView<'_>,
    pools: &PoolList,
    standing: &Standing,
    facts: &MinerFacts,
    findings: &mut Vec<Finding>,
) {
    let stratum: Vec<_> = facts.endpoints.iter().filter(|found| found.what.stratum).collect();
    if let Some(first) = stratum.first() {
        let why = if facts.encoded {
            "It names a server of the mining protocol, hidden in an encoding."
        } else {
            "It names a server of the mining protocol."
        };
        let mut finding = standing.finding(image, &STRATUM, false, facts.many_servers, why);
        for found in stratum.iter().take(MAX_SHOWN) {
            finding = finding.with_evidence("endpoint", &found.what.shown(), None);
        }
        findings.push(finding.with_evidence("line", &first.line.to_string(), None));
    }
    let listed: Vec<_> = facts.endpoints.iter().filter(|found| found.what.is_listed(pools)).collect();
    let Some(first) = listed.first() else { return };
    // Prose and tables of popular sites name pools too; a name with a port, or in what is run or read as
    // configuration, is there to be connected to.
    let used = facts.program
        || facts.script
        || listed.iter().any(|found| found.what.port != 0 || found.what.stratum)
        || image
            .tree
            .entry(standing.place)
            .is_some_and(|entry| entry.mode & 0o111 != 0 || is_configuration(entry.path));
    let why = "It names a host of a known mining pool.";
    let mut finding = standing.finding(image, &POOL, false, facts.many_servers || !used, why);
    // Scanners have the names of pools in them, to look for them.
    if facts.program
        && !facts.endpoints.iter().any(|found| found.what.stratum)
        && monero(facts).next().is_none()
    {
        (finding.role, finding.severity) = (Role::Context, Severity::Low);
    }
    for found in listed.iter().take(MAX_SHOWN) {
        finding = finding.with_evidence("endpoint", &found.what.shown(), None);
    }
    findings.push(finding.with_evidence("line", &first.line.to_string(), None));
}

fn is_configuration(path: &[u8]) -> bool {
    const ENDS: &[&[u8]] = &[
        b".conf",
        b".cfg",
        b".ini",
        b".json",
        b".yaml",
        b".yml",
        b".toml",
        b".env",
        b".service",
        b".sh",
        b".py",
        b".pl",
        b".rb",
        b".js",
        b".php",
        b".xml",
        b".properties",
    ];
    let name = base_name(path);
    ENDS.iter().any(|end| name.ends_with(end))
}

fn marks(image: &ImageView<'_>, standing: &Standing, facts: &MinerFacts, findings: &mut Vec<Finding>) {
    let first = |mark: Mark| facts.marks.iter().find(|found| found.what == mark);
    let mut push = |detection, list, line: u32, why: &str| {
        let finding = standing.finding(image, detection, false, list, why);
        findings.push(finding.with_evidence("line", &line.to_string(), None));
    };
    // What a script would do counts only where the image runs it (G6).
    let idle = !standing.runs();
    if let Some(found) = first(Mark::Package) {
        push(
            &PACKAGE,
            idle,
            found.line,
            "It installs a package whose purpose is mining, when the image runs.",
        );
    }
    if let Some(found) = first(Mark::Source)
        && facts.compiles
    {
        push(&BUILD, idle, found.line, "It fetches the source of a miner and compiles it.");
    }
    if let Some(found) = facts.marks.iter().find(|found| found.what.tunes()) {
        push(
            &TUNE,
            idle,
            found.line,
            "It tunes the machine the way miners do: large pages, registers, watchdog, frequency.",
        );
    }
    if let Some(found) = first(Mark::Web) {
        push(&WEB, false, found.line, "It mines in the browser of whoever visits the page.");
    }
    if let Some(found) = first(Mark::Bandwidth) {
        push(
            &BANDWIDTH,
            idle,
            found.line,
            "It gives the machine's connection to a network that pays an account for it.",
        );
    }
}

/// The class of what the configuration itself says.
pub(super) fn as_configured(mut finding: Finding) -> Finding {
    finding.class = Class::Config;
    finding.reachable = Some(true);
    finding
}
