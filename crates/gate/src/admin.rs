//! The administration: `/api/v1`, in JSON.
//!
//! Every path is refused to nobody, but for those of [`OPEN`]; what a handler may be used for it says by what it takes:
//! [`Admin`] or [`Somebody`], which here only the guard makes. What is decided and changed, `people` does. There are no cookies, and Basic authentication, which browsers
//! send by themselves, is not taken: no page of another site can do anything here.

mod exceptions;
mod grants;
mod guard;
mod images;
mod logins;
mod operations;
mod robots;
mod users;

pub(crate) use crate::people::{Admin, Fail};
pub(crate) use guard::{Asked, Fields, Named, Somebody};

use crate::Gate;
use axum::Router;
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use std::sync::Arc;

/// Where it lies.
pub(crate) const BASE: &str = "/api/v1";

/// What nobody in particular may ask: whoever makes the first account has none.
pub(crate) const OPEN: [&str; 1] = ["/setup"];

/// Every path, below [`BASE`]. Tests ask each of them without rights.
pub(crate) fn routes() -> Vec<(&'static str, MethodRouter<Arc<Gate>>)> {
    vec![
        ("/setup", post(users::set_up)),
        ("/me", get(users::me)),
        ("/me/password", put(users::own_password)),
        ("/me/login", get(logins::own).delete(logins::end_own)),
        ("/logins", get(logins::list)),
        ("/logins/{name}", delete(logins::end)),
        ("/users", get(users::list).post(users::create)),
        ("/users/{name}", patch(users::change).delete(users::remove)),
        ("/robots", get(robots::list).post(robots::create)),
        ("/robots/{name}", patch(robots::change).delete(robots::remove)),
        ("/robots/{name}/secret", post(robots::renew)),
        ("/grants", get(grants::list).put(grants::put).delete(grants::remove)),
        ("/upstreams", get(operations::upstreams)),
        ("/quarantine", get(images::list)),
        ("/image", get(images::standing)),
        ("/image/report", get(images::report)),
        ("/image/approve", post(images::approve)),
        ("/image/deny", post(images::deny)),
        ("/image/revoke", post(images::revoke)),
        ("/image/rescan", post(images::rescan)),
        ("/exceptions", get(exceptions::list).post(exceptions::create)),
        ("/exceptions/{id}/approve", post(exceptions::approve)),
        ("/exceptions/{id}", delete(exceptions::withdraw)),
        ("/journal", get(operations::journal)),
        ("/journal/head", get(operations::journal_head)),
        ("/webhooks", get(operations::webhooks)),
        ("/webhooks/{name}/test", post(operations::test_webhook)),
    ]
}

/// The administration as a router.
pub(crate) fn router(gate: Arc<Gate>) -> Router {
    let mut router = Router::new();
    for (path, handlers) in routes() {
        router = router.route(path, handlers);
    }
    let router = router
        .fallback(guard::unknown)
        .method_not_allowed_fallback(guard::no_method)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(&gate), guard::guard))
        .with_state(gate);
    Router::new().nest(BASE, router)
}
