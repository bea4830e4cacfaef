//! The service that tells peers behind routers which address they have.

#[cfg(test)]
mod tests;

use crate::recorder::Flow;
use crate::server::Shared;

const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    if bytes.len() >= 20 && bytes.starts_with(&[0, 1]) && bytes.get(4..8) == Some(&COOKIE) { 92 } else { 0 }
}

pub(crate) fn datagram(bytes: &[u8], flow: &Flow, _: &Shared) -> Option<Vec<u8>> {
    flow.step("stun", "binding");
    let port = flow.from.port() ^ 0x2112;
    let address: Vec<u8> = [203, 0, 113, 77_u8].iter().zip(COOKIE).map(|(byte, key)| byte ^ key).collect();
    Some(
        [&[1, 1, 0, 12][..], bytes.get(4..20)?, &[0, 0x20, 0, 8, 0, 1], &port.to_be_bytes(), &address]
            .concat(),
    )
}
