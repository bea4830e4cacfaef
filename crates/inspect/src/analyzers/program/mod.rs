//! Programs: which processor a file was built for.

use serde::{Deserialize, Serialize};

/// What the head of an executable file says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProgramFacts {}
