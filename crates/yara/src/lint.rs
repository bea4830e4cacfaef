//! What could be better about the rules of a pack, for whoever writes them.

use crate::{Error, Pack, cases, meta};
use std::path::Path;

/// Something that could be better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The file or rule.
    pub about: String,
    /// What could be better. A message of the compiler has several lines.
    pub what: String,
}

/// Looks over a pack: what the compiler warns of, slow patterns among it; metadata that is missing; rules that were
/// left out; and rules without cases.
///
/// # Errors
/// Where the pack cannot be used.
pub fn lint(folder: &Path) -> Result<Vec<Remark>, Error> {
    let pack = Pack::load(folder)?;
    let mut remarks = Vec::new();
    let mut remark = |about: &str, what: String| remarks.push(Remark { about: about.to_owned(), what });
    for rejected in pack.rejected() {
        remark(&rejected.rule, format!("is left out: {}", rejected.why));
    }
    for warning in pack.warnings() {
        remark(pack.name(), warning.clone());
    }
    for rule in pack.rules() {
        let name = &rule.rule;
        if let Some(unsaid) = [&meta::RULE, &meta::RUN_RULE].into_iter().find(|unsaid| rule.id == unsaid.id) {
            let family = meta::family(unsaid.stage);
            remark(name, format!("has no id of the form {family}NAME, so its findings are {}", unsaid.id));
        }
        let missing = [
            ("why", rule.why.is_empty()),
            ("advice", rule.advice.is_empty()),
            ("author", rule.author.is_none()),
            ("license", rule.license.is_none()),
        ];
        let missing: Vec<&str> =
            missing.into_iter().filter(|(_, missing)| *missing).map(|(key, _)| key).collect();
        if !missing.is_empty() {
            remark(name, format!("says nothing of {} in its metadata", missing.join(", ")));
        }
    }
    for name in cases::test(folder)?.without {
        remark(&name, format!("lacks a case that it holds for or a near miss, in cases/{name}.toml"));
    }
    Ok(remarks)
}
