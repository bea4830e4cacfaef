use super::formats::{self, Hit};
use super::{Secret, SecretFacts, keys};
use crate::signs::{Group, Sign, Signs};
use aho_corasick::{AhoCorasick, MatchKind};
use memchr::memmem;
use std::sync::LazyLock;

/// Most secrets of one text that are kept.
pub(super) const MAX_SECRETS: usize = 32;
/// Most places of one text that are looked at closely.
const MAX_CANDIDATES: usize = 64 << 10;

/// Looks at the place where a mark begins.
type Look = fn(&[u8], usize) -> Option<Hit<'_>>;

/// What secrets begin with. The marks are chosen so that ordinary text holds next to none.
const MARKS: [(&str, Look); 24] = [
    ("AKIA", formats::aws),
    ("ASIA", formats::aws),
    ("ghp_", formats::github),
    ("gho_", formats::github),
    ("ghu_", formats::github),
    ("ghs_", formats::github),
    ("ghr_", formats::github),
    ("github_pat_", formats::github_fine),
    ("glpat-", formats::gitlab),
    ("xoxb-", formats::slack),
    ("xoxp-", formats::slack),
    ("xoxa-", formats::slack),
    ("xoxr-", formats::slack),
    ("xoxs-", formats::slack),
    ("hooks.slack.com/services/", formats::slack_hook),
    ("sk_live_", formats::stripe),
    ("rk_live_", formats::stripe),
    ("_authToken", formats::npm_setting),
    ("npm_", formats::npm),
    ("pypi-AgEIcHlwaS5vcmc", formats::pypi),
    ("AIza", formats::google),
    ("-----BEGIN ", keys::private_key),
    ("eyJ", formats::web_token),
    (URL, formats::url_password),
];

/// The marks as signs.
pub(crate) fn signs() -> Vec<Sign> {
    MARKS.iter().map(|&(mark, _)| Sign::anywhere(mark)).collect()
}

/// All but the one that half of all texts have.
static RARE: LazyLock<Signs> =
    LazyLock::new(|| Signs::chosen(Group::Secrets, |at| MARKS.get(at).is_some_and(|(mark, _)| *mark != URL)));

/// What comes before the password of an address.
const URL: &str = "://";

static FINDER: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let marks = MARKS.iter().map(|(mark, _)| mark);
    AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(marks).ok()
});

/// The secrets of a text that their form gives away.
pub(super) fn secrets(text: &[u8]) -> SecretFacts {
    secrets_of(text, &Signs::of(text))
}

/// The same of a text whose signs are known.
pub(super) fn secrets_of(text: &[u8], signs: &Signs) -> SecretFacts {
    if signs.meet(&RARE) {
        let Some(finder) = FINDER.as_ref() else { return SecretFacts::default() };
        let marks = finder.find_iter(text);
        look_at(text, marks.filter_map(|mark| Some((mark.start(), MARKS.get(mark.pattern().as_usize())?.1))))
    } else if signs.any_of(Group::Secrets) {
        look_at(text, memmem::find_iter(text, URL).map(|at| (at, formats::url_password as Look)))
    } else {
        SecretFacts::default()
    }
}

fn look_at(text: &[u8], marks: impl Iterator<Item = (usize, Look)>) -> SecretFacts {
    let mut facts = SecretFacts::default();
    let mut candidates = 0;
    // Up to where lines are counted: from the start for each hit would take the square of their number.
    let (mut counted, mut line) = (0, 1_u32);
    for (at, look) in marks {
        candidates += 1;
        if candidates > MAX_CANDIDATES || facts.cut {
            facts.cut = true;
            break;
        }
        let Some(hit) = look(text, at) else { continue };
        let between = text.get(counted..at).unwrap_or_default();
        let more = memchr::memchr_iter(b'\n', between).count();
        line = line.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
        counted = at;
        push(&mut facts, Secret::new(hit.kind, line, hit.secret));
    }
    facts
}

/// Notes a secret once.
pub(super) fn push(facts: &mut SecretFacts, secret: Secret) {
    let known = facts
        .found
        .iter()
        .any(|known| known.kind == secret.kind && known.digest == secret.digest && known.ends == secret.ends);
    if known {
        return;
    }
    if facts.found.len() >= MAX_SECRETS {
        facts.cut = true;
    } else {
        facts.found.push(secret);
    }
}
