use super::{Answer, empty, made, no_method};
use crate::quarantine::{Arrival, Pushed, Standing};
use crate::request::Request;
use crate::{Code, Reference, Refusal, Registry, body, serve};
use access::{Action, Permit};
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HeaderName, HeaderValue, WARNING};
use axum::http::{Method, StatusCode};
use model::{Algorithm, Digest, RepositoryName, Tag};
use serde_json::json;
use std::time::{Duration, Instant};
use store::{Manifest, Origin, PutManifest, Released};

const SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const TAG: HeaderName = HeaderName::from_static("oci-tag");
/// Largest manifest (OCI distribution specification 1.1, "Pushing manifests").
const LARGEST: usize = 4 << 20;
/// Most tags of one push: twice what the specification asks for.
const MOST_TAGS: usize = 20;
/// Longest sentence in a Warning: all of them together have to stay below 4096 bytes.
const LONGEST_WARNING: usize = 1000;
/// How long a release that is in its row may take to count.
const MOMENT: Duration = Duration::from_secs(1);

/// `/v2/<name>/manifests/<reference>`: reads, pushes or deletes a manifest or a tag.
pub(super) async fn answer(
    registry: &Registry,
    request: &Request,
    body: Body,
    reference: Reference,
) -> Answer {
    match request.method {
        Method::GET | Method::HEAD => read(registry, request, &reference).await,
        Method::PUT => push(registry, request, body, &reference).await,
        Method::DELETE => delete(registry, request, &reference).await,
        _ => Err(no_method("GET, HEAD, PUT, DELETE")),
    }
}

/// What is released is served at once; those who may read the quarantine get what was pushed last; for the rest the
/// quarantine is asked. What it says is only ever a digest: the store decides whether there is a token for it.
async fn read(registry: &Registry, request: &Request, reference: &Reference) -> Answer {
    let pull = request.permit(registry, Action::Pull)?;
    let quarantine = request.permit(registry, Action::QuarantineRead).ok();
    let found = match reference {
        Reference::Digest(digest) => by_digest(registry, &pull, quarantine.as_ref(), digest).await?,
        Reference::Tag(tag) => by_tag(registry, &pull, quarantine.as_ref(), tag).await?,
    };
    let (released, warning) = match found {
        Some(found) => found,
        None => ask(registry, request, &pull, reference).await?,
    };
    let mut response = serve::content(registry, released, &request.method, &request.headers).await?;
    if let Some(value) = warning.as_deref().and_then(warned) {
        response.headers_mut().append(WARNING, value);
    }
    Ok(response)
}

type Found = Option<(Released, Option<String>)>;

async fn by_digest(
    registry: &Registry,
    pull: &Permit,
    quarantine: Option<&Permit>,
    digest: &Digest,
) -> Result<Found, Refusal> {
    if let Some(released) = registry.store.released(pull, digest).await? {
        return Ok(Some((released, None)));
    }
    let Some(permit) = quarantine else { return Ok(None) };
    Ok(registry.store.read_back(permit, digest).await?.map(|released| (released, None)))
}

async fn by_tag(
    registry: &Registry,
    pull: &Permit,
    quarantine: Option<&Permit>,
    tag: &Tag,
) -> Result<Found, Refusal> {
    // What an upstream's tag points to today, the gate alone can say.
    if pull.upstream().is_some() {
        return Ok(None);
    }
    if let Some(permit) = quarantine
        && let Some(row) = registry.store.tag(pull.repository(), tag).await?
        && let Some(found) = by_digest(registry, pull, Some(permit), &row.digest).await?
    {
        return Ok(Some(found));
    }
    let Some(approved) = registry.store.approved_tag(pull, tag).await? else { return Ok(None) };
    let newer = approved.newer_is_held();
    let newest = approved.newest;
    let warning = newer
        .then(|| format!("{tag} points to {newest}, which is not released; this is the last one that was"));
    Ok(approved.released.map(|released| (released, warning)))
}

