//! A root file system in a directory, as the one layer of an image.

pub mod header;
mod walk;

use crate::content::Origin;
use crate::error::Error;
use crate::gaps::Gaps;
use crate::manifest::OCI_TAR;
use crate::open::{Found, Image, Layer};
use crate::resolve::Resolved;
use model::{Gap, ImageConfig, Platform};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use walk::Walk;

/// Opens a root file system. What it would be as a layer is made up while it is read, file by file.
pub(crate) fn open(dir: &Path) -> Result<Found, Error> {
    let origin = Arc::new(RootFs { dir: dir.to_owned(), gaps: Gaps::default() });
    // Opened once here, so that a wrong path is an error now and no gap later.
    origin.open()?;
    let image = Image {
        platform: host_platform(),
        digest: None,
        config_bytes: b"{}".to_vec(),
        config: ImageConfig::default(),
        layers: vec![Layer::new(0, OCI_TAR.to_owned(), None, origin)],
    };
    Ok(Found { name: None, digest: None, resolved: Resolved { images: vec![image], ..Resolved::default() } })
}

struct RootFs {
    dir: PathBuf,
    gaps: Gaps,
}

impl Origin for RootFs {
    fn open(&self) -> Result<Box<dyn Read + Send>, Error> {
        let walk = Walk::open(&self.dir, self.gaps.clone()).map_err(|source| Error::io(&self.dir, source))?;
        Ok(Box::new(walk))
    }

    fn gaps(&self) -> Vec<Gap> {
        self.gaps.list()
    }
}

/// Linux on the processor that this program was built for, in the words of an index.
fn host_platform() -> Platform {
    let (architecture, variant) = match std::env::consts::ARCH {
        "x86_64" => ("amd64", None),
        "x86" => ("386", None),
        "aarch64" => ("arm64", None),
        "arm" => ("arm", Some("v7")),
        "powerpc64" => ("ppc64le", None),
        "loongarch64" => ("loong64", None),
        other => (other, None),
    };
    Platform {
        os: "linux".to_owned(),
        architecture: architecture.to_owned(),
        variant: variant.map(str::to_owned),
    }
}
