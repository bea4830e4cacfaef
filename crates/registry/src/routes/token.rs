use super::Answer;
use crate::{Code, Refusal, Registry};

/// Where tokens are given.
pub(crate) const PATH: &str = "/token";

pub(crate) async fn answer(registry: &Registry, request: axum::extract::Request) -> Answer {
    let _ = (registry, request);
    Err(Refusal::new(Code::Unsupported, "tokens are not given yet"))
}
