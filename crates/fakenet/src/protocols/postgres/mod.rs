//! A PostgreSQL server that lets everybody in and has nothing: logins and queries are written down.

#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;

const STARTUP: u32 = 0x0003_0000;
const TLS: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
const CANCEL: u32 = 80_877_102;

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    let word =
        |at: usize| bytes.get(at..).and_then(|rest| rest.first_chunk()).map(|four| u32::from_be_bytes(*four));
    match (word(0), word(4)) {
        (Some(8), Some(TLS | GSS)) | (Some(16), Some(CANCEL)) => 94,
        (Some(9..=10_000), Some(STARTUP)) if bytes.get(8..12) == Some(b"user") => 94,
        (Some(9..=10_000), Some(STARTUP)) => 82,
        _ => 0,
    }
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    let startup = loop {
        let length = u32::from_be_bytes(talk.array().await?) as usize;
        let body = talk.exactly(length.saturating_sub(4)).await?;
        let code = body.first_chunk().map_or(0, |four| u32::from_be_bytes(*four));
        match code {
            TLS if !talk.tls => {
                talk.say("S").await?;
                return match crate::tls::open(talk).await? {
                    Some(inside) => Box::pin(serve(inside)).await,
                    None => Ok(()),
                };
            }
            TLS | GSS => talk.say("N").await?,
            STARTUP => break body,
            _ => return Ok(()),
        }
    };
    let words: Vec<&[u8]> = startup.get(4..).unwrap_or_default().split(|byte| *byte == 0).take(64).collect();
    let value = |name: &[u8]| {
        words
            .chunks(2)
            .find(|pair| pair.first() == Some(&name))
            .and_then(|pair| pair.get(1))
            .copied()
            .unwrap_or_default()
    };
    // In the clear: then the password is known.
    talk.say(message(b'R', &3_u32.to_be_bytes())).await?;
    let (_, password) = read(&mut talk).await?;
    let password = password.strip_suffix(&[0]).unwrap_or(&password);
    talk.step(
        "postgres",
        [&b"login "[..], value(b"user"), b" ", password, b" ", value(b"database")].concat(),
    );
    let mut hello = message(b'R', &0_u32.to_be_bytes());
    for pair in [
        &b"server_version\x0016.2\0"[..],
        b"client_encoding\0UTF8\0",
        b"server_encoding\0UTF8\0",
        b"standard_conforming_strings\0on\0",
    ] {
        hello.extend(message(b'S', pair));
    }
    hello.extend(message(b'K', &[0, 0, 8, 0xa9, 0x5d, 0x3f, 0x0a, 0x7c]));
    hello.extend(message(b'Z', b"I"));
    talk.say(hello).await?;
    for _ in 0..talk.shared.world.limits.requests {
        let (kind, body) = read(&mut talk).await?;
        match kind {
            b'Q' => {
                let text = body.strip_suffix(&[0]).unwrap_or(&body);
                talk.step("postgres", text);
                talk.say([message(b'C', &done(text)), message(b'Z', b"I")].concat()).await?;
            }
            b'P' => {
                let text = body.split(|byte| *byte == 0).nth(1).unwrap_or_default();
                talk.step("postgres", text);
                talk.say(message(b'1', b"")).await?;
            }
            b'B' => talk.say(message(b'2', b"")).await?,
            b'D' => talk.say(message(b'n', b"")).await?,
            b'E' => talk.say(message(b'C', b"SELECT 0\0")).await?,
            b'S' => talk.say(message(b'Z', b"I")).await?,
            b'X' => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

fn done(query: &[u8]) -> Vec<u8> {
    let word = query
        .trim_ascii_start()
        .split(u8::is_ascii_whitespace)
        .next()
        .unwrap_or_default()
        .to_ascii_uppercase();
    let tail: &[u8] = match word.as_slice() {
        b"SELECT" | b"COPY" | b"UPDATE" | b"DELETE" => b" 0",
        b"INSERT" => b" 0 1",
        _ => b"",
    };
    [word.get(..word.len().min(32)).unwrap_or_default(), tail, &[0]].concat()
}

async fn read(talk: &mut Talk) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = talk.byte().await?;
    let length = u32::from_be_bytes(talk.array().await?) as usize;
    Ok((kind, talk.exactly(length.saturating_sub(4)).await?))
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}
