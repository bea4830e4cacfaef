//! Comma-separated values as abuse.ch writes them: quoted or not, with spaces after the commas.

use std::borrow::Cow;

/// Most columns of a row; what is beyond makes it too wide for every format.
const MAX_COLUMNS: usize = 64;

/// The names of the columns, as a comment gives them.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    names: Vec<String>,
}

impl Columns {
    /// Takes a comment for the header where it looks like one: several names in it, none of them a sentence.
    pub(crate) fn note(&mut self, comment: &[u8]) {
        let names: Vec<String> =
            fields(comment).iter().map(|field| String::from_utf8_lossy(field).to_ascii_lowercase()).collect();
        let is_name = |name: &String| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        if names.len() > 4 && names.iter().all(is_name) {
            self.names = names;
        }
    }

    /// The field of a column: by its name where the header has as many names as the row has fields, else by its
    /// position. abuse.ch's headers were at times shorter than its rows. Empty fields are none.
    pub(crate) fn field<'r>(
        &self,
        row: &'r [Cow<'_, [u8]>],
        name: &str,
        position: usize,
    ) -> Option<&'r [u8]> {
        let named = self.names.iter().position(|known| known == name);
        let at = named.filter(|_| self.names.len() == row.len()).unwrap_or(position);
        let field = row.get(at)?.trim_ascii();
        let empty = field.is_empty()
            || field.eq_ignore_ascii_case(b"n/a")
            || field.eq_ignore_ascii_case(b"none")
            || field.eq_ignore_ascii_case(b"null");
        (!empty).then_some(field)
    }
}

/// The fields of one row. A quote within quotes is written twice.
pub(crate) fn fields(row: &[u8]) -> Vec<Cow<'_, [u8]>> {
    let mut fields = Vec::new();
    let mut rest = row;
    while fields.len() < MAX_COLUMNS {
        rest = rest.trim_ascii_start();
        let (field, after) = match rest.strip_prefix(b"\"") {
            Some(quoted) => quoted_field(quoted),
            None => {
                let end = memchr::memchr(b',', rest).unwrap_or(rest.len());
                let (field, after) = rest.split_at(end);
                (Cow::Borrowed(field.trim_ascii_end()), after)
            }
        };
        fields.push(field);
        match memchr::memchr(b',', after) {
            Some(comma) => rest = after.get(comma + 1..).unwrap_or_default(),
            None => break,
        }
    }
    fields
}

fn quoted_field(quoted: &[u8]) -> (Cow<'_, [u8]>, &[u8]) {
    let mut field = Cow::Borrowed(b"".as_slice());
    let mut rest = quoted;
    loop {
        let end = memchr::memchr(b'"', rest).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        if field.is_empty() {
            field = Cow::Borrowed(piece);
        } else {
            field.to_mut().extend_from_slice(piece);
        }
        match after {
            [b'"', b'"', after @ ..] => {
                field.to_mut().push(b'"');
                rest = after;
            }
            _ => return (field, after.get(1..).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(row: &str, expect: &[&str]) {
        let fields = fields(row.as_bytes());
        let fields: Vec<_> = fields.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
        assert_eq!(fields, expect, "{row}");
    }

    #[test]
    fn rows_are_cut_at_commas_outside_quotes() {
        check("a,b", &["a", "b"]);
        check(r#""a", "b,c", "d""#, &["a", "b,c", "d"]);
        check(r#" a , "", c "#, &["a", "", "c"]);
        check(r#""say ""x""", y"#, &[r#"say "x""#, "y"]);
        check(r#""open, b"#, &["open, b"]);
        check("", &[""]);
        check(",", &["", ""]);
        assert_eq!(fields(&[b','; 100_000]).len(), MAX_COLUMNS);
    }

    proptest! {
        #[test]
        fn what_was_quoted_is_read(words in proptest::collection::vec("[a-z\", ]{1,8}", 1..20)) {
            let row = words.iter().map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect::<Vec<_>>().join(", ");
            let read: Vec<String> = fields(row.as_bytes()).iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect();
            prop_assert_eq!(read, words);
        }
    }
}
