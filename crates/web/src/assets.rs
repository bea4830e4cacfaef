use crate::paths;
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// A file that pages link to. Its address has the hash of its content, so that it may be kept for ever
/// (`Cache-Control: public, max-age=31536000, immutable`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its name: `console.css`.
    pub name: &'static str,
    /// Its media type, with the character set.
    pub media_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The first 16 hexadecimal digits of SHA-256 of its bytes.
    pub hash: String,
    /// Its address, from the root of the server.
    pub path: String,
}

/// All files that pages link to.
pub fn assets() -> &'static [Asset] {
    &*ASSETS
}

/// The file with this hash and name, as its address has them.
pub fn asset(hash: &str, name: &str) -> Option<&'static Asset> {
    ASSETS.iter().find(|asset| asset.name == name && asset.hash == hash)
}

/// The address of a file; of none, where there is no such file.
pub(crate) fn address(name: &str) -> &'static str {
    ASSETS.iter().find(|asset| asset.name == name).map_or("", |asset| &asset.path)
}

static ASSETS: LazyLock<[Asset; 3]> = LazyLock::new(|| {
    // The report's own sheet first: pages show reports as the report's file does.
    let style = [report::HTML_STYLE, include_str!("../assets/console.css")].concat();
    [
        asset_of("console.css", "text/css; charset=utf-8", style.into_bytes()),
        asset_of(
            "console.js",
            "text/javascript; charset=utf-8",
            include_bytes!("../assets/console.js").to_vec(),
        ),
        asset_of("icon.svg", "image/svg+xml", include_bytes!("../assets/icon.svg").to_vec()),
    ]
});

fn asset_of(name: &'static str, media_type: &'static str, bytes: Vec<u8>) -> Asset {
    let hash: String = Sha256::digest(&bytes).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let path = format!("{}/{hash}/{name}", paths::ASSETS);
    Asset { name, media_type, bytes, hash, path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_under_its_own_address_alone() {
        for file in assets() {
            assert_eq!(asset(&file.hash, file.name), Some(file));
            assert_eq!(address(file.name), format!("/console/assets/{}/{}", file.hash, file.name));
            assert_eq!(asset("0000000000000000", file.name), None);
            assert!(!file.bytes.is_empty());
        }
        assert_eq!(asset("", "../console.css"), None);
    }

    #[test]
    fn the_style_sheet_asks_for_nothing() {
        let sheet = assets().iter().find(|asset| asset.name == "console.css").unwrap();
        let text = String::from_utf8(sheet.bytes.clone()).unwrap();
        assert!(!text.contains("url(") && !text.contains("@import") && !text.contains("@font-face"));
    }
}
