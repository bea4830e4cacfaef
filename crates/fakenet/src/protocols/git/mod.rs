//! Repositories over HTTP: all of them exist and are empty; what is pushed is kept.

mod answer;
#[cfg(test)]
mod tests;

use crate::protocols::http::{Answer, Asked};
use crate::server::Shared;

pub(crate) fn claim(asked: &Asked<'_>, _: &Shared) -> Option<Answer> {
    let service = match asked.path.rsplit('/').next()? {
        "refs" if asked.path.ends_with("/info/refs") => asked.parameter("service")?,
        service @ ("git-upload-pack" | "git-receive-pack") => service.to_owned(),
        _ => return None,
    };
    if !matches!(service.as_str(), "git-upload-pack" | "git-receive-pack") {
        return None;
    }
    asked.flow.step("git", format!("{service} {}{}", asked.host, asked.path));
    Some(answer::answer(asked, &service))
}
