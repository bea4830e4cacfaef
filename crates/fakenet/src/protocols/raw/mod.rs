//! What nobody knows: it is written down, by the tap, and given time to say more. A known beginning gets its name.

mod parse;
#[cfg(test)]
mod tests;

use crate::recorder::Flow;
use crate::server::Ended;
use crate::talk::Talk;
use std::sync::Arc;

pub(crate) fn taste(_: &[u8], _: u16) -> u8 {
    0
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    if let Some(name) = parse::known(&talk.ahead) {
        talk.flow.tell(events::WireKind::Protocol(name.into()));
        talk.step(name, "recognised, not answered");
    }
    let most = talk.shared.world.limits.body as usize;
    let mut kept = Kept { flow: Arc::clone(&talk.flow), bytes: Vec::new() };
    loop {
        let bytes = std::mem::take(&mut talk.ahead);
        let room = most.saturating_sub(kept.bytes.len()).min(bytes.len());
        kept.bytes.extend_from_slice(bytes.get(..room).unwrap_or_default());
        talk.more().await?;
    }
}

/// What was said, kept as a whole when the flow ends, in whatever way it ends.
struct Kept {
    flow: Arc<Flow>,
    bytes: Vec<u8>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if !self.bytes.is_empty() {
            let content = self.flow.recorder.keep(&self.bytes);
            self.flow.step("raw", format!("kept {}", data_encoding::HEXLOWER.encode(&content.sha256)));
        }
    }
}

/// The first packet of QUIC: a long head, and a version that exists.
pub(crate) fn taste_quic(bytes: &[u8], _: u16) -> u8 {
    let version =
        bytes.get(1..5).and_then(|four| four.first_chunk()).map_or(0, |four| u32::from_be_bytes(*four));
    let known = matches!(version, 1 | 0x6b33_43cf) || version & 0xffff_ff00 == 0xff00_0000;
    if known && bytes.first().is_some_and(|first| first & 0xc0 == 0xc0) { 85 } else { 0 }
}

/// The greeting of WireGuard has one length only.
pub(crate) fn taste_wireguard(bytes: &[u8], _: u16) -> u8 {
    if bytes.len() == 148 && bytes.starts_with(&[1, 0, 0, 0]) { 85 } else { 0 }
}

/// It is told by its name; nothing is answered, as by a host that does not speak it.
pub(crate) fn recognised(_: &[u8], _: &crate::recorder::Flow, _: &crate::server::Shared) -> Option<Vec<u8>> {
    None
}
