use super::SecretKind;
use base64::Engine as _;

/// A secret in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hit<'t> {
    pub(super) kind: SecretKind,
    pub(super) secret: &'t [u8],
}

/// How far from its id the secret of AWS is looked for.
const NEAR: usize = 256;
/// Longest token.
const MAX_TOKEN: usize = 4 << 10;

/// The id of an access key with its secret near it. The id alone opens nothing.
pub(super) fn aws(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let id = word(text, at, 20, |byte| byte.is_ascii_uppercase() || matches!(byte, b'2'..=b'7'))?;
    if id.ends_with(b"EXAMPLE") {
        return None;
    }
    let is_secret = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+');
    let window = text.get(at.saturating_sub(NEAR)..(at + id.len() + NEAR).min(text.len()))?;
    let secret =
        window.split(|byte| !is_secret(byte)).find(|word| word.len() == 40 && entropy(word) > 4.0)?;
    // A digest in hexadecimal has the same length.
    if secret.iter().all(u8::is_ascii_hexdigit) || is_placeholder(secret) {
        return None;
    }
    Some(Hit { kind: SecretKind::AwsPair, secret })
}

/// A token of GitHub: thirty characters and their CRC-32.
pub(super) fn github(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let secret = word(text, at, 40, |byte| byte.is_ascii_alphanumeric() || byte == b'_')?;
    checksum_holds(secret.get(4..)?).then_some(Hit { kind: SecretKind::Github, secret })
}

pub(super) fn github_fine(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let secret = word(text, at, 93, |byte| byte.is_ascii_alphanumeric() || byte == b'_')?;
    let (id, rest) = secret.get(11..)?.split_at_checked(22)?;
    let right = rest.first() == Some(&b'_') && !id.contains(&b'_') && entropy(rest) > 4.0;
    right.then_some(Hit { kind: SecretKind::Github, secret })
}

/// A token of npm, made as GitHub makes its own.
pub(super) fn npm(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let secret = word(text, at, 40, |byte| byte.is_ascii_alphanumeric() || byte == b'_')?;
    checksum_holds(secret.get(4..)?).then_some(Hit { kind: SecretKind::Npm, secret })
}

/// `//registry/:_authToken=…`.
pub(super) fn npm_setting(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let rest = text.get(at + "_authToken".len()..)?;
    let rest = rest.get(..rest.len().min(256))?;
    let line = rest.split(|&byte| byte == b'\n').next()?.trim_ascii();
    let secret = line.strip_prefix(b"=")?.trim_ascii();
    let secret = secret.strip_prefix(b"\"").and_then(|inner| inner.strip_suffix(b"\"")).unwrap_or(secret);
    let token =
        secret.len() >= 20 && secret.iter().all(|byte| is_token(*byte)) && !secret.starts_with(b"npm_");
    (token && entropy(secret) > 3.0 && !is_placeholder(secret))
        .then_some(Hit { kind: SecretKind::Npm, secret })
}

pub(super) fn gitlab(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let secret = run(text, at, is_token)?;
    let right =
        (26..=64).contains(&secret.len()) && entropy(secret.get(6..)?) > 3.5 && !is_placeholder(secret);
    right.then_some(Hit { kind: SecretKind::Gitlab, secret })
}

/// `xoxb-NUMBER-NUMBER-RANDOM`.
pub(super) fn slack(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let secret = run(text, at, |byte| byte.is_ascii_alphanumeric() || byte == b'-')?;
    let mut parts = secret.get(5..)?.split(|&byte| byte == b'-');
    let number = parts.next()?;
    let last = parts.next_back()?;
    let right = (9..=14).contains(&number.len())
        && number.iter().all(u8::is_ascii_digit)
        && last.len() >= 20
        && entropy(last) > 3.0
        && !is_placeholder(secret);
    right.then_some(Hit { kind: SecretKind::Slack, secret })
}

