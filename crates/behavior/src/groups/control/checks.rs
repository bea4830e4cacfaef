use super::detections::{
    BEACON, BINDSH, DEADPOLL, DGA, DNSTUN, ELICIT, ICMPRAW, IRC, RAWTLS, REVSH, RMM, TOR, TUNNEL,
};
use crate::Outcome;
use crate::groups::{Run, base_name, is_board, is_interpreter, is_site, works_for};
use crate::record::{At, Flow};
use events::{Descriptor, NetOp, Peer, Process, WireKind};
use model::{Detection, Finding, Role};
use std::collections::{BTreeMap, BTreeSet};

const SECOND: u64 = 1_000_000_000;
/// Requests that make a rhythm, and by how much their intervals may differ from the middle one, in percent.
const BEATS: usize = 5;
const OFF_BEAT: u64 = 20;
/// Names below one domain that make a tunnel, and what makes a label a carrier.
const CARRIERS: usize = 20;
const CARRIER_LENGTH: usize = 24;
const FULL_LENGTH: usize = 40;
/// Domains that make a search.
const DRAWN: usize = 12;

/// Servers for remote logins: a shell on a connection is their trade.
const LOGIN_SERVERS: [&[u8]; 8] =
    [b"sshd", b"sshd-session", b"dropbear", b"telnetd", b"in.telnetd", b"inetd", b"xinetd", b"login"];
/// Programs that look at packets by trade.
const PACKET_TOOLS: [&[u8]; 16] = [
    b"tcpdump",
    b"ping",
    b"ping6",
    b"arping",
    b"traceroute",
    b"mtr",
    b"mtr-packet",
    b"nmap",
    b"dhclient",
    b"dhcpcd",
    b"udhcpc",
    b"keepalived",
    b"suricata",
    b"snort",
    b"dumpcap",
    b"tshark",
];
const TUNNELS: [&str; 10] = [
    "ngrok.com",
    "ngrok.io",
    "ngrok-agent.com",
    "argotunnel.com",
    "trycloudflare.com",
    "localtunnel.me",
    "serveo.net",
    "pinggy.io",
    "playit.gg",
    "localhost.run",
];
const MANAGEMENT: [&str; 10] = [
    "teamviewer.com",
    "anydesk.com",
    "net.anydesk.com",
    "splashtop.com",
    "screenconnect.com",
    "atera.com",
    "rustdesk.com",
    "dwservice.net",
    "action1.com",
    "tacticalrmm.com",
];

/// What one run shows of control from outside.
pub(in crate::groups) fn judge(run: &Run<'_>, out: &mut Outcome) {
    shells(run, out);
    for flow in run.record.flows() {
        spoken(run, flow, out);
        sites(run, flow, out);
    }
    beacons(run, out);
    names(run, out);
    packets(run, out);
}

/// Shells and interpreters whose standard input and output are one connection.
fn shells(run: &Run<'_>, out: &mut Outcome) {
    let mut told = BTreeSet::new();
    for process in run.record.processes() {
        let Some(exec) = process.execs.iter().rev().find(|exec| exec.what.result == 0) else { continue };
        let name = base_name(&exec.what.program);
        if !is_interpreter(name) || !told.insert(process.leader) {
            continue;
        }
        let (input, output) = (process.stands_at(0), process.stands_at(1));
        let (Some(Descriptor::Socket(one)), Some(Descriptor::Socket(other))) = (input, output) else {
            continue;
        };
        let inet = |peer: &Option<Peer>| matches!(peer, Some(Peer::Inet(to)) if !to.ip().is_loopback());
        if one != other || !inet(one) {
            continue;
        }
        // Who accepted the connection serves it; who connected is led by the other end.
        let accepted = run.record.lineage(process.process).any(|ancestor| {
            run.record.sockets().iter().any(|act| {
                act.what.process == ancestor.process
                    && matches!(&act.what.op, NetOp::Accept(peer) if peer == one)
            })
        });
        let serves_logins = run.record.lineage(process.process).any(|ancestor| {
            ancestor.execs.iter().any(|exec| LOGIN_SERVERS.contains(&base_name(&exec.what.program)))
        });
        if accepted && serves_logins {
            continue;
        }
        let peer = match one {
            Some(Peer::Inet(to)) => to.to_string(),
            _ => continue,
        };
        let (detection, words) = if accepted {
            (&BINDSH, format!("{} was started for whoever connected", model::escape_bytes(name)))
        } else {
            (
                &REVSH,
                format!(
                    "{} ran with a connection to {peer} as its input and output",
                    model::escape_bytes(name)
                ),
            )
        };
        out.findings.push(with_command(
            run,
            run.finding(detection, words),
            Some(process.process),
            exec.at,
            &peer,
        ));
    }
}

fn with_command(run: &Run<'_>, finding: Finding, process: Option<Process>, at: At, host: &str) -> Finding {
    let finding = finding.with_evidence("host", host, None);
    match process {
        Some(process) => finding.with_evidence("command", &run.record.told(process, at), None),
        None => finding,
    }
}

