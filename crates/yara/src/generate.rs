//! The rules of the product, from their sources to what is built into the program.

use crate::built_in::Kind;
use crate::meta::{self, Pairs};
use crate::sources::Subject;
use crate::{Error, Source, anchors, compile, sources};
use model::{Class, Role, Severity, Stage};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use yara_x_parser::ast::AST;

/// What is built in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// Files with their paths under `crates`.
    pub files: Vec<(String, Vec<u8>)>,
}

/// The anchors of texts lie with those who search for all words of texts at once.
const TEXT_ANCHORS: &str = "inspect/src/rules/anchors.in";

/// Compiles the rules under `rules/yara` of a checkout, given as the folder `rules/yara` itself.
///
/// # Errors
/// Where a rule cannot be compiled, lacks metadata, or has no anchor.
pub fn generate(rules: &Path) -> Result<Generated, Error> {
    let mut files = Vec::new();
    let mut declared = Declared::default();
    let mut digested = Vec::new();
    let mut all_anchors = BTreeMap::new();
    let mut compiled_digests = Vec::new();
    for kind in Kind::ALL {
        let mut read = sources::read(&rules.join(kind.folder()))?;
        for source in &mut read {
            source.name = format!("{}/{}", kind.folder(), source.name);
            if source.subject()? != kind.subject() {
                return Err(unfit(source, "*", "stands in the wrong folder for what it imports"));
            }
        }
        let compiled = compile::own(&read)?;
        if let Some(warning) = compiled.warnings.first() {
            return Err(Error::Compile(warning.clone()));
        }
        let found = if kind.subject() == Subject::Content { anchors_of(&read)? } else { Vec::new() };
        all_anchors.insert(kind, found);
        let file_of = files_of(&read);
        for rule in compiled.rules.iter().filter(|rule| !rule.is_private()) {
            let file = file_of.get(rule.identifier()).map_or("", String::as_str);
            declared.take(kind, file, rule.identifier(), &Pairs::of(&rule))?;
        }
        let bytes = compiled.rules.serialize().map_err(|error| Error::Compiled(error.to_string()))?;
        let digest = model::Digest::sha256(Sha256::digest(&bytes).into()).to_string();
        compiled_digests.push((kind, digest));
        files.push((format!("yara/src/built_in/{}.yrc", kind.folder()), bytes));
        digested.extend(read);
    }
    let cases = cases(&rules.join("cases"))?;
    let catalogue =
        catalogue(&declared, &all_anchors, &sources::digest(&digested), &cases) + &belongs(&compiled_digests);
    files.push(("yara/src/built_in/catalogue.in".to_owned(), catalogue.into_bytes()));
    let anchors = text_anchors(all_anchors.get(&Kind::Text).map(Vec::as_slice).unwrap_or_default())?;
    files.push((TEXT_ANCHORS.to_owned(), anchors.into_bytes()));
    Ok(Generated { files })
}

/// Which file has which rule.
fn files_of(read: &[Source]) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for source in read {
        for rule in AST::from(source.bytes.as_slice()).rules() {
            files.insert(rule.identifier.name.to_owned(), source.name.clone());
        }
    }
    files
}

