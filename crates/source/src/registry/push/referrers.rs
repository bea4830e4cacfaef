use super::{NewManifest, Remote, Repository as _};
use crate::error::Error;
use model::Digest;
use reqwest::Url;
use reqwest::header::{self, HeaderMap};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

pub(super) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// Pages of a list that are asked for.
const MOST_PAGES: usize = 16;
/// Entries of a list that are read. Who may push may push any number beside an image.
pub(super) const MOST: usize = 1000;
/// How often a list that somebody else writes to at the same time is written again.
const TRIES: usize = 4;

/// What refers to an image: a signature, a statement, a list of packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Referrer {
    /// Media type of its manifest.
    pub media_type: String,
    /// Length of its manifest.
    pub size: u64,
    /// Digest of its manifest.
    pub digest: Digest,
    /// What it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Annotations of its manifest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    schema_version: u8,
    #[serde(default)]
    media_type: Option<String>,
    #[serde(default)]
    pub(super) manifests: Vec<Box<RawValue>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written<'a> {
    pub(super) schema_version: u8,
    pub(super) media_type: &'a str,
    pub(super) manifests: Vec<&'a RawValue>,
}

impl Remote {
    /// Where the registry has no list of referrers or an empty one, the list under the fallback tag.
    pub(super) fn list(&self, image: &Digest) -> Result<Vec<Referrer>, Error> {
        let mut found = Vec::new();
        let first = self.endpoint.url(&format!("referrers/{image}"))?;
        let mut next = Some(first.clone());
        for _ in 0..MOST_PAGES {
            let Some((bytes, headers)) =
                next.take().map(|url| self.document(&url, INDEX)).transpose()?.flatten()
            else {
                break;
            };
            found.extend(entries(&bytes)?);
            next = next_page(&headers, &first);
            if found.len() >= MOST {
                break;
            }
        }
        if found.is_empty() {
            let url = self.endpoint.url(&format!("manifests/{}", fallback_tag(image)))?;
            found = match self.document(&url, INDEX)? {
                Some((bytes, _)) => entries(&bytes)?,
                None => Vec::new(),
            };
        }
        found.truncate(MOST);
        Ok(found)
    }

    /// Adds to the list under the fallback tag, for registries without one of their own. Two who write at the same time
    /// may lose an entry, as the specification admits, so it is read again and written again where ours is missing.
    pub(super) fn list_referrer(&self, image: &Digest, referrer: &Referrer) -> Result<(), Error> {
        let tag = fallback_tag(image);
        let url = self.endpoint.url(&format!("manifests/{tag}"))?;
        let fail = || Error::refused(format!("the list of referrers {tag}"), "it cannot be added to");
        let ours = serde_json::value::to_raw_value(referrer).map_err(|_| fail())?;
        for _ in 0..TRIES {
            let existing = match self.document(&url, INDEX)? {
                Some((bytes, _)) => parse(&bytes)?.manifests,
                None => Vec::new(),
            };
            let is_there = |raw: &RawValue| {
                serde_json::from_str::<Referrer>(raw.get()).is_ok_and(|one| one.digest == referrer.digest)
            };
            if existing.iter().any(|raw| is_there(raw)) {
                return Ok(());
            }
            let manifests = existing.iter().map(AsRef::as_ref).chain([ours.as_ref()]).collect();
            let written = Written { schema_version: 2, media_type: INDEX, manifests };
            let bytes = serde_json::to_vec(&written).map_err(|_| fail())?;
            let new = NewManifest { bytes: &bytes, media_type: INDEX, tag: Some(&tag), refers: None };
            self.put_manifest(&new)?;
        }
        match self.list(image)?.iter().any(|one| one.digest == referrer.digest) {
            true => Ok(()),
            false => Err(Error::refused(
                format!("the list of referrers {tag}"),
                "somebody else writes to it all the time; try again",
            )),
        }
    }
}

