use super::*;
use std::time::{Duration, Instant};

/// Whatever it is, it is read in the time that one pass takes, many times over, and what is kept is small.
fn check(name: &str, bytes: &[u8]) {
    let start = Instant::now();
    for facts in [parse::text(bytes, &crate::Signs::of(bytes)), parse::program(bytes)].into_iter().flatten() {
        let kept = format!("{facts:?}").len();
        assert!(kept < 64 << 10, "{name}: {kept}");
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "{name}: {took:?}");
}

#[test]
fn no_text_takes_long_or_fills_the_memory() {
    let size = 1 << 20;
    let fill = |part: &str| part.repeat(size / part.len() + 1).into_bytes();
    check("one line", &fill("a"));
    check("base 58", &fill("4"));
    check("options", &fill(" -o a.example:1 "));
    check("options by line", &fill("\n- -o"));
    check("continued", &fill("\\\n"));
    check("schemes", &fill("stratum+tcp://"));
    check("servers", &fill("stratum+tcp://a.example:1 "));
    check("pools", &fill("\"pools\":["));
    check("quoted pools", &fill("\\\"pools\\\":["));
    check("pools with a server", &fill(r#""pools":[{"url":"a:1","user":"b"},"#));
    check("keys", &[b"\"pools\":[{".to_vec(), fill("\"algo\":\"rx/0\",")].concat());
    check("deep", &fill("\"pools\":[{\"a\":[[[[[[[["));
    check("dots", &fill("a."));
    check("pool hosts", &fill("nanopool.org "));
    check("numbers", &fill("1.2.3.4:5 "));
    check("commands", &fill("x -o pool.example:3333 -a rx/0 --donate-level 1\n"));
    check("pages", &fill(".Anonymous('abcdefghijklmnopqrstuv') cryptonight "));
    check("wallets", &fill(&(monero(18) + " ")));
    check("nothing", b"");
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_odd(parts in proptest::collection::vec((0_usize..12, proptest::prelude::any::<Vec<u8>>()), 0..40)) {
        let tokens = [
            "\"pools\":[{\"url\":\"", "\\\"pools\\\":", " -o ", "stratum+tcp://", "--donate-level=", "\\x73\\x74\\x72\\x61\\x74\\x75\\x6d",
            "nanopool.org:", ".", "\n- ", "\\\n", "${", "sdk-node-",
        ];
        let mut text = Vec::new();
        for (token, bytes) in parts {
            text.extend(tokens[token].as_bytes());
            text.extend(bytes);
        }
        let _ = parse::text(&text, &crate::Signs::of(&text));
        let _ = parse::program(&text);
        let text = String::from_utf8_lossy(&text);
        let _ = words::put_in(&text, |_| Some("x"));
    }
}

/// Every text of an image is read, so this says what that costs. The bound is far above what is expected, so
/// that a busy machine does not fail it and a quadratic pass does.
#[test]
fn reading_texts_costs_little() {
    let code = include_str!("../parse/marks.rs").repeat(40);
    let start = Instant::now();
    let _ = parse::text(code.as_bytes(), &crate::Signs::of(code.as_bytes()));
    let nanoseconds = start.elapsed().as_nanos() as f64 / code.len() as f64;
    println!("{nanoseconds:.2} ns per byte of code");
    assert!(nanoseconds < 2000.0, "{nanoseconds}");
}
