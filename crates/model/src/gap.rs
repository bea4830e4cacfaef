use serde::{Deserialize, Serialize};

/// Something that was not looked at. A gap is never silent and never clean: a verdict with gaps and without
/// a conviction is `incomplete`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Gap {
    /// Where: a layer, a path in a layer, a platform. Escaped.
    pub what: String,
    /// Why it was not looked at, with offset and amount where there is one, and what to do about it. Escaped.
    pub why: String,
}

impl Gap {
    /// A gap; both texts are escaped here.
    pub fn new(what: impl AsRef<str>, why: impl AsRef<str>) -> Self {
        Self { what: crate::escape_text(what.as_ref()), why: crate::escape_text(why.as_ref()) }
    }
}
