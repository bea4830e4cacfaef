//! Where a command's result goes: standard output, or a file that appears whole or not at all.

use anyhow::Context as _;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes to a file, or to standard output where none is named. `what` is for errors: `the report`.
pub(crate) fn write(
    output: Option<&Path>,
    what: &str,
    render: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    match output {
        Some(path) => {
            let shown = model::escape_text(&path.to_string_lossy());
            to_file(path, render).with_context(|| format!("cannot write {what} to {shown}"))
        }
        None => buffered(io::stdout().lock(), render).with_context(|| format!("cannot write {what}")),
    }
}

/// The file appears whole or not at all, whatever interrupts the writing.
fn to_file(path: &Path, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if path.exists() && !path.is_file() {
        // A device or a pipe, such as /dev/stdout: nothing can be renamed onto it.
        let file = std::fs::OpenOptions::new().write(true).open(path)?;
        return buffered(file, render);
    }
    let file = tempfile::NamedTempFile::new_in(folder)?;
    buffered(&file, render)?;
    let persisted = file.persist(path)?;
    // A temporary file is private; a result is as open as any file the user writes.
    use std::os::unix::fs::PermissionsExt as _;
    persisted.set_permissions(std::fs::Permissions::from_mode(0o644))?;
    Ok(())
}

fn buffered(out: impl Write, render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> anyhow::Result<()> {
    let mut out = BufWriter::new(out);
    render(&mut out)?;
    out.flush()?;
    Ok(())
}
