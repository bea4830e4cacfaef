//! Names, over UDP, TCP, TLS and HTTPS. Every name has an address of its own that stays the same; in the other pass
//! only plausible names exist.

mod answer;
mod parse;
mod streams;
#[cfg(test)]
mod tests;

pub(crate) use streams::Streams;

use crate::protocols::http::{Answer, Asked};
use crate::recorder::Flow;
use crate::server::{Ended, Shared};
use crate::talk::Talk;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::{Dns, WireKind, bounded};
use parse::Query;

/// The most that an answer over UDP has where the guest does not say more.
const DATAGRAM: usize = 512;

/// Over TCP: two bytes of length, then a question.
pub(crate) fn taste(bytes: &[u8], port: u16) -> u8 {
    let Some((length, message)) = bytes.split_first_chunk::<2>() else { return 0 };
    let length = usize::from(u16::from_be_bytes(*length));
    if length < 17 || message.len() > length {
        return 0;
    }
    match Query::parse(message) {
        Some(_) if port == 53 || port == 853 => 90,
        Some(_) => 81,
        None => 0,
    }
}

/// Whether a datagram is a question.
pub(crate) fn taste_datagram(bytes: &[u8], port: u16) -> u8 {
    match Query::parse(bytes) {
        Some(query) if port == 53 || port == 5353 || query.believable() => 90,
        _ => 0,
    }
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    let over = if talk.tls { "tls" } else { "tcp" };
    for _ in 0..talk.shared.world.limits.requests {
        let length = u16::from_be_bytes(talk.array().await?);
        let message = talk.exactly(usize::from(length)).await?;
        let Some(answer) = answered(&message, over, usize::from(u16::MAX), &talk.flow, &talk.shared) else {
            return Ok(());
        };
        talk.say([&(answer.len() as u16).to_be_bytes()[..], &answer].concat()).await?;
    }
    Ok(())
}

pub(crate) fn datagram(bytes: &[u8], flow: &Flow, shared: &Shared) -> Option<Vec<u8>> {
    answered(bytes, "udp", DATAGRAM, flow, shared)
}

fn answered(message: &[u8], over: &str, most: usize, flow: &Flow, shared: &Shared) -> Option<Vec<u8>> {
    let query = Query::parse(message)?;
    let most = most.max(usize::from(query.size).min(1400));
    let (bytes, answers) = answer::answer(&query, most, &shared.world);
    let found = crate::recorder::locked(&shared.names).asked(&query.labels, &shared.watcher);
    flow.leaving(found);
    flow.tell(WireKind::Dns(Dns {
        name: bounded(&query.name()),
        kind: query.kind,
        answers,
        over: over.to_owned(),
    }));
    Some(bytes)
}

/// Over HTTPS: `?dns=` or a body; and the JSON that public resolvers answer.
pub(crate) fn over_https(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    let binary = asked.header("content-type").contains("dns-message")
        || asked.header("accept").contains("dns-message")
        || asked.path == "/dns-query" && asked.parameter("dns").is_some();
    if binary {
        let message = match asked.parameter("dns") {
            Some(text) => URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()?,
            None => asked.body.clone(),
        };
        let bytes = answered(&message, "https", usize::from(u16::MAX), asked.flow, shared)?;
        return Some(Answer::new(200, "application/dns-message", bytes, "dns"));
    }
    if !matches!(asked.path.as_str(), "/dns-query" | "/resolve") {
        return None;
    }
    let name = asked.parameter("name")?;
    let kind = asked.parameter("type").map_or(1, |kind| parse::kind(&kind));
    let labels =
        name.split('.').filter(|label| !label.is_empty()).map(|label| label.as_bytes().to_vec()).collect();
    let query = Query { id: 0, flags: 0x0100, labels, kind, class: 1, size: 0, edns: false };
    let (_, answers) = answer::answer(&query, usize::from(u16::MAX), &shared.world);
    let found = crate::recorder::locked(&shared.names).asked(&query.labels, &shared.watcher);
    asked.flow.leaving(found);
    let data =
        answers.iter().map(|data| serde_json::json!({"name": name, "type": kind, "TTL": 300, "data": data}));
    let body = serde_json::json!({
        "Status": if answers.is_empty() { 3 } else { 0 }, "TC": false, "RD": true, "RA": true, "AD": false, "CD": false,
        "Question": [{"name": name, "type": kind}], "Answer": data.collect::<Vec<_>>(),
    });
    let (name, over) = (bounded(name.as_bytes()), "https".to_owned());
    asked.flow.tell(WireKind::Dns(Dns { name, kind, answers, over }));
    Some(Answer::json(200, &body))
}
