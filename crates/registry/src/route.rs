use model::{Digest, NameError, RepositoryName, Tag};
use std::fmt;
use store::UploadId;

/// Longest path that is looked at: a name of 255 characters, a SHA-512 digest, and what stands between.
const LONGEST_PATH: usize = 1024;

/// What a request asks for: the path of a URL, taken apart once and strictly.
///
/// Names hold slashes, and `blobs`, `manifests` and `uploads` are legal parts of names, so a path is read from its right
/// end: the last but one part says which route it is, and everything before is the name. No two routes share a path
/// (the property test at the end holds that what is printed is read back as the same).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/<name>/blobs/<digest>`
    Blob(RepositoryName, Digest),
    /// `/v2/<name>/blobs/uploads/`
    Uploads(RepositoryName),
    /// `/v2/<name>/blobs/uploads/<id>`
    Upload(RepositoryName, UploadId),
    /// `/v2/<name>/manifests/<tag or digest>`
    Manifest(RepositoryName, Reference),
    /// `/v2/<name>/tags/list`
    Tags(RepositoryName),
    /// `/v2/<name>/referrers/<digest>`
    Referrers(RepositoryName, Digest),
}

/// How a manifest is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// By a tag, which may point somewhere else tomorrow.
    Tag(Tag),
    /// By its digest.
    Digest(Digest),
}

/// Why a path is no route.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// It is none of the specification's.
    #[error("no such path; the registry answers below /v2/ as the OCI distribution specification 1.1 says")]
    Unknown,
    /// The name breaks the grammar.
    #[error(transparent)]
    Name(NameError),
    /// A digest was expected and is none.
    #[error(transparent)]
    Digest(model::DigestError),
    /// Neither tag nor digest.
    #[error(transparent)]
    Reference(NameError),
    /// The name of an upload is none that was given out.
    #[error("there is no such upload; begin one with POST and go on where its Location says")]
    Upload,
    /// Percent-encoding has two readings of one name, and none is ever needed here.
    #[error(
        "the path holds percent-encoding, control characters or an empty part; write names and digests as they are"
    )]
    Encoded,
    /// Longer than any name can be.
    #[error("the path is longer than {LONGEST_PATH} characters")]
    Long,
}

impl Route {
    /// Reads the path of a URL, without its query.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(path: &str) -> Result<Self, RouteError> {
        if path.len() > LONGEST_PATH {
            return Err(RouteError::Long);
        }
        let rest = match path.strip_prefix("/v2") {
            Some("" | "/") => return Ok(Self::Base),
            Some(rest) => rest.strip_prefix('/').ok_or(RouteError::Unknown)?,
            None => return Err(RouteError::Unknown),
        };
        if rest.bytes().any(|byte| byte == b'%' || byte == b'\\' || !byte.is_ascii_graphic()) {
            return Err(RouteError::Encoded);
        }
        if rest == "_catalog" {
            return Ok(Self::Catalog);
        }
        let (before, last) = rest.rsplit_once('/').ok_or(RouteError::Unknown)?;
        // `blobs/uploads` and `blobs/uploads/` both begin an upload.
        if let Some(named) = rest.strip_suffix("/blobs/uploads/").or(rest.strip_suffix("/blobs/uploads")) {
            return Ok(Self::Uploads(name(named)?));
        }
        if let Some(named) = before.strip_suffix("/blobs/uploads") {
            let upload = last.parse().map_err(|_| RouteError::Upload)?;
            return Ok(Self::Upload(name(named)?, upload));
        }
        let (named, kind) = before.rsplit_once('/').ok_or(RouteError::Unknown)?;
        match (kind, last) {
            ("tags", "list") => Ok(Self::Tags(name(named)?)),
            ("blobs", digest) => Ok(Self::Blob(name(named)?, digest.parse().map_err(RouteError::Digest)?)),
            ("referrers", digest) => {
                Ok(Self::Referrers(name(named)?, digest.parse().map_err(RouteError::Digest)?))
            }
            ("manifests", reference) => Ok(Self::Manifest(name(named)?, Reference::parse(reference)?)),
            _ => Err(RouteError::Unknown),
        }
    }

    /// The repository, where the route has one.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Self::Base | Self::Catalog => None,
            Self::Blob(name, _)
            | Self::Uploads(name)
            | Self::Upload(name, _)
            | Self::Manifest(name, _)
            | Self::Tags(name)
            | Self::Referrers(name, _) => Some(name),
        }
    }

    /// The same route in another repository, for names of upstreams that a mirror sends in `ns`.
    pub(crate) fn within(self, name: RepositoryName) -> Self {
        match self {
            Self::Base | Self::Catalog => self,
            Self::Blob(_, digest) => Self::Blob(name, digest),
            Self::Uploads(_) => Self::Uploads(name),
            Self::Upload(_, upload) => Self::Upload(name, upload),
            Self::Manifest(_, reference) => Self::Manifest(name, reference),
            Self::Tags(_) => Self::Tags(name),
            Self::Referrers(_, digest) => Self::Referrers(name, digest),
        }
    }

    /// The word for it in metrics and spans: few and fixed, whatever is asked for.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Catalog => "catalog",
            Self::Blob(..) => "blob",
            Self::Uploads(..) | Self::Upload(..) => "upload",
            Self::Manifest(..) => "manifest",
            Self::Tags(..) => "tags",
            Self::Referrers(..) => "referrers",
        }
    }
}

