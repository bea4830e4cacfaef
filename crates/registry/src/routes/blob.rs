use super::{Answer, empty, no_method};
use crate::request::Request;
use crate::{Code, Refusal, Registry, serve};
use access::Action;
use axum::http::{Method, StatusCode};
use model::{Digest, RepositoryName};

/// `/v2/<name>/blobs/<digest>`: reads or deletes a blob.
pub(super) async fn answer(registry: &Registry, request: &Request, digest: Digest) -> Answer {
    match request.method {
        Method::GET | Method::HEAD => read(registry, request, &digest).await,
        Method::DELETE => delete(registry, request, &digest).await,
        _ => Err(no_method("GET, HEAD, DELETE")),
    }
}

/// A blob is given out where a released manifest of the same repository reaches it, and to those who may read the
/// quarantine. Whoever may push and asks whether a blob is there is told that it is not, so that it is sent; others who
/// may pull are told that it is held. Neither learns its size.
async fn read(registry: &Registry, request: &Request, digest: &Digest) -> Answer {
    let pull = request.permit(registry, Action::Pull)?;
    if let Some(released) = registry.store.released(&pull, digest).await? {
        return serve::content(registry, released, &request.method, &request.headers).await;
    }
    if let Ok(permit) = request.permit(registry, Action::QuarantineRead)
        && let Some(released) = registry.store.read_back(&permit, digest).await?
    {
        return serve::content(registry, released, &request.method, &request.headers).await;
    }
    let pusher = request.permit(registry, Action::Push).is_ok();
    if !pusher && registry.store.blob(pull.repository(), digest).await?.is_some() {
        return Err(Refusal::new(
            Code::Denied,
            format!(
                "no released image of {} has the blob {digest}: it is served once an image that has it is released",
                pull.repository()
            ),
        ));
    }
    Err(unknown(pull.repository(), digest))
}

async fn delete(registry: &Registry, request: &Request, digest: &Digest) -> Answer {
    let permit = request.permit(registry, Action::Delete)?;
    request.deletes(registry)?;
    if !registry.store.delete_blob(permit.repository(), digest, permit.principal()).await? {
        return Err(unknown(permit.repository(), digest));
    }
    empty(StatusCode::ACCEPTED, [])
}

fn unknown(repository: &RepositoryName, digest: &Digest) -> Refusal {
    Refusal::new(Code::BlobUnknown, format!("repository {repository} has no blob {digest}"))
}
