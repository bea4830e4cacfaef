use std::path::PathBuf;

/// A program of others to compare with, such as `umoci` or `python3`, searched on the `PATH`. Where it is not
/// installed the comparison cannot be made: this says so on standard error and gives none.
///
/// # Panics
/// Where `CI` is set and the program is missing: a comparison that nobody makes proves nothing.
#[expect(clippy::print_stderr, reason = "for tests alone, whose readers look there")]
pub fn peer(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| path.is_file());
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none(), "{program} is not installed, and CI compares with it");
        eprintln!("SKIPPED: {program} is not installed, so nothing was compared with it");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_by_its_name() {
        assert!(peer("sh").is_some_and(|path| path.is_absolute()));
    }
}
