use super::parse::{Request, hex};
use crate::protocols::http::{Answer as Page, Asked};
use crate::server::Shared;
use events::{Coin, Pool as Told, bounded};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The pool's side of one connection.
pub(super) struct Pool {
    account: String,
    worker: String,
    agent: String,
    algorithms: Vec<String>,
    ethereum: bool,
}

pub(super) struct Answer {
    pub(super) messages: Vec<Value>,
    pub(super) told: Option<Told>,
}

/// Block, header and seed of all jobs: numbers of no chain, which no honest pool hands out.
const BLOB: &str = "1010f5c7b3b006a3f1c4d8e2796b0f5d41c87e92a6b3540de1f7892b4c6d0e5f38a97b2c1d4e6f0000000055a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f9001";
const SEED: &str = "a81f4c0e6b52d97835c1e0f47a9b62d85e13c7f0942b6da8f15e37c09b84d261";
const JOB: &str = "7c1e5b09a4d2";
const EXTRA: &str = "5f00a3c1";

/// One in four hashes answers a Monero job.
const MONERO_TARGET: &str = "ffffff3f";

/// One in 65,536 of Bitcoin's hashes answers; for coins whose difficulty counts from another one, each does.
const BITCOIN_DIFFICULTY: f64 = 1.0 / 65536.0;

const COINBASE: [&str; 2] = [
    "01000000010000000000000000000000000000000000000000000000000000000000000000ffffffff20020862062f503253482f04b8864e5008",
    "072f736c7573682f000000000100f2052a010000001976a914d23fcdf86f7e756a64a7a9688ef9903327048ed988ac00000000",
];
const PREVIOUS: &str = "4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000";
const VERSION: &str = "20000000";
const BITS: &str = "1d00ffff";
const TIME: &str = "504e86b9";

impl Pool {
    pub(super) fn new() -> Self {
        Self {
            account: String::new(),
            worker: String::new(),
            agent: String::new(),
            algorithms: Vec::new(),
            ethereum: false,
        }
    }

    pub(super) fn answer(&mut self, request: &Request, seconds: u64) -> Answer {
        let ok = |result: Value| json!({"id": request.id, "jsonrpc": "2.0", "error": null, "result": result});
        let plain = |result: Value| json!({"id": request.id, "error": null, "result": result});
        let mut valid = None;
        let (coin, step, messages) = match request.method.as_str() {
            "login" => {
                self.account = request.named("login");
                self.worker = [request.named("rigid"), request.named("pass")]
                    .into_iter()
                    .find(|name| !name.is_empty())
                    .unwrap_or_default();
                self.agent = request.named("agent");
                self.algorithms = algorithms(request.params.get("algo"));
                let job = self.monero_job(seconds);
                let extensions = json!(["algo", "nicehash", "connect", "tls", "keepalive"]);
                let result = json!({"id": "5d3f0a7c", "job": job, "extensions": extensions, "status": "OK"});
                (Coin::Monero, "login", vec![ok(result)])
            }
            "getjob" => (Coin::Monero, "job", vec![ok(self.monero_job(seconds))]),
            "keepalived" => (Coin::Monero, "keepalived", vec![ok(json!({"status": "KEEPALIVED"}))]),
            "submit" => {
                valid = Some(monero_share(request));
                (Coin::Monero, "submit", vec![ok(json!({"status": "OK"}))])
            }
            "mining.subscribe" => {
                self.agent = request.at(0);
                self.ethereum = request.at(1).starts_with("EthereumStratum");
                let result = if self.ethereum {
                    json!([["mining.notify", "ae6812eb4cd7735a", "EthereumStratum/1.0.0"], "a3c1"])
                } else {
                    json!([[["mining.set_difficulty", "b4b6"], ["mining.notify", "ae68"]], EXTRA, 4])
                };
                (self.coin(), "subscribe", vec![plain(result)])
            }
            "mining.authorize" => {
                (self.account, self.worker) = (request.at(0), request.at(1));
                let messages = [vec![plain(json!(true))], self.notify(seconds)].concat();
                (self.coin(), "authorize", messages)
            }
            "mining.submit" => {
                valid = if self.ethereum {
                    Some(request.at(1) == JOB && hex(&request.at(2), 6).is_some())
                } else {
                    bitcoin_share(request)
                };
                (self.coin(), "submit", vec![plain(json!(true))])
            }
            "mining.extranonce.subscribe" => (self.coin(), "subscribe", vec![plain(json!(true))]),
            "mining.configure" => {
                let result = json!({"version-rolling": false, "minimum-difficulty": true, "subscribe-extranonce": false});
                (self.coin(), "configure", vec![plain(result)])
            }
            "eth_submitLogin" | "eth_login" => {
                (self.account, self.worker) = (request.at(0), request.worker.clone());
                if self.worker.is_empty() {
                    self.worker = request.at(1);
                }
                self.ethereum = true;
                (Coin::Ethereum, "login", vec![ok(json!(true))])
            }
            "eth_getWork" => {
                self.ethereum = true;
                (Coin::Ethereum, "job", vec![ok(work())])
            }
            "eth_submitWork" => {
                valid = Some(ethereum_share(request));
                (Coin::Ethereum, "submit", vec![ok(json!(true))])
            }
            "eth_submitHashrate" => (Coin::Ethereum, "hashrate", vec![ok(json!(true))]),
            other if other.starts_with("mining.") => (self.coin(), "other", vec![plain(json!(true))]),
            _ => {
                let error = json!({"code": -32601, "message": "method not found"});
                let message = json!({"id": request.id, "jsonrpc": "2.0", "error": error, "result": null});
                return Answer { messages: vec![message], told: None };
            }
        };
        let told = Told {
            coin,
            step: step.into(),
            account: bounded(self.account.as_bytes()),
            worker: bounded(self.worker.as_bytes()),
            agent: bounded(self.agent.as_bytes()),
            algorithms: self.algorithms.iter().map(|name| bounded(name.as_bytes())).collect(),
            valid,
        };
        Answer { messages, told: Some(told) }
    }

