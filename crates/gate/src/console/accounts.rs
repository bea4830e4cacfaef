//! Users, robots, and what either may.

use super::exceptions::end_of;
use super::guard::{Sent, Trouble, Visitor};
use super::session::Made;
use crate::Gate;
use crate::accounts::{CATALOG, USE_UPSTREAM, written};
use crate::people::grants::{self, Granted};
use crate::people::{Admin, Fail, robots, users};
use access::{AccountName, Action, Grant, Identity, Pattern, Rights, Secret};
use axum::extract::{ConnectInfo, State};
use axum::response::{Html, IntoResponse, Response};
use model::Date;
use std::net::SocketAddr;
use std::sync::Arc;
use store::{Robot, User};
use web::{Moment, NewSecret, paths};

pub(super) async fn page(State(gate): State<Arc<Gate>>, visitor: Visitor) -> Result<Response, Trouble> {
    let mut page = if visitor.principal().is_admin() { all(&gate, &visitor).await? } else { own(&visitor) };
    page.has_password = matches!(visitor.principal().identity(), Identity::User(_));
    Ok(Html(web::accounts(&visitor.frame(&gate), &page)).into_response())
}

/// Everybody's, for whoever administers.
async fn all(gate: &Gate, visitor: &Visitor) -> Result<web::Accounts, Fail> {
    let users = gate.store.users().await?;
    let robots = gate.store.robots().await?;
    let grants = gate.store.grants(None).await?.into_iter().map(|grant| web::Grant {
        principal: grant.principal,
        repositories: grant.scope,
        actions: grant.actions,
        created_by: grant.created_by,
        created: Moment(grant.created),
    });
    let more = [format!("{USE_UPSTREAM}*"), CATALOG.to_owned()];
    let made = gate.sessions.take_secret(visitor.key());
    Ok(web::Accounts {
        users: users.into_iter().map(|user| told(visitor, user)).collect(),
        robots: robots.into_iter().map(robot).collect(),
        grants: grants.collect(),
        actions: Action::ALL.iter().map(|action| action.name().to_owned()).chain(more).collect(),
        new_secret: made.map(|made| NewSecret { name: made.name, secret: made.secret.expose().to_owned() }),
        may_change: true,
        has_password: false,
    })
}

/// What somebody may, who administers nothing. Who granted it is not theirs to see.
fn own(visitor: &Visitor) -> web::Accounts {
    let grants = visitor.principal().rights().grants.iter().map(|grant| web::Grant {
        principal: visitor.principal().to_string(),
        repositories: grant.repositories.to_string(),
        actions: written(&grant.actions, &grant.upstreams, false),
        ..web::Grant::default()
    });
    web::Accounts { grants: grants.collect(), ..web::Accounts::default() }
}

fn told(visitor: &Visitor, user: User) -> web::User {
    let is_viewer = users::identity(&user).as_ref() == Some(visitor.principal().identity());
    web::User {
        name: user.name,
        provider: user.identity.map(|(issuer, _)| issuer),
        is_admin: user.admin,
        is_disabled: user.disabled,
        created: Moment(user.created),
        is_viewer,
    }
}

fn robot(robot: Robot) -> web::Robot {
    let rights: Rights = serde_json::from_value(robot.scopes).unwrap_or_default();
    let line = |grant: &Grant| {
        let actions = written(&grant.actions, &grant.upstreams, false);
        format!("{} {}", grant.repositories, actions.join(", "))
    };
    let mut scopes: Vec<String> = rights.grants.iter().map(line).collect();
    scopes.extend(rights.catalog.then(|| CATALOG.to_owned()));
    web::Robot {
        name: robot.name,
        scopes,
        expires: robot.expires.map(Moment),
        is_expired: robot.expires.is_some_and(|expires| expires <= store::now()),
        is_disabled: robot.disabled,
        created_by: robot.created_by,
        created: Moment(robot.created),
    }
}

/// The answer to a form of this page: what an administrator changed, or why it is as it was.
async fn answer(
    gate: &Gate,
    visitor: &Visitor,
    change: impl AsyncFnOnce(&Admin) -> Result<String, Fail>,
) -> Result<Response, Trouble> {
    let admin = visitor.admin()?;
    visitor.answer(gate, paths::ACCOUNTS, change(&admin).await)
}

pub(super) async fn add_user(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let add = async |admin: &Admin| {
        let name: AccountName = sent.read("name")?;
        let password = Secret::new(sent.text("password"));
        let user = users::create(&gate, admin, &name, &password, sent.text("admin") == "on").await?;
        Ok(format!("There is a user {} now.", user.name))
    };
    answer(&gate, &visitor, add).await
}

