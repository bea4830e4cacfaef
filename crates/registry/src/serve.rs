use crate::range::{Asked, asked};
use crate::{Code, Refusal, Registry};
use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Response, StatusCode};
use futures_util::StreamExt as _;
use store::{Released, ReleasedKind};

/// The digest of what is sent, which clients check it by.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// A page of the attacker's, opened in a browser, runs nothing and is taken for nothing but bytes.
const NO_SCRIPTS: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// Gives out content: the one function of the product that does, for GET and HEAD, whole and in part, for blobs and
/// manifests. It takes a token that the store alone makes, for a permit that `access` alone makes; there is no second way.
///
/// Nothing is ever redirected to another place, where a revocation would not be heard of, and caches between have to
/// ask again each time.
pub(crate) async fn content(
    registry: &Registry,
    released: Released,
    method: &Method,
    asking: &HeaderMap,
) -> Result<Response<Body>, Refusal> {
    let size = released.size();
    let tag = format!("\"{}\"", released.digest());
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    let written = |text: String| {
        HeaderValue::try_from(text)
            .map_err(|_| Refusal::new(Code::Unknown, "the content has a name that no header can hold"))
    };
    let kind = match released.kind() {
        ReleasedKind::Manifest { media_type } => written(media_type.to_string())?,
        ReleasedKind::Blob => HeaderValue::from_static("application/octet-stream"),
    };
    let manifest = matches!(released.kind(), ReleasedKind::Manifest { .. });
    headers.insert(CONTENT_DIGEST, written(released.digest().to_string())?);
    headers.insert(header::ETAG, written(tag.clone())?);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CONTENT_SECURITY_POLICY, NO_SCRIPTS);
    if unchanged(asking, &tag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if method == Method::HEAD {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(size));
        return Ok(response);
    }
    let range = asking.get(header::RANGE).and_then(|value| value.to_str().ok());
    // A part of something that changed meanwhile would be glued to a part of something else.
    let same = asking.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == tag.as_bytes());
    let part = match asked(range.filter(|_| same), size) {
        Asked::All => 0..size,
        Asked::Part(part) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let last = part.end.saturating_sub(1);
            let range = written(format!("bytes {}-{last}/{size}", part.start))?;
            response.headers_mut().insert(header::CONTENT_RANGE, range);
            part
        }
        Asked::Unsatisfiable => {
            return Err(Refusal::new(
                Code::SizeInvalid,
                format!("the content has {size} bytes, and the range lies beyond"),
            )
            .status(StatusCode::RANGE_NOT_SATISFIABLE)
            .header(header::CONTENT_RANGE, &format!("bytes */{size}")));
        }
    };
    let length = part.end.saturating_sub(part.start);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    *response.body_mut() = if manifest {
        let bytes = registry.store.bytes(&released).await?;
        registry.metrics.bytes_out.inc_by(length);
        // A part of bytes that are shorter than their row says is none.
        let part = usize::try_from(part.start).ok().zip(usize::try_from(part.end).ok());
        match part.filter(|(start, end)| start <= end && *end <= bytes.len()) {
            Some((start, end)) => Body::from(bytes.slice(start..end)),
            None => return Err(store::Error::Damaged(*released.digest()).into()),
        }
    } else {
        let file = registry.store.open_released(&released).await?;
        let sent = registry.metrics.bytes_out.clone();
        Body::from_stream(file.stream(part).inspect(move |piece| {
            if let Ok(bytes) = piece {
                sent.inc_by(bytes.len() as u64);
            }
        }))
    };
    Ok(response)
}

/// Whether the client has this content already (RFC 9110, section 13.1.2: compared weakly).
fn unchanged(asking: &HeaderMap, tag: &str) -> bool {
    asking
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|value| value == "*" || value.strip_prefix("W/").unwrap_or(value) == tag)
}
