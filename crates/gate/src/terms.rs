//! What images are searched by: the words of a report by which somebody asks whether they have a thing.

use model::{Evidence, Report};
use std::collections::BTreeSet;
use store::{Term, TermKind};

/// Terms of one kind at most, so that an image with a thousand hosts does not push its wallet out.
const MOST_OF_A_KIND: usize = 330;

/// The terms of a report, each once: what weighs most stands first in a report, and is kept where there are too many.
pub(crate) fn of_report(report: &Report) -> Vec<Term> {
    let mut terms = Terms::default();
    for finding in &report.findings {
        terms.put(TermKind::Rule, &finding.id);
        for technique in &finding.techniques {
            terms.put(TermKind::Technique, technique);
            // Whoever asks for a technique means its sub-techniques as well.
            terms.put(TermKind::Technique, technique.split('.').next().unwrap_or_default());
        }
        if let Some(content) = &finding.content {
            terms.put(TermKind::File, &content.hex());
        }
        for evidence in &finding.evidence {
            of_evidence(&mut terms, evidence);
        }
    }
    for layer in &report.image.layers {
        terms.put(TermKind::Layer, &layer.digest.hex());
    }
    for flow in report.detonation.iter().flat_map(|detonation| &detonation.network) {
        terms.put(TermKind::Host, host(&flow.host));
    }
    terms.list
}

#[derive(Default)]
struct Terms {
    list: Vec<Term>,
    seen: BTreeSet<(TermKind, String)>,
}

impl Terms {
    fn put(&mut self, kind: TermKind, text: &str) {
        let key = (kind, text.to_lowercase());
        let of_kind = self.list.iter().filter(|term| term.kind == kind).count();
        if text.is_empty() || of_kind >= MOST_OF_A_KIND || !self.seen.insert(key) {
            return;
        }
        self.list.push(Term { kind, text: text.to_owned() });
    }
}

fn of_evidence(terms: &mut Terms, evidence: &Evidence) {
    let value = evidence.value.as_str();
    match evidence.kind.as_str() {
        "md5" | "sha1" | "sha256" | "digest" => {
            let hash = value.rsplit(':').next().unwrap_or_default();
            if matches!(hash.len(), 32..=128) && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                terms.put(TermKind::File, hash);
            }
        }
        // Written with the name of the coin before it where that is known.
        "wallet" => terms.put(TermKind::Wallet, value.rsplit(' ').next().unwrap_or_default()),
        "host" | "endpoint" => terms.put(TermKind::Host, host(value)),
        _ => {}
    }
}

/// The host of an address as findings write it: with or without a scheme, a user, a port and a path.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#', ' ']).next().unwrap_or_default();
    let rest = rest.rsplit('@').next().unwrap_or_default();
    match rest.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None if rest.matches(':').count() > 1 => rest,
        None => rest.split(':').next().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_found_in_every_way_of_writing_it() {
        let check = |address: &str, expect: &str| assert_eq!(host(address), expect, "{address}");
        check("pool.example", "pool.example");
        check("pool.example:3333", "pool.example");
        check("stratum+tcp://user:x@pool.example:3333/path?x", "pool.example");
        check("https://Pool.Example/a b", "Pool.Example");
        check("[2001:db8::1]:443", "2001:db8::1");
        check("2001:db8::1", "2001:db8::1");
        check("198.51.100.7:80", "198.51.100.7");
        check("", "");
        check("://", "");
    }

    #[test]
    fn evidence_is_told_apart_and_what_is_no_hash_is_none() {
        let check = |kind: &str, value: &str, expect: Option<(TermKind, &str)>| {
            let mut terms = Terms::default();
            let evidence = Evidence { kind: kind.to_owned(), value: value.to_owned(), offset: None };
            of_evidence(&mut terms, &evidence);
            of_evidence(&mut terms, &evidence);
            let found: Vec<_> = terms.list.iter().map(|term| (term.kind, term.text.as_str())).collect();
            assert_eq!(found, expect.into_iter().collect::<Vec<_>>(), "{kind} {value}");
        };
        let md5 = "4873e560df68ad96c3de08164b139b09";
        check("md5", md5, Some((TermKind::File, md5)));
        check("sha256", &"ab".repeat(32), Some((TermKind::File, &"ab".repeat(32))));
        check("digest", &format!("sha256:{}", "ab".repeat(32)), Some((TermKind::File, &"ab".repeat(32))));
        check("md5", "<b>not a hash</b>", None);
        check("md5", "", None);
        check("wallet", "Monero: 4Axyz", Some((TermKind::Wallet, "4Axyz")));
        check("wallet", "4Axyz", Some((TermKind::Wallet, "4Axyz")));
        check("host", "pool.example:3333", Some((TermKind::Host, "pool.example")));
        check("string", "pool.example", None);
    }

    #[test]
    fn no_kind_takes_the_place_of_others() {
        let mut terms = Terms::default();
        for number in 0..10_000 {
            terms.put(TermKind::Host, &format!("h{number}.example"));
        }
        terms.put(TermKind::Wallet, "4Axyz");
        assert_eq!(terms.list.len(), MOST_OF_A_KIND + 1);
    }
}
