//! Indexes of packages for Python, JavaScript and Debian. Every package exists and holds nothing.

mod answer;
#[cfg(test)]
mod tests;

use crate::protocols::http::{Answer, Asked};
use crate::server::Shared;

pub(crate) fn claim(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    if asked.method != "GET" && asked.method != "HEAD" {
        return None;
    }
    let answer = answer::python(asked, shared)
        .or_else(|| answer::node(asked, shared))
        .or_else(|| answer::debian(asked, shared))?;
    asked.flow.step("packages", &asked.path);
    Some(answer)
}
