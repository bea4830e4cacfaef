use super::{Answer, empty, made, no_method};
use crate::request::Request;
use crate::{Code, Refusal, Registry, body, caller, range};
use access::{Action, Permit};
use axum::body::Body;
use axum::http::header::{CONTENT_LENGTH, CONTENT_RANGE, HeaderName, LOCATION, RANGE};
use axum::http::{HeaderMap, Method, StatusCode};
use model::{Algorithm, Digest, RepositoryName};
use store::{BlobInfo, Origin, UploadId, UploadStatus};

const UPLOAD: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// `POST /v2/<name>/blobs/uploads/`: begins an upload, takes a whole blob, or mounts one of another repository.
pub(super) async fn begin(registry: &Registry, request: &Request, body: Body) -> Answer {
    if request.method != Method::POST {
        return Err(no_method("POST"));
    }
    let permit = request.permit(registry, Action::Push)?;
    registry.store.create_repository(permit.repository(), &Origin::Hosted).await?;
    if let Some(blob) = mount(registry, request, &permit).await? {
        return created(&permit, &blob);
    }
    if let Some(digest) = digest(request, "digest")? {
        let expected = length(&request.headers);
        let blob = receive(registry, body, expected, &digest, &permit).await?;
        return created(&permit, &blob);
    }
    let algorithm = match request.query.one("digest-algorithm")? {
        None => None,
        Some("sha256") => Some(Algorithm::Sha256),
        Some("sha512") => Some(Algorithm::Sha512),
        Some(_) => return Err(Refusal::new(Code::DigestInvalid, "digest-algorithm is sha256 or sha512")),
    };
    let upload = registry.store.begin_upload(permit.repository(), algorithm, permit.principal()).await?;
    going_on(StatusCode::ACCEPTED, permit.repository(), &upload.id, upload.size)
}

/// `/v2/<name>/blobs/uploads/<id>`: goes on with an upload. It is there for the principal that began it and in the
/// repository where it was begun; the name in the URL opens nothing to anybody else.
pub(super) async fn answer(registry: &Registry, request: &Request, body: Body, id: UploadId) -> Answer {
    let permit = request.permit(registry, Action::Push)?;
    let repository = permit.repository();
    let upload = registry.store.upload(repository, &id).await?;
    if upload.by != permit.principal() {
        return Err(store::Error::NoUpload(id.to_string()).into());
    }
    match request.method {
        Method::GET | Method::HEAD => going_on(StatusCode::NO_CONTENT, repository, &id, upload.size),
        Method::PATCH => {
            let size = append(registry, &permit, &upload, &request.headers, body).await?;
            going_on(StatusCode::ACCEPTED, repository, &id, size)
        }
        Method::PUT => {
            let digest = digest(request, "digest")?.ok_or_else(|| {
                Refusal::new(
                    Code::DigestInvalid,
                    "an upload ends with ?digest=, the digest of the whole blob",
                )
            })?;
            append(registry, &permit, &upload, &request.headers, body).await?;
            let blob = registry.store.finish_upload(repository, &id, &digest, permit.principal()).await?;
            created(&permit, &blob)
        }
        Method::DELETE => {
            registry.store.cancel_upload(repository, &id).await?;
            empty(StatusCode::NO_CONTENT, [])
        }
        _ => Err(no_method("GET, PATCH, PUT, DELETE")),
    }
}

/// Mounts a blob of another repository, where whoever asks may read it there: released to a permit to pull, or in
/// quarantine to a permit for that (CVE-2024-39897). In all other cases nothing is said and an upload begins; so
/// it does without `from`, since to search all repositories would tell what is in them.
async fn mount(registry: &Registry, request: &Request, permit: &Permit) -> Result<Option<BlobInfo>, Refusal> {
    let Some(digest) = digest(request, "mount")? else { return Ok(None) };
    let Some(from) = request.query.one("from")? else { return Ok(None) };
    let from: RepositoryName = from.parse().map_err(|error: model::NameError| {
        Refusal::new(Code::NameInvalid, format!("the parameter from: {error}"))
    })?;
    let place = registry.quarantine.place(&from, None);
    if request.right_in(&place, Action::Pull).is_err() {
        return Ok(None);
    }
    // A right that the token does not cover is worth asking for: clients get a token for both repositories then.
    let pull = request.permit_in(registry, &place, Action::Pull).map_err(|_| {
        let scopes = [(permit.repository(), Action::Push), (&place.repository, Action::Pull)];
        caller::challenge(registry, &request.headers, &scopes, Some("insufficient_scope"))
    })?;
    let mut source = registry.store.released(&pull, &digest).await?;
    if source.is_none()
        && let Ok(read) = request.permit_in(registry, &place, Action::QuarantineRead)
    {
        source = registry.store.read_back(&read, &digest).await?;
    }
    match source {
        Some(source) => Ok(registry.store.mount(&source, permit.repository(), permit.principal()).await?),
        None => Ok(None),
    }
}

