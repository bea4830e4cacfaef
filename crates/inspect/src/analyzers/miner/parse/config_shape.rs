use super::command::is_mining_algorithm;
use super::endpoint::{self, Endpoint};
use super::wallets::{self, Coin};
use memchr::memmem;
use serde::{Deserialize, Serialize};

/// The configuration of a miner, as data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigShape {
    /// Its line, the first is 1.
    pub line: u32,
    /// Where it gets work, of its first pool.
    pub endpoint: Option<Endpoint>,
    /// The account, where it is an address with a valid checksum.
    pub wallet: Option<(Coin, String)>,
    /// Whether the account is one at all, not empty and not the text that asks for one.
    pub account: bool,
    /// Keys that a miner's configuration has beside server and account.
    pub keys: u8,
    /// Of these, keys and values that nothing else has.
    pub own: u8,
}

impl ConfigShape {
    /// Whether it has the parts that no pool of connections to a database has.
    pub(in crate::analyzers::miner) fn is_miner(&self) -> bool {
        let own = self.own + u8::from(self.wallet.is_some());
        let stratum = self.endpoint.as_ref().is_some_and(|endpoint| endpoint.stratum);
        self.endpoint.is_some() && ((self.keys >= 2 && own >= 1) || (self.keys >= 1 && stratum))
    }
}

/// The key of the list of pools.
pub(super) const POOLS: &str = "pools";
/// Most bytes that are read of one list of pools.
const MAX_BYTES: usize = 64 << 10;
/// How far around the pools the other keys of the configuration are looked for.
const AROUND: usize = 4 << 10;
/// Deepest nesting that is read.
const MAX_DEPTH: u32 = 16;

/// Keys of one pool, and whether nothing else has them.
const OF_POOL: &[(&str, bool)] = &[
    ("pass", false),
    ("rig-id", true),
    ("keepalive", false),
    ("nicehash", true),
    ("tls-fingerprint", false),
    ("daemon", false),
    ("self-select", true),
    ("daemon-poll-interval", true),
];
/// Keys beside the list of pools.
const BESIDE: &[(&str, bool)] = &[
    ("donate-level", true),
    ("donate-over-proxy", true),
    ("randomx", true),
    ("huge-pages", false),
    ("max-threads-hint", true),
    ("argon2-impl", true),
    ("cc-client", true),
    ("opencl", false),
    ("cuda", false),
    ("print-time", false),
    ("health-print-time", true),
    ("retry-pause", false),
    ("autosave", false),
    ("cpu-affinity", false),
];

/// The first configuration of a miner in a text, and the offset where it is met: in a file of its own, or within
/// a script that writes it. The list of pools is read as JSON with the liberties that miners take: comments,
/// commas before a bracket, keys given twice.
pub(super) fn find(text: &[u8]) -> Option<(usize, ConfigShape)> {
    let mut from = 0;
    loop {
        let at = from + memmem::find(text.get(from..)?, POOLS.as_bytes())?;
        from = at + POOLS.len();
        let quote = *text.get(at.checked_sub(1)?)?;
        let body = text.get(from..text.len().min(from + MAX_BYTES))?;
        // Within a quoted text of code every quote is escaped.
        let escaped = at >= 2 && text.get(at - 2) == Some(&b'\\');
        let start = usize::from(escaped);
        if body.get(start) != Some(&quote) {
            continue;
        }
        let mut reader = Reader { text: body, at: start + 1, escaped, shape: ConfigShape::default() };
        if reader.take(b':').is_some() {
            reader.pools();
            let mut shape = reader.shape;
            // What was read is not read again, so that the time is that of one pass.
            from += reader.at.min(body.len());
            if shape.endpoint.is_some() {
                beside(text, at, &mut shape);
                if shape.is_miner() {
                    return Some((at, shape));
                }
            }
        }
    }
}

/// Counts the keys of the whole configuration near its list of pools.
fn beside(text: &[u8], at: usize, shape: &mut ConfigShape) {
    let near = text.get(at.saturating_sub(AROUND)..text.len().min(at + AROUND)).unwrap_or_default();
    for (key, own) in BESIDE {
        let is_key = memmem::find_iter(near, key.as_bytes()).take(8).any(|start| {
            let before = start.checked_sub(1).and_then(|before| near.get(before));
            let after = near.get(start + key.len()..).unwrap_or_default().trim_ascii_start();
            let after = after.strip_prefix(b"\\").unwrap_or(after);
            matches!(before, Some(b'"' | b'\''))
                && matches!(after, [b'"' | b'\'', rest @ ..] if rest.trim_ascii_start().starts_with(b":"))
        });
        if is_key {
            shape.keys += 1;
            shape.own += u8::from(*own);
        }
    }
}

/// What is written beside a server of the mining protocol: `"url": "stratum+tcp://…", "user": …, "algo": …`, as
/// the configuration of a miner without a list of pools has it.
pub(super) fn around_uri(text: &[u8], at: usize) -> Option<ConfigShape> {
    const KEYS: &[&str] =
        &["pass", "algo", "threads", "coin", "keepalive", "retries", "intensity", "donate-level"];
    let (from, to) = (at.saturating_sub(1 << 10), text.len().min(at + (1 << 10)));
    let before = text.get(from..at)?.trim_ascii_end();
    let before = before.strip_suffix(b"\"")?.trim_ascii_end().strip_suffix(b":")?.trim_ascii_end();
    if !before.ends_with(b"\"url\"")
        && !before.ends_with(b"\"pool\"")
        && !before.ends_with(b"\"pool_address\"")
    {
        return None;
    }
    let endpoint = endpoint::stratum_at(text.get(at..)?)?;
    let near = text.get(from..to)?;
    let has = |key: &str| memmem::find(near, format!("\"{key}\"").as_bytes()).is_some();
    let account = has("user") || has("wallet") || has("wallet_address") || has("userpass");
    let keys = KEYS.iter().filter(|key| has(key)).count() as u8;
    (account && keys > 0).then(|| ConfigShape {
        endpoint: Some(endpoint),
        account,
        keys,
        own: u8::from(has("donate-level")),
        ..ConfigShape::default()
    })
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    /// Whether it is quoted in code, so that there is a backslash before every quote.
    escaped: bool,
    shape: ConfigShape,
}

