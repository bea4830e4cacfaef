//! An MQTT broker: clients, topics and messages are written down.

#[cfg(test)]
mod tests;

use crate::server::Ended;
use crate::talk::Talk;

pub(crate) fn taste(bytes: &[u8], _: u16) -> u8 {
    let head = bytes.get(..16.min(bytes.len())).unwrap_or_default();
    let named = head.windows(6).any(|window| window == b"\0\x04MQTT")
        || head.windows(8).any(|window| window == b"\0\x06MQIsdp");
    if head.first() == Some(&0x10) && named { 93 } else { 0 }
}

pub(crate) async fn serve(mut talk: Talk) -> Ended {
    for _ in 0..talk.shared.world.limits.requests {
        let first = talk.byte().await?;
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let byte = talk.byte().await?;
            length |= usize::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 || shift > 21 {
                break;
            }
        }
        let body = talk.exactly(length).await?;
        let mut fields = Fields(&body);
        match first >> 4 {
            1 => {
                fields.text();
                fields.skip(1);
                let flags = fields.byte();
                fields.skip(2);
                let mut login = fields.text().to_vec();
                if flags & 4 != 0 {
                    fields.text();
                    fields.text();
                }
                for flag in [0x80, 0x40] {
                    if flags & flag != 0 {
                        login.push(b' ');
                        login.extend(fields.text());
                    }
                }
                talk.step("mqtt", [&b"connect "[..], &login].concat());
                talk.say([0x20, 2, 0, 0]).await?;
            }
            3 => {
                let topic = fields.text().to_vec();
                let id = if first & 6 != 0 { fields.take(2).to_vec() } else { Vec::new() };
                talk.step("mqtt", [&b"publish "[..], &topic, b" ", fields.0].concat());
                if !id.is_empty() {
                    let kind = if first & 4 != 0 { 0x50 } else { 0x40 };
                    talk.say([&[kind, 2][..], &id].concat()).await?;
                }
            }
            6 => {
                let id = fields.take(2).to_vec();
                talk.say([&[0x70, 2][..], &id].concat()).await?;
            }
            8 => {
                let id = fields.take(2).to_vec();
                talk.step("mqtt", [b"subscribe ", fields.text()].concat());
                talk.say([&[0x90, 3][..], &id, &[0]].concat()).await?;
            }
            12 => talk.say([0xd0, 0]).await?,
            14 => return Ok(()),
            _ => {}
        }
    }
    Ok(())
}

struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(count).unwrap_or((self.0, &[]));
        self.0 = rest;
        taken
    }

    fn skip(&mut self, count: usize) {
        self.take(count);
    }

    fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    fn text(&mut self) -> &'a [u8] {
        let length = self.take(2).iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        self.take(length)
    }
}
