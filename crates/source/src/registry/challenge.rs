/// What a registry asks for in `WWW-Authenticate` (RFC 9110, section 11.6.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    /// `bearer` or `basic`, in lower case.
    pub(crate) scheme: String,
    parameters: Vec<(String, String)>,
}

const MAX_LENGTH: usize = 8 << 10;
const MAX_PARAMETERS: usize = 32;

impl Challenge {
    /// The value of a parameter, the first where it stands twice.
    pub(crate) fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Reads the challenges of one header, of which there may be several. What is malformed ends the list.
pub(crate) fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = if header.len() > MAX_LENGTH { "" } else { header };
    loop {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (word, after) = token(rest);
        if word.is_empty() {
            return challenges;
        }
        let after = after.trim_start_matches([' ', '\t']);
        match (after.strip_prefix('='), challenges.last_mut()) {
            (Some(value), Some(challenge)) => {
                let Some((value, after)) = value_of(value.trim_start_matches([' ', '\t'])) else {
                    return challenges;
                };
                if challenge.parameters.len() < MAX_PARAMETERS {
                    challenge.parameters.push((word.to_ascii_lowercase(), value));
                }
                rest = after;
            }
            (Some(_), None) => return challenges,
            (None, _) => {
                challenges.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: Vec::new() });
                rest = after;
            }
        }
    }
}

fn token(text: &str) -> (&str, &str) {
    let is_token =
        |character: char| character.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(character);
    text.split_at(text.find(|character| !is_token(character)).unwrap_or(text.len()))
}

fn value_of(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (word, rest) = token(text);
        return Some((word.to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(header: &str, expect: &[(&str, &[(&str, &str)])]) {
        let expect: Vec<Challenge> = expect
            .iter()
            .map(|(scheme, parameters)| Challenge {
                scheme: (*scheme).to_owned(),
                parameters: parameters.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            })
            .collect();
        assert_eq!(parse(header), expect, "{header}");
    }

    #[test]
    fn challenges_are_read() {
        check(
            r#"Bearer realm="https://auth.example/token",service="a, b",scope="x""#,
            &[("bearer", &[("realm", "https://auth.example/token"), ("service", "a, b"), ("scope", "x")])],
        );
        check(
            r#"Basic realm="x", Bearer realm=y"#,
            &[("basic", &[("realm", "x")]), ("bearer", &[("realm", "y")])],
        );
        check(r#"Bearer realm="a\"b""#, &[("bearer", &[("realm", "a\"b")])]);
        check(r#"Bearer realm="open"#, &[("bearer", &[])]);
        check("Negotiate", &[("negotiate", &[])]);
        check("=x", &[]);
        check("", &[]);
        check(&"Basic ".repeat(3000), &[]);
    }

    proptest! {
        #[test]
        fn no_header_breaks_the_reader(header in "\\PC{0,200}") {
            parse(&header);
        }
    }
}
