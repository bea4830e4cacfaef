//! One module for each way in which feeds are written.

pub(crate) mod abuse_ch;
pub(crate) mod clamav;
pub(crate) mod csv;
pub(crate) mod lines;
pub(crate) mod misp;
pub(crate) mod recognize;
pub(crate) mod stix;
pub(crate) mod stix_pattern;
