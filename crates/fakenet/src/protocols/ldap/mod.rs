//! A directory: binds and searches are written down, and nothing is found. Names in it tell of lookups that a
//! logging library was talked into.

mod parse;
#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;
use parse::{Message, Request};

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    match Message::parse(bytes) {
        Some(_) => 90,
        None => 0,
    }
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    for _ in 0..talk.shared.world.limits.requests {
        let (length, head) = loop {
            match parse::length(talk.ahead.get(1..).unwrap_or_default()) {
                Some(found) => break found,
                None if talk.ahead.len() > 8 => return Ok(()),
                None => talk.more().await?,
            }
        };
        let bytes = talk.exactly(1 + head + length).await?;
        let Some(message) = Message::parse(&bytes) else { return Ok(()) };
        let answer = match message.request {
            Request::Bind { name, password } => {
                talk.step("ldap", [&b"bind "[..], &name, b" ", &password].concat());
                0x61
            }
            Request::Search { base } => {
                talk.step("ldap", [&b"search "[..], &base].concat());
                0x65
            }
            Request::Unbind => return Ok(()),
            Request::Other(kind) => kind.wrapping_add(1),
        };
        let id = [&[2, message.id.len() as u8][..], &message.id].concat();
        let done = [answer, 7, 10, 1, 0, 4, 0, 4, 0];
        talk.say([&[0x30, (id.len() + done.len()) as u8][..], &id, &done].concat()).await?;
    }
    Ok(())
}
