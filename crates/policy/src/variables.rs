use crate::{Context, Fact, Policy};
use cel::Value;
use cel::objects::{Key, Map};
use model::Gap;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// What a value of the language is. There are no others: no floating point, no time, nothing dynamic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    Bool,
    Int,
    Text,
    /// With the most that it can have, by which the cost of a loop is bounded.
    List(Arc<Type>, u64),
    /// Texts by text, with the most that there can be.
    Map(u64),
    Record(&'static [Field]),
    /// What stands in a list that is empty.
    Nothing,
}

/// One field of a record.
#[derive(Debug, PartialEq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    pub(crate) what: &'static str,
}

/// A name that rules can use.
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) kind: Type,
    pub(crate) what: &'static str,
    value: fn(&Seen<'_>) -> Value,
}

/// All that variables are made from.
pub(crate) struct Seen<'a> {
    pub(crate) context: &'a Context,
    pub(crate) policy: &'a Policy,
    /// Rules that exceptions lifted so far.
    pub(crate) lifted: &'a [String],
}

/// The most findings, gaps and others that rules look at. An image with more is denied and not cut short, as what is
/// cut off would be the attacker's choice.
pub(crate) const MOST_FINDINGS: usize = 20_000;
pub(crate) const MOST_GAPS: usize = 20_000;
pub(crate) const MOST_NAMES: usize = 2_000;
pub(crate) const LONGEST_TEXT: usize = 64 * 1024;
/// A label that is longer is not shown; some tools keep whole documents in labels.
pub(crate) const LONGEST_LABEL: usize = 8 * 1024;

static FINDING: [Field; 12] = [
    Field { name: "id", kind: Type::Text, what: "its id, such as `S-MIN-HASH`" },
    Field { name: "severity", kind: Type::Text, what: "`low`, `medium`, `high` or `critical`" },
    Field {
        name: "level",
        kind: Type::Int,
        what: "the severity as a number, from 1 for low to 4 for critical",
    },
    Field { name: "role", kind: Type::Text, what: "`context`, `corroborates` or `convicts`" },
    Field {
        name: "path",
        kind: Type::Text,
        what: "the path in the image; empty where it is about the image as a whole",
    },
    Field {
        name: "layer",
        kind: Type::Int,
        what: "the layer that brought it, counted from 0; -1 where none did",
    },
    Field {
        name: "content", kind: Type::Text, what: "`sha256:…` of the file; empty where it is about none"
    },
    Field {
        name: "reachable",
        kind: Type::Text,
        what: "whether the start of the image leads to it: `yes`, `no` or `unknown`",
    },
    Field { name: "dynamic", kind: Type::Bool, what: "whether it was seen when the image was run" },
    Field { name: "axis", kind: Type::Text, what: "`pua`, `hygiene`, `vulnerable`, or empty" },
    Field { name: "counts", kind: Type::Bool, what: "whether it counts towards the verdict" },
    Field { name: "excepted", kind: Type::Bool, what: "whether an exception was given with the scan" },
];

static GAP: [Field; 2] = [
    Field { name: "what", kind: Type::Text, what: "what was not looked at" },
    Field { name: "why", kind: Type::Text, what: "why it was not" },
];

