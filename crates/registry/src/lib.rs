//! An OCI distribution registry that gives out released content only.
#![forbid(unsafe_code)]
