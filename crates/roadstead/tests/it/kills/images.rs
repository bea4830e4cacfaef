//! Small images, no two of which share a byte that tells anything.

use test_support::{Image, ImageBuilder, Layer, LayerBuilder, standin};

/// Numbers that a seed gives (SplitMix64).
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Bytes that nothing compresses.
    pub(crate) fn bytes(&mut self, length: u64) -> Vec<u8> {
        (0..length / 8 + 1).flat_map(|_| self.next().to_le_bytes()).collect()
    }
}

/// An image that somebody pushes.
pub(crate) struct Pushed {
    pub(crate) image: Image,
    /// Whether it must never be given out.
    pub(crate) held: bool,
    pub(crate) tag: String,
}

impl Pushed {
    /// An image that is released once it was read: a program and a picture of noise.
    pub(crate) fn clean(chance: &mut Chance) -> Self {
        let name = format!("{:016x}", chance.next());
        let tar = LayerBuilder::new().file("app/serve", 0o755, standin::program(&name)).build();
        let length = chance.below(200_000);
        let picture = [b"\x89PNG\r\n\x1a\n".to_vec(), chance.bytes(length)].concat();
        let noise = LayerBuilder::new().file("app/picture.png", 0o644, picture).build();
        let image = ImageBuilder::new().layer(Layer::new(tar)).layer(Layer::new(noise)).build();
        Self { image, held: false, tag: format!("clean-{name}") }
    }

    /// One that must not be: a miner, or a layer that nobody can read.
    pub(crate) fn never(chance: &mut Chance) -> Self {
        let name = format!("{:016x}", chance.next());
        let layer = match chance.below(2) {
            0 => {
                let miner = standin::miner(&["xmrig", &name]);
                Layer::new(LayerBuilder::new().file("usr/bin/xmrig", 0o755, miner).build())
            }
            _ => {
                let tar = LayerBuilder::new().file("app/serve", 0o755, standin::program(&name)).build();
                Layer::new(tar).stored([b"\x1f\x8b\x08".to_vec(), chance.bytes(20_000)].concat())
            }
        };
        let image =
            ImageBuilder::new().layer(layer).config(|config| config.entrypoint(&["/usr/bin/xmrig"])).build();
        Self { image, held: true, tag: format!("never-{name}") }
    }

    pub(crate) fn digest(&self) -> &str {
        self.image.digest()
    }

    /// Blobs and their digests, without the manifest.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = (&String, &Vec<u8>)> {
        let blobs = self.image.blobs().iter().filter(|(digest, _)| *digest != self.image.digest());
        blobs.map(|(digest, blob)| (digest, &blob.bytes))
    }
}
