use super::super::detections::{
    ADDRESS, ARGV, BANDWIDTH, BUILD, COIN, PACKAGE, POOL, REMOTE, STRATUM, TUNE, WORKER,
};
use super::super::parse::command::{Command, Proof};
use super::super::parse::{endpoint, hosts, marks, wallets, words};
use super::super::{Coin, Mark, PoolList};
use super::files::{as_configured, evidence};
use super::{Environment, commands_of};
use crate::ImageView;
use model::{Class, Detection, Finding, Role, Severity};

/// The longest instruction and the most of them that are read.
const MAX_TEXT: usize = 64 << 10;
const MAX_INSTRUCTIONS: usize = 1024;

/// What `ENTRYPOINT`, `CMD`, `HEALTHCHECK` and `ONBUILD` run.
pub(super) fn start(
    image: &ImageView<'_>,
    pools: &PoolList,
    environment: &Environment<'_>,
    findings: &mut Vec<Finding>,
) {
    let config = &image.config.config;
    let start: Vec<_> = config.entrypoint.iter().chain(&config.cmd).map(String::as_str).collect();
    let check: Vec<_> = config.healthcheck.test.iter().map(String::as_str).collect();
    let build: Vec<_> = config.on_build.iter().map(String::as_str).collect();
    for (instruction, words) in [("start", start), ("HEALTHCHECK", check), ("ONBUILD", build)] {
        let line = words.join(" ");
        let line = cut(&line);
        for command in commands_of(line, environment) {
            findings.extend(command_findings(image, instruction, &command));
        }
        let line = words::put_in(line, |name| environment.get(name).copied());
        let names = format!("The {instruction} of the image");
        text_findings(image, pools, &names, &line, findings);
    }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn command_findings(image: &ImageView<'_>, instruction: &str, command: &Command) -> Vec<Finding> {
    let mut findings = Vec::new();
    if command.proof() > Proof::No {
        let sure = command.proof() == Proof::Sure;
        let parts = if sure { "the command of a miner" } else { "most of the command of a miner" };
        let why = format!("The {instruction} of the image is {parts}, whatever the program is called.");
        let mut finding = as_configured(image.finding(&ARGV, why));
        if !sure {
            (finding.role, finding.severity) = (Role::Corroborates, Severity::High);
        }
        findings.push(evidence(finding, command));
    }
    if command.remote == 3 {
        let why = format!("The {instruction} of the image takes orders from a server of XMRigCC.");
        findings.push(evidence(as_configured(image.finding(&REMOTE, why)), command));
    }
    if command.named_by_host && command.proof() > Proof::No {
        let why = "The worker of the miner is named after the machine it runs on.";
        findings.push(as_configured(image.finding(&WORKER, why)));
    }
    findings
}

/// What a text of the configuration names, command or not.
fn text_findings(
    image: &ImageView<'_>,
    pools: &PoolList,
    names: &str,
    text: &str,
    findings: &mut Vec<Finding>,
) {
    let bytes = text.as_bytes();
    let mut push = |detection: &Detection, why: String, kind: &str, value: &str| {
        findings.push(as_configured(image.finding(detection, why)).with_evidence(kind, value, None));
    };
    let uri =
        memchr::memmem::find_iter(bytes, b"stratum").find_map(|at| endpoint::stratum_at(bytes.get(at..)?));
    if let Some(endpoint) = uri {
        push(
            &STRATUM,
            format!("{names} names a server of the mining protocol."),
            "endpoint",
            &endpoint.shown(),
        );
    }
    hosts::scan(bytes, pools, &mut |_, endpoint| {
        push(&POOL, format!("{names} names a host of a known mining pool."), "endpoint", &endpoint.shown());
        false
    });
    for word in bytes.split(|byte| !byte.is_ascii_alphanumeric()) {
        let Some(coin) = wallets::coin_of(word) else { continue };
        let detection = if coin == Coin::Monero { &ADDRESS } else { &COIN };
        let why = format!("{names} holds an address of {}, with a valid checksum.", coin.name());
        push(detection, why, "wallet", &String::from_utf8_lossy(word));
        break;
    }
    let commands = words::commands(bytes);
    let mut seen = Vec::new();
    marks::of_line(bytes, &commands, &mut |mark| seen.push(mark));
    if let Some(detection) = seen.iter().find_map(|mark| of_mark(*mark)) {
        push(
            detection,
            format!("{names} does what is done for a miner."),
            "command",
            &text.chars().take(200).collect::<String>(),
        );
    }
}

fn of_mark(mark: Mark) -> Option<&'static Detection> {
    Some(match mark {
        Mark::Package => &PACKAGE,
        Mark::Source => &BUILD,
        Mark::Bandwidth => &BANDWIDTH,
        mark if mark.tunes() => &TUNE,
        _ => return None,
    })
}

/// What the environment holds, of which a script makes the command.
pub(super) fn variables(image: &ImageView<'_>, pools: &PoolList, findings: &mut Vec<Finding>) {
    for variable in image.config.config.env.iter().take(MAX_INSTRUCTIONS) {
        let name = variable.split('=').next().unwrap_or_default();
        let names =
            format!("The variable {}", model::escape_text(name.get(..name.len().min(64)).unwrap_or("…")));
        text_findings(image, pools, &names, cut(variable), findings);
    }
}

/// What the history tells. It is a claim, and what is run at build time mines nothing later, so it only explains.
pub(super) fn history(image: &ImageView<'_>, pools: &PoolList, findings: &mut Vec<Finding>) {
    let start = findings.len();
    for entry in image.config.history.iter().take(MAX_INSTRUCTIONS) {
        let instruction = cut(&entry.created_by);
        for command in commands_of(instruction, &Environment::new()) {
            findings.extend(command_findings(image, "history", &command));
        }
        text_findings(image, pools, "The history", instruction, findings);
    }
    for finding in findings.iter_mut().skip(start) {
        (finding.role, finding.severity) = (Role::Context, Severity::Low);
        finding.class = Class::Meta;
        finding.reachable = None;
    }
}

/// Installed packages whose purpose is mining: the traces of `apk add` that the history may not tell.
pub(super) fn packages(image: &ImageView<'_>, findings: &mut Vec<Finding>) {
    let installed = image.ownership.packages().iter().filter(|package| !package.removed);
    for package in installed.filter(|package| marks::is_miner_project(package.name.as_bytes())).take(8) {
        let why = format!(
            "The package {} is installed, whose purpose is mining.",
            model::escape_text(&package.name)
        );
        findings.push(image.finding(&PACKAGE, why).with_evidence("package", &package.name, None));
    }
}
