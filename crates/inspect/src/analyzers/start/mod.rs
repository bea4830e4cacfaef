//! The start of the image: what its entrypoint runs.

use serde::{Deserialize, Serialize};

/// What a script says of itself and of what it runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptFacts {}
