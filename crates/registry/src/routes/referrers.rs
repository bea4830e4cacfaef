use super::{Answer, listed, no_method};
use crate::query::encoded;
use crate::request::Request;
use crate::{Code, Refusal, Registry};
use access::Action;
use axum::http::Method;
use axum::http::header::{HeaderName, HeaderValue};
use model::Digest;
use serde_json::{Map, Value, json};
use store::{MAX_PAGE, Referrer, media_type};

const FILTERS: HeaderName = HeaderName::from_static("oci-filters-applied");
/// Longest `artifactType` (RFC 6838: 127 characters on each side of the slash).
const LONGEST_TYPE: usize = 255;

/// `GET /v2/<name>/referrers/<digest>`: what is about a manifest: signatures, documents. Of a repository or a manifest
/// that is not there nothing is said, so the list is empty; the specification forbids 404.
pub(super) async fn answer(registry: &Registry, request: &Request, subject: Digest) -> Answer {
    if !matches!(request.method, Method::GET | Method::HEAD) {
        return Err(no_method("GET, HEAD"));
    }
    let pull = request.permit(registry, Action::Pull)?;
    let permit = request.permit(registry, Action::QuarantineRead).unwrap_or_else(|_| pull.clone());
    let kind = request.query.one("artifactType")?.filter(|kind| !kind.is_empty());
    if kind.is_some_and(|kind| kind.len() > LONGEST_TYPE) {
        return Err(Refusal::new(Code::ManifestInvalid, "artifactType is longer than a media type can be")
            .status(axum::http::StatusCode::BAD_REQUEST));
    }
    let last = request.query.one("last")?.map(str::parse::<Digest>).transpose();
    let last = last.map_err(|error| {
        Refusal::new(Code::DigestInvalid, format!("the parameter last is a digest: {error}"))
    })?;
    let n = request.query.page(registry.settings.page, MAX_PAGE)?;
    let page = match n {
        0 => Ok(Vec::new()),
        n => registry.store.referrers(&permit, &subject, kind, last.as_ref(), n).await,
    };
    let page = match page {
        Err(store::Error::NoRepository(_)) => Vec::new(),
        page => page?,
    };
    let (shown, cut) = fitting(&page, registry.settings.referrers_bytes);
    let mut next = None;
    if let Some(end) = page.get(shown.len().wrapping_sub(1))
        && (cut
            || page.len() == n
                && !registry.store.referrers(&permit, &subject, kind, Some(&end.digest), 1).await?.is_empty())
    {
        let filter = kind.map(|kind| format!("&artifactType={}", encoded(kind))).unwrap_or_default();
        let last = encoded(&end.digest.to_string());
        next = Some(format!("/v2/{}/referrers/{subject}?n={n}&last={last}{filter}", pull.repository()));
    }
    let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": shown});
    let mut response = listed(media_type::OCI_INDEX, index.to_string().into_bytes(), next)?;
    if kind.is_some() {
        response.headers_mut().insert(FILTERS, HeaderValue::from_static("artifactType"));
    }
    Ok(response)
}

/// As many descriptors as fit into one document, at least one, and whether some are left. A manifest's annotations may have
/// megabytes, and clients stop reading at four.
fn fitting(page: &[Referrer], most: usize) -> (Vec<Value>, bool) {
    let (mut shown, mut bytes) = (Vec::with_capacity(page.len()), 0_usize);
    for referrer in page {
        let size =
            referrer.annotations.iter().map(|(key, value)| key.len() + value.len() + 8).sum::<usize>() + 400;
        bytes = bytes.saturating_add(size);
        if bytes > most && !shown.is_empty() {
            return (shown, true);
        }
        shown.push(descriptor(referrer));
    }
    (shown, false)
}

fn descriptor(referrer: &Referrer) -> Value {
    let mut map = Map::new();
    map.insert("mediaType".to_owned(), json!(referrer.media_type));
    map.insert("digest".to_owned(), json!(referrer.digest));
    map.insert("size".to_owned(), json!(referrer.size));
    if let Some(kind) = &referrer.artifact_type {
        map.insert("artifactType".to_owned(), json!(kind));
    }
    if !referrer.annotations.is_empty() {
        map.insert("annotations".to_owned(), json!(referrer.annotations));
    }
    Value::Object(map)
}
