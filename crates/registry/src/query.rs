use crate::{Code, Refusal};
use axum::extract::Query as Decoded;
use axum::http::Uri;

/// The parameters of a request, decoded. Some may stand several times (`tag`); of those that may not, a second one is
/// refused, as two readers would take two.
#[derive(Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

/// Longest query: ten tags of full length and a digest fit in several times.
const LONGEST: usize = 8 << 10;

impl Query {
    pub(crate) fn parse(uri: &Uri) -> Result<Self, Refusal> {
        match uri.query() {
            None | Some("") => Ok(Self::default()),
            Some(text) if text.len() > LONGEST => {
                Err(Refusal::new(Code::NameInvalid, "the query is too long")
                    .status(axum::http::StatusCode::URI_TOO_LONG))
            }
            Some(_) => Decoded::<Vec<(String, String)>>::try_from_uri(uri)
                .map(|Decoded(pairs)| Self(pairs))
                .map_err(|_| {
                    Refusal::new(
                        Code::NameInvalid,
                        "the query cannot be read: percent-encode its values as UTF-8",
                    )
                    .status(axum::http::StatusCode::BAD_REQUEST)
                }),
        }
    }

    /// The one value of a parameter.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Refusal> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (value, None) => Ok(value),
            (_, Some(_)) => {
                Err(Refusal::new(Code::NameInvalid, format!("the parameter {name} stands twice")))
            }
        }
    }

    /// All values of a parameter, in their order.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `n`, at most `most`: a client that asks for more gets what is good for all (CVE-2023-2253).
    pub(crate) fn page(&self, usual: usize, most: usize) -> Result<usize, Refusal> {
        let Some(text) = self.one("n")? else { return Ok(usual.min(most)) };
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits {
            return Err(Refusal::new(Code::NameInvalid, "the parameter n is a number of entries, from 0 up"));
        }
        Ok(text.parse().unwrap_or(usize::MAX).min(most))
    }
}

/// A value of a query, percent-encoded: everything but what RFC 3986 calls unreserved.
pub(crate) fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, name: &str, expect: Option<Option<&str>>) {
        let uri: Uri = format!("/v2/?{query}").parse().expect("a URI");
        let query = Query::parse(&uri).expect("a query");
        assert_eq!(query.one(name).ok(), expect, "{uri}");
    }

    #[test]
    fn values_are_decoded_once_and_not_guessed() {
        check("digest=sha256%3Aab", "digest", Some(Some("sha256:ab")));
        check("digest=sha256:ab&x=1", "digest", Some(Some("sha256:ab")));
        check("digest=%252f", "digest", Some(Some("%2f")));
        check("a=1", "b", Some(None));
        check("n=1&n=2", "n", None);
        check("n", "n", Some(Some("")));
    }

    #[test]
    fn pages_are_bounded() {
        for (query, expect) in [
            ("n=5", Some(5)),
            ("n=0", Some(0)),
            ("", Some(100)),
            ("n=99999999999999999999999", Some(1000)),
            ("n=-1", None),
            ("n=x", None),
            ("n=", None),
        ] {
            let uri: Uri = format!("/v2/?{query}").parse().expect("a URI");
            assert_eq!(Query::parse(&uri).expect("a query").page(100, 1000).ok(), expect, "{query}");
        }
    }

    #[test]
    fn what_is_encoded_is_read_back() {
        let text = "a b&c=d/ä%";
        let uri: Uri = format!("/?x={}", encoded(text)).parse().expect("a URI");
        assert_eq!(Query::parse(&uri).expect("a query").one("x").ok(), Some(Some(text)));
    }
}