impl Reference {
    /// Reads a tag or a digest; which of the two it is, the colon says, which no tag has.
    ///
    /// # Errors
    /// Neither of the two.
    pub fn parse(text: &str) -> Result<Self, RouteError> {
        if text.contains(':') {
            return text.parse().map(Self::Digest).map_err(RouteError::Digest);
        }
        text.parse().map(Self::Tag).map_err(RouteError::Reference)
    }
}

fn name(text: &str) -> Result<RepositoryName, RouteError> {
    text.parse().map_err(RouteError::Name)
}

impl fmt::Display for Reference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(formatter),
            Self::Digest(digest) => digest.fmt(formatter),
        }
    }
}

impl fmt::Display for Route {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Base => write!(out, "/v2/"),
            Self::Catalog => write!(out, "/v2/_catalog"),
            Self::Blob(name, digest) => write!(out, "/v2/{name}/blobs/{digest}"),
            Self::Uploads(name) => write!(out, "/v2/{name}/blobs/uploads/"),
            Self::Upload(name, upload) => write!(out, "/v2/{name}/blobs/uploads/{upload}"),
            Self::Manifest(name, reference) => write!(out, "/v2/{name}/manifests/{reference}"),
            Self::Tags(name) => write!(out, "/v2/{name}/tags/list"),
            Self::Referrers(name, digest) => write!(out, "/v2/{name}/referrers/{digest}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    const UPLOAD: &str = "0123456789abcdef0123456789abcdef";

    fn check(path: &str, kind: &str, repository: &str) {
        let route = Route::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(
            (route.kind(), route.repository().map_or("", RepositoryName::as_str)),
            (kind, repository),
            "{path}"
        );
    }

    fn check_refused(path: &str) {
        assert!(Route::parse(path).is_err(), "{path}");
    }

    #[test]
    fn paths_are_read_from_the_right() {
        check("/v2", "base", "");
        check("/v2/", "base", "");
        check("/v2/_catalog", "catalog", "");
        check("/v2/a/tags/list", "tags", "a");
        check("/v2/a/tags/list/tags/list", "tags", "a/tags/list");
        check(&format!("/v2/a/b/blobs/{DIGEST}"), "blob", "a/b");
        check("/v2/a/manifests/latest", "manifest", "a");
        check("/v2/a/manifests/manifests/manifests", "manifest", "a/manifests");
        check(&format!("/v2/a/manifests/{DIGEST}"), "manifest", "a");
        check(&format!("/v2/a/referrers/{DIGEST}"), "referrers", "a");
        check("/v2/a/blobs/uploads/", "upload", "a");
        check("/v2/a/blobs/uploads", "upload", "a");
        check(&format!("/v2/a/blobs/uploads/{UPLOAD}"), "upload", "a");
        check("/v2/a/blobs/uploads/blobs/uploads/", "upload", "a/blobs/uploads");
        check(&format!("/v2/a/blobs/uploads/blobs/{DIGEST}"), "blob", "a/blobs/uploads");
        check("/v2/a/blobs/uploads/manifests/x", "manifest", "a/blobs/uploads");
        check("/v2/a/blobs/uploads/tags/list", "tags", "a/blobs/uploads");
        check("/v2/docker.io/library/x/manifests/1", "manifest", "docker.io/library/x");
    }

    #[test]
    fn what_has_two_readings_or_none_is_refused() {
        let paths = [
            "",
            "/",
            "/v1/",
            "/v2x",
            "/v20/",
            "/v2//",
            "/v2/a",
            "/v2/a/b",
            "/v2/manifests/x",
            "/v2/a/manifests/",
            "/v2/a/manifests/x/",
            "/v2/a/manifests/x%2fy",
            "/v2/a%2fb/manifests/x",
            "/v2/a/../b/manifests/x",
            "/v2/a/./manifests/x",
            "/v2//a/manifests/x",
            "/v2/a//manifests/x",
            "/v2/A/manifests/x",
            "/v2/a\\b/manifests/x",
            "/v2/a/manifests/x:y",
            "/v2/a/manifests/sha256:00",
            "/v2/a/manifests/@x",
            "/v2/a/blobs/latest",
            "/v2/a/blobs/sha1:00",
            "/v2/a/blobs/uploads/../x",
            "/v2/a/blobs/uploads/short",
            "/v2/a/blobs/uploads/0123456789ABCDEF0123456789ABCDEF",
            "/v2/a/tags",
            "/v2/a/tags/",
            "/v2/a/tags/list/",
            "/v2/a/referrers/latest",
            "/v2/_catalog/",
            "/v2/_catalog/manifests/x",
            "/v2/_x/manifests/x",
            "/v2/a\0/manifests/x",
            "/v2/ä/manifests/x",
        ];
        for path in paths {
            check_refused(path);
        }
        check_refused(&format!("/v2/{}/manifests/x", "a".repeat(256)));
        check_refused(&format!("/v2/{}/manifests/x", "a/".repeat(2000)));
    }

    fn part() -> impl Strategy<Value = String> {
        prop_oneof![
            "[a-z0-9]{1,6}",
            "(blobs|uploads|manifests|tags|list|referrers|v2)",
            "[a-z]\\.[a-z]__[0-9]"
        ]
    }

    fn named() -> impl Strategy<Value = RepositoryName> {
        proptest::collection::vec(part(), 1..6).prop_map(|parts| parts.join("/").parse().expect("a name"))
    }

    fn digest() -> impl Strategy<Value = Digest> {
        prop_oneof![any::<[u8; 32]>().prop_map(Digest::sha256), any::<[u8; 64]>().prop_map(Digest::sha512),]
    }

    fn route() -> impl Strategy<Value = Route> {
        let tag =
            "[A-Za-z0-9_][A-Za-z0-9_.-]{0,9}|uploads|list|blobs".prop_map(|tag| tag.parse().expect("a tag"));
        let reference = prop_oneof![tag.prop_map(Reference::Tag), digest().prop_map(Reference::Digest)];
        let upload = "[0-9a-f]{32}".prop_map(|text| text.parse().expect("an upload"));
        prop_oneof![
            Just(Route::Base),
            Just(Route::Catalog),
            (named(), digest()).prop_map(|(name, digest)| Route::Blob(name, digest)),
            named().prop_map(Route::Uploads),
            (named(), upload).prop_map(|(name, upload)| Route::Upload(name, upload)),
            (named(), reference).prop_map(|(name, reference)| Route::Manifest(name, reference)),
            named().prop_map(Route::Tags),
            (named(), digest()).prop_map(|(name, digest)| Route::Referrers(name, digest)),
        ]
    }

    proptest! {
        #[test]
        fn every_route_is_read_back_as_itself(route in route()) {
            prop_assert_eq!(Route::parse(&route.to_string()), Ok(route));
        }

        #[test]
        fn nothing_panics_and_what_passes_is_canonical(path in "(/v2/)?[ -~]{0,60}|(/v2)(/(a|b|blobs|uploads|manifests|tags|list|_catalog|%2f|\\.\\.|))*") {
            if let Ok(route) = Route::parse(&path) {
                let printed = route.to_string();
                prop_assert!(printed == path || printed == format!("{path}/"), "{} {}", path, printed);
            }
        }
    }
}
