use crate::protocols::{greets, taste, taste_datagram, waits};
use crate::testing::{Bed, world};
use crate::{Limits, World};
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn check(bytes: &[u8], port: u16, expect: &str) {
    assert_eq!(taste(bytes, port).1.name, expect, "{:?} on {port}", String::from_utf8_lossy(bytes));
}

/// What each protocol begins with.
const BEGINNINGS: &[(&[u8], &str)] = &[
    (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "tls"),
    (b"GET / HTTP/1.1\r\n", "http"),
    (b"PRI * HTTP/2.0\r\n\r\n", "http"),
    (b"{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\n", "stratum"),
    (
        b"{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"4\",\"pass\":\"x\",\"agent\":\"a\"}}\n",
        "stratum",
    ),
    (b"\0\x15\0\x01\x01\0\0\x01\0\0\0\0\0\0\x01a\x01b\0\0\x01\0\x01", "dns"),
    (b"*1\r\n$4\r\nPING\r\n", "redis"),
    (b"SSH-2.0-Go\r\n", "ssh"),
    (b"\x05\x01\0", "socks"),
    (b"\x04\x01\0\x50\0\0\0\x01u\0", "socks"),
    (b"NICK bot\r\nUSER a 0 * :b\r\n", "irc"),
    (b"EHLO web\r\n", "smtp"),
    (b"\xff\xfb\x18", "telnet"),
    (b"\0\0\0\x08\x04\xd2\x16\x2f", "postgres"),
    (b"\x10\x14\0\x04MQTT\x04\xc2\0\x3c\0\x02b1", "mqtt"),
    (b"\x30\x11\x02\x01\x01\x60\x0c\x02\x01\x03\x04\x04cn=a\x80\x01p", "ldap"),
    (b"\0\0\x07\0\x04\0\x04\0\x05", "tor"),
    (b"root@web:/# ", "shell"),
    (b"\x13BitTorrent protocol", "raw"),
    (b"hello", "raw"),
];

#[test]
fn the_first_bytes_decide_and_not_the_port() {
    for (bytes, expect) in BEGINNINGS {
        for port in [22, 53, 80, 443, 3333, 6379, 31337] {
            check(bytes, port, expect);
        }
    }
}

#[test]
fn servers_speak_first_where_they_do() {
    for (port, name) in
        [(22, "ssh"), (25, "smtp"), (587, "smtp"), (21, "ftp"), (23, "telnet"), (3306, "mysql")]
    {
        assert_eq!(greets(port).map(|emulator| emulator.name), Some(name));
    }
    assert!(greets(4444).is_none() && waits(443) && !waits(4444));
    let names = |bytes: &[u8], port| taste_datagram(bytes, port).name;
    assert_eq!(names(b"\xc3\0\0\0\x01\x08abcdefgh", 443), "quic");
    assert_eq!(names(&[&[1, 0, 0, 0][..], &[7; 144]].concat(), 51820), "wireguard");
    assert_eq!(names(b"hello", 514), "raw");
}

fn bed() -> &'static Bed {
    static BED: OnceLock<Bed> = OnceLock::new();
    BED.get_or_init(|| {
        Bed::with(World {
            limits: Limits { idle: Duration::from_millis(50), ..Limits::default() },
            ..world()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever a guest says after a beginning of any protocol, and however it cuts it: nothing panics, and all ends.
    #[test]
    fn no_guest_breaks_it(
        which in 0..BEGINNINGS.len() + 1,
        port in proptest::sample::select(vec![21_u16, 22, 23, 25, 443, 1080, 3306, 5432, 7777]),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        cut in any::<usize>(),
    ) {
        let begin = BEGINNINGS.get(which).map_or(&b""[..], |(begin, _)| begin);
        let whole = [begin, &bytes].concat();
        let cut = cut % (whole.len() + 1);
        bed().guest(&format!("203.0.113.4:{port}"), |mut stream| async move {
            for part in [&whole[..cut], &whole[cut..]] {
                let _ = stream.write_all(part).await;
                tokio::task::yield_now().await;
            }
            let _ = stream.shutdown().await;
            let _ = tokio::time::timeout(Duration::from_secs(6), stream.read_to_end(&mut Vec::new())).await;
        });
    }
}

/// A clock that counts who holds it.
#[derive(Default)]
struct Counting {
    held: Arc<AtomicI64>,
    ever: AtomicU64,
}

struct Held(Arc<AtomicI64>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl crate::Clock for Counting {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn hold(&self) -> Box<dyn Send> {
        self.held.fetch_add(1, Ordering::SeqCst);
        self.ever.fetch_add(1, Ordering::SeqCst);
        Box::new(Held(Arc::clone(&self.held)))
    }
}

/// Whether the clock comes to be held, or to be free, before the guest is answered or gives up.
async fn becomes(clock: &Counting, held: bool) -> bool {
    for _ in 0..200 {
        if (clock.held.load(Ordering::SeqCst) > 0) == held {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

#[test]
fn the_clock_is_held_while_an_answer_is_owed_and_no_longer() {
    let clock = Arc::new(Counting::default());
    let bed = Bed::with(World { clock: Arc::clone(&clock) as Arc<dyn crate::Clock>, ..world() });
    // Nothing is known of the port: whoever connects may wait for orders.
    bed.guest("203.0.113.9:49000", async |mut stream| {
        assert!(becomes(&clock, true).await, "it waits to be spoken to");
        assert!(stream.read(&mut [0; 64]).await.unwrap() > 0);
        assert!(becomes(&clock, false).await, "it is the guest's turn");
    });
    // The protocol is told by the first bytes.
    let before = clock.ever.load(Ordering::SeqCst);
    bed.guest("203.0.113.9:80", async |mut stream| {
        assert!(becomes(&clock, false).await, "a connection in reserve is owed nothing");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a.invalid\r\n\r\n").await.unwrap();
        assert!(stream.read(&mut [0; 64]).await.unwrap() > 0);
        assert!(becomes(&clock, false).await, "it is the guest's turn");
    });
    assert!(clock.ever.load(Ordering::SeqCst) > before);
    assert_eq!(clock.held.load(Ordering::SeqCst), 0, "all is over");
}

/// Else a guest would keep its own clock from jumping, and what waits for a day would not be seen.
#[test]
fn a_guest_that_does_not_listen_is_owed_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let clock = Arc::new(Counting::default());
        let bed = world();
        let (mut near, far) = tokio::io::duplex(16);
        let recorder = Arc::new(crate::recorder::Recorder::new(&bed, Box::new(|_| {})).unwrap());
        let [from, to] = ["10.42.3.17:40000", "203.0.113.9:80"].map(|address| address.parse().unwrap());
        let flow = recorder.open(from, to, false, bed.canaries.watcher().again());
        let tap = crate::stream::Tap::outermost(far, flow);
        let mut tap = tap.holding(Arc::clone(&clock) as Arc<dyn crate::Clock>);
        near.write_all(b"much, please").await.unwrap();
        assert!(tap.read(&mut [0; 64]).await.unwrap() > 0);
        assert_eq!(clock.held.load(Ordering::SeqCst), 1);
        let answer = tokio::time::timeout(Duration::from_millis(50), tap.write_all(&[0; 1000])).await;
        assert!(answer.is_err(), "nobody reads it");
        assert_eq!(clock.held.load(Ordering::SeqCst), 0);
    });
}
