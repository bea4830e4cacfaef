//! An IRC server with one channel for everybody. Bots register, join and wait for orders that never come.

mod answer;
#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;

pub(crate) fn taste(bytes: &[u8], port: u16) -> u8 {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let upper = first.to_ascii_uppercase();
    let user = upper.starts_with(b"USER ") && first.iter().filter(|byte| **byte == b' ').count() >= 4;
    if upper.starts_with(b"NICK ") || upper.starts_with(b"CAP LS") || user {
        return 92;
    }
    let usual = matches!(port, 6660..=6669 | 6697 | 7000);
    if upper.starts_with(b"PASS ") && usual { 85 } else { 0 }
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    let mut nick = String::from("*");
    for _ in 0..talk.shared.world.limits.requests {
        let line = talk.line().await?;
        let text = String::from_utf8_lossy(line.get(..line.len().min(2048)).unwrap_or_default()).into_owned();
        let (command, rest) = text.split_once(' ').unwrap_or((&text, ""));
        let command = command.to_ascii_uppercase();
        if !matches!(command.as_str(), "PING" | "PONG" | "CAP" | "") {
            talk.step("irc", format!("{command} {rest}").trim_end());
        }
        if command == "NICK" {
            nick = rest.trim_start_matches(':').chars().take(64).collect();
        }
        let answer = answer::answer(&command, rest, &nick);
        if !answer.is_empty() {
            talk.say(answer).await?;
        }
        if command == "QUIT" {
            return Ok(());
        }
    }
    Ok(())
}
