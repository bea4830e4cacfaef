//! Strings as the C family of languages and Python write them. Every byte is looked at once for each kind of
//! quote, however many quotes have no partner.

use memchr::memmem;

/// Where no partner for a quote is to be looked for again.
#[derive(Debug, Default)]
pub(super) struct Dead {
    single: usize,
    double: usize,
    backtick: usize,
    triple_single: bool,
    triple_double: bool,
}

/// A string in a text.
pub(super) struct Literal<'t> {
    /// What stands between the quotes, escapes and all.
    pub(super) content: &'t [u8],
    /// Where the text goes on.
    pub(super) end: usize,
}

/// The string that begins with the quote at `at`; none where it has no end.
pub(super) fn literal<'t>(text: &'t [u8], at: usize, dead: &mut Dead) -> Option<Literal<'t>> {
    let quote = *text.get(at)?;
    let rest = text.get(at..)?;
    let triple: Option<(&[u8], &mut bool)> = match quote {
        b'\'' if rest.starts_with(b"'''") => Some((b"'''", &mut dead.triple_single)),
        b'"' if rest.starts_with(b"\"\"\"") => Some((b"\"\"\"", &mut dead.triple_double)),
        _ => None,
    };
    if let Some((mark, dead)) = triple
        && !*dead
    {
        let body = rest.get(3..)?;
        match memmem::find(body, mark) {
            Some(len) => return Some(Literal { content: body.get(..len)?, end: at + len + 6 }),
            None => *dead = true,
        }
    }
    let dead = match quote {
        b'\'' => &mut dead.single,
        b'"' => &mut dead.double,
        b'`' => &mut dead.backtick,
        _ => return None,
    };
    if at < *dead {
        return None;
    }
    let mut end = at + 1;
    // A line may end inside a string where nothing but an encoded payload stands there, as PHP and Perl allow;
    // otherwise a quote without a partner, as in a comment, would turn the rest of the text inside out.
    let mut encoded = quote != b'`';
    loop {
        let rest = text.get(end..).unwrap_or_default();
        let skip = if encoded {
            rest.iter().position(|&byte| !ENCODED[usize::from(byte)])
        } else if quote == b'`' {
            memchr::memchr2(quote, b'\\', rest)
        } else {
            memchr::memchr3(quote, b'\\', b'\n', rest)
        };
        let Some(byte) = skip.and_then(|skip| rest.get(skip)) else {
            end = text.len();
            break;
        };
        end += skip.unwrap_or_default();
        match *byte {
            byte if byte == quote => {
                return Some(Literal { content: text.get(at + 1..end)?, end: end + 1 });
            }
            // An escaped end of line goes on in the next one.
            b'\\' => end += 2,
            b'\n' => break,
            _ => encoded = false,
        }
    }
    *dead = end.min(text.len());
    None
}

/// What an encoded payload consists of.
static ENCODED: [bool; 256] = {
    let mut set = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        set[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b'+' | b'/' | b'=' | b'-' | b'_' | b'\r' | b'\n');
        byte += 1;
    }
    set
};
