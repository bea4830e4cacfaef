//! A SOCKS proxy, versions 4, 4a and 5. Whom the guest wants to reach through it is written down, and answered here.

mod parse;
#[cfg(test)]
mod tests;

use crate::dispatch;
use crate::server::Ended;
use crate::talk::Talk;

pub(crate) fn taste(bytes: &[u8], port: u16) -> u8 {
    parse::taste(bytes, port)
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    let version = talk.byte().await?;
    let target = if version == 5 { parse::five(&mut talk).await? } else { parse::four(&mut talk).await? };
    let Some((host, port)) = target else { return Ok(()) };
    talk.step("socks", [&host[..], b":", port.to_string().as_bytes()].concat());
    if version == 5 {
        talk.say([5, 0, 0, 1, 10, 0, 0, 1, 0x9c, 0x40]).await?;
    } else {
        talk.say([0, 90, 0, 0, 0, 0, 0, 0]).await?;
    }
    talk.port = port;
    talk.depth += 1;
    Box::pin(dispatch::serve(talk)).await;
    Ok(())
}
