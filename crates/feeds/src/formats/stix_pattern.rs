//! The part of the STIX pattern language that can be kept as single indicators: equalities, joined by `OR`. Those
//! joined by `AND` are kept where one of them says all: several hashes of one file, an address and its port.

use crate::reject::Refused;

/// Longest pattern that is read.
const MAX_PATTERN: usize = 64 << 10;
/// Deepest nesting of parentheses.
const MAX_DEPTH: usize = 32;

/// What a pattern looks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Observed {
    /// A file by its hash.
    File(String),
    /// A host, an address or a URL.
    Network(String),
}

/// One equality.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Equality {
    path: String,
    value: String,
}

/// An expression: alternatives, of which each asks for all its equalities.
type Alternatives = Vec<Vec<Equality>>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    Open,
    Close,
    Square,
    EndSquare,
    Equal,
    Word(String),
    Text(String),
    Other,
}

/// The single indicators of a pattern, each of which may be refused for itself.
pub(crate) fn parse(pattern: &str) -> Result<Vec<Result<Observed, Refused>>, Refused> {
    if pattern.len() > MAX_PATTERN {
        return Err(Refused::new("has a pattern longer than 64 KiB", pattern));
    }
    let mut reader = Reader { tokens: tokens(pattern), at: 0, shown: pattern };
    let mut all = Vec::new();
    loop {
        reader.expect(&Token::Square)?;
        all.extend(reader.alternatives(0)?);
        reader.expect(&Token::EndSquare)?;
        match reader.next() {
            None => break,
            Some(Token::Word(word)) if word == "OR" => {}
            Some(_) => {
                return Err(Refused::new("asks for several observations or an order of them", pattern));
            }
        }
    }
    Ok(all.into_iter().map(|equalities| observed(&equalities, pattern)).collect())
}

struct Reader<'p> {
    tokens: Vec<Token>,
    at: usize,
    shown: &'p str,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<Token> {
        let token = self.tokens.get(self.at).cloned();
        self.at += 1;
        token
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn expect(&mut self, token: &Token) -> Result<(), Refused> {
        if self.next().as_ref() == Some(token) { Ok(()) } else { Err(self.refused()) }
    }

    fn refused(&self) -> Refused {
        Refused::new("has a pattern that is more than equalities", self.shown)
    }

    /// `a OR b`, where `AND` binds more closely.
    fn alternatives(&mut self, depth: usize) -> Result<Alternatives, Refused> {
        let mut all = self.conjunction(depth)?;
        while self.peek() == Some(&Token::Word("OR".to_owned())) {
            self.at += 1;
            all.extend(self.conjunction(depth)?);
        }
        Ok(all)
    }

    fn conjunction(&mut self, depth: usize) -> Result<Alternatives, Refused> {
        let mut all = self.term(depth)?;
        while self.peek() == Some(&Token::Word("AND".to_owned())) {
            self.at += 1;
            let more = self.term(depth)?;
            // Alternatives on both sides would multiply.
            let ([one], [other]) = (all.as_mut_slice(), more.as_slice()) else { return Err(self.refused()) };
            one.extend_from_slice(other);
        }
        Ok(all)
    }

    fn term(&mut self, depth: usize) -> Result<Alternatives, Refused> {
        match self.next() {
            Some(Token::Open) if depth < MAX_DEPTH => {
                let inside = self.alternatives(depth + 1)?;
                self.expect(&Token::Close)?;
                Ok(inside)
            }
            Some(Token::Word(path)) => {
                self.expect(&Token::Equal)?;
                match self.next() {
                    Some(Token::Text(value) | Token::Word(value)) => Ok(vec![vec![Equality { path, value }]]),
                    _ => Err(self.refused()),
                }
            }
            _ => Err(self.refused()),
        }
    }
}

/// What one alternative comes to.
fn observed(equalities: &[Equality], shown: &str) -> Result<Observed, Refused> {
    let value = |wanted: &dyn Fn(&str) -> bool| {
        equalities.iter().find(|equality| wanted(&equality.path)).map(|equality| equality.value.clone())
    };
    let hash = |name: &'static str| {
        value(&move |path: &str| {
            path.strip_prefix("file:hashes.")
                .is_some_and(|key| key.bytes().filter(|byte| byte.is_ascii_alphanumeric()).eq(name.bytes()))
        })
    };
    // All other things that are asked of a file follow from its hash.
    if equalities.iter().all(|equality| equality.path.starts_with("file:"))
        && let Some(hash) = hash("SHA256").or_else(|| hash("SHA1")).or_else(|| hash("MD5"))
    {
        return Ok(Observed::File(hash));
    }
    let host = value(&|path: &str| {
        matches!(
            path,
            "domain-name:value"
                | "ipv4-addr:value"
                | "ipv6-addr:value"
                | "url:value"
                | "network-traffic:dst_ref.value"
        )
    });
    let port = value(&|path: &str| path == "network-traffic:dst_port");
    match (equalities.len(), host, port) {
        (1, Some(host), None) => Ok(Observed::Network(host)),
        (2, Some(host), Some(port)) if host.contains(':') => {
            Ok(Observed::Network(format!("[{host}]:{port}")))
        }
        (2, Some(host), Some(port)) => Ok(Observed::Network(format!("{host}:{port}"))),
        (1, None, _) => Err(Refused::new("looks for something that is not looked for here", shown)),
        _ => Err(Refused::new("asks for several things at once, which cannot be kept", shown)),
    }
}

