use serde_json::Value;

/// One request of a miner.
pub(super) struct Request {
    pub(super) id: Value,
    pub(super) method: String,
    pub(super) params: Value,
    /// The worker's name, which some put beside the parameters.
    pub(super) worker: String,
}

/// Methods that only miners call.
const METHODS: &[&str] = &[
    "login",
    "submit",
    "keepalived",
    "getjob",
    "mining.subscribe",
    "mining.authorize",
    "mining.submit",
    "mining.extranonce.subscribe",
    "mining.configure",
    "mining.suggest_difficulty",
    "mining.suggest_target",
    "mining.get_transactions",
    "mining.hello",
    "eth_submitLogin",
    "eth_login",
    "eth_getWork",
    "eth_submitWork",
    "eth_submitHashrate",
    "mining.multi_version",
    "mining.noop",
    "mining.hashrate",
];

pub(super) fn taste(bytes: &[u8]) -> u8 {
    let text = bytes.trim_ascii_start();
    if text.first() != Some(&b'{') {
        return 0;
    }
    let Some(method) = named(text) else { return 20 };
    match METHODS.contains(&method) {
        // Others have a `login` too; only a pool's has a wallet, a password or a program's name with it.
        true if method == "login" || method == "submit" => {
            let miner = [&b"\"agent\""[..], b"\"pass\"", b"\"algo\"", b"\"nonce\"", b"\"job_id\""];
            let known = miner.iter().any(|word| text.windows(word.len()).any(|window| window == *word));
            if known { 95 } else { 40 }
        }
        true => 96,
        false => 10,
    }
}

/// The value of `"method"`, without taking the whole text apart: it may not be complete.
fn named(text: &[u8]) -> Option<&str> {
    let key = b"\"method\"";
    let at = text.windows(key.len()).position(|window| window == key)? + key.len();
    let rest =
        text.get(at..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    std::str::from_utf8(rest.get(..end)?).ok()
}

impl Request {
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let mut value: Value = serde_json::from_slice(line).ok()?;
        let method = value.get("method")?.as_str()?.to_owned();
        let worker = value.get("worker").map(text).unwrap_or_default();
        Some(Self {
            id: value.get_mut("id").map(Value::take).unwrap_or_default(),
            params: value.get_mut("params").map(Value::take).unwrap_or_default(),
            method,
            worker,
        })
    }

    /// A parameter by name, as text.
    pub(super) fn named(&self, name: &str) -> String {
        self.params.get(name).map(text).unwrap_or_default()
    }

    /// A parameter by place, as text.
    pub(super) fn at(&self, place: usize) -> String {
        self.params.get(place).map(text).unwrap_or_default()
    }
}

/// A text as it is; a number as it is written.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        Value::Bool(it) => it.to_string(),
        _ => String::new(),
    }
}

/// Hexadecimal digits of so many bytes, with or without `0x`.
pub(super) fn hex(text: &str, bytes: usize) -> Option<Vec<u8>> {
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?;
    (decoded.len() == bytes).then_some(decoded)
}
