use inspect::{RuleFacts, RuleHit, RuleMatch};
use std::cell::RefCell;
use std::time::Duration;
use yara_x::{Rules, ScanError, Scanner};

/// Largest program that the rules of the product read whole; of a larger one they read what every analyzer sees.
pub const MAX_PROGRAM: u64 = 16 << 20;
/// Largest file that the rules of brought packs read; a larger one is a gap.
pub const MAX_FILE: u64 = 64 << 20;
/// Time for one pack on one file. An honest rule needs a hundredth of a second for a megabyte.
const TIME: Duration = Duration::from_secs(30);
/// Rules of one file that are kept.
const MAX_HITS: usize = 64;
/// Matches of one rule that are kept.
const MAX_MATCHES: usize = 4;
/// Matches of one pattern that the engine counts.
const MAX_COUNTED: usize = 10_000;
/// Bytes of a match that are kept.
const EXCERPT: usize = 48;

thread_local! {
    /// Scanners belong to their thread, and making one costs more than a small file.
    static SCANNERS: RefCell<Vec<(usize, Scanner<'static>)>> = const { RefCell::new(Vec::new()) };
}

/// The path of a file, for rules that ask for the usual external variables.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Path<'a>(pub(crate) &'a [u8]);

impl Path<'_> {
    /// The variables that public rules expect, each a text. Which of them a path can answer, it does.
    pub(crate) const VARIABLES: [&'static str; 5] =
        ["filename", "filepath", "extension", "filetype", "owner"];

    fn value(&self, variable: &str) -> String {
        let path = String::from_utf8_lossy(self.0);
        let name = path.rsplit('/').next().unwrap_or_default();
        match variable {
            "filename" => name.to_owned(),
            "filepath" => format!("/{path}"),
            "extension" => name.rsplit_once('.').map(|(_, ending)| format!(".{ending}")).unwrap_or_default(),
            _ => String::new(),
        }
    }
}

/// Adds the rules that hold for these bytes. A path is given to rules that were compiled with its variables.
pub(crate) fn scan(
    rules: &'static Rules,
    path: Option<Path<'_>>,
    bytes: &[u8],
    found: &mut RuleFacts,
) -> Result<(), String> {
    // Our own rules are content with the first match of what they only ask the presence of. Whoever brings rules may
    // look at every match.
    with_scanner(rules, path.is_none(), |scanner| {
        if let Some(path) = path {
            for variable in Path::VARIABLES {
                scanner
                    .set_global(variable, path.value(variable).as_str())
                    .map_err(|error| error.to_string())?;
            }
        }
        let results = scanner.scan(bytes).map_err(|error| said(&error))?;
        for rule in results.matching_rules() {
            if found.hits.len() >= MAX_HITS {
                found.cut = true;
                break;
            }
            found.hits.push(hit(&rule));
        }
        Ok(())
    })
}

/// Names of the rules about places that hold, as (pack, rule).
pub(crate) fn ask(
    rules: &'static Rules,
    answers: &crate::image_module::Answers,
) -> Result<Vec<(String, String)>, String> {
    with_scanner(rules, false, |scanner| {
        let message = answers.message().ok_or("the module image is not described")?;
        scanner.set_module_output(message).map_err(|error| error.to_string())?;
        let results = scanner.scan(b"").map_err(|error| said(&error))?;
        let named = |rule: yara_x::Rule<'_, '_>| (rule.namespace().to_owned(), rule.identifier().to_owned());
        Ok(results.matching_rules().take(MAX_HITS).map(named).collect())
    })
}

/// The rules about runs that hold, with what they found in what was said.
pub(crate) fn ask_run(
    rules: &'static Rules,
    answers: &crate::behavior_module::Answers,
) -> Result<Vec<RuleHit>, String> {
    with_scanner(rules, false, |scanner| {
        scanner.set_module_output(answers.message()?).map_err(|error| error.to_string())?;
        let said = answers.said();
        let results = scanner.scan(&said).map_err(|error| self::said(&error))?;
        Ok(results.matching_rules().take(MAX_HITS).map(|rule| hit(&rule)).collect())
    })
}

fn said(error: &ScanError) -> String {
    match error {
        ScanError::Timeout => format!("its rules were given up after {} seconds", TIME.as_secs()),
        other => format!("its rules failed: {other}"),
    }
}

fn hit(rule: &yara_x::Rule<'_, '_>) -> RuleHit {
    let mut matches: Vec<RuleMatch> = Vec::new();
    // The first match of every pattern says more than many of one.
    for nth in 0..MAX_MATCHES {
        for pattern in rule.patterns() {
            if matches.len() < MAX_MATCHES
                && let Some(found) = pattern.matches().nth(nth)
            {
                matches.push(RuleMatch {
                    pattern: pattern.identifier().to_owned(),
                    offset: found.range().start as u64,
                    excerpt: found.data().iter().copied().take(EXCERPT).collect(),
                });
            }
        }
    }
    RuleHit { pack: rule.namespace().to_owned(), rule: rule.identifier().to_owned(), matches }
}

/// The thread's scanner for these rules. Where the work panics, it is not used again.
fn with_scanner<T>(
    rules: &'static Rules,
    first_only: bool,
    work: impl FnOnce(&mut Scanner<'static>) -> T,
) -> T {
    let key = std::ptr::from_ref(rules).addr();
    let kept = SCANNERS.with_borrow_mut(|all| {
        let at = all.iter().position(|(of, _)| *of == key)?;
        Some(all.swap_remove(at).1)
    });
    let mut scanner = kept.unwrap_or_else(|| {
        let mut scanner = Scanner::new(rules);
        scanner.set_timeout(TIME).max_matches_per_pattern(MAX_COUNTED).fast_scan(first_only);
        scanner
    });
    let done = work(&mut scanner);
    SCANNERS.with_borrow_mut(|all| all.push((key, scanner)));
    done
}