pub(super) fn fallback_tag(image: &Digest) -> String {
    // A tag has at most 128 characters, and the specification cuts there.
    format!("{}-{}", image.algorithm().name(), image.hex()).chars().take(128).collect()
}

pub(super) fn parse(bytes: &[u8]) -> Result<Index, Error> {
    let what = || "a list of referrers".to_owned();
    let index: Index = serde_json::from_slice(bytes)
        .map_err(|source| Error::Json { what: what(), source: crate::json::JsonError::from(source) })?;
    if index.schema_version != 2 || index.media_type.as_deref().is_some_and(|kind| kind != INDEX) {
        return Err(Error::refused(what(), "it is no index"));
    }
    Ok(index)
}

/// The entries that can be read; another is nobody's signature.
pub(super) fn entries(bytes: &[u8]) -> Result<Vec<Referrer>, Error> {
    let raw = parse(bytes)?.manifests;
    Ok(raw.iter().take(MOST).filter_map(|raw| serde_json::from_str(raw.get()).ok()).collect())
}

/// `Link: </v2/…?…>; rel="next"`, where it leads to the same list: the rest of a list does not lie elsewhere.
fn next_page(headers: &HeaderMap, list: &Url) -> Option<Url> {
    let link = headers.get(header::LINK)?.to_str().ok()?;
    let (target, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
    let next = list.join(target).ok()?;
    (rest.contains("next") && next.origin() == list.origin() && next.path() == list.path()).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use reqwest::header::HeaderValue;

    fn check_link(link: &str, expect: Option<&str>) {
        let list: Url = "https://r.example/v2/a/referrers/sha256:00".parse().unwrap();
        let headers = HeaderMap::from_iter([(header::LINK, HeaderValue::from_str(link).unwrap())]);
        assert_eq!(next_page(&headers, &list).map(String::from).as_deref(), expect, "{link}");
    }

    #[test]
    fn the_next_page_is_one_of_the_same_list() {
        let next = Some("https://r.example/v2/a/referrers/sha256:00?last=1");
        check_link(r#"</v2/a/referrers/sha256:00?last=1>; rel="next""#, next);
        check_link(r#"<?last=1>; rel=next"#, next);
        check_link(r#"</v2/b/referrers/sha256:00?last=1>; rel="next""#, None);
        check_link(r#"<https://evil.example/v2/a/referrers/sha256:00>; rel="next""#, None);
        check_link(r#"<http://r.example/v2/a/referrers/sha256:00>; rel="next""#, None);
        check_link(r#"</v2/a/referrers/sha256:00>; rel="prev""#, None);
        check_link("next", None);
    }

    fn check(text: &str, expect: Option<usize>) {
        assert_eq!(entries(text.as_bytes()).ok().map(|found| found.len()), expect, "{text}");
    }

    #[test]
    fn a_list_is_an_index() {
        let digest = Digest::sha256([1; 32]);
        let entry = format!(r#"{{"mediaType":"m","size":1,"digest":"{digest}"}}"#);
        check(&format!(r#"{{"schemaVersion":2,"manifests":[{entry},{entry}]}}"#), Some(2));
        check(&format!(r#"{{"schemaVersion":2,"manifests":[{entry},1,{{}}]}}"#), Some(1));
        check(r#"{"schemaVersion":2}"#, Some(0));
        check(r#"{"schemaVersion":1,"manifests":[]}"#, None);
        check(r#"{"schemaVersion":2,"mediaType":"application/json","manifests":[]}"#, None);
        check("[]", None);
        check("", None);
        assert_eq!(fallback_tag(&Digest::sha512([1; 64])).len(), 128);
    }

    proptest! {
        #[test]
        fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200), link in "[<>;a-z/=? \"]{0,40}") {
            let _ = entries(&bytes);
            let headers = HeaderMap::from_iter([(header::LINK, HeaderValue::from_str(&link).unwrap())]);
            let _ = next_page(&headers, &"https://r.example/v2/a".parse().unwrap());
        }
    }
}
