/// One request.
pub(super) struct Message {
    pub(super) id: Vec<u8>,
    pub(super) request: Request,
}

pub(super) enum Request {
    Bind { name: Vec<u8>, password: Vec<u8> },
    Search { base: Vec<u8> },
    Unbind,
    Other(u8),
}

/// A length, and how many bytes it takes.
pub(super) fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.first()?;
    if first < 0x80 {
        return Some((usize::from(first), 1));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 3 {
        return None;
    }
    let number = bytes.get(1..=count)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte));
    Some((number, 1 + count))
}

/// A field's kind and content, and what comes after it.
fn field(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (length, head) = length(bytes.get(1..)?)?;
    let content = bytes.get(1 + head..)?;
    // The last one may not be complete yet.
    let (content, rest) = content.split_at_checked(length).unwrap_or((content, &[]));
    Some((*bytes.first()?, content, rest))
}

impl Message {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let (0x30, body, _) = field(bytes)? else { return None };
        let (2, id, rest) = field(body)? else { return None };
        if id.is_empty() || id.len() > 4 {
            return None;
        }
        let (kind, content, _) = field(rest)?;
        let request = match kind {
            0x60 => {
                let (2, _, rest) = field(content)? else { return None };
                let (4, name, rest) = field(rest)? else { return None };
                let password = field(rest).map(|(_, password, _)| password.to_vec()).unwrap_or_default();
                Request::Bind { name: name.to_vec(), password }
            }
            0x63 => {
                let (4, base, _) = field(content)? else { return None };
                Request::Search { base: base.to_vec() }
            }
            0x42 => Request::Unbind,
            0x66 | 0x68 | 0x6a | 0x6c | 0x6e | 0x77 => Request::Other(kind),
            _ => return None,
        };
        Some(Self { id: id.to_vec(), request })
    }
}
