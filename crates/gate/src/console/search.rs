//! One box for everything that somebody asks about: digests, hashes, wallets, hosts, rules, techniques, repositories.

use super::guard::{Trouble, Visitor};
use super::shown::{record, sight, state};
use crate::Gate;
use crate::people::{Fail, sees};
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use model::{Digest, RepositoryName};
use serde::Deserialize;
use std::collections::HashSet;
use std::sync::Arc;
use store::{Match, Standing, TermKind};
use web::Hit;

/// Hits of one page.
const PAGE: usize = 100;
/// Hits before the last page: each page is found anew with all before it, and the store gives so many rows at once.
const FURTHEST: usize = store::MAX_PAGE - 2 * PAGE;
/// Longest text that is looked for.
const LONGEST: usize = 200;
/// Digits with which the beginning of a digest is told from a word.
const FEWEST_DIGITS: usize = 6;
/// Repositories whose name is looked through for a text.
const REPOSITORIES: usize = 100;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    q: String,
    from: usize,
}

pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let query: String = asked.q.trim().chars().take(LONGEST).collect();
    let from = asked.from.min(FURTHEST);
    let mut found = Found { most: from + PAGE + 1, ..Found::default() };
    if !query.is_empty() {
        look(&gate, &visitor, &query, &mut found).await?;
    }
    let mut hits: Vec<Hit> = found.hits.into_iter().skip(from).collect();
    let is_cut = hits.len() > PAGE;
    hits.truncate(PAGE);
    let next = Some(from + PAGE).filter(|next| is_cut && *next <= FURTHEST);
    let search = web::Search { query, hits, from, is_cut, next };
    Ok(Html(web::search(&visitor.frame(&gate), &search)).into_response())
}

/// What was found, each image once for each thing that matched.
#[derive(Default)]
struct Found {
    /// Hits that are looked for: those of the pages before, of this one, and one that tells whether there is another page.
    most: usize,
    hits: Vec<Hit>,
    seen: HashSet<(RepositoryName, Digest, String)>,
}

impl Found {
    fn put(&mut self, repository: &RepositoryName, standing: &Standing, what: &str, place: &str) {
        let key = (repository.clone(), standing.digest, format!("{what} {place}"));
        if self.hits.len() >= self.most || !self.seen.insert(key) {
            return;
        }
        self.hits.push(Hit {
            repository: repository.to_string(),
            digest: standing.digest.to_string(),
            state: state(standing.state),
            verdict: record(standing).and_then(|record| record.verdict),
            what: what.to_owned(),
            place: place.to_owned(),
        });
    }

    fn matched(&mut self, found: &Match) {
        match &found.term {
            Some(term) => self.put(&found.repository, &found.standing, called(term.kind), &term.text),
            None => {
                let digest = found.standing.digest.to_string();
                self.put(&found.repository, &found.standing, "digest", &digest);
            }
        }
    }
}

async fn look(gate: &Gate, visitor: &Visitor, query: &str, found: &mut Found) -> Result<(), Fail> {
    let sight = sight(gate, visitor).await?;
    if sight.is_empty() {
        return Ok(());
    }
    let (store, most) = (&gate.store, found.most);
    if let Some((algorithms, digits)) = digits(query) {
        for algorithm in algorithms {
            let beginning = format!("{algorithm}:{digits}");
            for one in store.find_by_digest(&beginning, &sight, most).await? {
                found.matched(&one);
            }
        }
        let hashes = [TermKind::Layer, TermKind::File];
        for one in store.find_by_term(&hashes, &digits, true, &sight, most).await? {
            found.matched(&one);
        }
    }
    for one in store.find_by_term(&TermKind::ALL, query, false, &sight, most).await? {
        found.matched(&one);
    }
    let principal = visitor.principal();
    let text = query.to_lowercase();
    let named = store.repositories_named(&text, REPOSITORIES, |one| sees(principal, one)).await?;
    if named.is_empty() {
        return Ok(());
    }
    let names: HashSet<RepositoryName> = named.into_iter().map(|one| one.name).collect();
    let sight = store.sight(|one| names.contains(&one.name)).await?;
    let queue = store::Queue { sight, state: None, last: None, n: most };
    for queued in store.queue(&queue).await? {
        let name = queued.repository.to_string();
        found.put(&queued.repository, &queued.standing, "repository", &name);
    }
    Ok(())
}

/// The digits of a digest or a hash, or of its beginning, and the algorithms by which images may be called so.
fn digits(query: &str) -> Option<(&'static [&'static str], String)> {
    let (algorithms, digits): (&[&str], &str) = match query.split_once(':') {
        Some((name, digits)) => match name.to_ascii_lowercase().as_str() {
            "sha256" => (&["sha256"], digits),
            "sha512" => (&["sha512"], digits),
            "md5" | "sha1" => (&[], digits),
            _ => return None,
        },
        None => (&["sha256", "sha512"], query),
    };
    let is_hash =
        matches!(digits.len(), FEWEST_DIGITS..=128) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| (algorithms, digits.to_ascii_lowercase()))
}

/// What people call a term.
fn called(kind: TermKind) -> &'static str {
    match kind {
        TermKind::Layer => "layer",
        TermKind::File => "hash of a file",
        TermKind::Wallet => "wallet",
        TermKind::Host => "host",
        TermKind::Rule => "finding",
        TermKind::Technique => "technique",
    }
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn digests_are_told_from_words() {
        let check = |query: &str, expect: Option<(usize, &str)>| {
            let found = digits(query);
            let found = found.as_ref().map(|(algorithms, digits)| (algorithms.len(), digits.as_str()));
            assert_eq!(found, expect, "{query}");
        };
        check("abcdef", Some((2, "abcdef")));
        check("ABCDEF12", Some((2, "abcdef12")));
        check("abcde", None);
        check("sha256:abcdef", Some((1, "abcdef")));
        check("SHA512:abcdef", Some((1, "abcdef")));
        check("md5:4873e560df68ad96c3de08164b139b09", Some((0, "4873e560df68ad96c3de08164b139b09")));
        check("other:abcdef", None);
        check("golang", None);
        check("s-min-hash", None);
        check(&"a".repeat(129), None);
        check("", None);
    }
}
