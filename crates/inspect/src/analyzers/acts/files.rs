use super::call::UNKNOWN;
use super::commands::{Arg, Place, Reader};
use super::flow::Flow;
use super::stores::cargo_of;

/// Longest text of a file that a script writes and then runs.
const MAX_TEXT: usize = 32 << 10;
/// Most files that are kept track of.
const MAX_FILES: usize = 512;

/// A file that a script wrote.
#[derive(Debug, Clone, Default)]
pub(super) struct File {
    pub(super) flow: Flow,
    pub(super) executable: bool,
}

impl Reader<'_> {
    /// A path as the script means it, so that two ways to write it are one.
    pub(super) fn path(&self, text: &[u8], place: &Place<'_>) -> Vec<u8> {
        let mut rest = text;
        while let Some(shorter) = rest.strip_prefix(b"./") {
            rest = shorter;
        }
        if rest.starts_with(b"/") || rest.starts_with(b"$") || place.directory.is_empty() {
            return rest.to_vec();
        }
        [place.directory.as_slice(), b"/", rest].concat()
    }

    /// Puts a text into a file.
    pub(super) fn write(&mut self, path: &[u8], flow: &Flow, executable: bool) {
        let unknown = memchr::memmem::find(path, UNKNOWN).is_some();
        if path.is_empty() || unknown || path.starts_with(b"/dev/") && !path.starts_with(b"/dev/shm/") {
            return;
        }
        if !self.files.contains_key(path) {
            if self.files.len() >= MAX_FILES {
                self.out.cut = true;
                return;
            }
            self.verified &= flow.remote.is_none();
        }
        let file = self.files.entry(path.to_vec()).or_default();
        if let (Some(text), Some(more)) = (&mut file.flow.text, &flow.text)
            && text.len() + more.len() < MAX_TEXT
        {
            text.push(b'\n');
            text.extend_from_slice(more);
        }
        file.flow.add(&Flow { shell: false, interactive: false, ..flow.clone() });
        file.executable |= executable;
    }

    pub(super) fn make_executable(&mut self, path: &[u8]) {
        if path.ends_with(b"*") {
            self.files.values_mut().for_each(|file| file.executable = true);
        }
        if let Some(file) = self.files.get_mut(path) {
            file.executable = true;
        }
    }

    /// Whether a file with this name was fetched.
    pub(super) fn fetched(&self, path: &[u8], place: &Place<'_>) -> bool {
        self.files.get(&self.path(path, place)).is_some_and(|file| file.flow.remote.is_some())
    }

    pub(super) fn is_executable(&self, path: &[u8]) -> bool {
        self.files.get(path).is_some_and(|file| file.executable)
    }

    pub(super) fn verify(&mut self) {
        self.verified = true;
    }

    /// What is in the file that a word names, or below the directory.
    pub(super) fn file(&self, arg: &Arg, place: &Place<'_>) -> Flow {
        let mut flow = self.file_at(&self.path(&arg.text, place));
        flow.add(&arg.flow);
        flow
    }

    pub(super) fn file_at(&self, path: &[u8]) -> Flow {
        let mut flow = Flow::of(cargo_of(path));
        if let Some(file) = self.files.get(path) {
            flow.add(&file.flow);
        } else if path.len() > 1 {
            let directory = path.strip_suffix(b"/").or_else(|| path.strip_suffix(b"/*")).unwrap_or(path);
            let below = self
                .files
                .iter()
                .filter(|(file, _)| file.strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/")));
            // Only what is carried away matters of a whole directory.
            below.for_each(|(_, file)| flow.cargo.add(file.flow.cargo));
        }
        flow
    }
}