/// What the other end recognised in a flow.
fn spoken(run: &Run<'_>, flow: &Flow, out: &mut Outcome) {
    let host = end(flow);
    let mut add = |detection: &Detection, words: String, at| {
        let known = out.findings.iter().any(|finding: &Finding| {
            finding.id == detection.id && finding.evidence.iter().any(|piece| piece.value == host)
        });
        if !known {
            out.findings.push(with_command(run, run.finding(detection, words), flow.process, at, &host));
        }
    };
    for step in &flow.steps {
        match &step.what {
            WireKind::Step { protocol, what } if protocol == "shell" => {
                let shown: String = model::escape_bytes(what).chars().take(100).collect();
                add(&ELICIT, format!("ran a command that {host} typed and answered: {shown}"), step.at);
            }
            WireKind::Step { protocol, what } if protocol == "irc" => {
                let registers =
                    what.starts_with(b"NICK") || what.starts_with(b"USER") || what.starts_with(b"JOIN");
                if registers && !run.declares(&["irc"]) {
                    let shown: String = model::escape_bytes(what).chars().take(100).collect();
                    add(&IRC, format!("registered at {host}: {shown}"), step.at);
                }
            }
            WireKind::Step { protocol, what } if protocol == "tor" && !run.declares(&["tor"]) => {
                add(
                    &TOR,
                    format!("spoke to the Tor network at {host}: {}", model::escape_bytes(what)),
                    step.at,
                );
            }
            WireKind::Step { protocol, what } if protocol == "socks" => {
                let hidden = what.windows(6).any(|window| window == b".onion");
                if hidden && !run.declares(&["tor"]) {
                    add(&TOR, format!("asked a proxy at {host} for {}", model::escape_bytes(what)), step.at);
                }
            }
            WireKind::Step { protocol, what } if protocol == "tunnel" => {
                add(&TUNNEL, format!("opened a tunnel at {host}: {}", model::escape_bytes(what)), step.at);
            }
            WireKind::Tls(tls) if flow.is_bare() && tls.name.is_none() && !flow.to.ip().is_loopback() => {
                add(&RAWTLS, format!("made an encrypted connection to {host}, which has no name"), step.at);
            }
            _ => {}
        }
    }
}

fn sites(run: &Run<'_>, flow: &Flow, out: &mut Outcome) {
    let Some(name) = flow.name.as_deref() else { return };
    let name = name.to_lowercase();
    for (sites, detection, what) in [
        (&TUNNELS[..], &TUNNEL, "a tunnelling service"),
        (&MANAGEMENT[..], &RMM, "a service for remote management"),
    ] {
        let declared = run.declares(&["tunnel", "vpn", "remote-management"]);
        if sites.iter().any(|site| is_site(&name, site)) && !declared {
            let known = out.findings.iter().any(|finding| finding.id == detection.id);
            if !known {
                let words = format!("spoke to {}, {what}", end(flow));
                out.findings.push(with_command(
                    run,
                    run.finding(detection, words),
                    flow.process,
                    flow.opened,
                    &end(flow),
                ));
            }
        }
    }
}

/// Requests of one process to one host in a rhythm, by the guest's own clock.
fn beacons(run: &Run<'_>, out: &mut Outcome) {
    let mut visits: BTreeMap<(String, Process), Vec<&Flow>> = BTreeMap::new();
    for flow in run.record.flows().filter(|flow| flow.to.port() != 53 && flow.to.port() != 123) {
        if let Some(process) = flow.process {
            visits.entry((end(flow), works_for(run, process))).or_default().push(flow);
        }
    }
    for ((host, process), flows) in visits {
        let mut gaps: Vec<u64> =
            flows.windows(2).map(|pair| pair[1].opened.guest.saturating_sub(pair[0].opened.guest)).collect();
        if flows.len() < BEATS {
            continue;
        }
        gaps.sort_unstable();
        let middle = gaps[gaps.len() / 2];
        let off = gaps.iter().filter(|gap| gap.abs_diff(middle) * 100 > middle * OFF_BEAT).count();
        let asked = run.record.sockets().iter().any(|act| {
            matches!(act.what.op, NetOp::Accept(_)) && run.record.leader(act.what.process) == process
        });
        // At least a second, or it is one conversation in parts.
        if middle < SECOND || off * 4 > gaps.len() || asked {
            continue;
        }
        let flow = flows[0];
        let name = flow.name.clone().unwrap_or_default().to_lowercase();
        if is_board(&name) {
            let words = format!("asked {host} {} times, every {} seconds", flows.len(), middle / SECOND);
            out.findings.push(with_command(
                run,
                run.finding(&DEADPOLL, words),
                Some(process),
                flow.opened,
                &host,
            ));
        } else if !run.image.configured_hosts.contains(&flow.host().to_lowercase()) {
            let words = format!("spoke to {host} {} times, every {} seconds", flows.len(), middle / SECOND);
            out.findings.push(with_command(
                run,
                run.finding(&BEACON, words),
                Some(process),
                flow.opened,
                &host,
            ));
        }
    }
}