fn anchors_of(read: &[Source]) -> Result<Vec<Vec<u8>>, Error> {
    let mut all = Vec::new();
    for source in read {
        let ast = AST::from(source.bytes.as_slice());
        for rule in ast.rules() {
            let found = anchors::of_rule(rule).ok_or_else(|| {
                unfit(source, rule.identifier.name, "has no literal that every match needs")
            })?;
            all.extend(found);
        }
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn unfit(source: &Source, rule: &str, what: &str) -> Error {
    Error::Unfit { file: source.name.clone(), rule: rule.to_owned(), what: what.to_owned() }
}

/// The cases, as (name of the rule, text).
fn cases(folder: &Path) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    for path in sources::walk(folder)? {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_some_and(|ending| ending == "toml") {
            names.push(name);
        }
    }
    Ok(names)
}

/// Detections by id, and rules with the id of theirs.
#[derive(Default)]
struct Declared {
    detections: BTreeMap<String, String>,
    rules: Vec<String>,
}

impl Declared {
    fn take(&mut self, kind: Kind, file: &str, rule: &str, pairs: &Pairs) -> Result<(), Error> {
        let unfit = |what: String| Error::Unfit { file: file.to_owned(), rule: rule.to_owned(), what };
        let text = |name: &str| {
            pairs
                .get(name)
                .filter(|text| !text.is_empty())
                .ok_or_else(|| unfit(format!("says no {name} in its metadata")))
        };
        let id = text("id")?;
        let stage = if kind == Kind::Behavior { Stage::Dynamic } else { Stage::Static };
        if !id.starts_with(meta::family(stage)) && stage == Stage::Dynamic {
            return Err(unfit(format!("has an id that does not begin with {}", meta::family(stage))));
        }
        for needed in ["author", "license"] {
            text(needed)?;
        }
        // Several rules may tell one thing. The first of them says what it is, and the others name it.
        if pairs.get("title").is_some() {
            let severity =
                meta::severity(text("severity")?).ok_or_else(|| unfit("has no such severity".to_owned()))?;
            let role = meta::role(pairs.get("role").unwrap_or("corroborates"))
                .ok_or_else(|| unfit("has no such role".to_owned()))?;
            let usual = if stage == Stage::Dynamic { "proc" } else { "file" };
            let class = meta::class(pairs.get("class").unwrap_or(usual), stage)
                .ok_or_else(|| unfit("has no such class".to_owned()))?;
            let detection = format!(
                "Detection {{ id: {id:?}, title: {:?}, severity: {}, role: {}, class: {}, stage: Stage::{stage:?}, \
                 techniques: &{:?}, why: {:?}, advice: {:?} }}",
                text("title")?,
                severity_path(severity),
                role_path(role),
                class_path(class),
                meta::techniques(pairs),
                text("why")?,
                text("advice")?,
            );
            if self.detections.insert(id.to_owned(), detection).is_some() {
                return Err(unfit(format!("says anew what {id} is")));
            }
        } else if !self.detections.contains_key(id) {
            return Err(unfit(format!("names {id}, which no rule before it describes")));
        }
        let reached = match pairs.get("role_reached") {
            Some(word) => {
                let role = meta::role(word).ok_or_else(|| unfit("has no such role_reached".to_owned()))?;
                format!("Some({})", role_path(role))
            }
            None => "None".to_owned(),
        };
        self.rules.push(format!("{rule:?}\0{kind:?}\0{id}\0{reached}"));
        Ok(())
    }
}

fn catalogue(
    declared: &Declared,
    anchors: &BTreeMap<Kind, Vec<Vec<u8>>>,
    digest: &str,
    cases: &[String],
) -> String {
    let mut text = String::from("// Written by `cargo xtask rules` from rules/yara. Do not edit.\n");
    let _ = writeln!(text, "/// Digest of the sources.\npub(crate) const DIGEST: &str = {digest:?};");
    text.push_str("/// What the rules can find.\npub(crate) static DETECTIONS: &[Detection] = &[\n");
    for detection in declared.detections.values() {
        let _ = writeln!(text, "    {detection},");
    }
    text.push_str("];\n/// The rules.\npub(crate) static RULES: &[BuiltInRule] = &[\n");
    let ids: Vec<&String> = declared.detections.keys().collect();
    for rule in &declared.rules {
        let mut parts = rule.split('\0');
        let mut part = || parts.next().unwrap_or_default();
        let (name, kind, id, reached) = (part(), part(), part(), part());
        let at = ids.iter().position(|held| *held == id).unwrap_or_default();
        let _ = writeln!(
            text,
            "    BuiltInRule {{ name: {name}, kind: Kind::{kind}, detection: &DETECTIONS[{at}], reached: {reached} }},"
        );
    }
    text.push_str("];\n/// A program without any of these fulfils no rule.\n");
    text.push_str("pub(crate) static PROGRAM_ANCHORS: &[&[u8]] = &[\n");
    for anchor in anchors.get(&Kind::Program).into_iter().flatten() {
        let _ = writeln!(text, "    b\"{}\",", anchor.escape_ascii());
    }
    text.push_str(
        "];\n/// Cases, by the rule that they try.\npub(crate) static CASES: &[(&str, &str)] = &[\n",
    );
    for name in cases {
        let _ = writeln!(
            text,
            "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/../../rules/yara/cases/{name}.toml\"))),"
        );
    }
    text.push_str("];\n");
    text
}

/// The anchors of texts, which are searched for together with all other words: see `inspect::Signs`.
fn text_anchors(anchors: &[Vec<u8>]) -> Result<String, Error> {
    let mut text = String::from(
        "// Written by `cargo xtask rules` from rules/yara. Do not edit.\n\
         /// A text without any of these fulfils no rule of the product.\n\
         pub(crate) static ANCHORS: &[&str] = &[\n",
    );
    for anchor in anchors {
        let word = std::str::from_utf8(anchor).map_err(|_| Error::Unfit {
            file: Kind::Text.folder().to_owned(),
            rule: "*".to_owned(),
            what: format!("needs \"{}\", which is no text", anchor.escape_ascii()),
        })?;
        let _ = writeln!(text, "    {word:?},");
    }
    text.push_str("];\n");
    Ok(text)
}

/// Says which compiled rules belong to the catalogue. They hold the same in an order that depends on how the program
/// was linked, so they cannot be compared byte for byte.
fn belongs(digests: &[(Kind, String)]) -> String {
    let mut text = format!("{BELONGS}#[cfg(test)]\npub(crate) static COMPILED: &[(Kind, &str)] = &[\n");
    for (kind, digest) in digests {
        let _ = writeln!(text, "    (Kind::{kind:?}, {digest:?}),");
    }
    text.push_str("];\n");
    text
}

const BELONGS: &str = "/// The compiled rules that belong to these sources.\n";

fn severity_path(severity: Severity) -> String {
    format!("Severity::{severity:?}")
}

fn role_path(role: Role) -> String {
    format!("Role::{role:?}")
}

fn class_path(class: Class) -> String {
    format!("Class::{class:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::built_in;

    #[test]
    fn what_is_built_in_is_what_the_sources_give() {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let generated = generate(&here.join("../../rules/yara")).unwrap();
        let file = |end: &str| &generated.files.iter().find(|(name, _)| name.ends_with(end)).unwrap().1;
        let anchors = std::fs::read(here.join("..").join(TEXT_ANCHORS)).unwrap();
        assert!(&anchors == file(TEXT_ANCHORS), "the anchors are not current: run cargo xtask rules");
        let catalogue = file("catalogue.in");
        let held = std::fs::read(here.join("src/built_in/catalogue.in")).unwrap();
        let sources =
            |text: &[u8]| String::from_utf8(text.to_vec()).unwrap().split(BELONGS).next().unwrap().to_owned();
        assert!(sources(&held) == sources(catalogue), "the catalogue is not current: run cargo xtask rules");
        assert_eq!(built_in::COMPILED.len(), Kind::ALL.len());
        for (kind, digest) in built_in::COMPILED {
            let held = std::fs::read(here.join(format!("src/built_in/{}.yrc", kind.folder()))).unwrap();
            let found = model::Digest::sha256(Sha256::digest(&held).into()).to_string();
            assert_eq!(*digest, found, "{kind:?} is not current: run cargo xtask rules");
        }
    }
}
