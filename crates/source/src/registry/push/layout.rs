use super::referrers::{INDEX, MOST, Written, entries, fallback_tag, parse};
use super::{NewManifest, Pulled, Referrer, Repository, signature_tag};
use crate::content::{digest_like, read_limited, sha256};
use crate::error::Error;
use crate::layout::{BlobStore as _, Blobs};
use crate::options::Options;
use model::Digest;
use serde::Deserialize;
use std::io::Write as _;
use std::path::{Path, PathBuf};

const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// How `cosign save` marks signatures.
const KIND: (&str, &str) = ("kind", "dev.cosignproject.cosign/sigs");

/// An OCI image layout. Signatures lie in it as they lie in a registry, under their tags and as entries that refer to
/// the image.
pub(super) struct Directory {
    dir: PathBuf,
    tag: Option<String>,
    blobs: Blobs,
    options: Options,
}

#[derive(Deserialize)]
struct Refers {
    #[serde(default)]
    subject: Option<Subject>,
}

#[derive(Deserialize)]
struct Subject {
    digest: Digest,
}

impl Directory {
    pub(super) fn new(dir: &Path, tag: Option<&str>, options: &Options) -> Result<Self, Error> {
        Ok(Self {
            dir: dir.to_owned(),
            tag: tag.map(str::to_owned),
            blobs: Blobs::open(dir)?,
            options: options.clone(),
        })
    }

    fn index(&self) -> Result<Vec<u8>, Error> {
        let failed = |source| Error::io(self.dir.join("index.json"), source);
        read_limited(&mut self.blobs.top("index.json")?, self.options.limits.manifest, "index.json", failed)
    }

    fn bytes(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, Error> {
        let what = digest.to_string();
        let failed = |source| Error::Io { path: what.clone(), source };
        let bytes = read_limited(&mut self.blobs.blob(digest)?, limit, &what, failed)?;
        let computed = digest_like(digest, &bytes);
        match computed == *digest {
            true => Ok(bytes),
            false => {
                Err(Error::DigestMismatch { what, expected: Box::new(*digest), computed: Box::new(computed) })
            }
        }
    }

    fn refers_to(&self, entry: &Referrer, image: &Digest) -> bool {
        let manifest = self.bytes(&entry.digest, self.options.limits.manifest).ok();
        let read = manifest.and_then(|bytes| serde_json::from_slice::<Refers>(&bytes).ok());
        read.and_then(|read| read.subject).is_some_and(|subject| subject.digest == *image)
    }

    /// A file appears whole or not at all.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), Error> {
        let failed = |source| Error::io(path, source);
        let parent = path.parent().unwrap_or(&self.dir);
        let mut file = tempfile::NamedTempFile::new_in(parent).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(failed)?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(path).map(drop).map_err(|error| failed(error.error))
    }
}

fn is_named(entry: &Referrer, name: &str) -> bool {
    entry.annotations.get(REF_NAME).is_some_and(|found| found == name)
}

/// Whether an entry is there for another entry, and no image.
fn is_beside(entry: &Referrer) -> bool {
    let is_tag = |name: &String| name.starts_with("sha256-") || name.starts_with("sha512-");
    entry.annotations.get(REF_NAME).is_some_and(is_tag)
        || entry.annotations.get(KIND.0).is_some_and(|kind| kind == KIND.1)
        || entry.artifact_type.is_some()
}

impl Repository for Directory {
    fn root(&self) -> Result<Pulled, Error> {
        let entries = entries(&self.index()?)?;
        let chosen: Vec<&Referrer> = match &self.tag {
            Some(tag) => entries.iter().filter(|entry| is_named(entry, tag)).collect(),
            None => entries.iter().filter(|entry| !is_beside(entry)).collect(),
        };
        let [only] = chosen.as_slice() else {
            return Err(Error::Choice {
                what: format!("{} names no single image", crate::content::show(&self.dir)),
                candidates: format!("{} that could be meant; write oci:DIR:TAG", chosen.len()),
            });
        };
        let pulled = self.manifest(&only.digest)?;
        Ok(Pulled { content_type: Some(only.media_type.clone()), ..pulled })
    }