async fn ask(
    registry: &Registry,
    request: &Request,
    pull: &Permit,
    reference: &Reference,
) -> Result<(Released, Option<String>), Refusal> {
    let head = request.method == Method::HEAD;
    let repository = pull.repository();
    let unknown = || {
        Refusal::new(Code::ManifestUnknown, format!("repository {repository} has no manifest {reference}"))
    };
    // What is hosted here and not there, nobody has to be asked for.
    if pull.upstream().is_none() && !is_there(registry, repository, reference).await? {
        return Err(unknown());
    }
    // A client that pushes asks first whether a manifest is there, and gives up at any answer but yes and no.
    if head && pull.upstream().is_none() && request.permit(registry, Action::Push).is_ok() {
        return Err(unknown());
    }
    match registry.quarantine.arrive(Arrival { permit: pull, reference, head }).await {
        Standing::Released(digest, warning) => match just_released(registry, pull, &digest).await? {
            Some(released) => Ok((released, warning)),
            None => {
                tracing::warn!(%repository, %digest, "the quarantine calls released what the store does not");
                Err(unavailable(&format!("{reference} is being released"), 2))
            }
        },
        Standing::Held { message, retry_after, page } => {
            Err(Refusal::new(Code::TooManyRequests, message.clone())
                .detail(
                    json!({"state": "held", "message": message, "retry_after": retry_after, "page": page}),
                )
                .retry_after(retry_after))
        }
        Standing::Denied { message, detail } => Err(Refusal::new(Code::Denied, message).detail(detail)),
        Standing::Unknown => Err(unknown()),
        Standing::Unavailable { message, retry_after } => Err(unavailable(&message, retry_after)),
    }
}

