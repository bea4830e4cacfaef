//! A store of a cluster's state, over its HTTP interfaces.

mod answer;
#[cfg(test)]
mod tests;

use crate::protocols::http::{Answer, Asked};
use crate::server::Shared;

pub(crate) fn claim(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    let path = ["/v2/keys", "/v3/kv/", "/v3beta/kv/", "/v3/auth/", "/v3/maintenance/"];
    let ours = path.iter().any(|begin| asked.path.starts_with(begin));
    if !ours && asked.port != 2379 {
        return None;
    }
    asked.flow.step("etcd", format!("{} {}", asked.method, asked.path));
    Some(answer::answer(asked, &shared.world))
}
