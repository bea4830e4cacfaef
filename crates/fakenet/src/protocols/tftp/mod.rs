//! The small file transfer by which worms fetch themselves. A file is one block, and a script.

#[cfg(test)]
mod tests;

use crate::payloads::{Id, shell_script};
use crate::recorder::Flow;
use crate::server::Shared;

/// Name and mode of a request to read or write.
fn request(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&[0, kind @ (1 | 2)], rest) = bytes.split_first_chunk::<2>()? else { return None };
    let mut words = rest.split(|byte| *byte == 0);
    let (name, mode) = (words.next()?, words.next()?);
    let known = [&b"octet"[..], b"netascii", b"mail"].iter().any(|word| mode.eq_ignore_ascii_case(word));
    (known && !name.is_empty()).then_some((kind, name))
}

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    if request(bytes).is_some() { 92 } else { 0 }
}

pub(crate) fn datagram(bytes: &[u8], flow: &Flow, shared: &Shared) -> Option<Vec<u8>> {
    let (kind, name) = request(bytes)?;
    if kind == 2 {
        flow.step("tftp", [b"write ", name].concat());
        return Some(vec![0, 4, 0, 0]);
    }
    flow.step("tftp", [b"read ", name].concat());
    let script = shell_script(&Id::new(shared.world.canaries.get("input-data"), shared.serial()));
    shared.recorder.serving(&script, "script");
    Some([&[0, 3, 0, 1][..], &script].concat())
}
