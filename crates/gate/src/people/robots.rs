//! Robots: programs with a secret that is shown once, with what they may do, until a day.

use super::{Admin, Fail};
use crate::Gate;
use access::{AccountName, Grant, Identity, Rights, Secret, SecretKind};
use serde_json::Value;
use store::Robot;

/// What may be changed of a robot; none leaves it as it is. Moments in milliseconds since 1970.
#[derive(Default)]
pub(crate) struct Change {
    pub(crate) disabled: Option<bool>,
    pub(crate) grants: Option<Vec<Grant>>,
    pub(crate) catalog: Option<bool>,
    pub(crate) expires: Option<i64>,
}

/// A new robot, with its secret.
pub(crate) async fn create(
    gate: &Gate,
    by: &Admin,
    name: &AccountName,
    grants: Vec<Grant>,
    catalog: bool,
    expires: Option<i64>,
) -> Result<(Robot, Secret), Fail> {
    let (secret, hash) = new_secret()?;
    let robot = Robot {
        name: name.to_string(),
        secret: hash,
        scopes: scopes(grants, catalog)?,
        expires: expires.map(expiry).transpose()?,
        disabled: false,
        created_by: by.name().to_owned(),
        created: store::now(),
    };
    gate.store.create_robot(&robot).await?;
    gate.accounts.forget();
    Ok((robot, secret))
}

/// Changes a robot. What it had shown before, it shows again.
pub(crate) async fn change(gate: &Gate, by: &Admin, name: &str, change: Change) -> Result<(), Fail> {
    let mut robot = find(gate, name).await?;
    robot.disabled = change.disabled.unwrap_or(robot.disabled);
    if change.grants.is_some() || change.catalog.is_some() {
        let before: Rights = serde_json::from_value(robot.scopes).unwrap_or_default();
        robot.scopes =
            scopes(change.grants.unwrap_or(before.grants), change.catalog.unwrap_or(before.catalog))?;
    }
    if let Some(expires) = change.expires {
        robot.expires = Some(expiry(expires)?);
    }
    save(gate, &robot, by).await
}

/// Another secret; the one before no longer opens.
pub(crate) async fn renew(gate: &Gate, by: &Admin, name: &str) -> Result<(Robot, Secret), Fail> {
    let mut robot = find(gate, name).await?;
    let (secret, hash) = new_secret()?;
    robot.secret = hash;
    save(gate, &robot, by).await?;
    Ok((robot, secret))
}

/// Removes a robot.
pub(crate) async fn remove(gate: &Gate, by: &Admin, name: &str) -> Result<(), Fail> {
    if !gate.store.delete_robot(name, by.name()).await? {
        return Err(Fail::missing(format!("robot {name}")));
    }
    end_sessions(gate, name);
    Ok(())
}

async fn find(gate: &Gate, name: &str) -> Result<Robot, Fail> {
    gate.store.robot(name).await?.ok_or_else(|| Fail::missing(format!("robot {name}")))
}

async fn save(gate: &Gate, robot: &Robot, by: &Admin) -> Result<(), Fail> {
    if !gate.store.update_robot(robot, by.name()).await? {
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

fn new_secret() -> Result<(Secret, String), Fail> {
    let (secret, hash) = access::new_secret(SecretKind::Robot)
        .map_err(|_| Fail::unavailable("the system gives no random numbers"))?;
    Ok((secret, hash.to_string()))
}

fn scopes(grants: Vec<Grant>, catalog: bool) -> Result<Value, Fail> {
    let rights = Rights { admin: false, catalog, grants };
    serde_json::to_value(rights).map_err(Fail::invalid)
}

fn expiry(expires: i64) -> Result<i64, Fail> {
    if expires <= store::now() {
        return Err(Fail::invalid("expires is in the past"));
    }
    Ok(expires)
}
