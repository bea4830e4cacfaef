use crate::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// What a client shows in its `Authorization` header.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A name and a password or secret (RFC 7617).
    Basic {
        /// The name: of a user, or of a robot with `robot+` before it.
        name: String,
        /// The password or the secret.
        password: Secret,
    },
    /// A token (RFC 6750).
    Bearer(Secret),
}

/// Why a header cannot be read. Nothing of it is repeated, as it may hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Longer than any credentials are.
    #[error("the Authorization header is too long")]
    Long,
    /// Another scheme.
    #[error("the scheme of the Authorization header is neither Basic nor Bearer")]
    Scheme,
    /// Not base64 of `name:password` in UTF-8 without control characters.
    #[error("the Authorization header is not base64 of a name and a password with a colon between them")]
    Basic,
    /// Not one token.
    #[error("the Authorization header does not hold one token")]
    Bearer,
}

/// The longest token that is looked at.
pub(crate) const LONGEST_TOKEN: usize = 16 * 1024;
/// The longest base64 of a name and a password that is looked at.
const LONGEST_BASIC: usize = 4 * 1024;

impl Credentials {
    /// Reads the value of the one `Authorization` header. A request with two of them has to be refused before.
    pub fn parse(value: &str) -> Result<Self, HeaderError> {
        if value.len() > LONGEST_TOKEN + 16 {
            return Err(HeaderError::Long);
        }
        let (scheme, rest) = value.trim_matches(' ').split_once(' ').ok_or(HeaderError::Scheme)?;
        let rest = rest.trim_start_matches(' ');
        if scheme.eq_ignore_ascii_case("basic") {
            basic(rest)
        } else if scheme.eq_ignore_ascii_case("bearer") {
            bearer(rest)
        } else {
            Err(HeaderError::Scheme)
        }
    }
}

fn basic(text: &str) -> Result<Credentials, HeaderError> {
    if text.len() > LONGEST_BASIC {
        return Err(HeaderError::Long);
    }
    let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| HeaderError::Basic)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| HeaderError::Basic)?;
    match text.split_once(':') {
        Some((name, password)) if !text.chars().any(char::is_control) => {
            Ok(Credentials::Basic { name: name.to_owned(), password: Secret::new(password) })
        }
        _ => Err(HeaderError::Basic),
    }
}

fn bearer(text: &str) -> Result<Credentials, HeaderError> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if text.is_empty() || !text.bytes().all(token) {
        return Err(HeaderError::Bearer);
    }
    Ok(Credentials::Bearer(Secret::new(text)))
}

/// The value of `WWW-Authenticate` that sends a client to the token service: `scope` as in
/// `repository:team/app:pull`, and `error` as RFC 6750 names it where a token was shown and is not good enough
/// (`invalid_token`, `insufficient_scope`).
pub fn challenge(realm: &str, service: &str, scope: Option<&str>, error: Option<&str>) -> String {
    let mut value = String::from("Bearer ");
    let fields = [("realm", Some(realm)), ("service", Some(service)), ("scope", scope), ("error", error)];
    for (name, text) in fields.into_iter().filter_map(|(name, text)| Some((name, text?))) {
        if !value.ends_with(' ') {
            value.push(',');
        }
        value.push_str(name);
        value.push_str("=\"");
        for character in text.chars().filter(|character| matches!(character, ' '..='~')) {
            if matches!(character, '"' | '\\') {
                value.push('\\');
            }
            value.push(character);
        }
        value.push('"');
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(value: &str, expect: Result<&str, HeaderError>) {
        let read = Credentials::parse(value).map(|credentials| match credentials {
            Credentials::Basic { name, password } => format!("{name}|{}", password.expose()),
            Credentials::Bearer(token) => token.expose().to_owned(),
        });
        assert_eq!(read.as_deref(), expect.as_ref().map(|text| *text), "{value}");
    }

    #[test]
    fn names_passwords_and_tokens_are_read() {
        check("Basic YWxpY2U6c2VjcmV0", Ok("alice|secret"));
        check("basic  YWxpY2U6YTpi ", Ok("alice|a:b"));
        check("BASIC Og==", Ok("|"));
        check("Basic YWxpY2U6w6Q=", Ok("alice|ä"));
        check("Bearer abc.def.ghi", Ok("abc.def.ghi"));
        check("bearer a", Ok("a"));
        for value in [
            "Basic",
            "Basic ",
            "",
            "Token abc",
            "Digest username=\"a\"",
            "Bearer",
            "YWxpY2U6c2VjcmV0",
            "Basic\tYQ==",
        ] {
            check(value, Err(HeaderError::Scheme));
        }
        for value in [
            "Basic !!!!",
            "Basic YWxpY2U",
            "Basic YWxpY2U6c2VjcmV0 x",
            "Basic YWxpY2U=",
            "Basic /zo=",
            "Basic YQA6Yg==",
            "Basic YTpiCg==",
        ] {
            check(value, Err(HeaderError::Basic));
        }
        for value in ["Bearer a b", "Bearer a,b", "Bearer a\0", "Bearer ä", "Bearer a\"b"] {
            check(value, Err(HeaderError::Bearer));
        }
        check(&format!("Basic {}", "YWFh".repeat(2000)), Err(HeaderError::Long));
        check(&format!("Bearer {}", "a".repeat(1 << 20)), Err(HeaderError::Long));
    }

    #[test]
    fn credentials_are_not_shown() {
        let shown = format!("{:?}", Credentials::parse("Basic YWxpY2U6c2VjcmV0").unwrap());
        assert!(shown.contains("alice") && !shown.contains("secret"), "{shown}");
        let shown = format!("{:?}", Credentials::parse("Bearer abc").unwrap());
        assert!(!shown.contains("abc"), "{shown}");
    }

    #[test]
    fn a_challenge_cannot_be_broken_out_of() {
        assert_eq!(
            challenge("https://gate.example/token", "gate", Some("repository:a/b:pull,push"), None),
            r#"Bearer realm="https://gate.example/token",service="gate",scope="repository:a/b:pull,push""#
        );
        assert_eq!(
            challenge("r", "s\"\r\nX: \\", None, Some("invalid_token")),
            r#"Bearer realm="r",service="s\"X: \\",error="invalid_token""#
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in ".{0,80}", near in "(Basic|Bearer) [A-Za-z0-9+/=.]{0,40}") {
            let _ = Credentials::parse(&text);
            let _ = Credentials::parse(&near);
        }
    }
}
