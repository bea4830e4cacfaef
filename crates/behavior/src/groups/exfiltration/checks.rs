use super::detections::{BULK, CANARY, INPUT, NAMES, OPAQUE};
use crate::Outcome;
use crate::groups::{Run, base_name, is_under, written_by};
use crate::record::{At, Flow};
use events::{CanarySeen, Coding, Origin, Process, Said, WireKind};
use model::Finding;
use std::collections::BTreeSet;

const SECOND: u64 = 1_000_000_000;
/// From reading to sending.
const SOON: u64 = 60 * SECOND;
const ARCHIVERS: [&[u8]; 7] = [b"tar", b"zip", b"7z", b"gzip", b"xz", b"rar", b"bsdtar"];
const PRIVATE: [&[u8]; 6] = [b"/etc", b"/root", b"/home", b"/var/run/secrets", b"/run/secrets", b"~"];

/// What one run shows of carrying out.
pub(in crate::groups) fn judge(run: &Run<'_>, out: &mut Outcome) {
    let mut told = BTreeSet::new();
    for flow in run.record.flows() {
        for step in &flow.steps {
            if let WireKind::Canary(seen) = &step.what
                && told.insert((seen.canary.clone(), flow.host()))
            {
                left(run, flow, seen, step.at, out);
            }
        }
    }
    packed(run, out);
    opaque(run, out);
}

fn left(run: &Run<'_>, flow: &Flow, seen: &CanarySeen, at: At, out: &mut Outcome) {
    // What goes to a service that we ourselves put there as a trap, or that the configuration names, is its use.
    let ours = flow.steps.iter().any(|step| match &step.what {
        WireKind::Http(http) => matches!(http.served.as_str(), "kubernetes" | "metadata" | "docker"),
        _ => false,
    });
    let configured = run.image.configured_hosts.contains(&flow.host().to_lowercase());
    if ours || configured {
        return;
    }
    let named = seen.coding == Coding::Labels || flow.to.port() == 53;
    let detection = match (named, seen.canary.starts_with("input-")) {
        (true, _) => &NAMES,
        (false, true) => &INPUT,
        (false, false) => &CANARY,
    };
    let words = format!(
        "the planted {} went to {}:{} ({})",
        model::escape_text(&seen.canary),
        flow.host(),
        flow.to.port(),
        coding(seen.coding)
    );
    let mut finding: Finding = run
        .finding(detection, words)
        .with_evidence("canary", &seen.canary, Some(seen.offset))
        .with_evidence("host", &format!("{}:{}", flow.host(), flow.to.port()), None);
    if let Some(process) = flow.process {
        finding = finding.with_evidence("command", &run.record.told(process, at), None);
    }
    out.findings.push(finding);
}

fn coding(coding: Coding) -> String {
    match coding {
        Coding::Plain => "as it is".to_owned(),
        Coding::Base64 => "in base64".to_owned(),
        Coding::Hex => "in hexadecimal digits".to_owned(),
        Coding::Base32 => "in base32".to_owned(),
        Coding::Url => "percent-encoded".to_owned(),
        Coding::Compressed => "compressed".to_owned(),
        Coding::Reversed => "backwards".to_owned(),
        Coding::Xor(byte) => format!("each byte in exclusive or with {byte:#04x}"),
        Coding::Labels => "spread over labels".to_owned(),
    }
}

/// An archiver that was told to take private directories, and a large message to a host that nothing names.
fn packed(run: &Run<'_>, out: &mut Outcome) {
    if run.declares(&["backup"]) {
        return;
    }
    for named in run.record.execs() {
        let exec = &named.exec.what;
        let takes = exec.arguments.iter().skip(1).any(|word| {
            PRIVATE.iter().any(|place| word.as_slice() == *place || is_under(word, &[*place, b"/"].concat()))
        });
        let packs = ARCHIVERS.contains(&base_name(&exec.program))
            && !exec.arguments.iter().any(|word| word.starts_with(b"-x") || word.as_slice() == b"-d");
        if !(takes && packs) {
            continue;
        }
        let sent = run.record.flows().find(|flow| {
            flow.sent >= 256
                && flow.to.port() != 53
                && flow.closed.unwrap_or(run.record.end()) > named.exec.at
                && flow.opened.real <= named.exec.at.real.saturating_add(SOON)
                && !run.image.configured_hosts.contains(&flow.host().to_lowercase())
                && carries_archive(flow)
        });
        if let Some(flow) = sent {
            let words = format!(
                "packed private directories and sent an archive to {}:{}",
                flow.host(),
                flow.to.port()
            );
            let told = run.record.told(named.process, named.exec.at);
            out.findings.push(run.finding(&BULK, words).with_evidence("command", &told, None).with_evidence(
                "host",
                &format!("{}:{}", flow.host(), flow.to.port()),
                None,
            ));
            return;
        }
    }
}

/// Magic numbers of archives and of compressed data in what the guest sent.
fn carries_archive(flow: &Flow) -> bool {
    const MAGIC: [&[u8]; 6] = [b"\x1f\x8b\x08", b"PK\x03\x04", b"\xfd7zXZ", b"7z\xbc\xaf", b"BZh", b"ustar"];
    flow.steps.iter().any(|step| match &step.what {
        WireKind::Said(said) if said.guest => {
            MAGIC.iter().any(|magic| said.bytes.windows(magic.len()).any(|window| window == *magic))
        }
        WireKind::Http(http) => {
            MAGIC.iter().any(|magic| http.body_start.windows(magic.len()).any(|window| window == *magic))
        }
        _ => false,
    })
}

/// Planted secrets were read by a process that then sent bytes without any pattern.
fn opaque(run: &Run<'_>, out: &mut Outcome) {
    let mut read: Vec<(Process, At)> = Vec::new();
    for (_, history) in run.record.files() {
        let planted = history.steps.iter().any(|step| step.what.origin == Origin::Planted);
        if planted && written_by(history).is_none() {
            read.extend(history.readers());
        }
    }
    for (process, at) in read {
        let sent = run.record.flows_of(process).find(|flow| {
            let soon = flow.opened >= at && flow.opened.real.saturating_sub(at.real) <= SOON;
            let known = run.image.configured_hosts.contains(&flow.host().to_lowercase());
            soon && !known
                && flow.steps.iter().any(|step| match &step.what {
                    WireKind::Said(said) => is_opaque(said),
                    _ => false,
                })
        });
        if let Some(flow) = sent {
            let words = format!(
                "sent unreadable bytes to {}:{} after it had read secrets",
                flow.host(),
                flow.to.port()
            );
            out.findings.push(
                run.finding(&OPAQUE, words)
                    .with_evidence("command", &run.record.told(process, at), None)
                    .with_evidence("host", &format!("{}:{}", flow.host(), flow.to.port()), None),
            );
            return;
        }
    }
}

/// Bytes that are neither text nor a known form, and spread over all values. A TLS record that could not be
/// looked into is one too; its greeting is not.
fn is_opaque(said: &Said) -> bool {
    let greeting = said.bytes.first() == Some(&0x16);
    let kinds = said.bytes.iter().collect::<BTreeSet<_>>().len();
    let text = said.bytes.iter().filter(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace()).count();
    said.guest
        && !said.decrypted
        && !greeting
        && said.bytes.len() >= 128
        && kinds >= 80
        && text * 2 < said.bytes.len()
}
