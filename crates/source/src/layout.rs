use crate::anomaly::Anomaly;
use crate::content::{Absent, Content, Document, DocumentRole, FileSlice, Origin, Stamp, read_limited};
use crate::error::Error;
use crate::manifest::{self, Declared, Descriptor, Manifest};
use crate::open::Found;
use crate::options::Options;
use crate::resolve::{self, Root};
use model::Digest;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

/// Opens an OCI image layout (OCI image-spec `image-layout.md`).
pub(crate) fn open(dir: &Path, tag: Option<&str>, options: &Options) -> Result<Found, Error> {
    let what = crate::content::show(dir);
    let blobs = Blobs::open(dir)?;
    let mut index = blobs.top("index.json")?;
    let bytes = read_limited(&mut index, options.limits.manifest, "index.json", |source| {
        Error::io(dir.join("index.json"), source)
    })?;
    let vouched = options.vouched.as_ref();
    let layout = Layout {
        blobs: Arc::new(blobs),
        is_partial: vouched.is_some_and(|vouched| vouched.sparse),
        is_verified: vouched.is_some(),
    };
    let found = layout.resolve(&bytes, tag, &what, options)?;
    Ok(Found { name: vouched.map(|vouched| vouched.name.clone()), ..found })
}

/// Blobs by digest: a directory or an archive.
pub(crate) trait BlobStore: Send + Sync + 'static {
    fn blob(&self, digest: &Digest) -> Result<FileSlice, Error>;
}

/// An OCI image layout over some place that has its blobs.
pub(crate) struct Layout<B> {
    pub(crate) blobs: Arc<B>,
    /// Whether blobs may be absent in good order.
    pub(crate) is_partial: bool,
    /// Whether whoever gets the blobs from here holds them against their digests.
    pub(crate) is_verified: bool,
}

impl<B: BlobStore> Layout<B> {
    /// Follows the entries of an `index.json`: the ones of this name, or all of them.
    pub(crate) fn resolve(
        &self,
        index: &[u8],
        tag: Option<&str>,
        what: &str,
        options: &Options,
    ) -> Result<Found, Error> {
        let mut anomalies: Vec<Anomaly> = Vec::new();
        let what_index = format!("index.json of {what}");
        let entries = match manifest::parse(index, &Declared::default(), &what_index, &mut anomalies)? {
            Manifest::Index(index) => index.manifests,
            Manifest::Image(_) => return Err(Error::refused(what_index, "it is no index")),
        };
        if entries.len() > options.limits.descriptors {
            let why = format!("it has more than {} entries", options.limits.descriptors);
            return Err(Error::refused(what_index, why));
        }
        let chosen: Vec<Descriptor> = match tag {
            Some(tag) => entries.iter().filter(|entry| is_named(entry, tag)).cloned().collect(),
            None => entries.clone(),
        };
        if let (true, Some(tag)) = (chosen.is_empty(), tag) {
            let names: Vec<String> = entries.iter().filter_map(ref_name).map(crate::content::clip).collect();
            return Err(Error::Choice {
                what: format!("{what} has no image named {}", crate::content::clip(tag)),
                candidates: if names.is_empty() {
                    "images without names".to_owned()
                } else {
                    names.join(", ")
                },
            });
        }
        let digest = match chosen.as_slice() {
            [only] => Some(only.digest),
            _ => None,
        };
        let roots = chosen.into_iter().map(|descriptor| Root { descriptor, document: None }).collect();
        let mut resolved = resolve::resolve(self, options, roots)?;
        resolved.anomalies.splice(0..0, anomalies);
        Ok(Found { name: None, digest, resolved })
    }
}

fn ref_name(entry: &Descriptor) -> Option<&str> {
    entry
        .annotation("org.opencontainers.image.ref.name")
        .or_else(|| entry.annotation("io.containerd.image.name"))
}

/// Whether an entry has this name: its tag alone, or, as containerd and Docker note it, the whole reference.
fn is_named(entry: &Descriptor, name: &str) -> bool {
    ["org.opencontainers.image.ref.name", "io.containerd.image.name"]
        .iter()
        .filter_map(|key| entry.annotation(key))
        .any(|given| given == name || same_reference(given, name))
}

/// Whether two references mean the same image once normalised.
pub(crate) fn same_reference(one: &str, other: &str) -> bool {
    let parse = |text: &str| text.parse::<model::ImageRef>().ok().map(|reference| reference.to_string());
    parse(one).is_some_and(|one| parse(other).is_some_and(|other| one == other))
}

