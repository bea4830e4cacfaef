//! The Kubernetes API. Strangers are refused as a cluster refuses them; the tokens that lie in the guest open it,
//! and what they are used for is written down.

mod answer;
mod parse;
#[cfg(test)]
mod tests;

use crate::protocols::http::{Answer, Asked};
use crate::server::Shared;

pub(crate) fn claim(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    if !parse::ours(asked) {
        return None;
    }
    let known = parse::token(asked, &shared.world.canaries);
    let what = parse::what(asked);
    asked
        .flow
        .step("kubernetes", format!("{what}{}", known.map_or(String::new(), |name| format!(" ({name})"))));
    Some(answer::answer(asked, known.is_some(), &shared.world).served("kubernetes"))
}
