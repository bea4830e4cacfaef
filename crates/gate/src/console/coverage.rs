//! What this build can find, and what it found here, by techniques of MITRE ATT&CK.

use super::guard::{Trouble, Visitor};
use super::shown::sight;
use crate::Gate;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use std::sync::Arc;
use store::TermKind;
use web::Coverage;

pub(super) async fn page(State(gate): State<Arc<Gate>>, visitor: Visitor) -> Result<Response, Trouble> {
    visitor.admin()?;
    let images = super::queue::counts(&gate, &sight(&gate, &visitor).await?).await?.all();
    let found = gate.store.term_counts(TermKind::Technique).await?;
    let coverage = Coverage::new(pipeline::known_detections()).counted(found, images);
    Ok(Html(web::coverage(&visitor.frame(&gate), &coverage)).into_response())
}
