use crate::content::show;
use crate::error::Error;
use crate::tar_index::{TarIndex, open_regular};
use model::ImageRef;
use std::fmt;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where an image lies, in the spelling of skopeo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Locator {
    /// `docker://REF`, or a plain `REF`.
    Registry(ImageRef),
    /// `docker-archive:FILE[:REF]`: what `docker save` writes.
    DockerArchive {
        /// The archive.
        path: PathBuf,
        /// Which of its images, by name, or `@0` by position; needed where there is more than one.
        reference: Option<String>,
    },
    /// `oci:DIR[:TAG]`: an OCI image layout.
    Oci {
        /// The directory.
        dir: PathBuf,
        /// Which of its images, by `org.opencontainers.image.ref.name`; all of them where none is named.
        tag: Option<String>,
    },
    /// `oci-archive:FILE[:TAG]`: an OCI image layout in a tar archive.
    OciArchive {
        /// The archive.
        path: PathBuf,
        /// Which of its images; all of them where none is named.
        tag: Option<String>,
    },
    /// `dir:ROOTFS`: a root file system.
    Directory(PathBuf),
    /// `containers-storage:REF`: the store of Podman, Buildah and CRI-O; a name or an image id.
    ContainersStorage(String),
    /// `containerd:REF`: the content store of containerd.
    Containerd(String),
    /// `docker-daemon:REF`: the store of the Docker daemon; a name or an image id.
    DockerDaemon(String),
}

impl FromStr for Locator {
    type Err = Error;

    /// Reads a locator. A text without a known prefix that names an existing path is recognised by what lies
    /// there; everything else is a reference to a registry.
    fn from_str(text: &str) -> Result<Self, Error> {
        let fail = |why: String| Error::Locator { text: crate::content::clip(text), why };
        if let Some(reference) = text.strip_prefix("docker://") {
            return reference
                .parse()
                .map(Self::Registry)
                .map_err(|error: model::ImageRefError| fail(error.to_string()));
        }
        if let Some((transport, rest)) = text.split_once(':')
            && TRANSPORTS.contains(&transport)
        {
            if rest.is_empty() {
                return Err(fail(format!("nothing follows {transport}:")));
            }
            return Ok(match transport {
                "docker-archive" => {
                    let (path, reference) = split_path(rest);
                    Self::DockerArchive { path, reference }
                }
                "oci" => {
                    let (dir, tag) = split_path(rest);
                    Self::Oci { dir, tag }
                }
                "oci-archive" => {
                    let (path, tag) = split_path(rest);
                    Self::OciArchive { path, tag }
                }
                "dir" => Self::Directory(PathBuf::from(rest)),
                "containers-storage" => Self::ContainersStorage(rest.to_owned()),
                "containerd" => Self::Containerd(rest.to_owned()),
                _ => Self::DockerDaemon(rest.to_owned()),
            });
        }
        let path = Path::new(text);
        if !text.is_empty() && path.symlink_metadata().is_ok() {
            return recognise(path).ok_or_else(|| {
                fail(
                    "it exists, and is neither an OCI layout, an archive of images, nor a root file system; \
                     write docker://, docker-archive:, oci:, oci-archive: or dir: before it to say what it is"
                        .to_owned(),
                )
            });
        }
        if text.starts_with(['/', '.', '~']) {
            return Err(fail("there is no such file or directory".to_owned()));
        }
        text.parse().map(Self::Registry).map_err(|error: model::ImageRefError| {
            fail(format!("{}, and there is no file or directory of that name", error.why))
        })
    }
}

const TRANSPORTS: [&str; 7] =
    ["docker-archive", "oci", "oci-archive", "dir", "containers-storage", "containerd", "docker-daemon"];

/// Splits `PATH[:REF]`. A path that exists as it is written may hold colons; else the first colon ends it, as
/// a reference may hold more of them.
fn split_path(text: &str) -> (PathBuf, Option<String>) {
    if Path::new(text).symlink_metadata().is_ok() {
        return (PathBuf::from(text), None);
    }
    let existing = text
        .match_indices(':')
        .filter_map(|(at, _)| Some((text.get(..at)?, text.get(at + 1..)?)))
        .find(|(path, _)| Path::new(path).symlink_metadata().is_ok());
    match existing.or_else(|| text.split_once(':')) {
        Some((path, rest)) => (PathBuf::from(path), (!rest.is_empty()).then(|| rest.to_owned())),
        None => (PathBuf::from(text), None),
    }
}

