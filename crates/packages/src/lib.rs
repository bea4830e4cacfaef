//! Which package owns a file, and what that package promised about it.
//!
//! Comes in: the bytes of package database files found in an image (dpkg, apk, and rpm in its three database
//! formats). Goes out: the facts that each file states ([`Part`], to be cached with the layer that it came
//! from), and from the facts of one file tree the answer for every path ([`Ownership`]).
//! Never: IO, a look at the files that are owned, or belief. The database lies in the image and is the image
//! maker's to write: that a file agrees with it proves nothing, that a file differs from it, or is missing
//! from it, is what this crate is for.
#![forbid(unsafe_code)]

mod apk;
mod claims;
mod dpkg;
mod error;
mod ownership;
mod part;
mod place;
mod promise;
mod recognize;
mod rpm;
mod text;

pub use error::Error;
pub use ownership::{Inconsistency, Owner, Ownership};
pub use part::{Database, Package, Part, parse};
pub use place::may_be_owned;
pub use promise::{Agreement, Promise, agreement, link_agreement};
pub use recognize::{DatabaseFile, recognize};