pub(super) async fn change_user(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let name = sent.text("name");
    let change = async |admin: &Admin| {
        let none = users::Change::default();
        let (change, what) = match sent.text("change") {
            "disable" => (users::Change { disabled: Some(true), ..none }, "is disabled"),
            "enable" => (users::Change { disabled: Some(false), ..none }, "is enabled again"),
            "admin" => (users::Change { admin: Some(true), ..none }, "is an administrator now"),
            "no-admin" => (users::Change { admin: Some(false), ..none }, "is no administrator any more"),
            _ => return Err(Fail::invalid("change is disable, enable, admin or no-admin")),
        };
        users::change(&gate, admin, name, change).await?;
        Ok(format!("User {name} {what}."))
    };
    answer(&gate, &visitor, change).await
}

pub(super) async fn add_robot(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let add = async |admin: &Admin| {
        let name: AccountName = sent.read("name")?;
        let repositories: Pattern = sent.read("repositories")?;
        let granted = granted(&sent)?;
        let expires = sent.read_any::<Date>("expires")?.map(end_of);
        let grant = Grant { repositories, actions: granted.actions, upstreams: granted.upstreams };
        let (robot, secret) =
            robots::create(&gate, admin, &name, vec![grant], granted.catalog, expires).await?;
        gate.sessions.keep_secret(visitor.key(), Made { name: format!("robot+{}", robot.name), secret });
        Ok(format!("There is a robot {} now. Its secret is shown below, this once.", robot.name))
    };
    answer(&gate, &visitor, add).await
}

pub(super) async fn change_robot(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let name = sent.text("name");
    let change = async |admin: &Admin| {
        let disabled = |disabled| robots::Change { disabled: Some(disabled), ..robots::Change::default() };
        match sent.text("change") {
            "disable" => robots::change(&gate, admin, name, disabled(true)).await?,
            "enable" => robots::change(&gate, admin, name, disabled(false)).await?,
            "remove" => robots::remove(&gate, admin, name).await?,
            "secret" => {
                let (robot, secret) = robots::renew(&gate, admin, name).await?;
                let made = Made { name: format!("robot+{}", robot.name), secret };
                gate.sessions.keep_secret(visitor.key(), made);
                return Ok(format!("Robot {name} has another secret, shown below this once."));
            }
            _ => return Err(Fail::invalid("change is disable, enable, secret or remove")),
        }
        Ok(format!("Robot {name}: {} is done.", sent.text("change")))
    };
    answer(&gate, &visitor, change).await
}

pub(super) async fn add_grant(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let add = async |admin: &Admin| {
        let (principal, repositories) = (sent.read::<Identity>("principal")?, sent.read("repositories")?);
        grants::put(&gate, admin, &principal, &repositories, &granted(&sent)?).await?;
        Ok(format!("{principal} has what was granted in {repositories}."))
    };
    answer(&gate, &visitor, add).await
}

pub(super) async fn revoke_grant(
    State(gate): State<Arc<Gate>>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let revoke = async |admin: &Admin| {
        let (principal, repositories) = (sent.read::<Identity>("principal")?, sent.read("repositories")?);
        grants::revoke(&gate, admin, &principal, &repositories).await?;
        Ok(format!("The grant of {repositories} to {principal} is taken back."))
    };
    answer(&gate, &visitor, revoke).await
}

/// What is ticked, as grants are written. What is none of it is refused, and not left out in silence.
fn granted(sent: &Sent) -> Result<Granted, Fail> {
    let mut granted = Granted::default();
    for text in sent.all("actions") {
        if text == CATALOG {
            granted.catalog = true;
        } else if let Some(upstream) = text.strip_prefix(USE_UPSTREAM) {
            granted.upstreams.push(upstream.parse().map_err(Fail::invalid)?);
        } else {
            let action =
                text.parse().map_err(|()| Fail::invalid(format!("{text} is nothing that can be granted")))?;
            granted.actions.push(action);
        }
    }
    if granted.actions.is_empty() && !granted.catalog {
        return Err(Fail::invalid("tick what may be done"));
    }
    Ok(granted)
}

pub(super) async fn change_password(
    State(gate): State<Arc<Gate>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    visitor: Visitor,
    sent: Sent,
) -> Result<Response, Trouble> {
    let (current, password) = (Secret::new(sent.text("current")), Secret::new(sent.text("password")));
    users::own_password(&gate, visitor.principal(), peer, &current, &password).await?;
    // All sessions of theirs have ended with the password, this one too.
    Ok(axum::response::Redirect::to(paths::LOGIN).into_response())
}
