use crate::face::{Known, manager};
use crate::files::Delta;
use inspect::Fact;
use inspect::analyzers::backdoors::BackdoorFacts;
use inspect::analyzers::hooks::Standing;
use layers::Place;
use model::{Change, ChangeKind, PackageChange, Severity, State};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The packages of both images: one row for each that came, went or has another version, and the files that came
/// with it are counted there.
pub(crate) struct PackageDrift<'a> {
    /// The distributions of Python that list something under a name of the top level, by that name: `PIL` is
    /// Pillow's.
    tops: HashMap<String, BTreeSet<String>>,
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
    /// Whether the start leads to a file of it that was counted without a promise.
    reached: bool,
}

const DPKG: &str = "dpkg";
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
        Self { tops: tops(new), rows, new, old, rewritten: BTreeMap::new() }
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

    /// Whether a file that no package owns came with one that is new or of another version: it lies with a
    /// distribution of Python, or is a script by which dpkg installs a package. These records promise nothing, so
    /// the files are counted and what is worth more than a count, such as rights, hooks and hosts, is told all the
    /// same.
    pub(crate) fn folds(&self, path: &[u8]) -> bool {
        self.folded_row(path).is_some_and(|(_, row)| !row.after.is_empty() && row.before != row.after)
    }

    /// Counts such a file.
    pub(crate) fn take_folded(&mut self, path: &[u8], program: bool, reached: bool) {
        let Some((key, _)) = self.folded_row(path) else { return };
        if let Some(row) = self.rows.get_mut(&key) {
            row.files += 1;
            row.programs += u64::from(program);
            row.reached |= reached;
        }
    }

    fn folded_row(&self, path: &[u8]) -> Option<((&'static str, String), &Row)> {
        if let Some(package) = dpkg_script(path) {
            let key = (DPKG, package.to_owned());
            let row = self.rows.get(&key)?;
            return Some((key, row));
        }
        let top = module(path)?;
        let listed = self.tops.get(&top).into_iter().flatten().cloned();
        let rows = std::iter::once(top).chain(listed).filter_map(|name| {
            let key = (PYTHON, name);
            let row = self.rows.get(&key)?;
            Some((key, row))
        });
        // Several may share one directory; the one that changed explains what came.
        rows.max_by_key(|(_, row)| row.before != row.after)
    }

    /// Packages that are new.
    pub(crate) fn added(&self, platform: &str, changes: &mut Vec<Change>) {
        for ((manager, name), row) in &self.rows {
            let Some(version) = row.after.first().filter(|_| row.before.is_empty()) else { continue };
            let (severity, what) = match row.reached {
                true => (
                    Severity::Medium,
                    "A new package, and the start leads to files of it that nothing promises.",
                ),
                false => (Severity::Low, "A new package."),
            };
            changes.push(Change {
                platform: platform.to_owned(),
                name: Some(model::escape_text(&format!("{manager} {name}"))),
                after: Some(State { value: Some(model::escape_text(version)), ..State::default() }),
                ..Change::new(ChangeKind::PackageAdded, severity, what)
            });
        }
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

/// What the records of a tree's distributions of Python list, by its name at the top level.
fn tops(new: &Known<'_>) -> HashMap<String, BTreeSet<String>> {
    let mut tops: HashMap<String, BTreeSet<String>> = HashMap::new();
    for (layer, view) in new.face.image.layers.iter().enumerate() {
        for (entry, stage, fact) in view.facts.all() {
            let Fact::Backdoor(BackdoorFacts::Record(record)) = fact else { continue };
            let place = Place { layer: layer as u32, entry };
            let path = new.face.image.tree.entry(place).map(|entry| entry.path).unwrap_or_default();
            let Some((name, _)) = path
                .strip_suffix(b"/RECORD")
                .and_then(|info| distribution(&[info, b"/METADATA"].concat()))
                .filter(|_| stage.is_none() && new.face.image.tree.is_live(place))
            else {
                continue;
            };
            for (file, _) in &record.files {
                let top = file.split('/').next().unwrap_or_default();
                let top = normal(top.split('.').next().unwrap_or_default());
                if !top.is_empty() && (tops.len() < MAX_PYTHON || tops.contains_key(&top)) {
                    tops.entry(top).or_default().insert(name.clone());
                }
            }
        }
    }
    tops
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

/// The package that a script of dpkg installs or removes.
fn dpkg_script(path: &[u8]) -> Option<&str> {
    let name = str::from_utf8(path.strip_prefix(b"var/lib/dpkg/info/")?).ok()?;
    let (package, ending) = name.rsplit_once('.')?;
    let known = ["config", "postinst", "postrm", "preinst", "prerm"].contains(&ending);
    known.then(|| package.split(':').next().unwrap_or(package))
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
    fn scripts_of_dpkg_name_their_package() {
        let check = |path: &str, expect| assert_eq!(dpkg_script(path.as_bytes()), expect, "{path}");
        check("var/lib/dpkg/info/libc6:amd64.postinst", Some("libc6"));
        check("var/lib/dpkg/info/g++-12.prerm", Some("g++-12"));
        check("var/lib/dpkg/info/x.sh", None);
        check("var/lib/dpkg/info/postinst", None);
        check("opt/x.postinst", None);
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
