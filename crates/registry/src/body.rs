use crate::{Code, Refusal, Registry};
use axum::body::Body;
use axum::http::StatusCode;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use std::time::Duration;

/// The next piece of a request's body, which has to come within a time: a client that sends a byte a minute would hold
/// an upload and a connection for ever.
pub(crate) async fn next(registry: &Registry, body: &mut Body) -> Result<Option<Bytes>, Refusal> {
    loop {
        let frame = tokio::time::timeout(registry.settings.body_idle, body.frame()).await;
        match frame {
            Err(_) => return Err(late(registry.settings.body_idle)),
            Ok(None) => return Ok(None),
            Ok(Some(Err(error))) => {
                tracing::debug!(error = %model::error_chain(&error), "a body ended early");
                return Err(Refusal::new(
                    Code::SizeInvalid,
                    "the body ended before it was whole: send it again",
                ));
            }
            // Trailers are of no use here.
            Ok(Some(Ok(frame))) => match frame.into_data() {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(Some(bytes)),
                Err(_) => {}
            },
        }
    }
}

/// A whole body of at most `limit` bytes, within the time for a manifest.
pub(crate) async fn whole(registry: &Registry, mut body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let reading = async {
        let mut held = BytesMut::new();
        while let Some(piece) = next(registry, &mut body).await? {
            if held.len().saturating_add(piece.len()) > limit {
                return Err(Refusal::new(Code::SizeInvalid, format!("the body has more than {limit} bytes"))
                    .status(StatusCode::PAYLOAD_TOO_LARGE));
            }
            held.extend_from_slice(&piece);
        }
        Ok(held.freeze())
    };
    let time = registry.settings.manifest_time;
    tokio::time::timeout(time, reading).await.unwrap_or_else(|_| Err(late(time)))
}

fn late(time: Duration) -> Refusal {
    Refusal::new(
        Code::SizeInvalid,
        format!("the body did not come within {} seconds: send it again", time.as_secs()),
    )
    .status(StatusCode::REQUEST_TIMEOUT)
}
