//! What content rules found in a file. The rules live in a crate of their own, which links their engine; here is only
//! what has to be kept with the other facts.

use crate::signs::Sign;
use serde::{Deserialize, Serialize};

include!("rules/anchors.in");

/// Words of which a text has at least one where a rule of the product holds for it, as signs.
pub(crate) fn signs() -> Vec<Sign> {
    ANCHORS.iter().map(|&anchor| Sign::anywhere(anchor)).collect()
}

/// Rules that one file, or one stage of it, fulfils. They depend on the rules too, and are kept by their digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFacts {
    /// The rules, in the order in which their packs have them.
    pub hits: Vec<RuleHit>,
    /// Whether more rules held than are kept.
    pub cut: bool,
}

/// One rule that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleHit {
    /// The pack that has the rule.
    pub pack: String,
    /// Its name.
    pub rule: String,
    /// Some of what it found, the first of each of its patterns first.
    pub matches: Vec<RuleMatch>,
}

/// One match of a pattern of a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMatch {
    /// Name of the pattern, such as `$a`.
    pub pattern: String,
    /// Where it begins.
    pub offset: u64,
    /// Its first bytes, as they are.
    pub excerpt: Vec<u8>,
}
