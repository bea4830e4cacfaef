//! Package databases.
#![forbid(unsafe_code)]

use serde::{Deserialize, Serialize};

/// What one database file says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Part {}

/// Which package owns which path.
#[derive(Debug, Default)]
pub struct Ownership {}
