//! The agent of a node. It lets itself be asked to run commands, as badly configured ones do; none runs.

mod answer;
#[cfg(test)]
mod tests;

use crate::protocols::http::{Answer, Asked};
use crate::server::Shared;

pub(crate) fn claim(asked: &Asked<'_>, shared: &Shared) -> Option<Answer> {
    if !matches!(asked.port, 10250 | 10255 | 10248) {
        return None;
    }
    let command = asked.parameter("cmd").or_else(|| asked.parameter("command")).unwrap_or_else(|| {
        let body = String::from_utf8_lossy(asked.body.get(..asked.body.len().min(4096)).unwrap_or_default());
        body.strip_prefix("cmd=").map(str::to_owned).unwrap_or_default()
    });
    asked.flow.step("kubelet", format!("{} {} {command}", asked.method, asked.path).trim_end());
    Some(answer::answer(asked, &shared.world).served("kubernetes"))
}
