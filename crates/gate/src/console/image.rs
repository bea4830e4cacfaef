//! One image: how it stands, its report, and what people decide over it.

use super::guard::{Sent, Trouble, Visitor};
use super::shown::{self, record, state, work};
use crate::Gate;
use crate::decide::Record;
use crate::people::Fail;
use crate::people::images::{self, Image, counting, not_to_approve};
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::response::{Html, IntoResponse, Response};
use bytes::Bytes;
use model::{Detection, Report};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use store::{Repository, Standing};
use web::{Approval, Companion, Decision, Moment, Other, paths};

/// Largest report that is drawn; a larger one is there as a file.
const LARGEST_REPORT: usize = 16 << 20;
/// Entries of the history, companions, and other images of the repository that a page names.
const HISTORY: usize = 100;
const COMPANIONS: usize = 20;
const OTHERS: usize = 30;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    repository: String,
    digest: String,
}

impl Asked {
    async fn find(&self, gate: &Gate, visitor: &Visitor) -> Result<(Image, Repository, Standing), Fail> {
        let image = shown::image(&self.repository, &self.digest)?;
        let (repository, standing) = shown::find(gate, visitor, &image).await?;
        Ok((image, repository, standing))
    }
}

pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let (image, repository, standing) = asked.find(&gate, &visitor).await?;
    let mut page = standing_of(&gate, &visitor, &image, &repository, &standing).await?;
    page.report = read_report(&gate, &standing).await?;
    page.companions = companions(&gate, &image, record(&standing).as_ref()).await?;
    page.history = history(&gate, &visitor, &image).await?;
    page.others = others(&gate, &image).await?;
    Ok(Html(web::image(&visitor.frame(&gate), &page, &catalogue)).into_response())
}

/// How it stands alone, which a page that is open asks for from time to time.
pub(super) async fn standing(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let (image, repository, standing) = asked.find(&gate, &visitor).await?;
    let page = standing_of(&gate, &visitor, &image, &repository, &standing).await?;
    Ok(Html(web::image_standing(&page)).into_response())
}

async fn standing_of(
    gate: &Gate,
    visitor: &Visitor,
    image: &Image,
    repository: &Repository,
    standing: &Standing,
) -> Result<web::Image, Fail> {
    let record = record(standing);
    let approvals = gate.store.approvals(&image.repository, &image.digest).await?;
    let counts = |approval: &store::Approval| !counting(standing, std::slice::from_ref(approval)).is_empty();
    let told = approvals.iter().map(|approval| Approval {
        by: approval.approver.clone(),
        reason: approval.reason.clone(),
        time: Moment(approval.created),
        counts: counts(approval),
    });
    let tags = gate.store.tags_of(&image.repository, &image.digest).await?;
    let manifest = gate.store.manifest(&image.repository, &image.digest).await?;
    let last = gate.store.journal_of(&image.repository, &image.digest, HISTORY).await?;
    let decided_by = last.iter().find(|entry| DECISIONS.iter().any(|(kind, _)| *kind == entry.kind));
    let may_decide = visitor.principal().is_admin();
    let is_released = standing.state == store::State::Released;
    let upstream = match &repository.origin {
        store::Origin::Hosted => None,
        store::Origin::Upstream { upstream, remote } => Some(format!("{upstream}, where it is {remote}")),
    };
    Ok(web::Image {
        repository: image.repository.to_string(),
        digest: image.digest.to_string(),
        tags: tags.iter().map(|row| row.name.to_string()).collect(),
        state: state(standing.state),
        verdict: record.as_ref().and_then(|record| record.verdict),
        rule: record.as_ref().map(|record| record.rule.clone()).unwrap_or_default(),
        message: record.as_ref().map(|record| record.message.clone()).unwrap_or_default(),
        decided_by: decided_by.map(|entry| text(&body(&entry.body), "by")).unwrap_or_default(),
        decided: standing.decided.map(Moment),
        first_seen: Moment(standing.first_seen),
        came_by: upstream.or_else(|| manifest.map(|manifest| manifest.pushed_by)).unwrap_or_default(),
        pull: is_released.then(|| pull(gate, image)),
        work: work(gate, image).await?,
        barred: record.as_ref().is_some_and(|record| record.barred),
        report: None,
        companions: Vec::new(),
        approvals: told.collect(),
        approvals_needed: gate.config.policy.approvals,
        history: Vec::new(),
        others: Vec::new(),
        may_decide,
        not_to_approve: not_to_approve(standing).map(str::to_owned),
    })
}

