/// Bounds on what one layer may cost. Each one that is reached becomes a `LimitReached` anomaly, which is a gap:
/// a bomb is denied, never half-read in silence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that one layer may decompress to. The default, 64 GiB, is far above any image in use and ends a bomb
    /// within minutes.
    pub max_output: u64,
    /// How many bytes may come out of one compressed byte, looked at once `ratio_floor` bytes came out. Deflate
    /// cannot exceed 1,032, so the default of 10,000 concerns zstd, whose run-length blocks reach 30,000.
    pub max_ratio: u64,
    /// Decompressed bytes before the ratio is looked at: small layers of zeros are honest. Default 16 MiB.
    pub ratio_floor: u64,
    /// Largest zstd window, as a power of two: what one frame may make us allocate. Default 26, which is 64 MiB;
    /// zstd's own levels up to 19 stay within 8 MiB, and `--long` asks for 128 MiB.
    pub max_zstd_window_log: u32,
    /// Entries in one layer. Default 8 million.
    pub max_entries: u64,
    /// Bytes of names, link targets and extended attributes of all entries of one layer together, each attribute
    /// with 32 on top; whoever lists entries keeps them in memory. Default 256 MiB, thirty times what a million ordinary paths need.
    pub max_names: u64,
    /// Zeros that the holes of sparse files may expand to in one layer. Default 4 GiB.
    pub max_sparse_hole: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_output: 64 << 30,
            max_ratio: 10_000,
            ratio_floor: 16 << 20,
            max_zstd_window_log: 26,
            max_entries: 8_000_000,
            max_names: 256 << 20,
            max_sparse_hole: 4 << 30,
        }
    }
}
