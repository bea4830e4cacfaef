//! Robots: programs with a secret that is shown once, with what they may do, until a day.

use super::{Admin, Fail, Fields, Named};
use crate::Gate;
use access::{AccountName, Grant, Identity, Rights, SecretKind};
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
    let (secret, hash) = new_secret()?;
    let robot = Robot {
        name: fields.name.to_string(),
        secret: hash,
        scopes: scopes(fields.grants, fields.catalog)?,
        expires: expiry(fields.expires)?,
        disabled: false,
        created_by: admin.name().to_owned(),
        created: store::now(),
    };
    gate.store.create_robot(&robot).await?;
    gate.accounts.forget();
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
    let mut robot = find(&gate, &name).await?;
    robot.disabled = fields.disabled.unwrap_or(robot.disabled);
    if fields.grants.is_some() || fields.catalog.is_some() {
        let before: Rights = serde_json::from_value(robot.scopes).unwrap_or_default();
        robot.scopes =
            scopes(fields.grants.unwrap_or(before.grants), fields.catalog.unwrap_or(before.catalog))?;
    }
    if fields.expires.is_some() {
        robot.expires = expiry(fields.expires)?;
    }
    save(&gate, &robot, &admin).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Another secret; the one before no longer opens.
pub(crate) async fn renew(
    State(gate): Gated,
    admin: Admin,
    Named(name): Named<String>,
) -> Result<Json<Value>, Fail> {
    let mut robot = find(&gate, &name).await?;
    let (secret, hash) = new_secret()?;
    robot.secret = hash;
    save(&gate, &robot, &admin).await?;
    Ok(Json(with_secret(&robot, &secret)))
}

/// Removes a robot.
pub(crate) async fn remove(
    State(gate): Gated,
    admin: Admin,
    Named(name): Named<String>,
) -> Result<StatusCode, Fail> {
    if !gate.store.delete_robot(&name, admin.name()).await? {
        return Err(Fail::missing(format!("robot {name}")));
    }
    end_sessions(&gate, &name);
    Ok(StatusCode::NO_CONTENT)
}

async fn find(gate: &Gate, name: &str) -> Result<Robot, Fail> {
    gate.store.robot(name).await?.ok_or_else(|| Fail::missing(format!("robot {name}")))
}

async fn save(gate: &Gate, robot: &Robot, admin: &Admin) -> Result<(), Fail> {
    if !gate.store.update_robot(robot, admin.name()).await? {
        return Err(Fail::missing(format!("robot {}", robot.name)));
    }
    end_sessions(gate, &robot.name);
    Ok(())
}

fn end_sessions(gate: &Gate, name: &str) {
    if let Ok(name) = name.parse() {
        gate.end_sessions(&Identity::Robot(name));
    }
}

fn new_secret() -> Result<(access::Secret, String), Fail> {
    let (secret, hash) = access::new_secret(SecretKind::Robot)
        .map_err(|_| Fail::unavailable("the system gives no random numbers"))?;
    Ok((secret, hash.to_string()))
}

fn scopes(grants: Vec<Grant>, catalog: bool) -> Result<Value, Fail> {
    let rights = Rights { admin: false, catalog, grants };
    serde_json::to_value(rights).map_err(Fail::invalid)
}

fn expiry(expires: Option<Timestamp>) -> Result<Option<i64>, Fail> {
    let millis = expires.map(Timestamp::as_millisecond);
    if millis.is_some_and(|millis| millis <= store::now()) {
        return Err(Fail::invalid("expires is in the past"));
    }
    Ok(millis)
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
