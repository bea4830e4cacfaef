use crate::frame::{Frame, Place};
use crate::{Moment, paths, text};

/// Who may what: all of it for administrators, and for others what is theirs.
#[derive(Debug, Clone, Default)]
pub struct Accounts {
    /// People.
    pub users: Vec<User>,
    /// Programs.
    pub robots: Vec<Robot>,
    /// What either may.
    pub grants: Vec<Grant>,
    /// The names of all actions that can be granted, as the forms offer them.
    pub actions: Vec<String>,
    /// A secret that was made just now. It is shown once and never again.
    pub new_secret: Option<NewSecret>,
    /// Whether whoever looks may change accounts. One's own password may be changed by everybody who has one.
    pub may_change: bool,
    /// Whether whoever looks has a password of their own here.
    pub has_password: bool,
}

/// A person.
#[derive(Debug, Clone, Default)]
pub struct User {
    /// The name.
    pub name: String,
    /// The identity provider that vouches for them, where one does.
    pub provider: Option<String>,
    /// Whether they may everything.
    pub is_admin: bool,
    /// Whether they may nothing any more.
    pub is_disabled: bool,
    /// When they were made.
    pub created: Moment,
    /// Whether it is whoever looks: nobody disables themselves.
    pub is_viewer: bool,
}

/// A program.
#[derive(Debug, Clone, Default)]
pub struct Robot {
    /// The name.
    pub name: String,
    /// What it may, a line for each grant: `team/* pull, push`.
    pub scopes: Vec<String>,
    /// Until when; none for ever.
    pub expires: Option<Moment>,
    /// Whether that is over.
    pub is_expired: bool,
    /// Whether it may nothing any more.
    pub is_disabled: bool,
    /// Who made it.
    pub created_by: String,
    /// When.
    pub created: Moment,
}

/// What somebody may.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    /// Who: `user:alice`.
    pub principal: String,
    /// In which repositories, as a pattern.
    pub repositories: String,
    /// What: `pull`, `push`.
    pub actions: Vec<String>,
    /// Who granted it; empty where that is not for whoever looks.
    pub created_by: String,
    /// When.
    pub created: Moment,
}

/// A secret that is shown once.
#[derive(Clone, Default)]
pub struct NewSecret {
    /// Whose it is.
    pub name: String,
    /// The secret.
    pub secret: String,
}

/// A secret reaches no log by accident.
impl std::fmt::Debug for NewSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Draws users, robots and grants.
pub fn accounts(frame: &Frame, accounts: &Accounts) -> String {
    text::drawn(&Page { frame, here: Place::Accounts, accounts })
}

#[derive(askama::Template)]
#[template(path = "accounts.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    accounts: &'a Accounts,
}
