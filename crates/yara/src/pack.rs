use crate::compile::{self, Compiled};
use crate::meta::Pairs;
use crate::sources::Subject;
use crate::{Error, Meta, Source, meta, sources};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use yara_x::Rules;

/// A rule that was left out, while the rest of its pack is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Its name.
    pub rule: String,
    /// Why.
    pub why: String,
}

/// Rules that a person brought.
pub struct Pack {
    name: String,
    digest: String,
    pub(crate) content: Option<&'static Rules>,
    pub(crate) places: Option<&'static Rules>,
    pub(crate) runs: Option<&'static Rules>,
    metas: BTreeMap<(String, String), Meta>,
    rejected: Vec<Rejected>,
    warnings: Vec<String>,
}

impl fmt::Debug for Pack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pack").field("name", &self.name).field("digest", &self.digest).finish_non_exhaustive()
    }
}

impl Pack {
    /// Reads and compiles the `.yar` and `.yara` files of a folder, or one file.
    ///
    /// # Errors
    /// Where a file cannot be read or is too large, where a rule cannot be compiled, and where there is none.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
        Self::compile(&model::escape_text(&name), sources::read(path)?)
    }

    pub(crate) fn compile(name: &str, sources: Vec<Source>) -> Result<Self, Error> {
        let digest = sources::digest(&sources);
        let (mut content, mut places, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        for source in sources {
            match source.subject()? {
                Subject::Content => content.push(source),
                Subject::Places => places.push(source),
                Subject::Runs => runs.push(source),
            }
        }
        let mut pack = Self {
            name: name.to_owned(),
            digest,
            content: None,
            places: None,
            runs: None,
            metas: BTreeMap::new(),
            rejected: Vec::new(),
            warnings: Vec::new(),
        };
        if !content.is_empty() {
            let compiled = compile::brought(name, content)?;
            pack.content = Some(pack.take(Subject::Content, compiled));
        }
        if !places.is_empty() {
            let compiled = compile::brought(name, places)?;
            if let Some(rule) =
                compiled.rules.iter().find(|rule| rule.patterns().include_private(true).len() > 0)
            {
                return Err(Error::Mixed {
                    file: rule.namespace().to_owned(),
                    rule: rule.identifier().to_owned(),
                });
            }
            pack.places = Some(pack.take(Subject::Places, compiled));
        }
        if !runs.is_empty() {
            let compiled = compile::brought(name, runs)?;
            pack.runs = Some(pack.take(Subject::Runs, compiled));
        }
        Ok(pack)
    }

    fn take(&mut self, subject: Subject, compiled: Compiled) -> &'static Rules {
        let unsaid = if subject == Subject::Runs { &meta::RUN_RULE } else { &meta::RULE };
        for rule in compiled.rules.iter() {
            let (file, name) = (rule.namespace().to_owned(), rule.identifier().to_owned());
            let meta = Meta::brought(&format!("{}/{file}", self.name), &name, &Pairs::of(&rule), unsaid);
            self.metas.insert((file, name), meta);
        }
        self.rejected.extend(compiled.rejected);
        self.warnings.extend(compiled.warnings);
        lasting(&format!("{} {subject:?}", self.digest), compiled.rules)
    }

    /// Its name, that of its folder.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Digest of its sources.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What its rules say of themselves, by file and name.
    pub fn rules(&self) -> impl Iterator<Item = &Meta> {
        self.metas.values()
    }

    /// Rules that were left out.
    pub fn rejected(&self) -> &[Rejected] {
        &self.rejected
    }

    /// What the compiler warns of.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    pub(crate) fn meta(&self, file: &str, rule: &str) -> Option<&Meta> {
        self.metas.get(&(file.to_owned(), rule.to_owned()))
    }
}

