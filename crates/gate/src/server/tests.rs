use super::*;
use crate::config::Span;
use axum::routing::get;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    served: tokio::task::JoinHandle<usize>,
}

async fn start(limits: Limits) -> Running {
    let router = Router::new()
        .route("/", get(|ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.ip().to_string() }))
        .route(
            "/slow",
            get(|| async {
                tokio::time::sleep(Duration::from_millis(400)).await;
                "done"
            }),
        );
    let listener = listen(([127, 0, 0, 1], 0).into()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = watch::channel(false);
    let served = tokio::spawn(serve(
        Listening { listener, tls: None, limits, trusts_proxy: false, open: Gauge::default() },
        router,
        stopped,
    ));
    Running { address, stop, served }
}

fn limits() -> Limits {
    Limits { header_timeout: Span(Duration::from_millis(200)), ..Limits::default() }
}

fn block_on<F: Future<Output = ()>>(test: F) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
    String::from_utf8_lossy(&answer).into_owned()
}

const PLAIN: &str = "GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";

#[test]
fn requests_know_whom_they_come_from() {
    block_on(async {
        let running = start(limits()).await;
        let answer = ask(running.address, PLAIN).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("127.0.0.1"), "{answer}");
    });
}

/// Whoever sends his request byte by byte, or nothing at all, is let go of in time.
#[test]
fn slow_clients_are_cut() {
    block_on(async {
        let running = start(limits()).await;
        for begin in ["", "GET", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost: x\r\nx-slow: "] {
            let started = Instant::now();
            let mut stream = TcpStream::connect(running.address).await.unwrap();
            stream.write_all(begin.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let ended = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await;
            assert!(ended.is_ok(), "{begin:?} is still held after {:?}", started.elapsed());
            assert!(!answer.starts_with(b"HTTP/1.1 200"), "{begin:?}");
        }
    });
}

#[test]
fn one_address_has_its_share_and_no_more() {
    block_on(async {
        let running = start(Limits { connections_per_address: 2, ..Limits::default() }).await;
        let mut held = Vec::new();
        for _ in 0..2 {
            let mut stream = TcpStream::connect(running.address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200");
            held.push(stream);
        }
        assert_eq!(ask(running.address, PLAIN).await, "");
        drop(held);
        // The places are given back as soon as the server has seen the end of the connections.
        let mut answer = String::new();
        for _ in 0..100 {
            answer = ask(running.address, PLAIN).await;
            if !answer.is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    });
}

#[test]
fn what_runs_may_end_and_nothing_new_begins() {
    block_on(async {
        let running = start(Limits::default()).await;
        let address = running.address;
        let slow = tokio::spawn(async move { ask(address, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        running.stop.send(true).unwrap();
        assert!(slow.await.unwrap().ends_with("done"));
        assert_eq!(running.served.await.unwrap(), 0);
        assert!(TcpStream::connect(address).await.is_err());
    });
}

#[test]
fn who_does_not_end_in_time_is_cut() {
    block_on(async {
        let limits = Limits { drain: Span(Duration::from_millis(50)), ..Limits::default() };
        let running = start(limits).await;
        let address = running.address;
        let _slow = tokio::spawn(async move { ask(address, "GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await });
        tokio::time::sleep(Duration::from_millis(100)).await;
        running.stop.send(true).unwrap();
        assert_eq!(running.served.await.unwrap(), 1);
    });
}

#[test]
fn an_address_of_ipv6_is_its_network() {
    let check = |address: &str, expect: &str| {
        assert_eq!(neighbourhood(address.parse().unwrap()).to_string(), expect);
    };
    check("192.0.2.1", "192.0.2.1");
    check("::ffff:192.0.2.1", "192.0.2.1");
    check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
}

#[test]
fn only_our_proxy_says_whom_a_request_comes_from() {
    let peer: SocketAddr = "127.0.0.1:1".parse().unwrap();
    let check = |trusts_proxy, forwarded: &[&str], expect: &str| {
        let mut headers = hyper::HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        assert_eq!(Caller { peer, trusts_proxy }.of(&headers).ip().to_string(), expect, "{forwarded:?}");
    };
    check(false, &["192.0.2.1"], "127.0.0.1");
    check(true, &["192.0.2.1"], "192.0.2.1");
    check(true, &["192.0.2.1, 192.0.2.2"], "192.0.2.2");
    check(true, &["192.0.2.1", "192.0.2.3"], "192.0.2.3");
    check(true, &[], "127.0.0.1");
    check(true, &["nonsense"], "127.0.0.1");
}