fn pull(gate: &Gate, image: &Image) -> String {
    let host = gate.url.split_once("://").map_or(gate.url.as_str(), |(_, host)| host);
    format!("docker pull {}/{}@{}", host.trim_end_matches('/'), image.repository, image.digest)
}

/// Entries of the journal that decide, and what people call that.
const DECISIONS: [(&str, &str); 4] =
    [("release", "released"), ("deny", "denied"), ("revoke", "revoked"), ("hold", "held")];

async fn history(gate: &Gate, visitor: &Visitor, image: &Image) -> Result<Vec<Decision>, Fail> {
    let entries = gate.store.journal_of(&image.repository, &image.digest, HISTORY).await?;
    // The journal is for administrators: nothing leads others to a page that is not there for them.
    let is_linked = visitor.principal().is_admin();
    let told = |entry: store::journal::Entry| {
        let body = body(&entry.body);
        let decision = body.get("decision").cloned().unwrap_or_default();
        let what = DECISIONS.iter().find(|(kind, _)| *kind == entry.kind).map_or(
            match entry.kind.as_str() {
                "push" => "came",
                "approve" => "approved",
                "tag" => "tagged",
                "delete" => "deleted",
                "lost" => "lost",
                other => other,
            },
            |(_, what)| what,
        );
        let message = match text(&decision, "message") {
            message if !message.is_empty() => message,
            _ => text(&body, "reason"),
        };
        Decision {
            time: Moment(entry.time),
            what: what.to_owned(),
            by: text(&body, "by"),
            rule: text(&decision, "rule"),
            message,
            entry: is_linked.then_some(entry.seq),
        }
    };
    Ok(entries.into_iter().map(told).collect())
}

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// What the gate signed with the release.
async fn companions(gate: &Gate, image: &Image, record: Option<&Record>) -> Result<Vec<Companion>, Fail> {
    let mut told = Vec::new();
    for digest in record.iter().flat_map(|record| &record.companions).take(COMPANIONS) {
        let Some(manifest) = gate.store.manifest(&image.repository, digest).await? else { continue };
        let kind = match (&manifest.artifact_type, &manifest.subject) {
            (Some(kind), Some(_)) => format!("bundle: {kind}"),
            _ => "signature, under cosign's tag".to_owned(),
        };
        let by = if manifest.pushed_by == crate::ingest::GATE { "this gate" } else { &manifest.pushed_by };
        told.push(Companion { kind, digest: digest.to_string(), size: manifest.size, by: by.to_owned() });
    }
    Ok(told)
}

/// The newest images of the repository besides.
async fn others(gate: &Gate, image: &Image) -> Result<Vec<Other>, Fail> {
    let sight = gate.store.sight(|one| one.name == image.repository).await?;
    let queue = store::Queue { sight, state: None, last: None, n: OTHERS + 1 };
    let found = gate.store.queue(&queue).await?.into_iter();
    let others = found.filter(|queued| queued.standing.digest != image.digest).take(OTHERS);
    Ok(others.map(|queued| Other { digest: queued.standing.digest.to_string(), tags: queued.tags }).collect())
}

/// The report that an image was decided by, as its bytes.
async fn evidence(gate: &Gate, standing: &Standing) -> Result<Option<Bytes>, Fail> {
    match standing.evidence {
        Some(evidence) => Ok(gate.store.evidence(&evidence).await?),
        None => Ok(None),
    }
}

