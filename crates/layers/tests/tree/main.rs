//! The merged tree, by cases and against a model.

mod cases;
mod language;
mod model;