    fn signatures(&self, image: &Digest) -> Result<Vec<Pulled>, Error> {
        let tag = signature_tag(image);
        let is_meant = |entry: &&Referrer| {
            is_named(entry, &tag) || entry.annotations.get(KIND.0).is_some_and(|kind| kind == KIND.1)
        };
        let entries = entries(&self.index()?)?;
        entries.iter().filter(is_meant).map(|entry| self.manifest(&entry.digest)).collect()
    }

    fn referrers(&self, image: &Digest) -> Result<Vec<Referrer>, Error> {
        let mut found = entries(&self.index()?)?;
        let tag = fallback_tag(image);
        for list in found.clone().iter().filter(|entry| is_named(entry, &tag)) {
            found.extend(entries(&self.bytes(&list.digest, self.options.limits.manifest)?)?);
        }
        found.truncate(MOST);
        found.retain(|entry| self.refers_to(entry, image));
        Ok(found)
    }

    fn manifest(&self, digest: &Digest) -> Result<Pulled, Error> {
        let bytes = self.bytes(digest, self.options.limits.manifest)?;
        Ok(Pulled { digest: *digest, bytes, content_type: None })
    }

    fn blob(&self, digest: &Digest, limit: u64) -> Result<Vec<u8>, Error> {
        self.bytes(digest, limit)
    }

    fn put_blob(&self, digest: &Digest, bytes: &[u8]) -> Result<(), Error> {
        let folder = self.dir.join("blobs").join(digest.algorithm().name());
        // The layout is somebody's; what is written stays inside of it.
        for part in [self.dir.join("blobs"), folder.clone()] {
            let metadata = part.symlink_metadata().map_err(|source| Error::io(&part, source))?;
            if !metadata.is_dir() {
                return Err(Error::refused(crate::content::show(&part), "it is no directory"));
            }
        }
        let path = folder.join(digest.hex());
        match self.bytes(digest, bytes.len() as u64) {
            Ok(_) => Ok(()),
            Err(_) => self.write(&path, bytes),
        }
    }

    fn put_manifest(&self, new: &NewManifest<'_>) -> Result<Digest, Error> {
        let digest = sha256(new.bytes);
        self.put_blob(&digest, new.bytes)?;
        let mut entry = Referrer {
            media_type: new.media_type.to_owned(),
            size: new.bytes.len() as u64,
            digest,
            artifact_type: new.refers.and_then(|(_, referrer)| referrer.artifact_type.clone()),
            annotations: new.refers.map(|(_, referrer)| referrer.annotations.clone()).unwrap_or_default(),
        };
        if let Some(tag) = new.tag {
            entry.annotations.insert(REF_NAME.to_owned(), tag.to_owned());
        }
        let fail = |_| Error::refused("index.json", "an entry cannot be added");
        let ours = serde_json::value::to_raw_value(&entry).map_err(fail)?;
        let existing = parse(&self.index()?)?.manifests;
        // An entry of the same tag or the same digest gives way to this one; all others stay as they are.
        let stays = |raw: &str| match serde_json::from_str::<Referrer>(raw) {
            Ok(other) => !(new.tag.is_some_and(|tag| is_named(&other, tag)) || other == entry),
            Err(_) => true,
        };
        let manifests = existing
            .iter()
            .filter(|raw| stays(raw.get()))
            .map(AsRef::as_ref)
            .chain([ours.as_ref()])
            .collect();
        let written = Written { schema_version: 2, media_type: INDEX, manifests };
        let bytes = serde_json::to_vec(&written).map_err(fail)?;
        self.write(&self.dir.join("index.json"), &bytes)?;
        Ok(digest)
    }
}
