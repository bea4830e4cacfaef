//! Every environment variable that Roadstead looks at, in one place. None of them changes a verdict.

use std::path::PathBuf;

/// Any value switches colours off (<https://no-color.org>).
pub(crate) const NO_COLOR: &str = "NO_COLOR";
/// Where the cache lies unless `--cache-dir` says so; XDG Base Directory Specification.
pub(crate) const XDG_CACHE_HOME: &str = "XDG_CACHE_HOME";
/// Where imported feeds lie unless `--data-dir` says so; XDG Base Directory Specification.
pub(crate) const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
/// Fallback for both, and where the container stores of an ordinary user lie.
pub(crate) const HOME: &str = "HOME";

/// Where programs lie; only gVisor's is looked for.
pub(crate) const PATH: &str = "PATH";

/// The directories of `$PATH`, without those that depend on where one stands.
pub(crate) fn path() -> Vec<PathBuf> {
    let path = std::env::var_os(PATH).unwrap_or_default();
    std::env::split_paths(&path).filter(|directory| directory.is_absolute()).collect()
}

/// Whether colours are switched off.
pub(crate) fn no_color() -> bool {
    std::env::var_os(NO_COLOR).is_some_and(|value| !value.is_empty())
}

/// `$XDG_CACHE_HOME/roadstead`, or `$HOME/.cache/roadstead`; none where neither is an absolute path.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    let xdg = std::env::var_os(XDG_CACHE_HOME).map(PathBuf::from).filter(|path| path.is_absolute());
    xdg.or_else(|| home().map(|home| home.join(".cache"))).map(|dir| dir.join("roadstead"))
}

/// `$XDG_DATA_HOME/roadstead`, or `$HOME/.local/share/roadstead`; none where neither is an absolute path.
pub(crate) fn data_dir() -> Option<PathBuf> {
    let xdg = std::env::var_os(XDG_DATA_HOME).map(PathBuf::from).filter(|path| path.is_absolute());
    xdg.or_else(|| home().map(|home| home.join(".local/share"))).map(|dir| dir.join("roadstead"))
}

/// The home directory of the user.
pub(crate) fn home() -> Option<PathBuf> {
    std::env::var_os(HOME).map(PathBuf::from).filter(|path| path.is_absolute())
}
