//! The registries that images are pulled through from, as they are configured.

use super::guard::{Trouble, Visitor};
use crate::Gate;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use std::sync::Arc;

pub(super) async fn page(State(gate): State<Arc<Gate>>, visitor: Visitor) -> Result<Response, Trouble> {
    visitor.admin()?;
    let told = gate.config.upstreams.iter().map(|(name, upstream)| web::Upstream {
        name: name.to_string(),
        addresses: vec![upstream.url.clone().unwrap_or_else(|| crate::serve::default_address(name))],
        has_login: upstream.username.is_some(),
        allow: upstream.allow.iter().map(ToString::to_string).collect(),
        deny: upstream.deny.iter().map(ToString::to_string).collect(),
        signature_keys: upstream.signature_keys.len(),
        minimum_age: match upstream.minimum_age.unwrap_or(gate.config.quarantine.minimum_age) {
            span if span.0.is_zero() => String::new(),
            span => span.to_string(),
        },
    });
    let page = web::Upstreams { list: told.collect() };
    Ok(Html(web::upstreams(&visitor.frame(&gate), &page)).into_response())
}
