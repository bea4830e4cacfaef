use layers::{Declared, Tree};
use model::{ImageConfig, Platform};
use std::fmt;
use std::io::{self, Read};

/// One platform of an image, with the bytes of its layers at hand.
pub struct Image<'a> {
    /// Its digest or name, for the records; escaped.
    pub name: String,
    /// Its platform.
    pub platform: &'a Platform,
    /// Its configuration.
    pub config: &'a ImageConfig,
    /// Its layers merged.
    pub tree: &'a Tree<'a>,
    /// Its layers, bottom first.
    pub layers: Vec<LayerBytes<'a>>,
    /// Hosts that a list of mining pools knows: asked for every host that the runs spoke to.
    pub is_pool: &'a (dyn Fn(&str) -> bool + Sync),
    /// What the image openly says that it is.
    pub declared: Vec<String>,
    /// Whether a package owns the file at a path.
    pub is_owned: &'a (dyn Fn(&[u8]) -> bool + Sync),
}

/// The bytes of a layer.
pub struct LayerBytes<'a> {
    /// Opens them from the start, as transported.
    pub open: Box<dyn Fn() -> io::Result<Box<dyn Read + Send>> + Sync + 'a>,
    /// What is declared of them.
    pub declared: Declared,
}

impl fmt::Debug for Image<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Image")
            .field("name", &self.name)
            .field("layers", &self.layers.len())
            .finish_non_exhaustive()
    }
}