/// The report that an image was decided by, where it is one over an image, and no larger than what is drawn.
pub(super) async fn read_report(gate: &Gate, standing: &Standing) -> Result<Option<Report>, Fail> {
    let bytes = evidence(gate, standing).await?.filter(|bytes| bytes.len() <= LARGEST_REPORT);
    let Some(bytes) = bytes else { return Ok(None) };
    // Off the threads that serve: a large one takes a while.
    let read = tokio::task::spawn_blocking(move || serde_json::from_slice(&bytes).ok());
    Ok(read.await.unwrap_or_default())
}

/// The report as JSON.
pub(super) async fn report(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let (_, _, standing) = asked.find(&gate, &visitor).await?;
    let bytes = evidence(&gate, &standing).await?.ok_or_else(|| Fail::missing("report of this image"))?;
    let headers = [
        (CONTENT_TYPE, "application/json"),
        // It quotes the image; whoever opens it in a browser must not run it.
        (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
        (CONTENT_DISPOSITION, "attachment; filename=\"report.json\""),
    ];
    Ok((headers, bytes).into_response())
}

/// The report as one file of HTML, to be sent around. It has its style within, and runs nothing.
pub(super) async fn report_file(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let (_, _, standing) = asked.find(&gate, &visitor).await?;
    let none = || Fail::missing("report of this image that could be drawn");
    let report = read_report(&gate, &standing).await?.ok_or_else(none)?;
    let mut page = Vec::new();
    let style = report::Style { color: false, width: 100, verbose: true };
    report::render(&report, report::Format::Html, style, &catalogue, &mut page)
        .map_err(|_| Fail::unavailable("the report cannot be drawn"))?;
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox",
        ),
        (CONTENT_DISPOSITION, "attachment; filename=\"report.html\""),
    ];
    Ok((headers, page).into_response())
}

/// What a finding's id stands for.
pub(super) fn catalogue(id: &str) -> Option<&'static Detection> {
    static ALL: LazyLock<HashMap<&'static str, &'static Detection>> = LazyLock::new(|| {
        pipeline::known_detections().into_iter().map(|detection| (detection.id, detection)).collect()
    });
    ALL.get(id).copied()
}

pub(super) async fn approve(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let (admin, image, to) = decided(&visitor, &sent)?;
    let done =
        images::approve(&gate, &admin, &image, sent.text("reason")).await.map(|approved| {
            match approved.missing {
                0 => "You approved of the image. It is looked at once more, and released.".to_owned(),
                1 => "You approved of the image. One more person has to.".to_owned(),
                more => format!("You approved of the image. {more} more people have to."),
            }
        });
    visitor.answer(&gate, &to, done)
}

pub(super) async fn deny(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let (admin, image, to) = decided(&visitor, &sent)?;
    let done = images::deny(&gate, &admin, &image, sent.text("reason")).await;
    visitor.answer(&gate, &to, done.map(|outcome| ended("The image is denied", &outcome)))
}

pub(super) async fn revoke(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let (admin, image, to) = decided(&visitor, &sent)?;
    let done = images::revoke(&gate, &admin, &image, sent.text("reason")).await;
    visitor.answer(&gate, &to, done.map(|outcome| ended("The release is taken back", &outcome)))
}

pub(super) async fn look_again(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let (admin, image, to) = decided(&visitor, &sent)?;
    let done = images::look_again(&gate, &admin, &image).await;
    visitor.answer(&gate, &to, done.map(|_| "The image is looked at again.".to_owned()))
}

fn ended(what: &str, outcome: &store::Outcome) -> String {
    match outcome.ended.len() {
        0 => format!("{what}: entry {} of the journal.", outcome.entry),
        1 => format!("{what}: entry {} of the journal. One release ended that reaches it.", outcome.entry),
        more => {
            format!("{what}: entry {} of the journal. {more} releases ended that reach it.", outcome.entry)
        }
    }
}

/// Who decides, over what, and the page to which that leads.
fn decided(visitor: &Visitor, sent: &Sent) -> Result<(crate::people::Admin, Image, String), Fail> {
    let admin = visitor.admin()?;
    let image = shown::image(sent.text("repository"), sent.text("digest"))?;
    let to = paths::image(image.repository.as_str(), &image.digest.to_string());
    Ok((admin, image, to))
}
