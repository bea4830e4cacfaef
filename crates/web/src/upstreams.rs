use crate::frame::{Frame, Place};
use crate::text;

/// Registries that images are pulled through from.
#[derive(Debug, Clone, Default)]
pub struct Upstreams {
    /// All of them, by name.
    pub list: Vec<Upstream>,
}

/// One registry.
#[derive(Debug, Clone, Default)]
pub struct Upstream {
    /// The name under which its repositories appear here.
    pub name: String,
    /// Its addresses, in the order in which they are tried.
    pub addresses: Vec<String>,
    /// Whether a login is configured for it; which one is not shown.
    pub has_login: bool,
    /// Repositories that may be pulled through, as patterns; empty for all.
    pub allow: Vec<String>,
    /// Repositories that may not, whatever is allowed.
    pub deny: Vec<String>,
    /// How many keys there are of which one has to have signed; 0 where none is asked for.
    pub signature_keys: usize,
    /// How old an image has to be, in words; empty where that does not matter.
    pub minimum_age: String,
}

/// Draws the upstreams.
pub fn upstreams(frame: &Frame, upstreams: &Upstreams) -> String {
    text::drawn(&Page { frame, here: Place::Upstreams, upstreams })
}

#[derive(askama::Template)]
#[template(path = "upstreams.html")]
struct Page<'a> {
    frame: &'a Frame,
    here: Place,
    upstreams: &'a Upstreams,
}
