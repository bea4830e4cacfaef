//! Tor: its directories and the first cell between relays are recognised. The network behind it is not played.

#[cfg(test)]
mod tests;

use crate::protocols::http::{Answer, Asked};
use crate::server::{Ended, Shared};
use crate::talk::Talk;

/// A VERSIONS cell: circuit 0, command 7, a few numbers of two bytes. It comes inside of TLS.
pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    match bytes {
        [0, 0, 7, 0, length, versions @ ..]
            if length % 2 == 0
                && (2..=16).contains(length)
                && versions.first().is_none_or(|high| *high == 0) =>
        {
            92
        }
        _ => 0,
    }
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    talk.step("tor", "VERSIONS");
    // Versions 3 to 5, and then nothing: a relay that is overloaded does the same.
    talk.say([0, 0, 7, 0, 6, 0, 3, 0, 4, 0, 5]).await?;
    talk.rest().await;
    Ok(())
}

/// Directory requests.
pub(crate) fn claim(asked: &Asked<'_>, _: &Shared) -> Option<Answer> {
    let directory =
        ["/tor/status-vote/", "/tor/keys/", "/tor/server/", "/tor/micro/", "/tor/rendezvous", "/tor/hs/"];
    if !directory.iter().any(|begin| asked.path.starts_with(begin)) {
        return None;
    }
    asked.flow.step("tor", format!("{} {}", asked.method, asked.path));
    Some(Answer::text(404, "Not found\r\n"))
}
