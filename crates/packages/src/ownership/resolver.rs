/// Brings paths to where they lie, asking once for each folder in a row: package databases list a folder's
/// files together.
pub(super) struct Resolver<'r> {
    resolve_parent: &'r dyn Fn(&[u8]) -> Vec<u8>,
    /// The last folder as a package wrote it, with its slash, and where it lies, with its slash or empty.
    folder: Vec<u8>,
    real: Vec<u8>,
    path: Vec<u8>,
}

impl<'r> Resolver<'r> {
    pub(super) fn new(resolve_parent: &'r dyn Fn(&[u8]) -> Vec<u8>) -> Self {
        Self { resolve_parent, folder: Vec::new(), real: Vec::new(), path: Vec::new() }
    }

    pub(super) fn resolve(&mut self, path: &[u8]) -> &[u8] {
        let cut = memchr::memrchr(b'/', path).map_or(0, |slash| slash.saturating_add(1));
        let (folder, name) = path.split_at_checked(cut).unwrap_or((&[], path));
        if folder.is_empty() || folder != self.folder {
            self.path = (self.resolve_parent)(path);
            self.folder.clear();
            // Only an answer that ends in the same name says where the folder lies.
            if let Some(real) = self.path.strip_suffix(name)
                && (real.is_empty() || real.ends_with(b"/"))
            {
                self.folder.extend_from_slice(folder);
                self.real.clear();
                self.real.extend_from_slice(real);
            }
        } else {
            self.path.clear();
            self.path.extend_from_slice(&self.real);
            self.path.extend_from_slice(name);
        }
        &self.path
    }
}
