use super::detections::{BURST, CANARYREAD, CANARYUSE, HUNT, IMDS, KUBE, PROCENV, PUBIP, SHADOW, SNIFF};
use crate::Outcome;
use crate::groups::{Run, base_name, is_site, works_for};
use crate::record::At;
use events::{Http, NetOp, Origin, Process, WireKind};
use model::{Detection, Finding, Role};
use std::collections::{BTreeMap, BTreeSet};

const SECOND: u64 = 1_000_000_000;
/// Other processes whose environment makes a search, and kinds of secrets that make a hunt.
const OTHERS: usize = 3;
const KINDS: usize = 3;
/// Questions that make a survey, and within which time.
const QUESTIONS: usize = 6;
const SURVEY: u64 = 10 * SECOND;

const KEEPERS: [&[u8]; 21] = [
    b"restic",
    b"borg",
    b"duplicity",
    b"rdiff-backup",
    b"kopia",
    b"su",
    b"sudo",
    b"login",
    b"passwd",
    b"sshd",
    b"sshd-session",
    b"useradd",
    b"usermod",
    b"adduser",
    b"chpasswd",
    b"unix_chkpwd",
    b"pwck",
    b"chage",
    b"vsftpd",
    b"dpkg",
    b"cron",
];
const SURVEYORS: [&[u8]; 20] = [
    b"uname",
    b"id",
    b"whoami",
    b"nproc",
    b"lscpu",
    b"free",
    b"df",
    b"lsblk",
    b"ip",
    b"ifconfig",
    b"hostname",
    b"ps",
    b"w",
    b"last",
    b"mount",
    b"netstat",
    b"ss",
    b"uptime",
    b"lspci",
    b"dmidecode",
];
const ADDRESS_SERVICES: [&str; 12] = [
    "ifconfig.me",
    "ipinfo.io",
    "icanhazip.com",
    "api.ipify.org",
    "checkip.amazonaws.com",
    "ip-api.com",
    "ifconfig.co",
    "ipecho.net",
    "myip.opendns.com",
    "wtfismyip.com",
    "ident.me",
    "ip.sb",
];

/// What one run shows of looking for secrets.
pub(in crate::groups) fn judge(run: &Run<'_>, out: &mut Outcome) {
    opened(run, out);
    used(run, out);
    asked(run, out);
    sniffed(run, out);
    surveyed(run, out);
}

fn add(run: &Run<'_>, out: &mut Outcome, detection: &Detection, words: String, process: Process, at: At) {
    if !out.findings.iter().any(|finding: &Finding| finding.id == detection.id) {
        let told = run.record.told(process, at);
        out.findings.push(run.finding(detection, words).with_evidence("command", &told, None));
    }
}

/// A kind of secret: where it lies, and the programs that look for it by themselves.
struct Kind {
    part: &'static [u8],
    name: &'static str,
    clients: &'static [&'static [u8]],
}

const KINDS_OF_SECRETS: [Kind; 10] = [
    Kind { part: b"/.aws/", name: "aws", clients: &[b"aws", b"terraform", b"packer", b"boto"] },
    Kind {
        part: b"/.ssh/id_",
        name: "ssh",
        clients: &[b"ssh", b"scp", b"sftp", b"git", b"ssh-add", b"ssh-keygen", b"rsync", b"ansible"],
    },
    Kind {
        part: b"/.docker/config.json",
        name: "registry",
        clients: &[b"docker", b"skopeo", b"buildah", b"podman", b"crane", b"kaniko"],
    },
    Kind {
        part: b"/.kube/config",
        name: "cluster",
        clients: &[b"kubectl", b"helm", b"k9s", b"argocd", b"flux"],
    },
    Kind { part: b"/.npmrc", name: "npm", clients: &[b"node", b"npm", b"yarn", b"pnpm"] },
    Kind { part: b"/.config/gcloud/", name: "gcloud", clients: &[b"gcloud", b"gsutil", b"terraform"] },
    Kind { part: b"/serviceaccount/token", name: "pod", clients: &[] },
    Kind { part: b"/.git-credentials", name: "git", clients: &[b"git"] },
    Kind {
        part: b"/.netrc",
        name: "netrc",
        clients: &[b"curl", b"wget", b"git", b"ftp", b"pip", b"pip3", b"python3"],
    },
    Kind { part: b"wallet.dat", name: "wallet", clients: &[b"bitcoind", b"bitcoin-qt"] },
];

