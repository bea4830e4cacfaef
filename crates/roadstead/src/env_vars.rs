//! Every environment variable that Roadstead looks at, in one place. None of them changes a verdict.

use anyhow::bail;
use std::path::PathBuf;
use zeroize::Zeroizing;

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

/// The password of private keys; cosign's own variable is the second choice, so that what works with cosign works here.
pub(crate) const ROADSTEAD_PASSWORD: &str = "ROADSTEAD_PASSWORD";
/// See [`ROADSTEAD_PASSWORD`].
pub(crate) const COSIGN_PASSWORD: &str = "COSIGN_PASSWORD";

/// The password of private keys, where one of the variables is set; set to nothing it is an empty one.
pub(crate) fn password() -> anyhow::Result<Option<Zeroizing<String>>> {
    for name in [ROADSTEAD_PASSWORD, COSIGN_PASSWORD] {
        match std::env::var_os(name).map(|value| value.into_string().map(Zeroizing::new)) {
            Some(Ok(password)) => return Ok(Some(password)),
            Some(Err(_)) => bail!("{name} is not UTF-8"),
            None => {}
        }
    }
    Ok(None)
}

/// The directories of `$PATH`, without those that depend on where one stands.
pub(crate) fn path() -> Vec<PathBuf> {
    let path = std::env::var_os(PATH).unwrap_or_default();
    std::env::split_paths(&path).filter(|directory| directory.is_absolute()).collect()
}

/// What the variables of `roadstead serve` begin with; `gate::config::KEYS` lists them all, and no other is read.
pub(crate) const SERVE: &str = "ROADSTEAD_";

/// The value of a variable of `roadstead serve`, where it is set; an error where it is not UTF-8.
pub(crate) fn serve(name: &'static str) -> anyhow::Result<Option<String>> {
    debug_assert!(name.starts_with(SERVE), "{name} is no variable of the server");
    let text = std::env::var_os(name).map(std::ffi::OsString::into_string).transpose();
    text.map_err(|_| anyhow::anyhow!("the variable {name} is not UTF-8"))
}

/// Variables that look like those of `roadstead serve`: to tell a person of one that is misspelt.
pub(crate) fn like_serve() -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    names.filter(|name| name.starts_with(SERVE)).collect()
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