async fn is_there(
    registry: &Registry,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<bool, Refusal> {
    Ok(match reference {
        Reference::Tag(tag) => registry.store.tag(repository, tag).await?.is_some(),
        Reference::Digest(digest) => registry.store.manifest(repository, digest).await?.is_some(),
    })
}

/// Stores a manifest, which is in quarantine with that, and tells the gate.
async fn push(registry: &Registry, request: &Request, body: Body, reference: &Reference) -> Answer {
    let permit = request.permit(registry, Action::Push)?;
    let (digest, tags) = named(request, reference)?;
    let content_type = content_type(request)?;
    let overwrite = request.permit(registry, Action::Overwrite).map(|_| ());
    let bytes = body::whole(registry, body, LARGEST).await?;
    registry.metrics.bytes_in.inc_by(bytes.len() as u64);
    let manifest = Manifest::parse(bytes, content_type.as_deref()).map_err(store::Error::Manifest)?;
    let computed = manifest.digest(digest.map_or(Algorithm::Sha256, |digest| digest.algorithm()));
    if let Some(expected) = digest.filter(|expected| *expected != computed) {
        return Err(store::Error::Digest { expected, computed }.into());
    }
    if let Err(refusal) = overwrite {
        may_give(registry, &permit, &tags, &computed, refusal).await?;
    }
    let repository = permit.repository().clone();
    registry.store.create_repository(&repository, &Origin::Hosted).await?;
    let by = permit.principal().to_owned();
    let put = PutManifest { repository, manifest, digest, tags: tags.clone(), by };
    let stored = registry.store.put_manifest(put).await?;
    registry.quarantine.arrived(Pushed { permit: &permit, stored: &stored, tags: &tags }).await;
    let location = format!("/v2/{}/manifests/{}", permit.repository(), stored.digest);
    let mut headers = Vec::from(made(location, &stored.digest));
    headers.extend(stored.subject.map(|subject| (SUBJECT, subject.to_string())));
    if matches!(reference, Reference::Digest(_)) {
        headers.extend(tags.iter().map(|tag| (TAG, tag.to_string())));
    }
    empty(StatusCode::CREATED, headers)
}

/// Under which digest and which tags a manifest is pushed.
fn named(request: &Request, reference: &Reference) -> Result<(Option<Digest>, Vec<Tag>), Refusal> {
    let mut tags = Vec::new();
    for text in request.query.all("tag") {
        let tag: Tag = text
            .parse()
            .map_err(|error: model::NameError| Refusal::new(Code::ManifestInvalid, error.to_string()))?;
        if !tags.contains(&tag) {
            tags.push(tag);
        }
    }
    if tags.len() > MOST_TAGS {
        return Err(Refusal::new(Code::ManifestInvalid, format!("one push takes at most {MOST_TAGS} tags"))
            .status(StatusCode::URI_TOO_LONG));
    }
    match reference {
        Reference::Digest(digest) => Ok((Some(*digest), tags)),
        Reference::Tag(_) if !tags.is_empty() => Err(Refusal::new(
            Code::ManifestInvalid,
            "the parameter tag goes with a manifest that is pushed by its digest",
        )),
        Reference::Tag(tag) => Ok((None, vec![tag.clone()])),
    }
}

/// The media type, without parameters.
fn content_type(request: &Request) -> Result<Option<String>, Refusal> {
    let mut values = request.headers.get_all(CONTENT_TYPE).iter();
    let (first, second) = (values.next(), values.next());
    let Some(value) = first else { return Ok(None) };
    let text = value.to_str().ok().filter(|_| second.is_none()).ok_or_else(|| {
        Refusal::new(Code::ManifestInvalid, "there are two Content-Types, or one that cannot be read")
    })?;
    Ok(text.split(';').next().map(|text| text.trim().to_owned()))
}

/// Whether tags may be given without the right to overwrite: where none of them points elsewhere today.
async fn may_give(
    registry: &Registry,
    permit: &Permit,
    tags: &[Tag],
    digest: &Digest,
    refusal: Refusal,
) -> Result<(), Refusal> {
    for tag in tags {
        if registry.store.tag(permit.repository(), tag).await?.is_some_and(|row| row.digest != *digest) {
            return Err(refusal);
        }
    }
    Ok(())
}

async fn delete(registry: &Registry, request: &Request, reference: &Reference) -> Answer {
    let permit = request.permit(registry, Action::Delete)?;
    request.deletes(registry)?;
    let (repository, by) = (permit.repository(), permit.principal());
    let deleted = match reference {
        Reference::Tag(tag) => registry.store.delete_tag(repository, tag, by).await?,
        Reference::Digest(digest) => registry.store.delete_manifest(repository, digest, by).await?,
    };
    if !deleted {
        return Err(missing(repository, reference));
    }
    empty(StatusCode::ACCEPTED, [])
}

/// What the quarantine calls released. Its row may be a moment older than the end of the write that made it, before which
/// checks that were made earlier are still believed.
async fn just_released(
    registry: &Registry,
    pull: &Permit,
    digest: &Digest,
) -> Result<Option<Released>, Refusal> {
    let start = Instant::now();
    loop {
        let released = registry.store.released(pull, digest).await?;
        if released.is_some() || start.elapsed() > MOMENT {
            return Ok(released);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn missing(repository: &RepositoryName, reference: &Reference) -> Refusal {
    Refusal::new(Code::ManifestUnknown, format!("repository {repository} has no manifest {reference}"))
}

fn unavailable(message: &str, retry_after: u64) -> Refusal {
    Refusal::new(Code::Unknown, message).status(StatusCode::SERVICE_UNAVAILABLE).retry_after(retry_after)
}

/// `299 - "text"`, which clients show to people.
fn warned(text: &str) -> Option<HeaderValue> {
    let safe: String = text
        .chars()
        .map(|character| if character.is_ascii_graphic() || character == ' ' { character } else { '?' })
        .filter(|character| !matches!(character, '"' | '\\'))
        .take(LONGEST_WARNING)
        .collect();
    HeaderValue::try_from(format!("299 - \"{safe}\"")).ok()
}