/// Threads keep scanners for rules as long as they live, so rules live as long as the program. The same rules are
/// kept once, however often they are loaded.
fn lasting(key: &str, rules: Rules) -> &'static Rules {
    static KEPT: Mutex<Option<HashMap<String, &'static Rules>>> = Mutex::new(None);
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    kept.get_or_insert_default().entry(key.to_owned()).or_insert_with(|| Box::leak(Box::new(rules)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(files: &[(&str, &str)]) -> Result<Pack, Error> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Pack::load(folder.path())
    }

    #[test]
    fn what_a_pack_says_of_itself_is_read_and_bounded() {
        let long = "x".repeat(5000);
        let text = format!(
            "rule a {{ meta: id = \"S-YARA-A\" role = \"convicts\" severity = \"LOW\" class = \"reach\" \
             techniques = \"T1059.004, T1, nonsense Tx\" why = \"{long}\" condition: true }} \
             rule b {{ meta: id = \"S-YARA-BOT\" role = \"nonsense\" licence = \"GPL\" description = \"d\" condition: true }} \
             private rule c {{ condition: true }}"
        );
        let pack =
            pack(&[("deep/x.yar", &text), ("y.yara", "rule d { condition: true }"), ("z.txt", "no rule")])
                .unwrap();
        let rules: Vec<&Meta> = pack.rules().collect();
        assert_eq!(rules.iter().map(|meta| meta.rule.as_str()).collect::<Vec<_>>(), ["a", "b", "c", "d"]);
        let (a, b) = (rules[0], rules[1]);
        assert_eq!(
            (a.id.as_str(), a.role, a.severity),
            ("S-YARA-A", model::Role::Convicts, model::Severity::Low)
        );
        assert_eq!((a.class, a.techniques.join(" ")), (model::Class::Reach, "T1059.004 T1".to_owned()));
        assert_eq!(a.why.len(), 1000);
        // A rule cannot speak in the name of a detection of the product.
        assert_eq!((b.id.as_str(), b.role), ("S-YARA-RULE", model::Role::Context));
        assert_eq!((b.license.as_deref(), b.why.as_str()), (Some("GPL"), "d"));
        assert!(a.pack.ends_with("/deep/x.yar"), "{}", a.pack);
    }

    #[test]
    fn what_is_no_pack_is_refused() {
        let check = |files: &[(&str, &str)], part: &str| {
            let error = pack(files).unwrap_err().to_string();
            assert!(error.contains(part), "{part}: {error}");
        };
        check(&[("x.txt", "rule a { condition: true }")], "holds no rules");
        check(&[("x.yar", "rule a { condition: true } rule a { condition: true }")], "x.yar:1:");
        check(&[("x.yar", "rule a {\n condition: $a }")], "x.yar:2:");
        check(&[("x.yar", "include \"y.yar\""), ("y.yar", "rule a { condition: true }")], "x.yar:1:");
        check(
            &[("x.yar", "import \"image\"\nrule a { strings: $a = \"abcd\" condition: $a }")],
            "x.yar: the rule a",
        );
        check(&[("x.yar", &"rule a { condition: ".repeat(2_000))], "x.yar");
    }

    #[test]
    fn deep_nesting_ends_in_an_answer() {
        for (open, shut) in [("(", ")"), ("not (", ")"), ("for any i in (1..2) : (", ")"), ("-", "")] {
            for import in ["", "import \"behavior\"\n"] {
                let (open, shut) = (open.repeat(2_000), shut.repeat(2_000));
                let text = format!("{import}rule a {{ condition: {open}true{shut} }}");
                if let Err(error) = pack(&[("x.yar", &text)]) {
                    assert!(error.to_string().len() < 100_000);
                }
            }
        }
    }

    #[test]
    fn the_same_rules_are_kept_once() {
        let files = [("x.yar", "rule a { condition: true }")];
        let (one, other) = (pack(&files).unwrap(), pack(&files).unwrap());
        assert!(std::ptr::eq(one.content.unwrap(), other.content.unwrap()));
        assert_eq!(one.digest(), other.digest());
        assert_ne!(one.digest(), pack(&[("y.yar", "rule a { condition: true }")]).unwrap().digest());
    }
}
