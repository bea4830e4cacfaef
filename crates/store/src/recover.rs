use model::Digest;

/// What was put right when the store was opened.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recovered {
    /// Temporary files that were removed.
    pub temporary: u64,
    /// Files of uploads without a row that were removed.
    pub uploads: u64,
    /// Rows of uploads without a file that were removed.
    pub upload_rows: u64,
    /// Blobs whose file is gone or has another size: their releases ended.
    pub lost: Vec<Digest>,
    /// Jobs whose worker died: they wait again.
    pub jobs: u64,
}