/// Takes a whole blob in one request.
async fn receive(
    registry: &Registry,
    mut body: Body,
    expected: Option<u64>,
    digest: &Digest,
    permit: &Permit,
) -> Result<BlobInfo, Refusal> {
    let mut receiving = registry.store.receive(digest.algorithm()).await?;
    let mut size = 0_u64;
    while let Some(piece) = body::next(registry, &mut body).await? {
        size = size.saturating_add(piece.len() as u64);
        registry.metrics.bytes_in.inc_by(piece.len() as u64);
        receiving.write(piece).await?;
    }
    if expected.is_some_and(|expected| expected != size) {
        return Err(Refusal::new(Code::SizeInvalid, "the body has another length than its Content-Length"));
    }
    let sealed = receiving.seal(digest).await?;
    Ok(registry.store.admit(permit.repository(), sealed, permit.principal()).await?)
}

/// Takes one chunk, and gives the size of the upload then. What came of a chunk that breaks off stays, and the client
/// asks with GET where to go on.
async fn append(
    registry: &Registry,
    permit: &Permit,
    upload: &UploadStatus,
    headers: &HeaderMap,
    mut body: Body,
) -> Result<u64, Refusal> {
    let mut chunk = None;
    if let Some(value) = headers.get(CONTENT_RANGE) {
        let range = value.to_str().ok().and_then(range::chunk).ok_or_else(|| {
            Refusal::new(Code::BlobUploadInvalid, "Content-Range of a chunk is written first-last, as 0-1023")
        })?;
        let announced = range.end.saturating_sub(range.start);
        if length(headers).is_some_and(|length| length != announced) {
            return Err(Refusal::new(
                Code::SizeInvalid,
                format!("Content-Range names {announced} bytes, and Content-Length another number"),
            ));
        }
        chunk = Some(range);
    }
    // A body that is announced to be empty, as the one that closes an upload after its chunks, changes nothing.
    if chunk.is_none() && length(headers) == Some(0) {
        return Ok(upload.size);
    }
    let offset = chunk.as_ref().map(|range| range.start);
    let mut left = chunk.as_ref().map(|range| range.end.saturating_sub(range.start));
    let mut append = registry.store.append(permit.repository(), &upload.id, offset).await?;
    loop {
        let piece = match body::next(registry, &mut body).await {
            Ok(Some(piece)) => piece,
            Ok(None) => break,
            Err(refusal) => {
                // What came is kept for whoever goes on.
                append.finish().await?;
                return Err(refusal);
            }
        };
        let size = piece.len() as u64;
        if let Some(rest) = &mut left {
            *rest = rest.checked_sub(size).ok_or_else(|| {
                Refusal::new(Code::SizeInvalid, "the chunk has more bytes than its Content-Range names")
            })?;
        }
        registry.metrics.bytes_in.inc_by(size);
        append.write(piece).await?;
    }
    let size = append.finish().await?;
    if left.is_some_and(|left| left > 0) {
        return Err(Refusal::new(
            Code::SizeInvalid,
            "the chunk has fewer bytes than its Content-Range names",
        ));
    }
    Ok(size)
}

fn going_on(status: StatusCode, repository: &RepositoryName, id: &UploadId, size: u64) -> Answer {
    // Of nothing there is no last byte; clients expect 0-0.
    let last = size.saturating_sub(1);
    empty(
        status,
        [
            (LOCATION, format!("/v2/{repository}/blobs/uploads/{id}")),
            (RANGE, format!("0-{last}")),
            (UPLOAD, id.to_string()),
        ],
    )
}

fn created(permit: &Permit, blob: &BlobInfo) -> Answer {
    let location = format!("/v2/{}/blobs/{}", permit.repository(), blob.digest);
    empty(StatusCode::CREATED, made(location, &blob.digest))
}

fn digest(request: &Request, parameter: &str) -> Result<Option<Digest>, Refusal> {
    let text = request.query.one(parameter)?;
    text.map(str::parse).transpose().map_err(|error: model::DigestError| {
        Refusal::new(Code::DigestInvalid, format!("the parameter {parameter}: {error}"))
    })
}

fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
