//! The store from outside: what survives, what is given out, and to whom.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "tests say where they fail"
)]

mod collecting;
mod crash;
mod disk;
mod house;
mod images;
mod jobs;
mod journal;
mod layout;
mod migrating;
mod model_check;
mod names;
mod pushing;
mod releases;
mod rows;
mod scrubbing;
mod speed;
mod uploads;
