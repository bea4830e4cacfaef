use anyhow::{Context, Result};
use std::path::{Path, PathBuf};

/// The files of the checkout that are text, read once for all rules.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// Sorted by path.
    pub(crate) files: Vec<TextFile>,
}

/// One file.
#[derive(Debug)]
pub(crate) struct TextFile {
    /// Relative to the root.
    pub(crate) path: PathBuf,
    /// All of it.
    pub(crate) text: String,
}

impl Tree {
    /// Reads everything below the root but version control, build output and fuzzing corpora.
    ///
    /// # Errors
    /// Where a file cannot be read.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut tree = Self::default();
        tree.read_folder(root, Path::new(""))?;
        tree.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(tree)
    }

    /// A tree of these files, for the tests of a rule.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| TextFile { path: path.into(), text: (*text).to_owned() };
        Self { files: files.iter().map(file).collect() }
    }

    /// The text of one file.
    pub(crate) fn text(&self, path: impl AsRef<Path>) -> Option<&str> {
        self.files.iter().find(|file| file.path == path.as_ref()).map(|file| file.text.as_str())
    }

    /// The files with this extension.
    pub(crate) fn with_extension<'t>(&'t self, extension: &'t str) -> impl Iterator<Item = &'t TextFile> {
        self.files.iter().filter(move |file| file.path.extension().is_some_and(|found| found == extension))
    }

    /// The folders that hold a crate, relative to the root.
    pub(crate) fn crates(&self) -> impl Iterator<Item = &Path> {
        let manifests = self.files.iter().filter(|file| file.path.ends_with("Cargo.toml"));
        manifests.filter_map(|file| file.path.parent()).filter(|folder| {
            folder.starts_with("crates") && folder.components().count() == 2 || *folder == Path::new("xtask")
        })
    }

    fn read_folder(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let full = root.join(folder);
        // Cargo marks its output so, wherever it was told to put it.
        if full.join("CACHEDIR.TAG").exists() {
            return Ok(());
        }
        for entry in std::fs::read_dir(&full).with_context(|| format!("cannot list {}", full.display()))? {
            let entry = entry?;
            let (kind, path) = (entry.file_type()?, folder.join(entry.file_name()));
            if kind.is_dir() {
                let skipped = [".git", "target", "fuzz/corpus", "fuzz/artifacts", "fuzz/target"];
                if !skipped.iter().any(|skipped| path == Path::new(skipped)) {
                    self.read_folder(root, &path)?;
                }
            } else if kind.is_file() && path != Path::new(".git") {
                let bytes =
                    std::fs::read(entry.path()).with_context(|| format!("cannot read {}", path.display()))?;
                if let Ok(text) = String::from_utf8(bytes) {
                    self.files.push(TextFile { path, text });
                }
            }
        }
        Ok(())
    }
}
