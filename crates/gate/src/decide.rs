//! From a report to a decision that stands in the journal. The policy decides; what nobody has read is held whatever it
//! says.
use crate::work::Unread;
use aws_lc_rs::digest::{SHA256, digest};
use model::{Date, Digest, Finding, Report, RepositoryName, Role, Tag, Verdict};
use policy::{Context, Exceptions, Policy};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use store::ExceptionRow;

/// What is done with content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Effect {
    Allow,
    Hold,
    Deny,
}

/// A decision with everything that it stands on: as it lies in the store, in the journal, and as clients are told of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) effect: Effect,
    /// The rule that said so.
    pub(crate) rule: String,
    /// Why, in a sentence; escaped.
    pub(crate) message: String,
    /// The name that was judged.
    pub(crate) reference: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verdict: Option<Verdict>,
    /// The findings that weigh most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) findings: Vec<Named>,
    /// The report, in the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) report: Option<Digest>,
    /// Digest of analyzers and rules.
    #[serde(default)]
    pub(crate) rules: String,
    /// `name@digest` of the feeds.
    #[serde(default)]
    pub(crate) feeds: Vec<String>,
    /// Digest of the policy.
    #[serde(default)]
    pub(crate) policy: String,
    /// When it is looked at again by itself, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) until: Option<i64>,
    /// What rules that are tried out would have said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) dry_run: Vec<policy::DryRun>,
    /// What was signed with the release, and ends with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) companions: Vec<Digest>,
    /// What speaks against its release, as a digest, and since when that is known: an approval from before is for
    /// something else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ground: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) since: Option<i64>,
    /// Who approved of it as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) approvals: Vec<Approver>,
    /// Whether it is malicious, so that no approval releases it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) barred: bool,
    /// Whether it stands for want of a better one: the analysis failed and is tried again when somebody asks.
    #[serde(default)]
    pub(crate) failed: bool,
}

/// A person who approved of a release, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Approver {
    pub(crate) by: String,
    pub(crate) reason: String,
    /// In milliseconds since 1970.
    pub(crate) time: i64,
}

/// A finding in few words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Named {
    pub(crate) id: String,
    pub(crate) title: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) layer: Option<usize>,
    pub(crate) platform: String,
}

/// What an analysis came to, and what is known besides.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) repository: &'a RepositoryName,
    /// None for content that consists of documents.
    pub(crate) report: Option<&'a Report>,
    pub(crate) unread: &'a [Unread],
    /// Whether there is nothing in it: then nothing was read either.
    pub(crate) empty: bool,
    pub(crate) digest: Digest,
    pub(crate) upstream: Option<&'a access::Upstream>,
    /// What became of the upstream's signature.
    pub(crate) signature: policy::Signature,
    pub(crate) tags: &'a [Tag],
    /// Hours since it was first seen here.
    pub(crate) first_seen_hours: u64,
    pub(crate) pushed_by: &'a str,
    /// Whether it names a program to start.
    pub(crate) starts: bool,
}

/// What the policy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ruling {
    pub(crate) effect: Effect,
    pub(crate) rule: String,
    pub(crate) message: String,
    /// Whether people lifted something that spoke against it: then it is looked at again when their word ends.
    pub(crate) lifted: bool,
    /// Whether it is malicious, so that no approval releases it.
    pub(crate) barred: bool,
    /// What rules that are tried out would have said.
    pub(crate) dry_run: Vec<policy::DryRun>,
}

/// Decides, without what people approve of. Deterministic; what nobody read is held, whatever the policy says.
pub(crate) fn decide(facts: &Facts<'_>, policy: &Policy, exceptions: &Exceptions, today: Date) -> Ruling {
    let context = context(facts);
    let decision = policy::decide(policy, &context, exceptions, today);
    let mut ruling = Ruling {
        effect: match decision.effect {
            policy::Effect::Allow => Effect::Allow,
            policy::Effect::Hold => Effect::Hold,
            policy::Effect::Deny => Effect::Deny,
        },
        rule: decision.rule,
        message: decision.message,
        lifted: !decision.lifted.is_empty(),
        barred: decision.barred,
        dry_run: decision.dry_run,
    };
    if let (Effect::Allow, Some(first)) = (ruling.effect, facts.unread.first()) {
        let more = match facts.unread.len() {
            1 => String::new(),
            all => format!(", and {} more like it", all - 1),
        };
        ruling.effect = Effect::Hold;
        ruling.rule = "unread".to_owned();
        ruling.message = format!(
            "{} is held by the rule unread: {} looks like {} and was read neither as a layer nor as a document{more}; a person \
             has to look at it",
            facts.repository,
            first.blob.short(),
            first.what,
        );
    }
    if ruling.effect == Effect::Allow && facts.empty {
        ruling.effect = Effect::Hold;
        ruling.rule = "empty".to_owned();
        ruling.message =
            format!("{} is held by the rule empty: it leads to nothing that could be read", facts.repository);
    }
    ruling
}

