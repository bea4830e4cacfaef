//! JSON that is signed: read strictly, written in the order of its fields.
use crate::error::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Compact JSON, as Go's encoder writes what is in no need of escapes.
pub(crate) fn write<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    // What is written here has text for keys and never fails on its way into memory.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Reads a whole document of at most `limit` bytes. It is an object: serde would take a list of the values in order
/// for one as well, and no other reader does.
pub(crate) fn read<T: DeserializeOwned>(bytes: &[u8], limit: usize, what: &'static str) -> Result<T, Error> {
    if bytes.len() > limit {
        return Err(Error::document(what, format!("it is longer than {limit} bytes")));
    }
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Err(Error::document(what, "it is no object"));
    }
    serde_json::from_slice(bytes).map_err(|error| Error::document(what, error))
}
