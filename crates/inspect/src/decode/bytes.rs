use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::rc::Rc;

/// Bytes of an expression: as they stand in the text, which most stay, or made from them.
#[derive(Debug, Clone)]
pub(super) enum Bytes<'t> {
    Written(&'t [u8]),
    Made(Rc<Vec<u8>>),
}

impl Bytes<'_> {
    pub(super) fn as_slice(&self) -> &[u8] {
        self
    }

    /// What appending to them copies of them.
    pub(super) fn to_copy(&self) -> usize {
        match self {
            Self::Made(bytes) if Rc::strong_count(bytes) == 1 => 0,
            bytes => bytes.len(),
        }
    }

    pub(super) fn append(&mut self, more: &[u8]) {
        match self {
            Self::Written(bytes) => *self = Self::Made(Rc::new([*bytes, more].concat())),
            Self::Made(bytes) => Rc::make_mut(bytes).extend_from_slice(more),
        }
    }

    pub(super) fn into_vec(self) -> Vec<u8> {
        match self {
            Self::Written(bytes) => bytes.to_vec(),
            Self::Made(bytes) => Rc::unwrap_or_clone(bytes),
        }
    }
}

impl Deref for Bytes<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Written(bytes) => bytes,
            Self::Made(bytes) => bytes,
        }
    }
}

impl<'t> From<&'t [u8]> for Bytes<'t> {
    fn from(bytes: &'t [u8]) -> Self {
        Self::Written(bytes)
    }
}

impl From<Vec<u8>> for Bytes<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Made(Rc::new(bytes))
    }
}

impl PartialEq for Bytes<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Bytes<'_> {}

impl Hash for Bytes<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_slice().hash(state);
    }
}
