//! A small image: the programs of this machine that are measured, with their libraries.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

const PROGRAMS: &[&str] = &["sh", "true", "find", "xargs", "cat", "sleep"];

/// The image on the disk, gone with the value.
pub(crate) struct Tree {
    directory: TempDir,
}

impl Tree {
    /// Makes it, or says what is missing.
    pub(crate) fn make() -> Result<Self, String> {
        let tree = Self { directory: tempfile::tempdir().map_err(|error| error.to_string())? };
        fs::set_permissions(tree.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["bin", "dev", "etc", "files", "proc", "sys", "tmp"] {
            fs::create_dir(tree.path().join(name)).unwrap();
        }
        for name in PROGRAMS {
            tree.bring(name)?;
        }
        // Only compared with, so that it need not be there.
        let _ = tree.bring("strace");
        tree.table_of_libraries()?;
        for index in 0..5000 {
            let directory = tree.path().join("files").join((index / 100).to_string());
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join(index.to_string()), [b'x'; 3000]).unwrap();
        }
        Ok(tree)
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where libraries are, as the image of every distribution with a GNU C library says: without it the linker asks in a
    /// dozen directories at each start of a program, which nothing real does.
    fn table_of_libraries(&self) -> Result<(), String> {
        let places = ["/sbin/ldconfig", "/usr/sbin/ldconfig"];
        let found = places.iter().find(|path| Path::new(path).exists()).ok_or("ldconfig is missing")?;
        let made =
            Command::new(found).arg("-r").arg(self.path()).status().map_err(|error| error.to_string())?;
        if !made.success() || !self.path().join("etc/ld.so.cache").exists() {
            return Err("ldconfig made no table of libraries".to_owned());
        }
        Ok(())
    }

    /// Copies a program, and what its dynamic linker says that it needs.
    fn bring(&self, name: &str) -> Result<(), String> {
        let places = ["/usr/bin", "/bin"].map(|place| Path::new(place).join(name));
        let found = places.iter().find(|path| path.exists()).ok_or(format!("{name} is missing"))?;
        fs::copy(found, self.path().join("bin").join(name)).map_err(|error| error.to_string())?;
        let listed = Command::new("ldd").arg(found).output().map_err(|error| format!("ldd: {error}"))?;
        let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
        for library in listed.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from) {
            let to = self.path().join(library.strip_prefix("/").unwrap());
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&library, &to).map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}
