/// A question for a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) id: u16,
    pub(super) flags: u16,
    pub(super) labels: Vec<Vec<u8>>,
    pub(super) kind: u16,
    pub(super) class: u16,
    /// What the guest can take over UDP; zero where it does not say.
    pub(super) size: u16,
    pub(super) edns: bool,
}

impl Query {
    /// Takes a question apart; none where it is none.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let half = |at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
        let (id, flags, questions, additional) = (half(0)?, half(2)?, half(4)?, half(10)?);
        // An answer is no question, and nobody asks two at once.
        if flags & 0x8000 != 0 || questions != 1 || half(6)? > 0 {
            return None;
        }
        let (labels, after) = name(bytes, 12)?;
        let (kind, class) = (half(after)?, half(after + 2)?);
        let mut query = Self { id, flags, labels, kind, class, size: 0, edns: false };
        // Only the option record matters of the rest, and it is the first in all that is met.
        if additional > 0 && bytes.get(after + 4) == Some(&0) && half(after + 5) == Some(41) {
            query.edns = true;
            query.size = half(after + 7)?;
        }
        Some(query)
    }

    /// The name with dots.
    pub(super) fn name(&self) -> Vec<u8> {
        self.labels.join(&b'.')
    }

    /// Whether it would be a question on any port: of the usual class and a usual type.
    pub(super) fn believable(&self) -> bool {
        self.flags & 0x7870 == 0
            && matches!(self.class, 1 | 255)
            && (self.kind < 260)
            && !self.labels.is_empty()
    }
}

/// The labels of a name at an offset, and where it ends. Pointers go backwards only, so that none goes in circles.
pub(super) fn name(bytes: &[u8], mut at: usize) -> Option<(Vec<Vec<u8>>, usize)> {
    let (mut labels, mut length, mut end) = (Vec::new(), 0, None);
    loop {
        let first = *bytes.get(at)?;
        match first {
            0 => return Some((labels, end.unwrap_or(at + 1))),
            1..=63 => {
                let label = bytes.get(at + 1..at + 1 + usize::from(first))?;
                length += label.len() + 1;
                if length > 255 {
                    return None;
                }
                labels.push(label.to_vec());
                at += 1 + usize::from(first);
            }
            192.. => {
                let pointer = usize::from(first & 0x3f) << 8 | usize::from(*bytes.get(at + 1)?);
                end.get_or_insert(at + 2);
                if pointer >= at {
                    return None;
                }
                at = pointer;
            }
            _ => return None,
        }
    }
}

/// The number of a type by its name or number.
pub(super) fn kind(text: &str) -> u16 {
    let known = [
        ("A", 1),
        ("NS", 2),
        ("CNAME", 5),
        ("SOA", 6),
        ("PTR", 12),
        ("MX", 15),
        ("TXT", 16),
        ("AAAA", 28),
        ("SRV", 33),
    ];
    let named = known.iter().find(|(name, _)| text.eq_ignore_ascii_case(name)).map(|(_, number)| *number);
    named.or_else(|| text.parse().ok()).unwrap_or(1)
}
