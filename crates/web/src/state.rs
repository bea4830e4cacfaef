use std::fmt;

/// How an image stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Not decided, or held.
    Quarantined,
    /// May be pulled.
    Released,
    /// Was refused.
    Denied,
    /// Was released, and is not any more.
    Revoked,
}

impl State {
    /// Every state, in the order of the tabs.
    pub const ALL: [Self; 4] = [Self::Quarantined, Self::Released, Self::Denied, Self::Revoked];

    /// The lower-case name, which the address and the page have.
    pub fn name(self) -> &'static str {
        match self {
            Self::Quarantined => "quarantined",
            Self::Released => "released",
            Self::Denied => "denied",
            Self::Revoked => "revoked",
        }
    }

    /// The state of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// A sign that differs in shape, so that it speaks without colour.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Quarantined => "◌",
            Self::Released => "✔",
            Self::Denied => "✖",
            Self::Revoked => "⊘",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The sign of a verdict, which differs in shape as well.
pub(crate) fn sign(verdict: &model::Verdict) -> &'static str {
    match verdict {
        model::Verdict::Clean => "✔",
        model::Verdict::Incomplete => "◌",
        model::Verdict::Suspicious => "▲",
        model::Verdict::Malicious => "✖",
    }
}
