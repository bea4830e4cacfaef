//! Two images side by side, by their reports.

use super::guard::{Trouble, Visitor};
use super::image::read_report;
use super::shown::{find, image_of, state};
use crate::Gate;
use crate::people::Fail;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;
use web::{Compared, Comparison};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct Asked {
    old: String,
    new: String,
}

pub(super) async fn page(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    Query(asked): Query<Asked>,
) -> Result<Response, Trouble> {
    let old = compared(&gate, &visitor, &asked.old).await?;
    let new = compared(&gate, &visitor, &asked.new).await?;
    Ok(Html(web::comparison(&visitor.frame(&gate), &Comparison { old, new })).into_response())
}

async fn compared(gate: &Gate, visitor: &Visitor, text: &str) -> Result<Compared, Fail> {
    let image = image_of(text)?;
    let (_, standing) = find(gate, visitor, &image).await?;
    let report = read_report(gate, &standing).await?;
    Ok(Compared {
        repository: image.repository.to_string(),
        digest: image.digest.to_string(),
        state: state(standing.state),
        report: report.ok_or_else(|| Fail::missing(format!("report of {}", image.repository)))?,
    })
}
