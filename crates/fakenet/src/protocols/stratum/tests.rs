use super::parse::{Request, taste};
use crate::testing::Bed;
use proptest::prelude::*;

fn check(text: &str, is: bool) {
    assert_eq!(taste(text.as_bytes()) > 80, is, "{text}");
}

const LOGIN: &str = r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD","pass":"web-1","agent":"XMRig/6.21.0","algo":["cn/0","rx/0","rx/wow"]}}"#;

#[test]
fn pools_are_spoken_to_by_miners_only() {
    check(LOGIN, true);
    check(r#"{"id": 1, "method": "mining.subscribe", "params": ["cpuminer/2.5.1"]}"#, true);
    check(r#"{"jsonrpc":"2.0","method":"eth_submitLogin","params":["0xabc"]}"#, true);
    check(r#"{"method":"login","params":{"user":"a","password":"b"}}"#, false);
    check(r#"{"method":"tools/list"}"#, false);
    check("{}", false);
    check("GET / HTTP/1.1", false);
}

#[test]
fn monero_shares_are_checked() {
    let bed = Bed::new();
    let submit = |nonce: &str, result: &str, job: &str| {
        format!(
            "{{\"id\":2,\"method\":\"submit\",\"params\":{{\"id\":\"x\",\"job_id\":\"{job}\",\"nonce\":\"{nonce}\",\"result\":\"{result}\"}}}}\n"
        )
    };
    let (low, high) = (format!("{}0000", "ab".repeat(30)), "ff".repeat(32));
    let login = format!("{LOGIN}\n");
    let steps: Vec<String> = vec![
        submit("01020304", &low, "7c1e5b09a4d2"),
        submit("01020304", &high, "7c1e5b09a4d2"),
        submit("01020304", &low, "other"),
        submit("zz", &low, "7c1e5b09a4d2"),
        "{\"id\":3,\"method\":\"keepalived\",\"params\":{\"id\":\"x\"}}\n".into(),
    ];
    let mut says: Vec<(&[u8], &str)> = vec![(login.as_bytes(), "seed_hash")];
    says.extend(steps.iter().map(|step| (step.as_bytes(), "\"result\"")));
    let heard = bed.says("203.0.113.5:443", &says);
    assert!(heard.contains("\"algo\":\"rx/0\""), "{heard}");
    bed.check("pool Monero login account=48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD worker=web-1 agent=XMRig/6.21.0 valid=None");
    let shares: Vec<String> = bed.told().into_iter().filter(|line| line.contains("submit")).collect();
    let valid: Vec<bool> = shares.iter().map(|line| line.ends_with("valid=Some(true)")).collect();
    assert_eq!(valid, [true, false, false, false], "{shares:?}");
    bed.check("pool Monero keepalived");
}

/// A miner for our job, as short as one can be.
fn mine() -> (String, String) {
    use sha2::{Digest, Sha256};
    let whole = |text: &str| data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes()).unwrap();
    let twice = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(Sha256::digest(bytes)).into() };
    let bed = Bed::new();
    let heard = bed.says(
        "203.0.113.5:3333",
        &[
            (b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"m/1\"]}\n", "]"),
            (
                b"{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"bc1qexample.rig\",\"x\"]}\n",
                "mining.notify\",\"params\":[\"7c",
            ),
        ],
    );
    let job: serde_json::Value = heard
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .rfind(|it: &serde_json::Value| it["method"] == "mining.notify")
        .unwrap();
    let at = |index: usize| whole(job["params"][index].as_str().unwrap());
    let extra = "00000001";
    let coinbase = [at(2), whole("5f00a3c1"), whole(extra), at(3)].concat();
    let root = twice(&coinbase);
    let previous: Vec<u8> = at(1).chunks(4).flat_map(|word| word.iter().rev().copied()).collect();
    let back = |mut bytes: Vec<u8>| {
        bytes.reverse();
        bytes
    };
    let mut header = [back(at(5)), previous, root.to_vec(), back(at(7)), back(at(6)), vec![0; 4]].concat();
    for nonce in 0_u32.. {
        header[76..].copy_from_slice(&nonce.to_le_bytes());
        if twice(&header)[30..] == [0, 0] {
            return (extra.into(), format!("{nonce:08x}"));
        }
    }
    unreachable!()
}

#[test]
fn bitcoin_shares_are_checked() {
    let (extra, nonce) = mine();
    let bed = Bed::new();
    let submit = |nonce: &str, extra: &str| {
        format!(
            "{{\"id\":4,\"method\":\"mining.submit\",\"params\":[\"bc1qexample.rig\",\"7c1e5b09a4d2\",\"{extra}\",\"504e86b9\",\"{nonce}\"]}}\n"
        )
    };
    let (good, bad, other) = (submit(&nonce, &extra), submit("nonsense", &extra), submit("00000000", &extra));
    bed.says(
        "203.0.113.5:80",
        &[
            (b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"cpuminer/2.5.1\"]}\n", "5f00a3c1"),
            (
                b"{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"bc1qexample.rig\",\"x\"]}\n",
                "mining.notify",
            ),
            (good.as_bytes(), "true"),
            (bad.as_bytes(), "true"),
            (other.as_bytes(), "true"),
        ],
    );
    bed.check("pool Bitcoin authorize account=bc1qexample.rig worker=x agent=cpuminer/2.5.1");
    let shares: Vec<String> = bed.told().into_iter().filter(|line| line.contains("submit")).collect();
    assert!(shares[0].ends_with("valid=Some(true)"), "{shares:?}");
    assert!(shares[1].ends_with("valid=Some(false)"), "{shares:?}");
    assert!(shares[2].ends_with("valid=None"), "{shares:?}");
}

#[test]
fn ethereum_is_spoken() {
    let bed = Bed::new();
    let seed = "a81f4c0e6b52d97835c1e0f47a9b62d85e13c7f0942b6da8f15e37c09b84d261";
    let submit = format!(
        "{{\"id\":3,\"method\":\"eth_submitWork\",\"params\":[\"0x0000000000000001\",\"0x{seed}\",\"0x{seed}\"]}}\n"
    );
    bed.says("203.0.113.5:4444", &[
        (b"{\"id\":1,\"worker\":\"rig1\",\"method\":\"eth_submitLogin\",\"params\":[\"0x00000000000000000000000000000000000000aa\",\"x\"]}\n", "true"),
        (b"{\"id\":2,\"method\":\"eth_getWork\",\"params\":[]}\n", "0x0f"),
        (submit.as_bytes(), "true"),
    ]);
    bed.check("pool Ethereum login account=0x00000000000000000000000000000000000000aa worker=rig1");
    bed.check("pool Ethereum submit account=0x00000000000000000000000000000000000000aa worker=rig1 agent= valid=Some(true)");
    let bed = Bed::new();
    bed.says("203.0.113.5:4444", &[
        (b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"miner/1\",\"EthereumStratum/1.0.0\"]}\n", "EthereumStratum"),
        (b"{\"id\":2,\"method\":\"mining.authorize\",\"params\":[\"0xaa.rig\",\"x\"]}\n", "mining.notify"),
        (b"{\"id\":3,\"method\":\"mining.submit\",\"params\":[\"0xaa.rig\",\"7c1e5b09a4d2\",\"000000000001\"]}\n", "true"),
    ]);
    bed.check("pool Ethereum submit account=0xaa.rig worker=x agent=miner/1 valid=Some(true)");
}

#[test]
fn daemons_are_spoken_to_over_http() {
    let bed = Bed::new();
    let body = r#"{"id":"0","jsonrpc":"2.0","method":"getblocktemplate","params":{"wallet_address":"48edf","reserve_size":8}}"#;
    let request = format!(
        "POST /json_rpc HTTP/1.1\r\nHost: node.example\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    bed.says("203.0.113.5:18081", &[(request.as_bytes(), "blocktemplate_blob")]);
    bed.check("pool Monero login account=48edf");
}

proptest! {
    #[test]
    fn nothing_breaks_it(line in proptest::collection::vec(any::<u8>(), 0..200), method in "[a-z._]{0,20}", value in any::<u64>()) {
        taste(&line);
        Request::parse(&line);
        for params in [serde_json::json!([value, null, {"a": value}]), serde_json::json!({"login": value, "algo": [value]}), serde_json::json!(value)] {
            let line = serde_json::json!({"id": value, "method": method, "params": params}).to_string();
            for method in ["login", "submit", "mining.submit", "eth_submitWork", "mining.subscribe"] {
                let request = Request::parse(line.replace(&format!("\"method\":{}", serde_json::json!(method)), "\"method\":\"login\"").as_bytes());
                if let Some(mut request) = request {
                    request.method = method.into();
                    super::answer::Pool::new().answer(&request, value);
                }
            }
        }
    }
}