pub(super) fn slack_hook(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let rest = text.get(at + "hooks.slack.com/services/".len()..)?;
    let rest = rest.get(..rest.len().min(128))?;
    let end =
        rest.iter().position(|&byte| !(byte.is_ascii_alphanumeric() || byte == b'/')).unwrap_or(rest.len());
    let secret = rest.get(..end)?;
    let mut parts = secret.split(|&byte| byte == b'/');
    let (team, hook, key) = (parts.next()?, parts.next()?, parts.next()?);
    let id = |id: &[u8], first| id.first() == Some(&first) && id.len() >= 9;
    let right = id(team, b'T') && id(hook, b'B') && key.len() >= 20 && entropy(key) > 3.5;
    right.then_some(Hit { kind: SecretKind::Slack, secret })
}

pub(super) fn stripe(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let secret = run(text, at, |byte| byte.is_ascii_alphanumeric() || byte == b'_')?;
    let key = secret.get(8..)?;
    let right = key.len() >= 24 && key.iter().all(u8::is_ascii_alphanumeric) && entropy(key) > 3.5;
    (right && !is_placeholder(secret)).then_some(Hit { kind: SecretKind::Stripe, secret })
}

pub(super) fn pypi(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let secret = run(text, at, is_token)?;
    (secret.len() >= 80 && entropy(secret) > 4.0).then_some(Hit { kind: SecretKind::Pypi, secret })
}

pub(super) fn google(text: &[u8], at: usize) -> Option<Hit<'_>> {
    let secret = word(text, at, 39, is_token)?;
    (entropy(secret) > 4.0).then_some(Hit { kind: SecretKind::GoogleApi, secret })
}

/// A JSON Web Token that does not run out within half a year of being made.
pub(super) fn web_token(text: &[u8], at: usize) -> Option<Hit<'_>> {
    #[derive(serde::Deserialize)]
    struct Header {
        alg: String,
    }
    #[derive(serde::Deserialize)]
    struct Claims {
        #[serde(default)]
        sub: serde_json::Value,
        exp: Option<f64>,
        iat: Option<f64>,
        nbf: Option<f64>,
    }
    const HALF_A_YEAR: f64 = 180.0 * 86_400.0;
    let secret = run(text, at, |byte| is_token(byte) || byte == b'.')?;
    let mut parts = secret.split(|&byte| byte == b'.');
    let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || signature.len() < 32 || !claims.starts_with(b"eyJ") {
        return None;
    }
    let decode = |part| base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(part).ok();
    let header: Header = serde_json::from_slice(&decode(header)?).ok()?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?).ok()?;
    // The subject of the example that documentation copies everywhere.
    if header.alg.eq_ignore_ascii_case("none") || claims.sub.as_str() == Some("1234567890") {
        return None;
    }
    let long = match (claims.exp, claims.iat.or(claims.nbf)) {
        (Some(end), Some(start)) => end - start >= HALF_A_YEAR,
        (Some(_), None) => false,
        (None, _) => true,
    };
    long.then_some(Hit { kind: SecretKind::LongToken, secret })
}

/// `scheme://user:password@host`.
pub(super) fn url_password(text: &[u8], at: usize) -> Option<Hit<'_>> {
    const LONGEST: usize = 256;
    let rest = text.get(at + 3..)?;
    let rest = rest.get(..rest.len().min(LONGEST))?;
    let stop = |byte: &u8| {
        byte.is_ascii_whitespace() || byte.is_ascii_control() || b"/?#\"'`<>\\{}|()$,".contains(byte)
    };
    let end = rest.iter().position(stop).unwrap_or(rest.len());
    let authority = rest.get(..end)?;
    let host_at = memchr::memrchr(b'@', authority)?;
    let (user, host) = (authority.get(..host_at)?, authority.get(host_at + 1..)?);
    let colon = memchr::memchr(b':', user)?;
    let (name, secret) = (user.get(..colon)?, user.get(colon + 1..)?);
    let host = host.split(|&byte| byte == b':').next()?;
    let nobody = host.is_empty()
        || host.starts_with(b"localhost")
        || host.starts_with(b"127.")
        || host.starts_with(b"example.")
        || memchr::memmem::find(host, b".example").is_some();
    let right = !nobody && secret != name && secret.len() >= 6 && is_password(secret);
    right.then_some(Hit { kind: SecretKind::UrlPassword, secret })
}

