//! A registry of images. Every image exists, is small, and does nothing; what is pushed is kept.

mod answer;
#[cfg(test)]
mod tests;

use crate::protocols::http::{Answer, Asked};
use crate::server::Shared;

pub(crate) fn claim(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    if asked.at("auth.docker.io") || asked.path == "/token" && asked.query.contains("scope=repository") {
        let token = format!("tok{}", shared.world.clock.seconds());
        let body = serde_json::json!({"token": token, "access_token": token, "expires_in": 300});
        return Some(Answer::json(200, &body));
    }
    let path = asked.path.strip_prefix("/v2/")?;
    asked.flow.step("registry", format!("{} {}", asked.method, asked.path));
    Some(answer::answer(asked, path, &shared.world).with("docker-distribution-api-version", "registry/2.0"))
}
