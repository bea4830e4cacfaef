//! A Redis server without a password: what worms look for. Commands are written down; nothing is stored.

mod answer;
mod parse;
#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;

pub(crate) fn taste(bytes: &[u8], port: u16) -> u8 {
    parse::taste(bytes, port)
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    for _ in 0..talk.shared.world.limits.requests {
        let words = parse::command(&mut talk).await?;
        let Some(first) = words.first() else { continue };
        let name = String::from_utf8_lossy(first).to_ascii_uppercase();
        if !matches!(name.as_str(), "PING" | "COMMAND" | "CLIENT" | "HELLO") {
            let mut line = name.clone().into_bytes();
            for word in words.iter().skip(1).take(8) {
                line.push(b' ');
                line.extend(word.get(..word.len().min(1024)).unwrap_or_default());
            }
            talk.step("redis", line);
        }
        let answer = answer::answer(&name, &words, &talk.shared.world);
        talk.say(answer).await?;
        if name == "QUIT" {
            return Ok(());
        }
    }
    Ok(())
}
