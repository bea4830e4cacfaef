//! Decides by rules: allow, hold or deny, with the rule that said so.
#![forbid(unsafe_code)]
