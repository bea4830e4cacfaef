use crate::talk::Talk;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr};

pub(super) fn taste(bytes: &[u8], _: u16) -> u8 {
    match bytes {
        [5, count, methods @ ..]
            if *count > 0
                && methods.len() == usize::from(*count)
                && methods.iter().all(|method| *method < 10 || *method >= 0x80) =>
        {
            86
        }
        [4, 1 | 2, _, _, _, _, _, _, rest @ ..]
            if rest.contains(&0) && rest.iter().all(|byte| *byte == 0 || byte.is_ascii_graphic()) =>
        {
            86
        }
        _ => 0,
    }
}

/// Host and port.
pub(super) type Target = Option<(Vec<u8>, u16)>;

pub(super) async fn five(talk: &mut Talk) -> io::Result<Target> {
    let count = talk.byte().await?;
    let methods = talk.exactly(usize::from(count)).await?;
    if methods.contains(&0) {
        talk.say([5, 0]).await?;
    } else if methods.contains(&2) {
        talk.say([5, 2]).await?;
        talk.byte().await?;
        let length = talk.byte().await?;
        let user = talk.exactly(usize::from(length)).await?;
        let length = talk.byte().await?;
        let password = talk.exactly(usize::from(length)).await?;
        talk.step("socks", [b"login ", &user[..], b" ", &password].concat());
        talk.say([1, 0]).await?;
    } else {
        talk.say([5, 0xff]).await?;
        return Ok(None);
    }
    let [_, command, _, kind] = talk.array().await?;
    let host = match kind {
        1 => Ipv4Addr::from(talk.array::<4>().await?).to_string().into_bytes(),
        4 => Ipv6Addr::from(talk.array::<16>().await?).to_string().into_bytes(),
        3 => {
            let length = talk.byte().await?;
            talk.exactly(usize::from(length)).await?
        }
        _ => return Ok(None),
    };
    let port = u16::from_be_bytes(talk.array().await?);
    if command != 1 {
        talk.step("socks", [b"command not supported for ", &host[..]].concat());
        talk.say([5, 7, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        return Ok(None);
    }
    Ok(Some((host, port)))
}

pub(super) async fn four(talk: &mut Talk) -> io::Result<Target> {
    talk.byte().await?;
    let port = u16::from_be_bytes(talk.array().await?);
    let address: [u8; 4] = talk.array().await?;
    text(talk).await?;
    // 0.0.0.x with x not 0: the name follows.
    let host = match address {
        [0, 0, 0, last] if last != 0 => text(talk).await?,
        address => Ipv4Addr::from(address).to_string().into_bytes(),
    };
    Ok(Some((host, port)))
}

/// Bytes up to a zero.
async fn text(talk: &mut Talk) -> io::Result<Vec<u8>> {
    let mut out = Vec::new();
    loop {
        match talk.byte().await? {
            0 => return Ok(out),
            byte if out.len() < 512 => out.push(byte),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
    }
}