    fn coin(&self) -> Coin {
        if self.ethereum { Coin::Ethereum } else { Coin::Bitcoin }
    }

    fn monero_job(&self, seconds: u64) -> Value {
        // Random numbers are what most know; whoever does not gets the first that it does.
        let known = self.algorithms.iter().find(|name| *name == "rx/0").or(self.algorithms.first());
        let algorithm = known.map_or("rx/0", String::as_str);
        // A block every two minutes since the chain began.
        let height = seconds.saturating_sub(1_397_818_193) / 120;
        json!({"blob": BLOB, "job_id": JOB, "target": MONERO_TARGET, "algo": algorithm, "height": height, "seed_hash": SEED})
    }

    fn notify(&self, _: u64) -> Vec<Value> {
        if self.ethereum {
            return vec![
                json!({"id": null, "method": "mining.set_difficulty", "params": [0.0001]}),
                json!({"id": null, "method": "mining.notify", "params": [JOB, SEED, SEED, true]}),
            ];
        }
        let job = json!([JOB, PREVIOUS, COINBASE[0], COINBASE[1], [], VERSION, BITS, TIME, true]);
        vec![
            json!({"id": null, "method": "mining.set_difficulty", "params": [BITCOIN_DIFFICULTY]}),
            json!({"id": null, "method": "mining.notify", "params": job}),
        ]
    }
}

fn algorithms(value: Option<&Value>) -> Vec<String> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).take(64).map(|name| name.chars().take(64).collect()).collect()
}

fn work() -> Value {
    json!([format!("0x{SEED}"), format!("0x{SEED}"), format!("0x0f{}", "f".repeat(62))])
}

/// Whether a share is for our job, well formed, and its hash below the target that we gave. The hash itself costs
/// 2 GiB to check; who made one up had one chance in four, once.
fn monero_share(request: &Request) -> bool {
    let below = hex(&request.named("result"), 32).is_some_and(|hash| {
        let target =
            hex(MONERO_TARGET, 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_le_bytes);
        let most = u64::MAX / u64::from(u32::MAX / target.max(1));
        let last =
            hash.get(24..32).and_then(|bytes| bytes.try_into().ok()).map_or(u64::MAX, u64::from_le_bytes);
        last <= most
    });
    let nonce = hex(&request.named("nonce"), 4).or_else(|| hex(&request.named("nonce"), 8));
    request.named("job_id") == JOB && nonce.is_some() && below
}

