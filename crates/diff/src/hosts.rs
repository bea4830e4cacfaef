use crate::face::Known;
use crate::files::Deltas;
use crate::hooks::Hooks;
use crate::packages_drift::PackageDrift;
use inspect::Fact;
use inspect::analyzers::endpoints::EndpointFacts;
use inspect::analyzers::hooks::Standing;
use model::{Change, ChangeKind, Gap, Severity, State};
use std::collections::{BTreeMap, HashSet};

/// Most hosts that are told.
const MAX_HOSTS: usize = 10_000;
/// Most files of an image for which a gap is told one by one.
const MAX_GAPS: usize = 64;

/// Hosts that nothing in the old image named, in what came in: in what the start leads to, and in what no package
/// vouches for. Each host is told once, at the worst of the files that name it.
pub(crate) fn compare(
    old: &Known<'_>,
    new: &Known<'_>,
    deltas: &Deltas,
    hooks: &Hooks,
    packages: &PackageDrift<'_>,
    changes: &mut Vec<Change>,
    gaps: &mut Vec<Gap>,
) {
    let known = named(old);
    let mut found: BTreeMap<&str, (Change, u64)> = BTreeMap::new();
    let (mut cut, mut more) = (0_usize, 0_u64);
    for delta in deltas.list.iter().filter(|delta| delta.content) {
        let reached = new.reached(delta.place).is_some();
        let standing = new.standing(&delta.path, delta.place);
        let genuine = matches!(standing, Standing::Genuine | Standing::Owned);
        if genuine && !reached {
            continue;
        }
        let vouched = genuine || crate::library::is_library(&delta.path) || packages.folds(&delta.path);
        let severity = match (vouched, reached) {
            (true, _) => Severity::Low,
            (false, true) => Severity::High,
            (false, false) if new.is_program(delta.place) || hooks.has(delta.place) => Severity::Medium,
            (false, false) => Severity::Low,
        };
        for facts in endpoints(new, delta.place) {
            if facts.cut {
                cut += 1;
                if cut <= MAX_GAPS {
                    let what = format!("{}, {}", new.face.image.platform, crate::face::shown(&delta.path));
                    gaps.push(Gap::new(what, "it names more hosts, or is longer, than is compared"));
                }
            }
            for host in facts.hosts.lines().filter(|host| !known.contains(host)) {
                let make = || {
                    let what = if reached {
                        "Nothing in the old image named this host; the start leads to what names it."
                    } else {
                        "Nothing in the old image named this host."
                    };
                    Change {
                        name: Some(model::escape_text(host)),
                        after: Some(State { value: Some(model::escape_text(host)), ..State::default() }),
                        ..new.change(ChangeKind::HostAdded, severity, &delta.path, delta.place, what)
                    }
                };
                if found.len() >= MAX_HOSTS && !found.contains_key(host) {
                    more += 1;
                    continue;
                }
                let (worst, files) = found.entry(host).or_insert_with(|| (make(), 0));
                *files += 1;
                if severity > worst.severity {
                    *worst = make();
                }
            }
        }
    }
    if let Some(more) = cut.checked_sub(MAX_GAPS).filter(|more| *more > 0) {
        gaps.push(Gap::new("hosts", format!("{more} more files name more hosts than are compared")));
    }
    if more > 0 {
        let why = format!("new hosts are named {} more times than are told", model::thousands(more));
        gaps.push(Gap::new("hosts", why));
    }
    changes.extend(found.into_values().map(|(mut change, files)| {
        if files > 1 {
            let more = model::thousands(files - 1);
            change.what.push_str(&format!(" {more} more files that came or changed name it."));
        }
        change
    }));
}

/// All that the old image named, removed files included: who looked at these has seen the hosts.
fn named<'a>(old: &Known<'a>) -> HashSet<&'a str> {
    let facts = old.face.image.layers.iter().flat_map(|layer| layer.facts.all());
    let named = facts.filter_map(|(_, _, fact)| match fact {
        Fact::Endpoints(facts) => Some(facts.hosts.lines()),
        _ => None,
    });
    named.flatten().collect()
}

fn endpoints<'a>(new: &Known<'a>, place: layers::Place) -> impl Iterator<Item = &'a EndpointFacts> + use<'a> {
    new.face.image.facts(place).filter_map(|fact| match fact {
        Fact::Endpoints(facts) => Some(facts),
        _ => None,
    })
}
