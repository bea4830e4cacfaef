//! Robots: programs with a secret that is shown once, with what they may do, until a day.

use super::{Admin, Fail, Fields, Named};
use crate::Gate;
use crate::people::robots;
use access::{AccountName, Grant};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use store::Robot;

type Gated = State<Arc<Gate>>;

/// All robots, without their secrets.
pub(crate) async fn list(State(gate): Gated, _: Admin) -> Result<Json<Value>, Fail> {
    let robots = gate.store.robots().await?;
    Ok(Json(json!({ "robots": robots.iter().map(shown).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRobot {
    name: AccountName,
    #[serde(default)]
    grants: Vec<Grant>,
    #[serde(default)]
    catalog: bool,
    /// None ends never, which has to be written: `"expires": null`.
    expires: Option<Timestamp>,
}

/// A new robot, with its secret.
pub(crate) async fn create(
    State(gate): Gated,
    admin: Admin,
    Fields(fields): Fields<NewRobot>,
) -> Result<(StatusCode, Json<Value>), Fail> {
    let NewRobot { name, grants, catalog, expires } = fields;
    let expires = expires.map(Timestamp::as_millisecond);
    let (robot, secret) = robots::create(&gate, &admin, &name, grants, catalog, expires).await?;
    Ok((StatusCode::CREATED, Json(with_secret(&robot, &secret))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Change {
    disabled: Option<bool>,
    grants: Option<Vec<Grant>>,
    catalog: Option<bool>,
    expires: Option<Timestamp>,
}

/// What may be changed of a robot.
pub(crate) async fn change(
    State(gate): Gated,
    admin: Admin,
    Named(name): Named<String>,
    Fields(fields): Fields<Change>,
) -> Result<StatusCode, Fail> {
    let Change { disabled, grants, catalog, expires } = fields;
    let expires = expires.map(Timestamp::as_millisecond);
    let change = robots::Change { disabled, grants, catalog, expires };
    robots::change(&gate, &admin, &name, change).await.map(|()| StatusCode::NO_CONTENT)
}

/// Another secret; the one before no longer opens.
pub(crate) async fn renew(
    State(gate): Gated,
    admin: Admin,
    Named(name): Named<String>,
) -> Result<Json<Value>, Fail> {
    let (robot, secret) = robots::renew(&gate, &admin, &name).await?;
    Ok(Json(with_secret(&robot, &secret)))
}

/// Removes a robot.
pub(crate) async fn remove(
    State(gate): Gated,
    admin: Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Fail> {
    robots::remove(&gate, &admin, &name).await.map(|()| StatusCode::NO_CONTENT)
}

fn shown(robot: &Robot) -> Value {
    json!({
        "name": robot.name,
        "login": format!("robot+{}", robot.name),
        "rights": robot.scopes,
        "expires": robot.expires.map(crate::webhooks::rfc3339),
        "disabled": robot.disabled,
        "created_by": robot.created_by,
        "created": crate::webhooks::rfc3339(robot.created),
    })
}

fn with_secret(robot: &Robot, secret: &access::Secret) -> Value {
    let mut shown = shown(robot);
    shown["secret"] = Value::String(secret.expose().to_owned());
    shown
}
