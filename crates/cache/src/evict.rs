use crate::Shelf;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// A part file this old was left by a process that did not end well.
const ABANDONED: Duration = Duration::from_secs(3600);

/// Removes the files longest unused until `limit` bytes are left. Returns how many bytes that is.
pub(crate) fn evict(root: &Path, limit: u64) -> io::Result<u64> {
    let mut files = Vec::new();
    let mut total = 0u64;
    let now = SystemTime::now();
    for shelf in Shelf::ALL {
        for fan in list(&root.join(shelf.folder()))? {
            for path in list(&fan)? {
                let Ok(meta) = path.symlink_metadata() else { continue };
                let used = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                let is_part =
                    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b".part-"));
                if is_part {
                    if now.duration_since(used).is_ok_and(|age| age > ABANDONED) {
                        remove(&path)?;
                    }
                    continue;
                }
                total = total.saturating_add(meta.len());
                files.push((used, meta.len(), path));
            }
        }
    }
    if total <= limit {
        return Ok(total);
    }
    // Down to nine tenths, so that the next value does not bring the same walk again.
    let goal = limit / 10 * 9;
    files.sort();
    for (_, len, path) in files {
        if total <= goal {
            break;
        }
        remove(&path)?;
        total = total.saturating_sub(len);
    }
    Ok(total)
}

fn list(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match std::fs::read_dir(folder) {
        Ok(entries) => Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