/// The rule by which content of an upstream is held until it has been known for long enough.
const MINIMUM_AGE: &str = "minimum-age";

/// Holds what would be released and is known for too short a time.
pub(crate) fn too_young(ruling: Ruling, repository: &RepositoryName) -> Ruling {
    Ruling {
        effect: Effect::Hold,
        rule: MINIMUM_AGE.to_owned(),
        message: format!(
            "{repository} is held by the rule {MINIMUM_AGE}: it passed, and was first seen here too short a time ago"
        ),
        ..ruling
    }
}

/// What speaks against a release, as a digest: the rule, and all that it may stand on. An approval is for this and for
/// nothing that is found out later.
pub(crate) fn ground(facts: &Facts<'_>, ruling: &Ruling) -> Digest {
    let counting = facts.report.iter().flat_map(|report| &report.findings);
    let counting = counting.filter(|finding| finding.role != Role::Context && finding.exception.is_none());
    let mut lines: Vec<String> = counting
        .map(|finding| format!("{:?}", (&finding.id, finding.role, &finding.path, finding.content)))
        .chain(facts.report.iter().flat_map(|report| &report.gaps).map(|gap| format!("{gap:?}")))
        .chain(facts.unread.iter().map(|unread| format!("{unread:?}")))
        .collect();
    lines.sort();
    lines.dedup();
    let verdict = facts.report.map(|report| report.verdict);
    let text = format!("{:?}", (&ruling.rule, verdict, facts.empty, lines));
    let hash = digest(&SHA256, text.as_bytes());
    Digest::sha256(<[u8; 32]>::try_from(hash.as_ref()).unwrap_or_default())
}

/// Releases what is held where as many people as have to approve of it, as it is known to them: whatever the rule, the
/// age included. What is malicious they do not release.
pub(crate) fn approved(
    ruling: Ruling,
    repository: &RepositoryName,
    approvals: &[Approver],
    needed: usize,
    young: bool,
) -> Ruling {
    let have = approvals.len();
    if ruling.effect != Effect::Hold || ruling.barred || have == 0 || have < needed {
        return ruling;
    }
    let short = |text: &str| text.chars().take(200).collect::<String>();
    let by: Vec<String> =
        approvals.iter().take(5).map(|one| format!("{}: {}", one.by, short(&one.reason))).collect();
    let age = if young && ruling.rule != MINIMUM_AGE {
        ", and it was first seen here too short a time ago"
    } else {
        ""
    };
    let message = format!(
        "{repository} is released as {have} approved of it ({}); without, {}{age}",
        by.join("; "),
        ruling.message
    );
    Ruling { effect: Effect::Allow, rule: "approved".to_owned(), message, lifted: true, ..ruling }
}

fn context(facts: &Facts<'_>) -> Context {
    let repository = facts.repository.clone();
    let mut context = match facts.report {
        Some(report) => Context::of_report(repository, report),
        // Documents: there is nothing in them to run.
        None => Context { detonated: true, ..Context::new(repository, Verdict::Clean) },
    };
    context.starts = facts.starts;
    context.digest = Some(facts.digest);
    context.upstream = facts.upstream.map(|name| name.as_str().to_owned()).unwrap_or_default();
    context.upstream_signature = facts.signature;
    context.tags = facts.tags.iter().map(ToString::to_string).collect();
    context.first_seen_hours = facts.first_seen_hours;
    if facts.upstream.is_none() {
        context.pushed_by = facts.pushed_by.to_owned();
    }
    context
}

