use crate::face::{Known, manager};
use crate::files::Delta;
use inspect::analyzers::hooks::Standing;
use layers::Place;
use model::{Change, ChangeKind, PackageChange, Severity};
use std::collections::{BTreeMap, BTreeSet};

/// The packages of both images: one row for each that came, went or has another version, and the files that came
/// with it are counted there.
pub(crate) struct PackageDrift<'a> {
    rows: BTreeMap<(&'static str, String), Row>,
    new: &'a Known<'a>,
    old: &'a Known<'a>,
    /// Packages of the same version with files that are as it promises and are not what they were.
    rewritten: BTreeMap<(&'static str, String), (Vec<u8>, Place, u64)>,
}

#[derive(Default)]
struct Row {
    before: BTreeSet<String>,
    after: BTreeSet<String>,
    files: u64,
    programs: u64,
}

const PYTHON: &str = "python";
/// Most distributions of Python that are compared.
const MAX_PYTHON: usize = 20_000;

impl<'a> PackageDrift<'a> {
    pub(crate) fn new(old: &'a Known<'a>, new: &'a Known<'a>) -> Self {
        let mut rows: BTreeMap<_, Row> = BTreeMap::new();
        for (known, is_new) in [(old, false), (new, true)] {
            for package in known.face.image.ownership.packages().iter().filter(|package| !package.removed) {
                let row = rows.entry((manager(package), package.name.clone())).or_default();
                row.side(is_new).insert(package.version.clone());
            }
        }
        Self { rows, new, old, rewritten: BTreeMap::new() }
    }

    /// Shown every path of both trees: what is installed for Python says so by the names of its directories.
    pub(crate) fn see(&mut self, is_new: bool, path: &[u8]) {
        let Some((name, version)) = distribution(path) else { return };
        // One that the distribution's packages brought is theirs.
        let side = if is_new { self.new } else { self.old };
        if side.face.image.ownership.owner(path).is_some() {
            return;
        }
        if self.rows.len() < MAX_PYTHON || self.rows.contains_key(&(PYTHON, name.clone())) {
            self.rows.entry((PYTHON, name)).or_default().side(is_new).insert(version);
        }
    }

    /// Counts a file that its package vouches for. Whether the package is of the same version as before, so that
    /// nothing explains the change.
    pub(crate) fn take(&mut self, old: &Known<'_>, new: &Known<'_>, delta: &Delta, program: bool) -> bool {
        let Some(owner) = new.face.image.ownership.owner(&delta.path) else { return false };
        let key = (manager(owner.package), owner.package.name.clone());
        let Some(row) = self.rows.get_mut(&key) else { return false };
        row.files += 1;
        row.programs += u64::from(program);
        let same = row.before == row.after;
        let genuine = |known: &Known<'_>, place| known.standing(&delta.path, place) == Standing::Genuine;
        if same
            && program
            && let Some(before) = delta.before
            && genuine(old, before)
            && genuine(new, delta.place)
        {
            self.rewritten.entry(key).or_insert_with(|| (delta.path.clone(), delta.place, 0)).2 += 1;
        }
        same
    }

    /// Whether a file lies with a distribution of Python that has another version than before.
    pub(crate) fn folds(&self, path: &[u8]) -> bool {
        self.python_row(path).is_some_and(|(_, row)| {
            !row.before.is_empty() && !row.after.is_empty() && row.before != row.after
        })
    }

    /// Counts such a file.
    pub(crate) fn take_python(&mut self, path: &[u8], program: bool) {
        let Some((key, _)) = self.python_row(path) else { return };
        if let Some(row) = self.rows.get_mut(&key) {
            row.files += 1;
            row.programs += u64::from(program);
        }
    }

    fn python_row(&self, path: &[u8]) -> Option<((&'static str, String), &Row)> {
        let key = (PYTHON, module(path)?);
        let row = self.rows.get(&key)?;
        Some((key, row))
    }

    /// A package whose version stayed and whose content did not: nobody who rebuilds a package does that, and
    /// whoever replaces a program and mends the database does.
    pub(crate) fn rewritten(&self, new: &Known<'_>, changes: &mut Vec<Change>) {
        for ((manager, name), (path, place, files)) in &self.rewritten {
            let what = format!(
                "The version of the package stayed, and it promises other content for {} program{}.",
                model::thousands(*files),
                if *files == 1 { "" } else { "s" }
            );
            changes.push(Change {
                name: Some(model::escape_text(&format!("{manager} {name}"))),
                ..new.change(ChangeKind::PackageRewritten, Severity::High, path, *place, what)
            });
        }
    }

    /// The rows of what came, went or has another version.
    pub(crate) fn rows(&self, platform: &str) -> Vec<PackageChange> {
        let text = |versions: &BTreeSet<String>| {
            let versions: Vec<String> = versions.iter().map(|version| model::escape_text(version)).collect();
            (!versions.is_empty()).then(|| versions.join(", "))
        };
        self.rows
            .iter()
            .filter(|(_, row)| row.before != row.after)
            .map(|((manager, name), row)| PackageChange {
                platform: platform.to_owned(),
                manager: (*manager).to_owned(),
                name: model::escape_text(name),
                before: text(&row.before),
                after: text(&row.after),
                files: row.files,
                programs: row.programs,
            })
            .collect()
    }
}

impl Row {
    fn side(&mut self, is_new: bool) -> &mut BTreeSet<String> {
        if is_new { &mut self.after } else { &mut self.before }
    }
}

/// Name and version of what is installed for Python, from the path of its record (PEP 376, PEP 503).
fn distribution(path: &[u8]) -> Option<(String, String)> {
    let directory = path.strip_suffix(b".dist-info/METADATA")?;
    let name = directory.rsplit(|&byte| byte == b'/').next()?;
    let (name, version) = str::from_utf8(name).ok()?.split_once('-')?;
    (!name.is_empty() && !version.is_empty()).then(|| (normal(name), version.to_owned()))
}

/// The name of the distribution that most likely brought a file: that of its directory, or of its record.
fn module(path: &[u8]) -> Option<String> {
    let mut parts = path.split(|&byte| byte == b'/');
    parts.find(|part| matches!(*part, b"site-packages" | b"dist-packages"))?;
    let top = str::from_utf8(parts.next()?).ok()?;
    let recorded = top.strip_suffix(".dist-info").and_then(|record| record.split_once('-'));
    let name = match recorded {
        Some((name, _)) => name,
        None => top.strip_suffix(".libs").unwrap_or_else(|| top.split('.').next().unwrap_or(top)),
    };
    Some(normal(name))
}

fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_says_by_its_directories_what_is_installed() {
        let check = |path: &str, expect: Option<(&str, &str)>| {
            let expect = expect.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(distribution(path.as_bytes()), expect, "{path}");
        };
        check("usr/lib/python3/site-packages/Flask-3.0.1.dist-info/METADATA", Some(("flask", "3.0.1")));
        check("a/typing_extensions-4.9.dist-info/METADATA", Some(("typing_extensions", "4.9")));
        check("a/x.dist-info/METADATA", None);
        check("a/-1.dist-info/METADATA", None);
        check("a/x-1.dist-info/RECORD", None);
    }

    #[test]
    fn a_file_lies_with_its_distribution() {
        let check = |path: &str, expect: Option<&str>| {
            assert_eq!(module(path.as_bytes()).as_deref(), expect, "{path}");
        };
        check("v/site-packages/numpy/core/x.so", Some("numpy"));
        check("v/site-packages/numpy.libs/libx.so", Some("numpy"));
        check("v/site-packages/six.py", Some("six"));
        check("v/site-packages/Flask-3.0.dist-info/RECORD", Some("flask"));
        check("v/site-packages", None);
        check("app/numpy/x", None);
    }
}
