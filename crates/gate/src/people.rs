//! What people decide and change, by whichever door they come. The administration in JSON and the console both ask here, so
//! that no rule of who may decide what stands in two places. Comes in: an [`Admin`], whom the two guards alone make, and what
//! they want. Goes out: what became of it, or a [`Fail`]. Never: HTTP, and nothing for somebody who is no administrator but
//! their own password and to ask for an exception.

pub(crate) mod exceptions;
mod fail;
pub(crate) mod grants;
pub(crate) mod images;
pub(crate) mod robots;
pub(crate) mod users;

pub(crate) use fail::Fail;

use access::{Action, Principal};
use store::{Origin, Repository};

/// Somebody who may administer. It is made where a request's proof of that was looked at, and is not kept.
#[derive(Debug, Clone)]
pub(crate) struct Admin(Principal);

impl Admin {
    /// Somebody, where they may.
    pub(crate) fn of(principal: &Principal) -> Option<Self> {
        principal.is_admin().then(|| Self(principal.clone()))
    }

    /// As the journal writes them.
    pub(crate) fn name(&self) -> &str {
        self.0.as_str()
    }

    /// Who they are.
    pub(crate) fn principal(&self) -> &Principal {
        &self.0
    }
}

/// Whether somebody sees the images of a repository: who may pull from it or push to it, by way of its upstream where it
/// stands for one. Administrators see all.
pub(crate) fn sees(principal: &Principal, repository: &Repository) -> bool {
    let rights = principal.rights();
    if rights.admin {
        return true;
    }
    let name = &repository.name;
    let through = match &repository.origin {
        Origin::Hosted => true,
        Origin::Upstream { upstream, .. } => {
            upstream.parse().is_ok_and(|upstream| rights.may_use(name, &upstream))
        }
    };
    through && (rights.may(name, Action::Pull) || rights.may(name, Action::Push))
}

/// A reason is a sentence that others can read later. It is escaped here.
pub(crate) fn reason(text: &str) -> Result<String, Fail> {
    let text = text.trim();
    match text.chars().count() {
        0..10 => Err(Fail::invalid(
            "reason is shorter than 10 characters; write why, for whoever reads it in a year",
        )),
        10..=2000 => Ok(model::escape_text(text)),
        _ => Err(Fail::invalid("reason is longer than 2000 characters")),
    }
}
