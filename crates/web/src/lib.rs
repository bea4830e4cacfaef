//! Draws the pages of the console.
//!
//! Comes in: what a page shows, as plain structs that whoever serves it fills. Goes out: a page of HTML, or a part of one, as
//! a `String`, and the few files that pages link to ([`assets`]). Never: IO, a request, a session, a decision, or a text that
//! was not escaped. Texts in the structs may be hostile and need no escaping beforehand: every string that a template prints
//! is escaped, and cut where it is longer than anybody reads. Lists are cut as well, and say so.
//!
//! Pages hold no style, no script and no handler of their own, and link to nothing outside [`paths`], so that the server
//! can forbid all of it by its content security policy. They work without JavaScript.
#![forbid(unsafe_code)]

mod accounts;
mod assets;
mod attack;
mod comparison;
mod coverage;
mod exceptions;
mod frame;
mod health;
mod image;
mod journal;
mod login;
mod moment;
pub mod paths;
mod problem;
mod queue;
mod search;
mod state;
mod text;
mod upstreams;

pub use accounts::{Accounts, Grant, NewSecret, Robot, User, accounts};
pub use assets::{Asset, asset, assets};
pub use comparison::{Compared, Comparison, comparison};
pub use coverage::{Coverage, coverage};
pub use exceptions::{Asked, Exception, ExceptionState, Exceptions, exceptions};
pub use frame::{Frame, Notice, Viewer};
pub use health::{Check, Disk, Health, Jobs, Upkeep, health};
pub use image::{Approval, Companion, Decision, Image, Other, image, image_standing};
pub use journal::{Entry, Journal, journal};
pub use login::{Login, login};
pub use moment::Moment;
pub use problem::{Problem, problem};
pub use queue::{Counts, Queue, Row, Work, queue, queue_rows};
pub use report::Catalogue;
pub use search::{Hit, Search, search};
pub use state::State;
pub use upstreams::{Upstream, Upstreams, upstreams};