impl<B: BlobStore> Content for Layout<B> {
    fn document(&self, descriptor: &Descriptor, _: DocumentRole, limit: u64) -> Result<Document, Error> {
        let what = descriptor.digest.to_string();
        let mut blob = self.blobs.blob(&descriptor.digest)?;
        let bytes = read_limited(&mut blob, limit, &what, |source| Error::Io { path: what.clone(), source })?;
        Ok(Document { bytes, header: None })
    }

    fn layer(&self, descriptor: &Descriptor) -> Arc<dyn Origin> {
        let is_foreign = descriptor.urls.as_ref().is_some_and(|urls| !urls.is_empty());
        Arc::new(Blob {
            store: Arc::clone(&self.blobs),
            digest: descriptor.digest,
            size: descriptor.size,
            is_foreign,
            is_verified: self.is_verified,
        })
    }

    fn is_partial(&self) -> bool {
        self.is_partial
    }
}

struct Blob<B> {
    store: Arc<B>,
    digest: Digest,
    size: u64,
    is_foreign: bool,
    is_verified: bool,
}

impl<B: BlobStore> Origin for Blob<B> {
    fn open(&self) -> Result<Box<dyn Read + Send>, Error> {
        match self.store.blob(&self.digest) {
            Ok(slice) => Ok(Box::new(crate::content::Capped::new(slice, self.size))),
            Err(Error::Missing { what, .. }) if self.is_foreign => Absent {
                what,
                advice:
                    "it is a foreign layer, and the addresses that the image names for it are never followed"
                        .to_owned(),
            }
            .open(),
            Err(error) => Err(error),
        }
    }

    fn is_verified_by_clients(&self) -> bool {
        self.is_verified
    }

    fn stamp(&self) -> Option<Stamp> {
        self.store.blob(&self.digest).ok()?.stamp()
    }
}

/// A directory of blobs, `ALGORITHM/HEX` below it. Every part of the way is opened without following links:
/// a layout is unpacked from who knows where, and a blob that is a link to `/etc/shadow` would carry it into
/// a report.
pub(crate) struct Blobs {
    root: OwnedFd,
    /// The path from the root to the algorithms.
    below: &'static [&'static str],
    shown: String,
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::CLOEXEC);
const REGULAR: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);

impl Blobs {
    /// The blobs of an image layout.
    pub(crate) fn open(dir: &Path) -> Result<Self, Error> {
        Self::below(dir, &["blobs"])
    }

    /// The blobs below a path from a directory.
    pub(crate) fn below(dir: &Path, below: &'static [&'static str]) -> Result<Self, Error> {
        let root =
            rustix::fs::open(dir, DIRECTORY, Mode::empty()).map_err(|error| Error::io(dir, error.into()))?;
        Ok(Self { root, below, shown: crate::content::show(dir) })
    }

    /// A file directly in the directory.
    pub(crate) fn top(&self, name: &str) -> Result<FileSlice, Error> {
        self.regular(rustix::fs::openat(&self.root, name, REGULAR, Mode::empty()), name)
    }

    fn regular(&self, opened: rustix::io::Result<OwnedFd>, name: &str) -> Result<FileSlice, Error> {
        let path = || format!("{}/{name}", self.shown);
        let failed = |source| Error::Io { path: path(), source };
        let file = match opened {
            Ok(fd) => File::from(fd),
            Err(rustix::io::Errno::NOENT) => {
                return Err(Error::missing(
                    format!("{name} in {}", self.shown),
                    "the image there is incomplete",
                ));
            }
            Err(rustix::io::Errno::LOOP) => return Err(Error::refused(path(), "it is a symbolic link")),
            Err(error) => return Err(failed(error.into())),
        };
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(Error::refused(path(), "it is no regular file"));
        }
        Ok(FileSlice { file: Arc::new(file), offset: 0, length: metadata.len() })
    }
}

impl BlobStore for Blobs {
    fn blob(&self, digest: &Digest) -> Result<FileSlice, Error> {
        let (algorithm, hex) = (digest.algorithm().name(), digest.hex());
        let name = format!("{algorithm}/{hex}");
        let step = |from: &OwnedFd, part: &str| {
            rustix::fs::openat(from, part, DIRECTORY | OFlags::NOFOLLOW, Mode::empty())
        };
        let mut parts = self.below.iter().copied().chain([algorithm]);
        let parent =
            parts.try_fold(None, |from, part| step(from.as_ref().unwrap_or(&self.root), part).map(Some));
        let opened = parent.and_then(|parent| {
            rustix::fs::openat(parent.as_ref().unwrap_or(&self.root), hex.as_str(), REGULAR, Mode::empty())
        });
        match opened {
            // A link where a directory belongs.
            Err(rustix::io::Errno::NOTDIR) => {
                Err(Error::refused(format!("{}/{name}", self.shown), "its directory is none"))
            }
            opened => self.regular(opened, &name),
        }
    }
}
