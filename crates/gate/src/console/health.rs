//! How the server is.

use super::guard::{Trouble, Visitor};
use super::queue::counts;
use crate::Gate;
use crate::decide::digest_of;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use std::sync::Arc;
use std::time::Duration;
use store::Sight;
use web::{Check, Disk, Health, Jobs};

pub(super) async fn page(State(gate): State<Arc<Gate>>, visitor: Visitor) -> Result<Response, Trouble> {
    visitor.admin()?;
    let (rules, feeds) = knowledge(&gate).await;
    let jobs = gate.store.job_counts().await?;
    let page = Health {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rules,
        policy: digest_of(&gate.core.judging().policy).to_string(),
        feeds,
        uptime: gate.since.elapsed().as_secs(),
        checks: checks(&gate).await,
        counts: counts(&gate, &Sight::all()).await?,
        jobs: jobs.into_iter().map(|(kind, waiting, running)| Jobs { kind, waiting, running }).collect(),
        disks: disk(&gate).into_iter().collect(),
        upkeep: gate.metrics.upkeep.told(),
    };
    Ok(Html(web::health(&visitor.frame(&gate), &page)).into_response())
}

/// The digest of the rules that are in force, and the feeds. They are read at the start only, so that they are asked for
/// once.
async fn knowledge(gate: &Gate) -> (String, Vec<String>) {
    if let Some(known) = gate.knowledge.get() {
        return known.clone();
    }
    let judging = gate.core.judging();
    let read = tokio::task::spawn_blocking(move || {
        let settings = (judging.scan)();
        (pipeline::rules_digest(&settings.rules), settings.indicators.feeds())
    });
    let read = read.await.unwrap_or_default();
    gate.knowledge.get_or_init(|| read).clone()
}

async fn checks(gate: &Gate) -> Vec<Check> {
    let check = |name: &str, works: bool, message: String| Check { name: name.to_owned(), works, message };
    let ready = tokio::time::timeout(Duration::from_secs(5), gate.store.ready()).await;
    let workers = gate.workers_alive();
    vec![
        match ready {
            Ok(Ok(())) => check("store", true, String::new()),
            Ok(Err(_)) => check("store", false, "it does not take writes; the log says why".to_owned()),
            Err(_) => check("store", false, "it does not answer".to_owned()),
        },
        check("workers", workers > 0, format!("{workers} are alive")),
    ]
}

/// The disk that the data directory is on.
fn disk(gate: &Gate) -> Option<Disk> {
    let found = rustix::fs::statvfs(gate.store.directory()).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
    Some(Disk {
        what: "the disk of the data directory, with all that others keep there".to_owned(),
        used: bytes(found.f_blocks.saturating_sub(found.f_bfree)),
        free: Some(bytes(found.f_bavail)),
    })
}
