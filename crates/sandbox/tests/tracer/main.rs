//! The tracer, with small programs of our own as guests.
#![allow(clippy::unwrap_used)]

mod calls;
mod guest;
mod hostile;
mod time;
