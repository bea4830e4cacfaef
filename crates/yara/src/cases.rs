//! Cases: inputs for which a rule must hold, and near misses for which it must not.

use crate::behavior_module;
use crate::built_in::{self, Kind};
use crate::image_module::Answers;
use crate::sources::Subject;
use crate::{Error, Pack, engine, sources};
use inspect::RuleFacts;
use serde::Deserialize;
use std::path::Path;
use yara_x::Rules;

/// The cases of one rule, in a file of its name.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Inputs for which the rule holds.
    #[serde(rename = "match", default)]
    pub matches: Vec<Input>,
    /// Inputs which look like it and for which it does not.
    #[serde(default)]
    pub near: Vec<Input>,
}

/// One input.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// What it shows.
    pub why: String,
    /// Whether the bytes stand behind the head of a program.
    #[serde(default)]
    pub program: bool,
    /// Pieces of text, each with a zero byte behind it, as programs hold their strings.
    #[serde(default)]
    pub strings: Vec<String>,
    /// Lines of a text.
    #[serde(default)]
    pub lines: Vec<String>,
    /// Bytes in hexadecimal, behind all else.
    #[serde(default)]
    pub hex: Vec<String>,
    /// Where the file lies, for rules about places.
    #[serde(default)]
    pub file: Option<PlaceOf>,
    /// What a run did, for rules about behavior: the lists of the module.
    #[serde(default)]
    pub run: Option<RunOf>,
}

/// What a rule about behavior is told.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(transparent)]
pub struct RunOf(behavior_module::Answers);

/// What a rule about places is told.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlaceOf {
    path: String,
    layer: i64,
    mode: i64,
    uid: i64,
    live: bool,
    executable: bool,
    owned: bool,
    package: String,
    reached: bool,
    started: bool,
    decoded: bool,
    hits: Vec<String>,
    user: String,
    entry: Vec<String>,
    cmd: Vec<String>,
    env: Vec<String>,
}

/// What came of the cases of a pack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tested {
    /// Cases that were tried.
    pub tried: usize,
    /// Those that did not come out as they should.
    pub failures: Vec<Failure>,
    /// Rules for which a positive case or a near miss is missing.
    pub without: Vec<String>,
}

/// A case that did not come out as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The rule.
    pub rule: String,
    /// What the input shows.
    pub why: String,
    /// What went wrong.
    pub what: String,
}

/// Tries the cases of the rules of the product.
///
/// # Errors
/// Where a case cannot be read.
pub fn built_in_cases() -> Result<Tested, Error> {
    let mut tested = Tested::default();
    for rule in built_in::RULES {
        let case = built_in::CASES.iter().find(|(name, _)| *name == rule.name);
        let case = case.map(|(name, text)| read(name, text)).transpose()?.unwrap_or_default();
        let rules = rule.kind.rules().map_err(Error::Compiled)?;
        let subject = rule.kind.subject();
        tested.take(rule.name, &case, |input| {
            if subject == Subject::Content && !passes(rule.kind, &input.bytes()?) {
                return Ok(false);
            }
            input.holds(rules, rule.name, subject, None)
        });
    }
    Ok(tested)
}

/// A case goes the way of a file: past the gate and the anchors.
fn passes(kind: Kind, bytes: &[u8]) -> bool {
    let entry = layers::Entry { mode: 0o755, ..layers::Entry::default() };
    Kind::of(&entry, bytes) == Some(kind) && kind.may_hold(bytes, &inspect::Signs::of(bytes))
}

/// Tries the cases of a pack: those in the folder `cases` below its own, each file named after its rule.
///
/// # Errors
/// Where the pack cannot be used or a case cannot be read.
pub fn test(folder: &Path) -> Result<Tested, Error> {
    let pack = Pack::load(folder)?;
    let cases = folder.join("cases");
    let mut texts = Vec::new();
    if cases.is_dir() {
        for path in sources::walk(&cases)? {
            if path.extension().is_some_and(|ending| ending == "toml") {
                let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                let text = String::from_utf8_lossy(&sources::read_file(&path)?).into_owned();
                texts.push((name, text));
            }
        }
    }
    let mut tested = Tested::default();
    let sets = [(pack.content, Subject::Content), (pack.places, Subject::Places), (pack.runs, Subject::Runs)];
    for (rules, subject) in sets.iter().filter_map(|(rules, subject)| Some(((*rules)?, *subject))) {
        for rule in rules.iter().filter(|rule| !rule.is_private()) {
            let name = rule.identifier();
            let case = texts.iter().find(|(of, _)| of == name);
            let case = case.map(|(name, text)| read(name, text)).transpose()?.unwrap_or_default();
            let path = Some(engine::Path(b"case"));
            tested.take(name, &case, |input| input.holds(rules, name, subject, path));
        }
    }
    for (name, _) in &texts {
        if !pack.rules().any(|meta| meta.rule == *name) {
            tested.failures.push(Failure {
                rule: name.clone(),
                why: "its file of cases".to_owned(),
                what: "there is no such rule".to_owned(),
            });
        }
    }
    Ok(tested)
}

