use model::{Accepted, AcceptedUse, Change, ChangeKind, Comparison};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::str::FromStr;

/// The changes that a person has looked at and accepts. Each is for one change, to one content or value; whatever
/// becomes of the same place later is another change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    list: Vec<Accepted>,
}

/// Why a text is no baseline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// The text is not TOML, or has other fields than accepted changes have.
    #[error("the baseline cannot be read: {0}")]
    Syntax(String),
    /// More than anybody has looked at.
    #[error("there are {0} accepted changes; {MAX_ACCEPTED} are the most")]
    TooMany(usize),
    /// The baseline cannot be written.
    #[error("the baseline cannot be written: {0}")]
    Write(String),
}

/// Most accepted changes of a baseline.
const MAX_ACCEPTED: usize = 20_000;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    accept: Vec<Row>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    kind: ChangeKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl FromStr for Baseline {
    type Err = BaselineError;

    /// Reads a list of `[[accept]]` tables in TOML. A field that is not known is an error: a misspelt restriction
    /// must not accept more than was meant.
    fn from_str(text: &str) -> Result<Self, BaselineError> {
        let syntax = |error: String| BaselineError::Syntax(model::escape_text(&error));
        let file: File = toml::from_str(text).map_err(|error| syntax(error.to_string()))?;
        if file.accept.len() > MAX_ACCEPTED {
            return Err(BaselineError::TooMany(file.accept.len()));
        }
        let list = file.accept.into_iter().enumerate().map(|(at, row)| {
            let sha256 = row.sha256.map(|hex| format!("sha256:{hex}").parse()).transpose();
            let sha256 = sha256.map_err(|_| {
                syntax(format!("accepted change {}: its sha256 is not 64 hexadecimal digits", at + 1))
            })?;
            Ok(Accepted {
                kind: row.kind,
                path: row.path.as_deref().map(model::escape_text),
                name: row.name.as_deref().map(model::escape_text),
                sha256,
                value: row.value.as_deref().map(model::escape_text),
                reason: row.reason.as_deref().map(|reason| model::escape_text(reason.trim())),
            })
        });
        Ok(Self { list: list.collect::<Result<_, _>>()? })
    }
}

impl Baseline {
    /// Marks the changes that were accepted, and notes what became of each acceptance.
    pub fn lay_on(&self, comparison: &mut Comparison) {
        let mut known: HashMap<Key<'_>, usize> = HashMap::new();
        for (at, accepted) in self.list.iter().enumerate() {
            known.entry(key(accepted)).or_insert(at);
        }
        let mut counts = vec![0_u64; self.list.len()];
        for change in &mut comparison.changes {
            let now = of(change);
            let Some(&at) = known.get(&key(&now)) else { continue };
            if let (Some(count), Some(accepted)) = (counts.get_mut(at), self.list.get(at)) {
                *count += 1;
                change.accepted =
                    Some(accepted.reason.clone().unwrap_or_else(|| "in the baseline".to_owned()));
            }
        }
        let uses = self.list.iter().zip(counts);
        comparison.baseline =
            uses.map(|(accepted, changes)| AcceptedUse { accepted: accepted.clone(), changes }).collect();
    }

    /// The baseline under which a comparison has no change left, as TOML; reasons that were given stay.
    ///
    /// # Errors
    /// Where it cannot be put into TOML, or there are more changes than a baseline may hold.
    pub fn text_of(comparison: &Comparison) -> Result<String, BaselineError> {
        if comparison.changes.len() > MAX_ACCEPTED {
            return Err(BaselineError::TooMany(comparison.changes.len()));
        }
        let reasons: HashMap<Key<'_>, &Option<String>> =
            comparison.baseline.iter().map(|used| (key(&used.accepted), &used.accepted.reason)).collect();
        let mut accept: Vec<Row> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        let all: Vec<Accepted> = comparison.changes.iter().map(of).collect();
        for accepted in all.iter().filter(|accepted| seen.insert(key(accepted))) {
            accept.push(Row {
                kind: accepted.kind,
                path: accepted.path.clone(),
                name: accepted.name.clone(),
                sha256: accepted.sha256.map(|digest| digest.hex()),
                value: accepted.value.clone(),
                reason: reasons.get(&key(accepted)).and_then(|reason| (*reason).clone()),
            });
        }
        toml::to_string(&File { accept }).map_err(|error| BaselineError::Write(error.to_string()))
    }
}