impl<'t> Reader<'t> {
    /// The list of pools: what its first pool with server and account says.
    fn pools(&mut self) -> Option<()> {
        self.take(b'[')?;
        for _ in 0..64 {
            match self.peek()? {
                b']' => break,
                b',' => self.at += 1,
                b'{' => {
                    let mut pool = ConfigShape::default();
                    let whole = self.object(&mut pool, 0);
                    if pool.endpoint.is_some() && self.shape.endpoint.is_none() {
                        self.shape = pool;
                    }
                    whole?;
                }
                _ => self.value(0)?,
            }
        }
        Some(())
    }

    fn object(&mut self, pool: &mut ConfigShape, depth: u32) -> Option<()> {
        self.take(b'{')?;
        let (mut url, mut user) = (None, None);
        let mut seen = 0_u16;
        let (mut algorithm, mut mining) = (false, false);
        let mut whole = None;
        while let Some(byte) = self.peek() {
            match byte {
                b'}' => {
                    self.at += 1;
                    whole = Some(());
                    break;
                }
                b',' => {
                    self.at += 1;
                    continue;
                }
                _ => {}
            }
            let Some(key) = self.string() else { break };
            if self.take(b':').is_none() {
                break;
            }
            if let Some(number) = OF_POOL.iter().position(|(known, _)| known.as_bytes() == key) {
                seen |= 1 << number;
            }
            if matches!(self.peek(), Some(b'"' | b'\'')) {
                let Some(value) = self.string() else { break };
                match key {
                    b"url" => url = Some(value),
                    b"user" => user = Some(value),
                    b"algo" | b"coin" => {
                        algorithm = true;
                        mining |= is_mining_algorithm(value);
                    }
                    _ => {}
                }
            } else {
                algorithm |= matches!(key, b"algo" | b"coin");
                if self.value(depth + 1).is_none() {
                    break;
                }
            }
        }
        pool.keys = u8::from(algorithm);
        pool.own = u8::from(mining);
        for (number, (_, own)) in OF_POOL.iter().enumerate() {
            if seen & (1 << number) != 0 {
                pool.keys += 1;
                pool.own += u8::from(*own);
            }
        }
        // A server that takes no account is none of a pool.
        if let (Some(url), Some(user)) = (url, user) {
            pool.endpoint = endpoint::read(url);
            pool.wallet = wallets::of_account(user)
                .map(|(coin, text)| (coin, String::from_utf8_lossy(text).into_owned()));
            pool.account = !user.is_empty() && !user.starts_with(b"YOUR");
        }
        whole
    }

    /// Passes over a value.
    fn value(&mut self, depth: u32) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.peek()? {
            b'"' | b'\'' => self.string().map(|_| ()),
            open @ (b'{' | b'[') => {
                let close = if open == b'{' { b'}' } else { b']' };
                self.at += 1;
                loop {
                    match self.peek()? {
                        byte if byte == close => {
                            self.at += 1;
                            return Some(());
                        }
                        b',' | b':' => self.at += 1,
                        _ => self.value(depth + 1)?,
                    }
                }
            }
            _ => {
                let rest = self.text.get(self.at..)?;
                let end = rest.iter().position(|byte| b",:{}[]\"' \t\r\n/".contains(byte))?;
                // Neither a word nor a bracket that belongs here.
                if end == 0 {
                    return None;
                }
                self.at += end;
                Some(())
            }
        }
    }

    fn string(&mut self) -> Option<&'t [u8]> {
        let quote = self.peek().filter(|byte| matches!(byte, b'"' | b'\''))?;
        let rest = self.text.get(self.at + 1..)?;
        let mut end = 0;
        loop {
            end += memchr::memchr3(quote, b'\\', b'\n', rest.get(end..)?)?;
            match rest.get(end)? {
                b'\\' if self.escaped && rest.get(end + 1) == Some(&quote) => break,
                b'\\' => end += 2,
                b'\n' => return None,
                _ => break,
            }
        }
        self.at += end + 2 + usize::from(self.escaped);
        rest.get(..end)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        if self.text.get(self.at) == Some(&byte) || self.peek()? == byte {
            self.at += 1;
            return Some(());
        }
        None
    }

    /// The next byte that is neither blank nor comment.
    fn peek(&mut self) -> Option<u8> {
        loop {
            let rest = self.text.get(self.at..)?;
            let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            self.at += blank;
            let rest = rest.get(blank..)?;
            self.at += match rest {
                [b'/', b'/', ..] => memchr::memchr(b'\n', rest)?,
                [b'/', b'*', ..] => memmem::find(rest, b"*/")? + 2,
                [b'\\', b'n' | b't' | b'r', ..] if self.escaped => 2,
                [b'\\', ..] if self.escaped => 1,
                _ => return rest.first().copied(),
            };
        }
    }
}
