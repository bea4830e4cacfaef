//! Layers, read to the last byte.
//!
//! Comes in: the byte stream of one layer as it was transported, and the tables of all layers in order.
//! Goes out: its entries in order with every byte accounted for, its digests computed here, its anomalies by
//! name; and the merged tree, which knows for each path what brought, replaced and removed it.
//! Never: writes to a real file system, trusts a declared length, digest or media type, or guesses where a
//! header can be read in two ways: that is an anomaly with a name.
#![forbid(unsafe_code)]

mod anomaly;
mod anomaly_log;
mod compression;
mod entry;
mod limits;
mod stream;
mod table;
mod tar;
mod tree;
mod zeros;

pub use anomaly::{Anomaly, AnomalyKind, Weight};
pub use compression::{Compression, DecodeSummary, Decoder};
pub use entry::{Entry, Kind, normalize_path};
pub use limits::Limits;
pub use stream::{BlobSummary, ChunkReader, Declared, LayerSummary, digest_only, read_layer};
pub use table::{ContentHashes, EntryTable, EntryView};
pub use tar::{EntryData, Stop, TarReader};
pub use tree::{Change, Event, Place, Tree, Unresolved};
