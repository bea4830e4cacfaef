use crate::Settings;
use model::{Digest, ExceptionUse, Finding};
use sha2::{Digest as _, Sha256};
use source::{Locator, Opened};
use verdict::Scanned;

/// Lays the person's exceptions on what was found.
pub(crate) fn lay_on(findings: &mut [Finding], image: &Scanned, settings: &Settings) -> Vec<ExceptionUse> {
    settings.exceptions.lay_on(findings, image, settings.today)
}

/// What an exception's image scope is compared with. A registry or a local store was asked for the name; an
/// archive or a layout may call itself what it likes, so of these only digests are known, which are computed.
pub(crate) fn scanned(locator: &Locator, opened: &Opened) -> Scanned {
    let name = match locator {
        Locator::Registry(name) => Some(name.clone()),
        Locator::ContainersStorage(name) | Locator::Containerd(name) | Locator::DockerDaemon(name) => {
            name.parse().ok()
        }
        // A layout has a name where this program made it and vouches for it, else none.
        Locator::Oci { .. } => opened.name.clone(),
        Locator::DockerArchive { .. } | Locator::OciArchive { .. } | Locator::Directory(_) => None,
    };
    let mut digests: Vec<Digest> = opened.digest.into_iter().collect();
    // Of an index, one platform's digest is not the image's.
    if let [image] = &opened.images[..] {
        digests.extend(image.digest);
        digests.push(Digest::sha256(Sha256::digest(&image.config_bytes).into()));
    }
    Scanned { name, digests }
}