/// What lies at a path, judged by content and not by name.
fn recognise(path: &Path) -> Option<Locator> {
    if path.is_dir() {
        let has = |name: &str| path.join(name).symlink_metadata().is_ok();
        if has("index.json") && has("oci-layout") {
            return Some(Locator::Oci { dir: path.to_owned(), tag: None });
        }
        let is_root =
            ["bin", "usr", "etc", "lib", "sbin", "opt", "app", "home", "root", "var", "tmp", "proc"];
        return is_root.into_iter().any(has).then(|| Locator::Directory(path.to_owned()));
    }
    let file = open_regular(path).ok()?;
    let mut magic = [0; 2];
    file.read_exact_at(&mut magic, 0).ok()?;
    if magic == [0x1f, 0x8b] {
        // Inflating it only to see what it is would cost as much as reading it: either kind is read as the
        // other where it must be.
        return Some(Locator::DockerArchive { path: path.to_owned(), reference: None });
    }
    let index = TarIndex::list(file, String::new(), crate::Limits::default().members).ok()?;
    if index.has(b"manifest.json") {
        Some(Locator::DockerArchive { path: path.to_owned(), reference: None })
    } else {
        index.has(b"index.json").then(|| Locator::OciArchive { path: path.to_owned(), tag: None })
    }
}

impl fmt::Display for Locator {
    /// The locator in its own spelling, escaped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut with = |transport: &str, at: &Path, rest: &Option<String>| {
            write!(f, "{transport}:{}", show(at))?;
            rest.as_ref().map_or(Ok(()), |rest| write!(f, ":{}", crate::content::clip(rest)))
        };
        match self {
            Self::Registry(reference) => fmt::Display::fmt(reference, f),
            Self::DockerArchive { path, reference } => with("docker-archive", path, reference),
            Self::Oci { dir, tag } => with("oci", dir, tag),
            Self::OciArchive { path, tag } => with("oci-archive", path, tag),
            Self::Directory(at) => with("dir", at, &None),
            Self::ContainersStorage(name) => write!(f, "containers-storage:{}", crate::content::clip(name)),
            Self::Containerd(name) => write!(f, "containerd:{}", crate::content::clip(name)),
            Self::DockerDaemon(name) => write!(f, "docker-daemon:{}", crate::content::clip(name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        match (text.parse::<Locator>(), expect) {
            (Ok(locator), Ok(expect)) => assert_eq!(format!("{locator:?}"), expect, "{text}"),
            (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{text}: {error}"),
            (found, _) => panic!("{text}: {found:?}"),
        }
    }

    #[test]
    fn locators_are_spelled_as_skopeo_spells_them() {
        check("oci:/no/dir:v1", Ok(r#"Oci { dir: "/no/dir", tag: Some("v1") }"#));
        check("oci:/no/dir", Ok(r#"Oci { dir: "/no/dir", tag: None }"#));
        check("oci-archive:no.tar:", Ok(r#"OciArchive { path: "no.tar", tag: None }"#));
        check(
            "docker-archive:no.tar:example.org:5000/a:1",
            Ok(r#"DockerArchive { path: "no.tar", reference: Some("example.org:5000/a:1") }"#),
        );
        check("dir:/a:b", Ok(r#"Directory("/a:b")"#));
        check("containers-storage:a:1", Ok(r#"ContainersStorage("a:1")"#));
        check("containerd:a", Ok(r#"Containerd("a")"#));
        check("docker-daemon:a:1", Ok(r#"DockerDaemon("a:1")"#));
        check("oci:", Err("nothing follows oci:"));
        check("docker://UPPER", Err("lower case"));
        check("UPPER", Err("no file or directory of that name"));
        check("./no/such/file", Err("no such file"));
        check("", Err("names no image"));
        for text in ["nginx", "docker://nginx", "docker.io/library/nginx:latest"] {
            assert_eq!(text.parse::<Locator>().unwrap().to_string(), "docker.io/library/nginx:latest");
        }
    }

    #[test]
    fn a_path_that_exists_may_hold_colons() {
        let dir = tempfile::tempdir().unwrap();
        let odd = dir.path().join("a:b");
        std::fs::create_dir(&odd).unwrap();
        let text = format!("oci:{}", odd.display());
        check(&text, Ok(&format!("Oci {{ dir: {odd:?}, tag: None }}")));
        check(&format!("{text}:c:d"), Ok(&format!("Oci {{ dir: {odd:?}, tag: Some(\"c:d\") }}")));
        check(&odd.display().to_string(), Err("write docker://"));
        std::fs::create_dir(odd.join("etc")).unwrap();
        check(&odd.display().to_string(), Ok(&format!("Directory({odd:?})")));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "(oci|docker-archive|dir|docker|containerd)?:?/{0,2}\\PC{0,30}") {
            if let Ok(locator) = text.parse::<Locator>() {
                locator.to_string();
            }
        }
    }
}
