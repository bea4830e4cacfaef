//! A Docker daemon, on its ports and behind a decoy `docker.sock`. What a guest wants to start is written down with
//! what it asks of the host; nothing starts.

mod answer;
mod parse;
#[cfg(test)]
mod tests;

use crate::protocols::http::{Answer, Asked};
use crate::server::Shared;

pub(crate) fn claim(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    let path = parse::path(asked)?;
    asked.flow.step("docker", parse::what(asked, path));
    Some(answer::answer(asked, path, &shared.world).served("docker"))
}
