use super::{Control, Step, Why};
use crate::ImageView;
use model::{Digest, Finding};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// The layers of official images, by chain: the digest over all layers up to one, as the OCI image specification
/// computes it from what the layers unpack to. None is built in.
///
/// The list is ours and the chain is computed here, so unlike other controls this one rests on no word of the
/// image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownChains {
    names: HashMap<Digest, String>,
}

impl KnownChains {
    /// The built-in list, which is empty.
    pub fn built_in() -> Self {
        Self::default()
    }

    /// Adds the chain of an official image's layers.
    pub fn add(&mut self, chain: Digest, name: impl Into<String>) {
        self.names.insert(chain, name.into());
    }

    /// The longest run of layers from the bottom that is known.
    pub(super) fn longest(&self, image: &ImageView<'_>) -> Option<Official<'_>> {
        if self.names.is_empty() {
            return None;
        }
        let mut longest = None;
        let mut chain: Option<Digest> = None;
        for (layer, number) in image.layers.iter().zip(1..) {
            // A layer that was not read whole has no identity, and neither has what lies on it.
            let Some(transport) = &layer.facts.transport else { break };
            let next = match chain {
                None => transport.diff_id,
                Some(below) => {
                    Digest::sha256(Sha256::digest(format!("{below} {}", transport.diff_id)).into())
                }
            };
            chain = Some(next);
            if let Some(name) = self.names.get(&next) {
                longest = Some(Official { layers: number, name });
            }
        }
        longest
    }
}

/// The layers of an image that are an official image's.
pub(super) struct Official<'k> {
    layers: usize,
    name: &'k str,
}

impl Official<'_> {
    /// G2: one of these layers brought what was found. It is in every image that stands on the official one, and
    /// known as it is. What convicts, such as a listed hash, goes on doing so: official images have been bad.
    pub(super) fn brought(&self, finding: &Finding) -> Option<Why> {
        let layer = finding.layer.as_ref()?;
        (layer.index < self.layers).then(|| Why {
            control: Control::OfficialLayers,
            step: Step::ToContext,
            because: format!("layer {} and all below it are those of {}", layer.index, self.name),
        })
    }
}
