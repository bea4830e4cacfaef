//! Layers, read to the last byte.
//!
//! Comes in: the byte stream of one layer as it was transported, and the tables of all layers in order.
//! Goes out: its entries in order with every byte accounted for, its digests computed here, its anomalies by
//! name; and the merged tree, which knows for each path what brought, replaced and removed it.
//! Never: writes to a real file system, trusts a declared length, digest or media type, or guesses where a
//! header can be read in two ways: that is an anomaly with a name.
#![forbid(unsafe_code)]

mod anomaly;
mod entry;
mod table;
mod tree;

pub use anomaly::{Anomaly, AnomalyKind, Weight};
pub use entry::{Entry, Kind, normalize_path};
pub use table::{ContentHashes, EntryTable, EntryView};
pub use tree::{Change, Event, Place, Tree, Unresolved};