fn read(name: &str, text: &str) -> Result<Case, Error> {
    toml::from_str(text).map_err(|error| Error::Case {
        file: format!("{}.toml", model::escape_text(name)),
        why: error.message().to_owned(),
    })
}

impl Tested {
    fn take(&mut self, rule: &str, case: &Case, holds: impl Fn(&Input) -> Result<bool, String>) {
        if case.matches.is_empty() || case.near.is_empty() {
            self.without.push(rule.to_owned());
        }
        for (inputs, expect) in [(&case.matches, true), (&case.near, false)] {
            for input in inputs {
                self.tried += 1;
                let what = match holds(input) {
                    Ok(held) if held == expect => continue,
                    Ok(true) => "the rule holds for it".to_owned(),
                    Ok(false) => "the rule does not hold for it".to_owned(),
                    Err(why) => why,
                };
                self.failures.push(Failure { rule: rule.to_owned(), why: input.why.clone(), what });
            }
        }
    }
}

impl Input {
    fn bytes(&self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        if self.program {
            bytes.extend_from_slice(&PROGRAM_HEAD);
        }
        for text in &self.strings {
            bytes.extend_from_slice(text.as_bytes());
            bytes.push(0);
        }
        for line in &self.lines {
            bytes.extend_from_slice(line.as_bytes());
            bytes.push(b'\n');
        }
        for piece in &self.hex {
            let digits: Vec<u8> = piece.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
            for pair in digits.chunks(2) {
                let byte = std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
                bytes.push(byte.filter(|_| pair.len() == 2).ok_or("its hexadecimal digits cannot be read")?);
            }
        }
        Ok(bytes)
    }

    fn holds(
        &self,
        rules: &'static Rules,
        rule: &str,
        subject: Subject,
        path: Option<engine::Path<'_>>,
    ) -> Result<bool, String> {
        match subject {
            Subject::Content => {
                let mut found = RuleFacts { hits: Vec::new(), cut: false };
                engine::scan(rules, path, &self.bytes()?, &mut found)?;
                Ok(found.hits.iter().any(|hit| hit.rule == rule))
            }
            Subject::Places => {
                let file =
                    self.file.as_ref().ok_or("a case of a rule about places says where the file lies")?;
                Ok(engine::ask(rules, &file.answers())?.iter().any(|(_, name)| name == rule))
            }
            Subject::Runs => {
                let RunOf(run) =
                    self.run.as_ref().ok_or("a case of a rule about behavior has a table `run`")?;
                Ok(engine::ask_run(rules, run)?.iter().any(|hit| hit.rule == rule))
            }
        }
    }
}

impl PlaceOf {
    fn answers(&self) -> Answers {
        Answers {
            path: self.path.clone(),
            layer: self.layer,
            mode: self.mode,
            uid: self.uid,
            size: 0,
            live: self.live,
            executable: self.executable,
            owned: self.owned,
            package: self.package.clone(),
            reached: self.reached,
            started: self.started,
            how: String::new(),
            decoded: self.decoded,
            hits: self.hits.clone(),
            user: self.user.clone(),
            entry: self.entry.clone(),
            cmd: self.cmd.clone(),
            env: self.env.clone(),
        }
    }
}

/// The head of a program for x86-64 without segments and sections.
const PROGRAM_HEAD: [u8; 64] = {
    let mut head = [0; 64];
    let start = [0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0x3e, 0, 1];
    let mut at = 0;
    while at < start.len() {
        head[at] = start[at];
        at += 1;
    }
    head[52] = 64;
    head
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_of_the_product_holds_where_it_must_and_only_there() {
        let tested = built_in_cases().unwrap();
        assert_eq!(tested.failures, []);
        assert_eq!(tested.without, [""; 0], "rules without a positive case and a near miss");
        assert!(tested.tried >= 2 * built_in::RULES.len());
        for (name, _) in built_in::CASES {
            assert!(built_in::rule(name).is_some(), "{name}.toml is about no rule");
        }
    }
}