/// What was asked for: data in labels, and domains drawn by lot.
fn names(run: &Run<'_>, out: &mut Outcome) {
    let mut below: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut denied: BTreeSet<String> = BTreeSet::new();
    for step in run.record.flows().flat_map(|flow| &flow.steps) {
        let WireKind::Dns(dns) = &step.what else { continue };
        let name = String::from_utf8_lossy(&dns.name).to_lowercase();
        let labels: Vec<&str> = name.split('.').collect();
        let Some(at) = labels.len().checked_sub(2) else { continue };
        let domain = labels[at..].join(".");
        let carried: String = labels[..at].concat();
        if carried.len() >= CARRIER_LENGTH && looks_drawn(&carried) {
            below.entry(domain.clone()).or_default().insert(carried);
        }
        if dns.answers.is_empty() && looks_drawn(labels[at]) && labels[at].len() >= 8 {
            denied.insert(domain);
        }
    }
    if let Some((domain, carried)) = below.into_iter().max_by_key(|(_, carried)| carried.len())
        && carried.len() >= CARRIERS
    {
        let shown = model::escape_text(&domain);
        let words = format!(
            "asked for {} different names below {shown} whose labels look like encoded data",
            carried.len()
        );
        let example = carried.iter().next().cloned().unwrap_or_default();
        let mut finding = run
            .finding(&DNSTUN, words)
            .with_evidence("host", &domain, None)
            .with_evidence("label", &example, None);
        // Identifiers of machines and objects are as long as this; what carries data fills its labels.
        if carried.iter().map(String::len).sum::<usize>() < carried.len() * FULL_LENGTH {
            finding.role = Role::Corroborates;
        }
        out.findings.push(finding);
    }
    if denied.len() >= DRAWN {
        let examples: Vec<&str> = denied.iter().take(5).map(String::as_str).collect();
        let words = format!("asked for {} domains that do not exist and look drawn by lot", denied.len());
        out.findings.push(run.finding(&DGA, words).with_evidence("names", &examples.join(" "), None));
    }
}

/// Whether a text has more different characters, digits between letters and fewer vowels than words have.
fn looks_drawn(text: &str) -> bool {
    let letters: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    if letters.len() < 8 {
        return false;
    }
    let vowels = letters.iter().filter(|letter| matches!(letter, 'a' | 'e' | 'i' | 'o' | 'u')).count();
    let digits = letters.iter().filter(|letter| letter.is_ascii_digit()).count();
    let kinds = letters.iter().collect::<BTreeSet<_>>().len();
    // A number behind a word is no mixture.
    let mixed = digits * 8 > letters.len() && digits < letters.len();
    // Words have a vowel in every two to four letters.
    let poor = vowels * 100 < letters.len() * 22;
    (mixed && kinds >= 7 && vowels * 100 < letters.len() * 40) || (poor && kinds >= 7)
}

/// Sockets that see or make packets beside the kernel's own protocols.
fn packets(run: &Run<'_>, out: &mut Outcome) {
    const PACKET: i32 = 17;
    const RAW: i32 = 3;
    const INET: [i32; 2] = [2, 10];
    const SOL_SOCKET: i32 = 1;
    const ATTACH_FILTER: i32 = 26;
    let mut told = BTreeSet::new();
    for act in run.record.sockets() {
        let process = run.record.leader(act.what.process);
        let opens = matches!(act.what.op, NetOp::Make { family, kind, .. } if family == PACKET || kind == RAW && INET.contains(&family));
        if !opens || !told.insert(process) {
            continue;
        }
        let program = run.record.program(act.what.process, act.at);
        let trade = program.is_some_and(|exec| PACKET_TOOLS.contains(&base_name(&exec.what.program)));
        if trade || run.declares(&["scanner", "sniffer", "vpn"]) {
            continue;
        }
        let filters = run.record.sockets().iter().any(|other| {
            run.record.leader(other.what.process) == process
                && matches!(other.what.op, NetOp::Option { level: SOL_SOCKET, name: ATTACH_FILTER })
        });
        let carries = run.record.flows().flat_map(|flow| &flow.steps).any(|step| {
            matches!(&step.what, WireKind::Packets { what, payload, .. } if what == "icmp" && is_data(payload))
        });
        if filters || carries {
            let words = if filters {
                "opened a raw socket with a filter of its own, as what waits for a magic packet does"
            } else {
                "sent data inside of ICMP"
            };
            out.findings.push(run.finding(&ICMPRAW, words).with_evidence(
                "command",
                &run.record.told(act.what.process, act.at),
                None,
            ));
        }
    }
}

/// What `ping` puts into its packets counts up or is zero; data does not.
fn is_data(payload: &[u8]) -> bool {
    let body = payload.get(16..).unwrap_or_default();
    let counts =
        body.windows(2).filter(|pair| pair[1] == pair[0].wrapping_add(1) || pair[1] == pair[0]).count();
    body.len() >= 16 && counts * 2 < body.len()
}

fn end(flow: &Flow) -> String {
    format!("{}:{}", flow.host(), flow.to.port())
}