/// Whether a value under a name that says it is secret may be one.
pub(super) fn is_named_secret(name: &[u8], value: &[u8]) -> bool {
    const WORDS: [&[u8]; 8] =
        [b"PASSWORD", b"PASSWD", b"SECRET", b"TOKEN", b"API_KEY", b"APIKEY", b"PRIVATE_KEY", b"ACCESS_KEY"];
    // A file, an address, a length, a switch about a secret is none.
    const NOT: [&[u8]; 8] = [b"_FILE", b"_PATH", b"_URL", b"_ID", b"_LENGTH", b"_TTL", b"_NAME", b"_EXPIRY"];
    let name = name.to_ascii_uppercase();
    WORDS.iter().any(|word| memchr::memmem::find(&name, word).is_some())
        && !NOT.iter().any(|end| name.ends_with(end))
        && !value.starts_with(b"/")
        && value.len() >= 8
        && value.len() <= MAX_TOKEN
        && is_password(value)
}

/// Whether somebody would take this for a password, and not for the place of one.
fn is_password(value: &[u8]) -> bool {
    let classes = [
        value.iter().any(u8::is_ascii_lowercase),
        value.iter().any(u8::is_ascii_uppercase),
        value.iter().any(u8::is_ascii_digit),
        value.iter().any(|byte| byte.is_ascii_punctuation()),
    ];
    let mixed = classes.iter().filter(|&&class| class).count() >= 2;
    mixed && entropy(value) > 2.5 && !value.iter().any(u8::is_ascii_whitespace) && !is_placeholder(value)
}

/// Whether a text stands for a secret without being one.
pub(super) fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 20] = [
        b"example",
        b"changeme",
        b"change-me",
        b"change_me",
        b"changethis",
        b"your",
        b"xxxx",
        b"placeholder",
        b"redacted",
        b"dummy",
        b"sample",
        b"insert",
        b"replace",
        b"todo",
        b"fake",
        b"password",
        b"passw0rd",
        b"secret",
        b"123456",
        b"abcdef",
    ];
    let value = value.get(..value.len().min(256)).unwrap_or_default().to_ascii_lowercase();
    let syntax = value.iter().any(|byte| b"<>{}$*".contains(byte)) || value.starts_with(b"%");
    syntax || WORDS.iter().any(|word| memchr::memmem::find(&value, word).is_some())
}

/// Bits of Shannon's entropy per character.
pub(super) fn entropy(text: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    for &byte in text {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let len = text.len() as f64;
    let bits = |count: &u32| {
        let share = f64::from(*count) / len;
        -share * share.log2()
    };
    counts.iter().filter(|&&count| count > 0).map(bits).sum()
}

/// Whether the last six characters are the CRC-32 of the others, in base 62.
pub(super) fn checksum_holds(body: &[u8]) -> bool {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let Some((random, sum)) = body.len().checked_sub(6).and_then(|at| body.split_at_checked(at)) else {
        return false;
    };
    let mut value = crc32(random);
    let mut right = true;
    for &digit in sum.iter().rev() {
        right &= DIGITS.get((value % 62) as usize) == Some(&digit);
        value /= 62;
    }
    right && value == 0
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0_u32, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 & (sum & 1).wrapping_neg()))
    })
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

/// The run of such bytes that begins here, and only here.
fn run(text: &[u8], at: usize, inside: impl Fn(u8) -> bool) -> Option<&[u8]> {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    if before.is_some_and(|&byte| inside(byte)) {
        return None;
    }
    let rest = text.get(at..)?;
    let rest = rest.get(..rest.len().min(MAX_TOKEN))?;
    rest.get(..rest.iter().position(|&byte| !inside(byte)).unwrap_or(rest.len()))
}

/// As [`run`], of exactly this length.
fn word(text: &[u8], at: usize, len: usize, inside: impl Fn(u8) -> bool) -> Option<&[u8]> {
    let before = at.checked_sub(1).and_then(|before| text.get(before));
    let after = text.get(at.checked_add(len)?);
    let word = text.get(at..at + len)?;
    let bounded =
        !before.is_some_and(u8::is_ascii_alphanumeric) && !after.is_some_and(u8::is_ascii_alphanumeric);
    (bounded && word.iter().all(|&byte| inside(byte))).then_some(word)
}
