//! Images by state, the newest first.

use super::guard::{Trouble, Visitor};
use super::shown::{doing, image_of, record, sight, state, work};
use crate::Gate;
use crate::core::Task;
use crate::people::images::Image;
use crate::people::{Fail, sees};
use crate::work::INGEST;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use store::{Queued, Sight};
use web::{Counts, Moment, Row};

/// Images of one page.
const PAGE: usize = 100;
/// Open jobs that are looked through for what is being fetched, and is no image here yet.
const JOBS: usize = 200;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    state: String,
    repository: String,
    last: String,
}

pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let queue = read(&gate, &visitor, &asked, true).await?;
    Ok(Html(web::queue(&visitor.frame(&gate), &queue)).into_response())
}

/// The rows alone, which a page that is open asks for from time to time.
pub(super) async fn rows(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let queue = read(&gate, &visitor, &asked, false).await?;
    Ok(Html(web::queue_rows(&queue)).into_response())
}

async fn read(gate: &Gate, visitor: &Visitor, asked: &Asked, counted: bool) -> Result<web::Queue, Fail> {
    let state = match asked.state.as_str() {
        // Administrators come to decide, and others to look for theirs.
        "" if visitor.principal().is_admin() => Some(web::State::Quarantined),
        "" | "all" => None,
        named => Some(
            web::State::named(named)
                .ok_or_else(|| Fail::invalid("state is quarantined, released, denied, revoked or all"))?,
        ),
    };
    let repository: String = asked.repository.trim().chars().take(300).collect();
    let sight = sight(gate, visitor).await?;
    let filtered = if repository.is_empty() {
        sight.clone()
    } else {
        let principal = visitor.principal();
        let named = |one: &store::Repository| one.name.as_str().contains(&repository) && sees(principal, one);
        gate.store.sight(named).await?
    };
    let last = if asked.last.is_empty() { None } else { Some(image_of(&asked.last)?) };
    let is_first = last.is_none();
    let asks = store::Queue {
        sight: filtered,
        state: state.map(of_store),
        last: last.map(|image| (image.repository, image.digest)),
        n: PAGE + 1,
    };
    let mut found = gate.store.queue(&asks).await?;
    let more = found.len() > PAGE;
    found.truncate(PAGE);
    let next = found.last().filter(|_| more);
    let next = next.map(|last| format!("{}@{}", last.repository, last.standing.digest));
    let mut rows = Vec::new();
    if is_first && state.is_none_or(|state| state == web::State::Quarantined) {
        rows.extend(fetched(gate, visitor, &repository).await?);
    }
    for queued in found {
        rows.push(row(gate, queued).await?);
    }
    let counts = if counted { counts(gate, &sight).await? } else { Counts::default() };
    Ok(web::Queue { state, repository, counts, rows, last: asked.last.clone(), next })
}

/// How many images stand in each state.
pub(super) async fn counts(gate: &Gate, sight: &Sight) -> Result<Counts, Fail> {
    let mut counts = Counts::default();
    for (state, count) in gate.store.state_counts(sight).await? {
        match state {
            store::State::Quarantined => counts.quarantined = count,
            store::State::Released => counts.released = count,
            store::State::Denied => counts.denied = count,
            store::State::Revoked => counts.revoked = count,
        }
    }
    Ok(counts)
}

async fn row(gate: &Gate, queued: Queued) -> Result<Row, Fail> {
    let Queued { repository, standing, tags } = queued;
    let record = record(&standing);
    let image = Image { repository, digest: standing.digest };
    let work = work(gate, &image).await?;
    Ok(Row {
        repository: image.repository.to_string(),
        digest: image.digest.to_string(),
        tags,
        state: state(standing.state),
        verdict: record.as_ref().and_then(|record| record.verdict),
        rule: record.as_ref().map(|record| record.rule.clone()).unwrap_or_default(),
        message: record.map(|record| record.message).unwrap_or_default(),
        first_seen: Moment(standing.first_seen),
        work,
    })
}

/// What is being fetched, and is no image here yet.
async fn fetched(gate: &Gate, visitor: &Visitor, repository: &str) -> Result<Vec<Row>, Fail> {
    let mut rows = Vec::new();
    for job in gate.store.open_jobs(JOBS).await? {
        let Ok(task) = serde_json::from_value::<Task>(job.payload) else { continue };
        if job.kind != INGEST || !task.repository.as_str().contains(repository) {
            continue;
        }
        let known = gate.store.repository(&task.repository).await?;
        let seen = match &known {
            Some(known) => sees(visitor.principal(), known),
            None => visitor.principal().is_admin(),
        };
        if !seen || gate.store.standing(&task.repository, &task.digest).await?.is_some() {
            continue;
        }
        rows.push(Row {
            repository: task.repository.to_string(),
            digest: task.digest.to_string(),
            tags: task.tags.iter().take(10).map(ToString::to_string).collect(),
            state: web::State::Quarantined,
            verdict: None,
            rule: String::new(),
            message: String::new(),
            first_seen: Moment(job.created),
            work: doing(&job.state),
        });
    }
    Ok(rows)
}

fn of_store(state: web::State) -> store::State {
    match state {
        web::State::Quarantined => store::State::Quarantined,
        web::State::Released => store::State::Released,
        web::State::Denied => store::State::Denied,
        web::State::Revoked => store::State::Revoked,
    }
}
