//! The other end of a reverse shell. A guest that connects and waits, or shows a prompt, is asked who it is; only
//! a shell answers `id` with `uid=`.

mod parse;
#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;
use std::time::Duration;

/// How long an answer is waited for. A program that is no shell never gives one.
const ANSWER: Duration = Duration::from_secs(5);

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    if parse::prompt(bytes) { 75 } else { 0 }
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    // Nothing of these harms: what they find out is the sandbox's own.
    let orders = [("id", "id\n"), ("uname", "uname -a\n"), ("pwd", "pwd\n")];
    let mut caught = false;
    for (what, order) in orders {
        talk.ahead.clear();
        talk.say(order).await?;
        let answer = answer(&mut talk, what == "id").await?;
        if what == "id" {
            let Some(user) = parse::identity(&answer) else {
                // No shell. What it says instead is another protocol, late.
                return late(talk, answer).await;
            };
            caught = true;
            talk.step("shell", [b"id: ", user].concat());
        } else if let Some(line) = parse::line(&answer, order.trim_end().as_bytes()) {
            talk.step("shell", [what.as_bytes(), b": ", line].concat());
        }
    }
    if caught {
        talk.say("exit\n").await?;
    }
    talk.rest().await;
    Ok(())
}

async fn answer(talk: &mut Talk, identity: bool) -> std::io::Result<Vec<u8>> {
    let wait = if identity { ANSWER } else { Duration::from_millis(700) };
    let until = tokio::time::Instant::now() + wait;
    while let Some(left) = until.checked_duration_since(tokio::time::Instant::now()) {
        if !talk.more_within(left).await? {
            break;
        }
        let complete =
            if identity { parse::identity(&talk.ahead).is_some() } else { talk.ahead.contains(&b'\n') };
        // Bytes that are another protocol's are not waited over.
        let other = crate::protocols::taste(&talk.ahead, talk.port);
        if complete || (other.0 >= crate::protocols::SURE && other.1.name != "shell") {
            break;
        }
    }
    Ok(std::mem::take(&mut talk.ahead))
}

async fn late(mut talk: Talk, said: Vec<u8>) -> Ended {
    if said.is_empty() {
        talk.ahead.clear();
        talk.more().await?;
    } else {
        talk.ahead = said;
    }
    let (_, emulator) = crate::protocols::taste(&talk.ahead, talk.port);
    if emulator.name == "shell" {
        talk.rest().await;
        return Ok(());
    }
    talk.flow.tell(events::WireKind::Protocol(emulator.name.into()));
    (emulator.serve)(talk).await
}