/// All variables, in the order of the reference.
pub(crate) static VARIABLES: LazyLock<Vec<Variable>> = LazyLock::new(|| {
    fn variable(
        name: &'static str,
        kind: Type,
        what: &'static str,
        value: fn(&Seen<'_>) -> Value,
    ) -> Variable {
        Variable { name, kind, what, value }
    }
    let list = |kind: Type, most: usize| Type::List(Arc::new(kind), most as u64);
    let names = || list(Type::Text, MOST_NAMES);
    vec![
        variable("verdict", Type::Text, "`clean`, `incomplete`, `suspicious` or `malicious`", |seen| {
            seen.context.verdict.name().into()
        }),
        variable("repository", Type::Text, "the repository here, `team/app`", |seen| {
            seen.context.repository.as_str().into()
        }),
        variable(
            "upstream",
            Type::Text,
            "the upstream that it came from; empty where it was pushed here",
            |seen| seen.context.upstream.as_str().into(),
        ),
        variable("hosted", Type::Bool, "whether it was pushed here", |seen| {
            Value::Bool(seen.context.upstream.is_empty())
        }),
        variable("digest", Type::Text, "the digest of its root manifest", |seen| {
            seen.context.digest.map(|digest| digest.to_string()).unwrap_or_default().into()
        }),
        variable("tags", names(), "the tags that point to it", |seen| texts(&seen.context.tags)),
        variable("platforms", names(), "its platforms, `linux/amd64`", |seen| texts(&seen.context.platforms)),
        variable(
            "findings",
            list(Type::Record(&FINDING), MOST_FINDINGS),
            "what was found, worst first",
            |seen| Value::List(Arc::new(seen.context.findings.iter().map(finding).collect())),
        ),
        variable("gaps", list(Type::Record(&GAP), MOST_GAPS), "what was not looked at", |seen| {
            Value::List(Arc::new(seen.context.gaps.iter().map(gap).collect()))
        }),
        variable(
            "pua",
            names(),
            "ids of findings that say what it openly is: a miner, a scanner, a VPN",
            |seen| texts(&seen.context.pua),
        ),
        variable("hygiene", names(), "ids of findings about bad habits: secrets, setuid, sshd", |seen| {
            texts(&seen.context.hygiene)
        }),
        variable(
            "critical_vulnerabilities",
            Type::Int,
            "how many known vulnerabilities are critical",
            |seen| int(seen.context.critical_vulnerabilities),
        ),
        variable("high_vulnerabilities", Type::Int, "how many known vulnerabilities are high", |seen| {
            int(seen.context.high_vulnerabilities)
        }),
        variable(
            "first_seen_hours",
            Type::Int,
            "hours since this gate first saw the digest from this origin",
            |seen| int(seen.context.first_seen_hours),
        ),
        variable("minimum_age_hours", Type::Int, "`minimum-age-hours` of the policy", |seen| {
            int(seen.policy.minimum_age_hours)
        }),
        variable(
            "upstream_signature",
            Type::Text,
            "the upstream's signature: `unchecked`, `missing`, `invalid` or `valid`",
            |seen| seen.context.upstream_signature.name().into(),
        ),
        variable("detonated", Type::Bool, "whether it was run", |seen| Value::Bool(seen.context.detonated)),
        variable("detonation_due", Type::Bool, "whether the policy says that it has to be run", |seen| {
            let (image, policy) = (seen.context, seen.policy);
            let data = !image.starts && policy.is_data(&image.repository);
            Value::Bool(!data && policy.detonates(&image.repository, !image.upstream.is_empty()))
        }),
        variable(
            "starts",
            Type::Bool,
            "whether it names a program to start, as its entrypoint or its command",
            |seen| Value::Bool(seen.context.starts),
        ),
        variable(
            "trusted_base",
            Type::Bool,
            "whether the policy names its repository among `trusted-bases`",
            |seen| Value::Bool(seen.policy.is_trusted_base(&seen.context.repository)),
        ),
        variable(
            "pushed_by",
            Type::Text,
            "who pushed it, `user:alice`; empty where it came from an upstream",
            |seen| seen.context.pushed_by.as_str().into(),
        ),
        variable(
            "labels",
            Type::Map(MOST_NAMES as u64),
            "the labels in its configuration of up to 8 KiB each, which are claims of whoever built it",
            |seen| labels(seen.context),
        ),
        variable(
            "lifted",
            list(Type::Text, 200),
            "names of the rules before this one that held and were lifted by exceptions",
            |seen| texts(seen.lifted),
        ),
    ]
});

/// Gives the language all variables.
pub(crate) fn bind(scope: &mut cel::Context<'_, '_>, seen: &Seen<'_>) {
    for variable in VARIABLES.iter() {
        scope.add_variable_from_value(variable.name, (variable.value)(seen));
    }
}

/// Why the context is more than rules look at.
pub(crate) fn beyond(context: &Context) -> Option<String> {
    let counts = [
        ("findings", context.findings.len(), MOST_FINDINGS),
        ("gaps", context.gaps.len(), MOST_GAPS),
        ("tags", context.tags.len(), MOST_NAMES),
        ("platforms", context.platforms.len(), MOST_NAMES),
        ("pua", context.pua.len(), MOST_NAMES),
        ("hygiene", context.hygiene.len(), MOST_NAMES),
        ("labels", context.labels.len(), MOST_NAMES),
    ];
    if let Some((name, count, most)) = counts.into_iter().find(|(_, count, most)| count > most) {
        return Some(format!("it has {count} {name}, and rules look at {most}"));
    }
    let paths = context.findings.iter().map(|fact| &fact.path);
    let gaps = context.gaps.iter().flat_map(|gap| [&gap.what, &gap.why]);
    let names = context.tags.iter().chain(&context.platforms).chain(context.labels.keys());
    let others = [&context.upstream, &context.pushed_by];
    let longest = paths.chain(gaps).chain(names).chain(others).map(String::len).max().unwrap_or(0);
    (longest > LONGEST_TEXT)
        .then(|| format!("it has a text of {longest} bytes, and rules look at {LONGEST_TEXT}"))
}

fn finding(fact: &Fact) -> Value {
    let reachable = match fact.reachable {
        Some(true) => "yes",
        Some(false) => "no",
        None => "unknown",
    };
    let level = match fact.severity {
        model::Severity::Low => 1,
        model::Severity::Medium => 2,
        model::Severity::High => 3,
        model::Severity::Critical => 4,
    };
    record([
        ("id", fact.id.as_str().into()),
        ("severity", fact.severity.name().into()),
        ("level", Value::Int(level)),
        ("role", fact.role.name().into()),
        ("path", fact.path.as_str().into()),
        ("layer", fact.layer.map_or(Value::Int(-1), |layer| int(layer as u64))),
        ("content", fact.content.map(|digest| digest.to_string()).unwrap_or_default().into()),
        ("reachable", reachable.into()),
        ("dynamic", Value::Bool(fact.dynamic)),
        ("axis", fact.axis.map_or("", model::Axis::name).into()),
        ("counts", Value::Bool(fact.counts())),
        ("excepted", Value::Bool(fact.excepted)),
    ])
}

fn gap(gap: &Gap) -> Value {
    record([("what", gap.what.as_str().into()), ("why", gap.why.as_str().into())])
}

fn labels(context: &Context) -> Value {
    let shown = context.labels.iter().filter(|(_, value)| value.len() <= LONGEST_LABEL);
    let map = shown.map(|(name, value)| (Key::String(Arc::new(name.clone())), value.as_str().into()));
    Value::Map(Map { map: Arc::new(map.collect()) })
}

fn record<const N: usize>(fields: [(&'static str, Value); N]) -> Value {
    let map: HashMap<Key, Value> =
        fields.into_iter().map(|(name, value)| (Key::String(Arc::new(name.to_owned())), value)).collect();
    Value::Map(Map { map: Arc::new(map) })
}

fn texts(list: &[String]) -> Value {
    Value::List(Arc::new(list.iter().map(|text| text.as_str().into()).collect()))
}

fn int(number: u64) -> Value {
    Value::Int(i64::try_from(number).unwrap_or(i64::MAX))
}
