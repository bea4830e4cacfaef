//! Opens images over every transport, honest and hostile, as a user of this crate does.

#[cfg(test)]
mod archive;
#[cfg(test)]
mod layout;
#[cfg(test)]
mod pull;
#[cfg(test)]
mod push;
#[cfg(test)]
mod registry;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod support;