fn tokens(pattern: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let after = rest.get(first.len_utf8()..).unwrap_or_default();
        rest = match first {
            '(' | ')' | '[' | ']' | '=' => {
                tokens.push(match first {
                    '(' => Token::Open,
                    ')' => Token::Close,
                    '[' => Token::Square,
                    ']' => Token::EndSquare,
                    _ => Token::Equal,
                });
                // `==` is an equality too.
                if first == '=' { after.strip_prefix('=').unwrap_or(after) } else { after }
            }
            '\'' => {
                let (text, after) = text(after);
                tokens.push(text.map_or(Token::Other, Token::Text));
                after
            }
            _ if first.is_whitespace() => after,
            _ if is_word(first) => {
                let end = word_end(rest);
                let (word, after) = rest.split_at(end);
                tokens.push(Token::Word(word.to_owned()));
                after
            }
            _ => {
                tokens.push(Token::Other);
                after
            }
        };
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | ':' | '.')
}

/// A path may quote a part of itself: `file:hashes.'SHA-256'`.
fn word_end(text: &str) -> usize {
    let mut quoted = false;
    let end = text.char_indices().find(|&(at, c)| {
        if c == '\'' && (quoted || text.get(..at).is_some_and(|before| before.ends_with('.'))) {
            quoted = !quoted;
            return false;
        }
        !quoted && !is_word(c)
    });
    end.map_or(text.len(), |(at, _)| at)
}

/// A text up to its closing quote, and the rest; none where it is not closed.
fn text(rest: &str) -> (Option<String>, &str) {
    let mut value = String::new();
    let mut characters = rest.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' => return (Some(value), rest.get(at + 1..).unwrap_or_default()),
            _ => value.push(c),
        }
    }
    (None, "")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(pattern: &str, expect: Result<&[&str], &str>) {
        let shown = |observed: Result<Observed, Refused>| match observed {
            Ok(Observed::File(text) | Observed::Network(text)) => text,
            Err(refused) => format!("! {}", refused.why),
        };
        match (parse(pattern), expect) {
            (Ok(all), Ok(expect)) => {
                let all: Vec<_> = all.into_iter().map(shown).collect();
                assert_eq!(all.len(), expect.len(), "{pattern}: {all:?}");
                for (found, expect) in all.iter().zip(expect) {
                    match expect.strip_prefix('!') {
                        Some(part) => assert!(found.contains(part), "{pattern}: {found}"),
                        None => assert_eq!(found, expect, "{pattern}"),
                    }
                }
            }
            (Err(refused), Err(part)) => assert!(refused.why.contains(part), "{pattern}: {}", refused.why),
            (found, _) => panic!("{pattern}: {found:?}"),
        }
    }

    #[test]
    fn equalities_are_kept() {
        check("[file:hashes.MD5 = 'aa']", Ok(&["aa"]));
        check("[file:hashes.'SHA-256' = 'aa' OR file:hashes.\u{27}SHA-1\u{27} = 'bb']", Ok(&["aa", "bb"]));
        check("[file:hashes.MD5 = 'aa' AND file:hashes.'SHA-256' = 'bb']", Ok(&["bb"]));
        check("[file:name = 'x' AND file:hashes.MD5 = 'aa']", Ok(&["aa"]));
        check(
            "[domain-name:value='evil.example'] OR [url:value = 'http://evil.example/x']",
            Ok(&["evil.example", "http://evil.example/x"]),
        );
        check(
            "[(ipv4-addr:value = '192.0.2.1') OR (ipv4-addr:value = '192.0.2.2')]",
            Ok(&["192.0.2.1", "192.0.2.2"]),
        );
        check(
            "[network-traffic:dst_ref.value = '192.0.2.1' AND network-traffic:dst_port = 3333]",
            Ok(&["192.0.2.1:3333"]),
        );
        check(r"[url:value = 'http://evil.example/\'x']", Ok(&["http://evil.example/'x"]));
        check("[file:name = 'x' OR file:hashes.MD5 = 'aa']", Ok(&["! not looked for", "aa"]));
        check("[file:hashes.MD5 = 'aa' AND domain-name:value = 'evil.example']", Ok(&["! several things"]));
        check(
            "[domain-name:value = 'evil.example' AND domain-name:resolves_to_refs[*].value = '192.0.2.1']",
            Err("more than"),
        );
    }

    #[test]
    fn what_is_more_is_refused() {
        check("[file:hashes.MD5 = 'aa'] FOLLOWEDBY [file:hashes.MD5 = 'bb']", Err("several observations"));
        check("[file:hashes.MD5 = 'aa'] AND [file:hashes.MD5 = 'bb']", Err("several observations"));
        check("[file:hashes.MD5 = 'aa'] WITHIN 5 SECONDS", Err("several observations"));
        check("[file:hashes.MD5 != 'aa']", Err("more than"));
        check("[NOT file:hashes.MD5 = 'aa']", Err("more than"));
        check("[domain-name:value LIKE '%.example']", Err("more than"));
        check("[domain-name:value IN ('a.example')]", Err("more than"));
        check("[file:hashes.MD5 = 'aa'", Err("more than"));
        check("[file:hashes.MD5 = 'aa", Err("more than"));
        check("", Err("more than"));
        check(&format!("[{}", "(".repeat(60_000)), Err("more than"));
        check(&" ".repeat(70_000), Err("longer"));
        check("[(a:b = 'c' OR a:b = 'd') AND e:f = 'g']", Err("more than"));
    }

    proptest! {
        #[test]
        fn no_pattern_panics(pattern in "[\\[\\]()='a-zA-Z:. \\\\é-]{0,60}") {
            let _ = parse(&pattern);
        }
    }
}
