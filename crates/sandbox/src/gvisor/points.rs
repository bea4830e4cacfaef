//! Messages of trace points, taken apart: a head, and fields as protocol buffers write them.

/// What happened, by gVisor's numbers.
pub(super) mod kind {
    pub(in crate::gvisor) const CONTAINER_START: u16 = 1;
    pub(in crate::gvisor) const CLONE: u16 = 2;
    pub(in crate::gvisor) const EXEC: u16 = 3;
    pub(in crate::gvisor) const TASK_EXIT: u16 = 5;
    pub(in crate::gvisor) const OPEN: u16 = 7;
    pub(in crate::gvisor) const CLOSE: u16 = 8;
    pub(in crate::gvisor) const CONNECT: u16 = 10;
    pub(in crate::gvisor) const EXECVE: u16 = 11;
    pub(in crate::gvisor) const SOCKET: u16 = 12;
    pub(in crate::gvisor) const DUP: u16 = 19;
    pub(in crate::gvisor) const BIND: u16 = 24;
    pub(in crate::gvisor) const ACCEPT: u16 = 25;
}

/// The version of the protocol: what both sides say first.
pub(super) const GREETING: &[u8] = &[0x08, 0x01];

/// One message.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    pub(super) kind: u16,
    /// How many messages were dropped since the beginning, as a number that goes round.
    pub(super) dropped: u32,
    pub(super) body: Fields<'a>,
}

/// The fields of a message, in their order.
#[derive(Debug, Default)]
pub(super) struct Fields<'a>(Vec<(u32, Value<'a>)>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The most fields of one message: as many as words fit into the longest.
const MOST_FIELDS: usize = 1 << 18;

/// Takes a message apart; none where it is damaged.
pub(super) fn packet(bytes: &[u8]) -> Option<Packet<'_>> {
    let (size, rest) = bytes.split_first_chunk::<2>()?;
    let (kind, rest) = rest.split_first_chunk::<2>()?;
    let dropped = rest.first_chunk::<4>()?;
    let body = bytes.get(usize::from(u16::from_ne_bytes(*size)).max(8)..)?;
    Some(Packet {
        kind: u16::from_ne_bytes(*kind),
        dropped: u32::from_ne_bytes(*dropped),
        body: Fields::read(body)?,
    })
}

impl Packet<'_> {
    /// When it happened, in nanoseconds since the epoch.
    pub(super) fn time(&self) -> u64 {
        self.body.inside(1).map_or(0, |context| context.number(1))
    }
}

impl<'a> Fields<'a> {
    /// None where a field does not end, or is of a kind that is not written any more.
    pub(super) fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = number(&mut bytes)?;
            let value = match key & 7 {
                0 => Value::Number(number(&mut bytes)?),
                1 => Value::Number(u64::from_le_bytes(*chunk::<8>(&mut bytes)?)),
                2 => {
                    let length = usize::try_from(number(&mut bytes)?).ok()?;
                    let (value, rest) = bytes.split_at_checked(length)?;
                    bytes = rest;
                    Value::Bytes(value)
                }
                5 => Value::Number(u32::from_le_bytes(*chunk::<4>(&mut bytes)?).into()),
                _ => return None,
            };
            if fields.len() >= MOST_FIELDS {
                return None;
            }
            fields.push((u32::try_from(key >> 3).ok()?, value));
        }
        Some(Self(fields))
    }

    /// A number; 0 where it is not there, as it is written.
    pub(super) fn number(&self, field: u32) -> u64 {
        let found = self.0.iter().find_map(|(number, value)| match value {
            Value::Number(value) if *number == field => Some(*value),
            _ => None,
        });
        found.unwrap_or(0)
    }

    /// A number of 32 bits with a sign.
    pub(super) fn int(&self, field: u32) -> i32 {
        self.number(field) as i32
    }

    /// Bytes; empty where they are not there.
    pub(super) fn bytes(&self, field: u32) -> &'a [u8] {
        self.all(field).next().unwrap_or_default()
    }

    /// All bytes of a field that is repeated.
    pub(super) fn all(&self, field: u32) -> impl Iterator<Item = &'a [u8]> {
        self.0.iter().filter_map(move |(number, value)| match value {
            Value::Bytes(bytes) if *number == field => Some(*bytes),
            _ => None,
        })
    }

    /// A message inside of the message, where it is there; an empty one where it is damaged.
    pub(super) fn inside(&self, field: u32) -> Option<Fields<'a>> {
        self.all(field).next().map(|bytes| Fields::read(bytes).unwrap_or_default())
    }
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn chunk<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (chunk, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(chunk)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expect: Option<(u16, u32, &str)>) {
        let told = packet(bytes).map(|packet| (packet.kind, packet.dropped, format!("{:?}", packet.body.0)));
        assert_eq!(told.as_ref().map(|(kind, dropped, body)| (*kind, *dropped, body.as_str())), expect);
    }

    #[test]
    fn messages_are_taken_apart() {
        // A failed open, as gVisor wrote it: the directory is -100 and the error 2.
        let open = b"\x08\0\x07\0\0\0\0\0\x12\x02\x10\x02\x18\x81\x02\x20\x9c\xff\xff\xff\xff\xff\xff\xff\xff\x01\x32\x0b/etc/passwd";
        let read = packet(open).unwrap();
        assert_eq!(
            (read.kind, read.body.int(4), read.body.bytes(6)),
            (kind::OPEN, -100, &b"/etc/passwd"[..])
        );
        assert_eq!(read.body.inside(2).map(|exit| (exit.int(1), exit.int(2))), Some((0, 2)));
        assert!(read.body.inside(9).is_none());
        check(&[8, 0, 5, 0, 3, 0, 0, 0], Some((5, 3, "[]")));
        // A longer head of a later version is passed over.
        check(&[10, 0, 5, 0, 3, 0, 0, 0, 9, 9, 0x10, 7], Some((5, 3, "[(2, Number(7))]")));
        check(&[8, 0, 5, 0, 0, 0, 0, 0, 0x15, 1, 0, 0, 0], Some((5, 0, "[(2, Number(1))]")));
    }

    #[test]
    fn what_is_damaged_is_no_message() {
        check(&[], None);
        check(&[8, 0, 5, 0, 0, 0, 0], None);
        check(&[255, 255, 5, 0, 0, 0, 0, 0], None);
        check(&[8, 0, 5, 0, 0, 0, 0, 0, 0x12, 5, 1], None);
        check(&[8, 0, 5, 0, 0, 0, 0, 0, 0x80], None);
        check(
            &[8, 0, 5, 0, 0, 0, 0, 0, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
            None,
        );
        check(&[8, 0, 5, 0, 0, 0, 0, 0, 0x13], None);
        // A length that no memory has.
        check(&[8, 0, 5, 0, 0, 0, 0, 0, 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1], None);
    }

    /// Whatever a byte becomes and wherever a message ends, it is read or it is not.
    #[test]
    fn no_bytes_break_the_reader() {
        let whole = b"\x08\0\x07\0\0\0\0\0\x0a\x04\x08\x07\x10\x02\x12\x02\x10\x02\x18\x81\x02\x32\x04/etc";
        assert!(packet(whole).is_some());
        for end in 0..whole.len() {
            packet(&whole[..end]);
            for value in 0..=u8::MAX {
                let mut changed = whole.to_vec();
                changed[end] = value;
                if let Some(packet) = packet(&changed) {
                    let _ = (packet.time(), packet.body.int(4), packet.body.inside(2), packet.body.bytes(6));
                }
            }
        }
    }
}
