//! The console: pages for people, with forms, at `/console`.
//!
//! Comes in: requests of browsers. Goes out: pages that `web` draws. Never: a page for whoever is not logged in but the one
//! where that is done; a decision without the token of the session; a rule of its own over who may decide what, which
//! `people` has. What somebody may not see is not there.
//!
//! The guard stands before every path: it finds the session, refuses what another site sends, and puts the headers on every
//! answer. What a handler takes says what it is for: [`guard::Visitor`] for everybody who is logged in, and [`guard::Visitor::admin`].

mod accounts;
mod assets;
mod comparison;
mod coverage;
mod exceptions;
mod guard;
mod health;
mod image;
mod journal;
mod login;
mod queue;
mod search;
mod session;
mod shown;
mod upstreams;

pub(crate) use login::{let_in, not_let_in};
pub(crate) use session::Sessions;

use crate::Gate;
use axum::Router;
use axum::routing::{MethodRouter, any, get, post};
use std::sync::Arc;
use web::paths;

/// Every path. Tests ask each of them.
fn routes() -> Vec<(&'static str, MethodRouter<Arc<Gate>>)> {
    vec![
        (paths::LOGIN, get(login::page).post(login::log_in)),
        (paths::LOGIN_PROVIDER, get(login::provider)),
        (paths::LOGOUT, post(login::log_out)),
        (paths::QUEUE, get(queue::page)),
        (paths::QUEUE_ROWS, get(queue::rows)),
        (paths::IMAGE, get(image::page)),
        (paths::IMAGE_STANDING, get(image::standing)),
        (paths::REPORT, get(image::report)),
        (paths::REPORT_FILE, get(image::report_file)),
        (paths::APPROVE, post(image::approve)),
        (paths::DENY, post(image::deny)),
        (paths::REVOKE, post(image::revoke)),
        (paths::RESCAN, post(image::look_again)),
        (paths::COMPARE, get(comparison::page)),
        (paths::SEARCH, get(search::page)),
        (paths::COVERAGE, get(coverage::page)),
        (paths::EXCEPTIONS, get(exceptions::page)),
        (paths::EXCEPTION_ASK, post(exceptions::ask)),
        (paths::EXCEPTION_APPROVE, post(exceptions::approve)),
        (paths::EXCEPTION_WITHDRAW, post(exceptions::withdraw)),
        (paths::JOURNAL, get(journal::page)),
        (paths::ACCOUNTS, get(accounts::page)),
        (paths::USER_ADD, post(accounts::add_user)),
        (paths::USER_CHANGE, post(accounts::change_user)),
        (paths::ROBOT_ADD, post(accounts::add_robot)),
        (paths::ROBOT_CHANGE, post(accounts::change_robot)),
        (paths::GRANT_ADD, post(accounts::add_grant)),
        (paths::GRANT_REVOKE, post(accounts::revoke_grant)),
        (paths::PASSWORD, post(accounts::change_password)),
        (paths::UPSTREAMS, get(upstreams::page)),
        (paths::HEALTH, get(health::page)),
    ]
}

/// The console as a router.
pub(crate) fn router(gate: &Arc<Gate>) -> Router {
    let mut router = Router::new();
    for (path, handlers) in routes() {
        router = router.route(path, handlers);
    }
    router
        .route(&format!("{}/{{hash}}/{{name}}", paths::ASSETS), get(assets::file))
        .route(&format!("{}/", paths::QUEUE), any(guard::unknown))
        .route(&format!("{}/{{*rest}}", paths::QUEUE), any(guard::unknown))
        .method_not_allowed_fallback(guard::unknown)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(gate), guard::guard))
        .with_state(Arc::clone(gate))
}
