//! The store from outside: what survives, what is given out, and to whom.
mod collecting;
mod crash;
mod disk;
mod house;
mod jobs;
mod journal;
mod layout;
mod model_check;
mod names;
mod pushing;
mod releases;
mod rows;
mod scrubbing;
mod speed;
mod uploads;
