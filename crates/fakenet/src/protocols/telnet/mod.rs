//! A router's telnet: any password is right. What worms type is written down; nothing runs.

mod parse;
#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    match bytes {
        [0xff, 0xfb..=0xfe, option, ..] if *option < 50 => 88,
        _ => 0,
    }
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    talk.say(b"\xff\xfd\x18\xff\xfb\x01\r\nlogin: ").await?;
    let user = parse::typed(&talk.line().await?);
    talk.say("Password: ").await?;
    let password = parse::typed(&talk.line().await?);
    talk.step("telnet", [&b"login "[..], &user, b" ", &password].concat());
    talk.say("\r\n\r\nBusyBox v1.31.1 () built-in shell (ash)\r\n\r\n# ").await?;
    for _ in 0..talk.shared.world.limits.requests {
        let line = parse::typed(&talk.line().await?);
        if line.is_empty() {
            talk.say("# ").await?;
            continue;
        }
        talk.step("telnet", &line);
        talk.say(parse::answer(&line)).await?;
    }
    Ok(())
}
