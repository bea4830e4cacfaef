//! A MySQL server that lets everybody in and has nothing: logins and queries are written down.

#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;

/// Its clients wait for the greeting.
pub(crate) fn taste(_: &[u8], _: u16) -> u8 {
    0
}

const OK: &[u8] = &[0, 0, 0, 2, 0, 0, 0];

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    let mut greeting = vec![10];
    greeting.extend(b"8.0.36\0\x2a\x07\0\0Kq3vX9zJ\0");
    // Long passwords, a database at connection, protocol 4.1, secure connections, named methods; no TLS.
    greeting.extend([0x0d, 0xa2, 45, 2, 0, 0x0a, 0, 21]);
    greeting.extend([0; 10]);
    greeting.extend(b"m2T7wZ9cJ4hD\0mysql_native_password\0");
    frame(&mut talk, 0, &greeting).await?;
    let (number, login) = read(&mut talk).await?;
    let rest = login.get(32..).unwrap_or_default();
    let user = rest.split(|byte| *byte == 0).next().unwrap_or_default();
    talk.step("mysql", [b"login ", user].concat());
    frame(&mut talk, number.wrapping_add(1), OK).await?;
    for _ in 0..talk.shared.world.limits.requests {
        let (number, command) = read(&mut talk).await?;
        let Some((kind, text)) = command.split_first() else { continue };
        match kind {
            1 => return Ok(()),
            2 => talk.step("mysql", [b"use ", text].concat()),
            3 => talk.step("mysql", text),
            _ => {}
        }
        frame(&mut talk, number.wrapping_add(1), OK).await?;
    }
    Ok(())
}

async fn read(talk: &mut Talk) -> std::io::Result<(u8, Vec<u8>)> {
    let [a, b, c, number] = talk.array().await?;
    let length = usize::from(a) | usize::from(b) << 8 | usize::from(c) << 16;
    Ok((number, talk.exactly(length).await?))
}

async fn frame(talk: &mut Talk, number: u8, body: &[u8]) -> std::io::Result<()> {
    let [a, b, c, _] = (body.len() as u32).to_le_bytes();
    talk.say([&[a, b, c, number], body].concat()).await
}