/// The kind of a planted secret by where it lies, and whose clients look for it by themselves.
fn kind(path: &[u8]) -> Option<(&'static str, &'static [&'static [u8]])> {
    let has = |part: &[u8]| path.windows(part.len()).any(|window| window == part);
    KINDS_OF_SECRETS.iter().find(|kind| has(kind.part)).map(|kind| (kind.name, kind.clients))
}

fn opened(run: &Run<'_>, out: &mut Outcome) {
    let mut kinds: BTreeMap<Process, BTreeSet<&str>> = BTreeMap::new();
    let mut others: BTreeMap<Process, BTreeSet<&[u8]>> = BTreeMap::new();
    for (path, history) in run.record.files() {
        for (process, at) in history.readers() {
            // Only what the image itself brings has a trade.
            let program = run.record.program(process, at).filter(|exec| exec.what.origin == Origin::Image);
            let name = program.map(|exec| base_name(&exec.what.program)).unwrap_or_default();
            if path == b"/etc/shadow" && !KEEPERS.contains(&name) {
                add(run, out, &SHADOW, "read the list of passwords".to_owned(), process, at);
            }
            let planted = history.steps.iter().any(|step| step.what.origin == Origin::Planted);
            if let (true, Some((kind, clients))) = (planted, kind(path)) {
                kinds.entry(works_for(run, process)).or_default().insert(kind);
                if !clients.iter().any(|client| name.starts_with(client)) && kind != "pod" {
                    add(run, out, &CANARYREAD, format!("read {}", model::escape_bytes(path)), process, at);
                }
            }
            if let Some(pid) = others_secret(path)
                && run.record.process(process).is_none_or(|record| record.pid.to_string().as_bytes() != pid)
            {
                others.entry(works_for(run, process)).or_default().insert(pid);
            }
        }
    }
    for (process, pids) in others {
        if pids.len() >= OTHERS {
            let words = format!("read the environment or memory of {} other processes", pids.len());
            add(run, out, &PROCENV, words, process, run.record.end());
        }
    }
    for (process, kinds) in kinds {
        if kinds.len() >= KINDS && !run.declares(&["secret-scanner"]) {
            let list: Vec<&str> = kinds.into_iter().collect();
            let words = format!("opened secrets of {} kinds: {}", list.len(), list.join(", "));
            add(run, out, &HUNT, words, process, run.record.end());
        }
    }
}

/// The process whose environment or memory a path names.
fn others_secret(path: &[u8]) -> Option<&[u8]> {
    let rest = path.strip_prefix(b"/proc/")?;
    let end = rest.iter().position(|&byte| byte == b'/')?;
    let (pid, file) = (rest.get(..end)?, rest.get(end..)?);
    let secret = matches!(file, b"/environ" | b"/mem" | b"/maps");
    (secret && !pid.is_empty() && pid.iter().all(u8::is_ascii_digit)).then_some(pid)
}

/// Canaries that were given to no program and came back to us as credentials.
fn used(run: &Run<'_>, out: &mut Outcome) {
    for flow in run.record.flows() {
        for step in &flow.steps {
            let WireKind::Canary(seen) = &step.what else { continue };
            // What stands in the environment was given to every program; its leaving is another matter.
            let taken = !seen.canary.starts_with("env-") && !seen.canary.starts_with("input-");
            let presented = flow.steps.iter().any(|other| match &other.what {
                WireKind::Http(http) => http.status != 0 && is_service(http, flow.name.as_deref()),
                WireKind::Protocol(name) => {
                    matches!(name.as_str(), "ssh" | "kubernetes" | "registry" | "docker")
                }
                _ => false,
            });
            if taken && presented {
                let words = format!(
                    "presented the planted {} to {}:{}",
                    model::escape_text(&seen.canary),
                    flow.host(),
                    flow.to.port()
                );
                let process = flow.process.unwrap_or(Process(0));
                add(run, out, &CANARYUSE, words, process, step.at);
            }
        }
    }
}

/// Whether a request goes to a service that takes credentials of this kind.
fn is_service(http: &Http, name: Option<&str>) -> bool {
    let host = name.unwrap_or_default().to_lowercase();
    matches!(http.served.as_str(), "kubernetes" | "docker" | "registry" | "metadata")
        || ["amazonaws.com", "googleapis.com", "azure.com", "registry.npmjs.org", "docker.io", "github.com"]
            .iter()
            .any(|site| is_site(&host, site))
}

fn asked(run: &Run<'_>, out: &mut Outcome) {
    for flow in run.record.flows() {
        let host = flow.name.as_deref().unwrap_or_default().to_lowercase();
        let process = flow.process.unwrap_or(Process(0));
        if ADDRESS_SERVICES.iter().any(|site| is_site(&host, site)) {
            add(
                run,
                out,
                &PUBIP,
                format!("asked {} for its own public address", flow.host()),
                process,
                flow.opened,
            );
        }
        for step in &flow.steps {
            let WireKind::Http(http) = &step.what else { continue };
            if http.served == "metadata" {
                let role = http.target.windows(20).any(|window| window == b"security-credentials")
                    || http.target.windows(5).any(|window| window == b"token");
                let words = format!("asked the metadata service for {}", model::escape_bytes(&http.target));
                let before = out.findings.len();
                add(run, out, &IMDS, words, process, step.at);
                if let (true, Some(finding)) = (role, out.findings.get_mut(before)) {
                    finding.role = Role::Corroborates;
                }
            }
            let lists = [b"/secrets".as_slice(), b"/pods", b"/selfsubjectrulesreviews"]
                .iter()
                .any(|part| http.target.windows(part.len()).any(|window| window == *part));
            if http.served == "kubernetes" && lists && !run.declares(&["operator", "agent"]) {
                let words = format!("asked the cluster for {}", model::escape_bytes(&http.target));
                add(run, out, &KUBE, words, process, step.at);
            }
        }
    }
}

fn sniffed(run: &Run<'_>, out: &mut Outcome) {
    const SOL_PACKET: i32 = 263;
    const ADD_MEMBERSHIP: i32 = 1;
    const TOOLS: [&[u8]; 8] =
        [b"tcpdump", b"suricata", b"snort", b"zeek", b"dumpcap", b"tshark", b"arpwatch", b"keepalived"];
    for act in run.record.sockets() {
        let all = matches!(act.what.op, NetOp::Option { level: SOL_PACKET, name: ADD_MEMBERSHIP });
        let tool = run
            .record
            .program(act.what.process, act.at)
            .is_some_and(|exec| TOOLS.contains(&base_name(&exec.what.program)));
        if all && !tool && !run.declares(&["sniffer", "scanner"]) {
            add(run, out, &SNIFF, "asked to see all packets that pass".to_owned(), act.what.process, act.at);
        }
    }
}

fn surveyed(run: &Run<'_>, out: &mut Outcome) {
    let mut asked: BTreeMap<Process, Vec<(At, &[u8])>> = BTreeMap::new();
    let execs = run.record.execs();
    for named in &execs {
        let name = base_name(&named.exec.what.program);
        if SURVEYORS.contains(&name) && named.exec.what.result == 0 {
            let parent = run.record.process(named.process).map_or(named.process, |record| record.parent);
            asked.entry(parent).or_default().push((named.exec.at, name));
        }
    }
    for (process, questions) in asked {
        let burst = questions.iter().find(|(from, _)| {
            let within: BTreeSet<&[u8]> = questions
                .iter()
                .filter(|(at, _)| at >= from && at.real.saturating_sub(from.real) <= SURVEY)
                .map(|(_, name)| *name)
                .collect();
            within.len() >= QUESTIONS
        });
        if let Some((at, _)) = burst {
            add(
                run,
                out,
                &BURST,
                "asked for six or more things about the machine at once".to_owned(),
                process,
                *at,
            );
        }
    }
}