/// The exceptions that hold now. One that cannot be read lifts nothing, and is told of.
pub(crate) fn exceptions(rows: Vec<ExceptionRow>) -> Exceptions {
    let read = |row: ExceptionRow| {
        let mut scope = row.scope;
        let fields = scope.as_object_mut()?;
        let expires = Date::of_unix_seconds(u64::try_from(row.expires / 1000).unwrap_or(0));
        fields.insert("id".to_owned(), row.id.to_string().into());
        fields.insert("reason".to_owned(), row.reason.into());
        fields.insert("created_by".to_owned(), row.created_by.into());
        fields.insert("approved_by".to_owned(), row.approved.map(|(by, _)| by).into());
        fields.insert("expires".to_owned(), expires.to_string().into());
        serde_json::from_value::<policy::Exception>(scope).ok()
    };
    let mut list = Vec::new();
    for row in rows {
        let id = row.id;
        // Each by itself: one that is wrong must not take the others with it.
        match read(row).filter(|exception| Exceptions::new(vec![exception.clone()]).is_ok()) {
            Some(exception) => list.push(exception),
            None => tracing::warn!(id, "an exception cannot be read, and lifts nothing"),
        }
    }
    Exceptions::new(list).unwrap_or_else(|error| {
        tracing::error!(%error, "the exceptions cannot be used, and lift nothing");
        Exceptions::default()
    })
}

/// Digest of a policy.
pub(crate) fn digest_of(policy: &Policy) -> Digest {
    let hash = digest(&SHA256, policy.identity().as_bytes());
    Digest::sha256(<[u8; 32]>::try_from(hash.as_ref()).unwrap_or_default())
}

impl Record {
    /// The rule by which what the gate signs itself is released.
    pub(crate) const SIGNATURE: &'static str = "signature";

    /// For want of a report.
    pub(crate) fn failed(reference: String, why: &str) -> Self {
        Self {
            effect: Effect::Hold,
            rule: "analysis-failed".to_owned(),
            message: format!("the analysis failed: {}", model::escape_text(why)),
            reference,
            verdict: None,
            findings: Vec::new(),
            report: None,
            rules: String::new(),
            feeds: Vec::new(),
            policy: String::new(),
            until: None,
            dry_run: Vec::new(),
            companions: Vec::new(),
            ground: None,
            since: None,
            approvals: Vec::new(),
            barred: false,
            failed: true,
        }
    }

    /// Those of the approvals that are for what is known now.
    pub(crate) fn counting(&self, approvals: &[store::Approval]) -> Vec<Approver> {
        let since = self.since.unwrap_or(i64::MAX);
        let counting = approvals.iter().filter(|approval| approval.created >= since);
        let told = |approval: &store::Approval| Approver {
            by: approval.approver.clone(),
            reason: approval.reason.clone(),
            time: approval.created,
        };
        counting.map(told).collect()
    }

    pub(crate) fn read(value: &Value) -> Option<Self> {
        serde_json::from_value(value.clone()).ok()
    }

    pub(crate) fn body(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// What a client is told whose pull was refused.
    pub(crate) fn refusal(&self) -> String {
        format!("roadstead: {}", self.message)
    }

    /// What a client is told whose pull has to wait for a person or for time.
    pub(crate) fn waiting(&self) -> String {
        match self.until {
            Some(until) => format!("roadstead: {} (until {})", self.message, moment(until)),
            None => self.refusal(),
        }
    }
}

/// The findings that decided, those with a place first.
pub(crate) fn headline(report: &Report) -> Vec<Named> {
    let mut counting: Vec<&Finding> = report
        .findings
        .iter()
        .filter(|finding| finding.role != Role::Context && finding.exception.is_none())
        .collect();
    counting.sort_by_key(|finding| (std::cmp::Reverse(finding.role), finding.path.is_none()));
    let named = |finding: &Finding| Named {
        id: finding.id.clone(),
        title: finding.title.clone(),
        path: finding.path.as_ref().map(|path| path.chars().take(200).collect()),
        layer: finding.layer.as_ref().map(|layer| layer.index),
        platform: finding.platform.clone(),
    };
    counting.into_iter().take(5).map(named).collect()
}

/// RFC 3339 in UTC.
pub(crate) fn moment(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map_or_else(|_| "a day far away".to_owned(), |time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
}