/// Whether a share answers our job under Bitcoin's own hash; none where it is well formed and may answer it under
/// another coin's.
fn bitcoin_share(request: &Request) -> Option<bool> {
    let parts = || {
        let (extra, time, nonce) =
            (hex(&request.at(2), 4)?, hex(&request.at(3), 4)?, hex(&request.at(4), 4)?);
        (request.at(1) == JOB).then_some((extra, time, nonce))
    };
    let Some((extra, time, nonce)) = parts() else { return Some(false) };
    let whole = |text: &str| hex(text, text.len() / 2).unwrap_or_default();
    let coinbase = [whole(COINBASE[0]), whole(EXTRA), extra, whole(COINBASE[1])].concat();
    let turned = |mut bytes: Vec<u8>| {
        bytes.reverse();
        bytes
    };
    // The previous block's hash comes in words of which each is turned around.
    let previous: Vec<u8> = whole(PREVIOUS).chunks(4).flat_map(|word| word.iter().rev().copied()).collect();
    let header = [
        turned(whole(VERSION)),
        previous,
        twice(&coinbase).to_vec(),
        turned(time),
        turned(whole(BITS)),
        turned(nonce),
    ]
    .concat();
    // Difficulty 1/65536: 0xffff << 208, shifted by 16.
    let hash = twice(&header);
    let easy = hash.iter().rev().take(2).all(|byte| *byte == 0);
    easy.then_some(true)
}

fn twice(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(Sha256::digest(bytes)).into()
}

fn ethereum_share(request: &Request) -> bool {
    let header = hex(&request.at(1), 32);
    hex(&request.at(0), 8).is_some() && header == hex(SEED, 32) && hex(&request.at(2), 32).is_some()
}

/// Miners that speak to a daemon instead of a pool.
pub(crate) fn over_http(asked: &Asked<'_>, shared: &Shared) -> Option<Page> {
    if asked.method != "POST" && asked.path != "/getheight" {
        return None;
    }
    let height = shared.world.clock.seconds().saturating_sub(1_397_818_193) / 120;
    let tell = |coin, step: &str, account: String| {
        asked.flow.tell(events::WireKind::Pool(Box::new(Told {
            coin,
            step: step.into(),
            account: bounded(account.as_bytes()),
            worker: bounded(b""),
            agent: bounded(asked.agent.as_bytes()),
            algorithms: Vec::new(),
            valid: None,
        })));
    };
    if asked.path == "/getheight" || asked.path == "/getinfo" {
        let body =
            json!({"height": height, "hash": SEED, "status": "OK", "untrusted": false, "synchronized": true});
        return Some(Page::json(200, &body));
    }
    let request = Request::parse(&asked.body)?;
    let result = match request.method.as_str() {
        "getblocktemplate" | "get_block_template" if request.params.is_object() => {
            tell(Coin::Monero, "login", request.named("wallet_address"));
            json!({"blocktemplate_blob": BLOB, "blockhashing_blob": BLOB, "difficulty": 4, "height": height,
                "prev_hash": SEED, "seed_hash": SEED, "reserved_offset": 60, "status": "OK"})
        }
        "submitblock" | "submit_block" => {
            tell(Coin::Monero, "submit", String::new());
            json!({"status": "OK"})
        }
        "getblocktemplate" => {
            tell(Coin::Bitcoin, "subscribe", String::new());
            json!({"version": 0x2000_0000, "previousblockhash": SEED, "transactions": [], "coinbasevalue": 312_500_000,
                "target": format!("0000ffff{}", "0".repeat(56)), "mintime": 1, "curtime": shared.world.clock.seconds(),
                "bits": BITS, "height": height, "mutable": ["time", "transactions", "prevblock"], "noncerange": "00000000ffffffff"})
        }
        "get_info" | "get_version" => {
            json!({"height": height, "status": "OK", "version": "0.18.3.4-release"})
        }
        "eth_getWork" => {
            tell(Coin::Ethereum, "job", String::new());
            work()
        }
        "eth_submitWork" => {
            tell(Coin::Ethereum, "submit", String::new());
            json!(true)
        }
        _ => return None,
    };
    Some(Page::json(200, &json!({"id": request.id, "jsonrpc": "2.0", "result": result})).served("pool"))
}