type Key<'a> = (ChangeKind, Option<&'a str>, Option<&'a str>, Option<String>, Option<&'a str>);

fn key(accepted: &Accepted) -> Key<'_> {
    (
        accepted.kind,
        accepted.path.as_deref(),
        accepted.name.as_deref(),
        accepted.sha256.map(|digest| digest.hex()),
        accepted.value.as_deref(),
    )
}

/// What accepting a change would have to name: all that an attacker could put in its place.
fn of(change: &Change) -> Accepted {
    let after = change.after.as_ref();
    let mode = after.and_then(|after| after.mode.clone()).filter(|_| change.kind == ChangeKind::RightsGained);
    Accepted {
        kind: change.kind,
        path: change.path.clone(),
        name: change.name.clone(),
        sha256: after.and_then(|after| after.sha256),
        value: mode.or_else(|| after.and_then(|after| after.value.clone())),
        reason: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Digest, Severity, State};

    fn comparison(changes: Vec<Change>) -> Comparison {
        let side = || model::Side {
            reference: "x".to_owned(),
            digest: None,
            platforms: Vec::new(),
            verdict: model::Verdict::Clean,
            signed: None,
        };
        Comparison {
            schema: model::DIFF_SCHEMA.to_owned(),
            tool: model::Tool { version: String::new(), rules: String::new(), feeds: Vec::new() },
            old: side(),
            new: side(),
            summary: String::new(),
            changes,
            packages: Vec::new(),
            platforms: Vec::new(),
            gaps: Vec::new(),
            baseline: Vec::new(),
        }
    }

    fn program(path: &str, content: u8) -> Change {
        Change {
            path: Some(path.to_owned()),
            after: Some(State { sha256: Some(Digest::sha256([content; 32])), ..State::default() }),
            ..Change::new(ChangeKind::ProgramAdded, Severity::High, "x")
        }
    }

    fn check(text: &str, changes: Vec<Change>, accepted: &[bool], uses: &[u64]) {
        let mut comparison = comparison(changes);
        text.parse::<Baseline>().unwrap().lay_on(&mut comparison);
        let told: Vec<bool> = comparison.changes.iter().map(|change| change.accepted.is_some()).collect();
        assert_eq!(told, accepted, "{text}");
        assert_eq!(comparison.baseline.iter().map(|used| used.changes).collect::<Vec<_>>(), uses, "{text}");
    }

    #[test]
    fn a_change_is_accepted_for_its_content_and_no_other() {
        let hex = "01".repeat(32);
        let text = format!("[[accept]]\nkind = \"program-added\"\npath = \"/x\"\nsha256 = \"{hex}\"");
        check(&text, vec![program("/x", 1), program("/x", 2), program("/y", 1)], &[true, false, false], &[1]);
        // What does not say for which content is for none.
        let open = "[[accept]]\nkind = \"program-added\"\npath = \"/x\"";
        check(open, vec![program("/x", 1)], &[false], &[0]);
        check("", vec![program("/x", 1)], &[false], &[]);
    }

    #[test]
    fn what_is_written_accepts_all_and_keeps_reasons() {
        let mut first = comparison(vec![
            program("/x", 1),
            program("/\"q\\u{a}\"", 2),
            Change {
                name: Some("Env A".to_owned()),
                after: Some(State { value: Some("b\\n'".to_owned()), ..State::default() }),
                ..Change::new(ChangeKind::SettingChanged, Severity::Low, "x")
            },
        ]);
        let text = Baseline::text_of(&first).unwrap();
        let reasoned = text.replacen("path = \"/x\"", "path = \"/x\"\nreason = \"ours\"", 1);
        reasoned.parse::<Baseline>().unwrap().lay_on(&mut first);
        assert!(first.changes.iter().all(|change| change.accepted.is_some()), "{reasoned}");
        assert!(Baseline::text_of(&first).unwrap().contains("ours"));
        assert_eq!(first.worst(), None);
    }

    #[test]
    fn what_is_no_baseline_is_refused() {
        for text in [
            "[[accept]]",
            "[[accept]]\nkind = \"all\"",
            "[[accept]]\nkind = \"host-added\"\npaht = \"/\"",
            "x",
        ] {
            assert!(text.parse::<Baseline>().is_err(), "{text}");
        }
        let bad = "[[accept]]\nkind = \"host-added\"\nsha256 = \"12\"";
        assert!(bad.parse::<Baseline>().unwrap_err().to_string().contains("accepted change 1"));
    }
}
